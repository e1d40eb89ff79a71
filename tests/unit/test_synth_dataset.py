"""``vbannotate synth``: what is drawn, true labels, reproducibility, splits, resuming, formats, errors."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate import formats, synth
from vbannotate.cli.app import run
from vbannotate.errors import FormatError, UsageError, WouldOverwriteError
from vbannotate.sources import tables
from vbannotate.synth import dataset, effects, layout, scenes

RATE = 16_000
PITCH = 900.0  # Hz, of all bursts; backgrounds have none of it
MADE = {"events", "duration_sec", "bg_type", "n_vocal_bursts"}


def write(path, sound):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound.astype(np.float32), RATE, subtype="PCM_24")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """Folders of bursts (beeps of 0.3 s), and of talk with pauses, music and doors, of ten speakers each."""
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(1)
    for k in range(10):
        label = ("cough", "laugh")[k % 2]
        beep = 0.3 * np.sin(2 * np.pi * PITCH * np.arange(int(0.3 * RATE)) / RATE)
        write(folder / "bursts" / label / f"anna{k}" / "x.wav", np.pad(beep, (RATE // 5, RATE // 5)))
        noise = 0.05 * rng.standard_normal(14 * RATE)
        phrases = np.sin(2 * np.pi * np.arange(len(noise)) / (4 * RATE)) > -0.3
        write(folder / "backgrounds" / "speech" / f"ben{k}" / "y.wav", noise * phrases)
        write(folder / "backgrounds" / "music" / f"album{k}" / "z.wav", noise)
        write(folder / "backgrounds" / "doors" / f"house{k}" / "w.wav", noise[: RATE // 2])
    return folder


@pytest.fixture(scope="module")
def clips(sounds):
    bursts = tables.resolve(str(sounds / "bursts"), ("burst",), "burst").clips
    return bursts + tables.resolve(str(sounds / "backgrounds"), ("speech", "music", "env"), "env").clips


SMALL = replace(scenes.PUBLISHED, seconds=8.0, alone=True)
EACH = {"speech": 1.0, "music": 1.0, "env": 1.0, "silence": 1.0}


def some(clips, recipe, count=40, seed=5):
    stream = synth.stream(clips, recipe, seed, count)
    return [stream[k] for k in range(len(stream))]


def digest(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


# What is drawn


def test_half_are_empty_the_rest_have_one_to_five_bursts_and_backgrounds_come_alike(clips):
    made = some(clips, replace(SMALL, seconds=12.0), 160)
    counts = Counter(len(scene.bursts) for scene in made)
    assert 60 <= counts[0] <= 100 and set(counts) == {0, 1, 2, 3, 4, 5}
    assert min(Counter(scene.background for scene in made).values()) > 20
    assert {scene.background for scene in made} == set(EACH)
    labels = Counter(burst.label for scene in made for burst in scene.bursts)
    assert set(labels) == {"cough", "laugh"} and min(labels.values()) > 0.3 * sum(labels.values())


def test_events_lie_in_the_file_and_apart_unless_overlap_is_asked_for(clips):
    apart = some(clips, replace(SMALL, empty=0.0))
    upon = some(clips, replace(SMALL, empty=0.0, bursts=(3, 3), overlap=1.0))
    for scene in apart + upon:
        for burst in scene.bursts:
            assert 0 <= burst.onset < burst.offset <= len(scene.audio) / RATE
            assert burst.pulses[0][0] == burst.onset and burst.pulses[-1][1] == burst.offset
    assert all(b.onset > a.offset for s in apart for a, b in pairwise(s.bursts))
    assert all(b.onset <= a.offset for s in upon for a, b in pairwise(s.bursts))
    assert sum(len(scene.bursts) for scene in upon) == 3 * len(upon)


def tone(audio, first, last):
    """RMS of the bursts' pitch within a stretch, by regression."""
    time = np.arange(first, last) / RATE
    basis = np.stack([np.sin(2 * np.pi * PITCH * time), np.cos(2 * np.pi * PITCH * time)])
    weights = basis @ audio[first:last].astype(float) * 2 / (last - first)
    return float(np.sqrt(np.sum(weights**2) / 2))


@pytest.mark.parametrize("snr", [-3.0, 6.0, 15.0])
def test_the_level_of_a_burst_is_as_labelled_whatever_was_placed_before(clips, snr):
    recipe = replace(SMALL, empty=0.0, bursts=(3, 3), backgrounds={"music": 1.0}, snr=(snr, snr))
    measured = []
    for scene in some(clips, recipe, 10):
        quiet = np.ones(len(scene.audio), bool)
        for burst in scene.bursts:
            quiet[max(0, round((burst.onset - 0.2) * RATE)) : round((burst.offset + 0.2) * RATE)] = False
        blocks = np.where(quiet, scene.audio, np.nan)[: len(quiet) // 800 * 800].reshape(-1, 800)
        powers = (blocks.astype(float) ** 2).mean(1)
        powers = powers[np.isfinite(powers)]
        ground = np.sqrt(powers[powers > powers.max() / 100].mean())
        for burst in scene.bursts:
            first, last = round((burst.onset + 0.05) * RATE), round((burst.offset - 0.05) * RATE)
            measured.append(20 * np.log10(tone(scene.audio, first, last) / ground))
            assert burst.snr == snr
    assert len(measured) > 15
    assert np.median(measured) == pytest.approx(snr, abs=0.5)
    assert np.abs(np.array(measured) - snr).max() < 1.0


def test_bursts_go_between_phrases(clips):
    """With gaps asked for, what lies under a burst is mostly pause; without, mostly speech."""
    shares = {}
    for in_gaps in (0.0, 1.0):
        recipe = replace(SMALL, empty=0.0, bursts=(1, 1), backgrounds={"speech": 1.0}, snr=(-60, -60))
        spoken = []
        for scene in some(clips, replace(recipe, in_gaps=in_gaps, shortest=0.0), 30):
            level = np.sqrt((scene.audio[: len(scene.audio) // 800 * 800].reshape(-1, 800) ** 2).mean(1))
            for burst in scene.bursts:
                inside = level[round(burst.onset * 20) : round(burst.offset * 20)]
                spoken.append((inside > 0.3 * np.percentile(level, 90)).mean())
        shares[in_gaps] = np.mean(spoken)
    assert shares[1.0] < 0.35 < shares[0.0]


def test_lengths_vary_when_asked(clips):
    lengths = {len(scene.audio) / RATE for scene in some(clips, replace(SMALL, shortest=3.0), 20)}
    assert len(lengths) > 10 and min(lengths) >= 3 and max(lengths) <= 8


def test_hard_negatives_are_no_events_and_are_listed_apart(clips):
    made = some(clips, replace(SMALL, hard=1.0), 20)
    others = [sound for scene in made for sound in scene.negatives]
    assert len(others) > 20 and {sound.label for sound in others} == {"door"}
    assert {burst.label for scene in made for burst in scene.bursts} == {"cough", "laugh"}
    told = layout.described(next(scene for scene in made if scene.negatives))
    assert told["n_vocal_bursts"] == len(told["events"]) and told["negatives"][0]["class"] == "door"
    for scene in made:
        spans = sorted((s.onset, s.offset) for s in (*scene.bursts, *scene.negatives))
        assert all(b[0] > a[1] for a, b in pairwise(spans))


def test_words_cried_out_are_no_events(clips):
    plain, made = some(clips, SMALL, 20), some(clips, replace(SMALL, cried=1.0), 20)
    cries = [sound for scene in made for sound in scene.negatives]
    assert len(cries) > 10 and {sound.label for sound in cries} == {scenes.CRIED}
    assert all(0.05 < sound.offset - sound.onset < 3 for sound in cries)
    assert [scene.bursts for scene in made] == [scene.bursts for scene in plain]


def test_a_word_whose_length_was_rounded_up_is_taken_whole(clips, monkeypatch):
    start, stop = 0.45, 1.02  # stop - (stop - start) lies below start
    assert stop - (stop - start) < start
    monkeypatch.setattr(scenes.activity, "pulses", lambda audio, rate: [(start, stop)])
    made = some(clips, replace(SMALL, empty=1.0, cried=1.0), 20)
    assert sum(len(scene.negatives) for scene in made) > 10


def test_half_of_the_words_are_of_acted_speech_where_there_is_some(clips):
    acted = [replace(c, label="shouted", source="play") for c in clips if c.kind == "speech"]
    whispered = [replace(c, quality="unscreened", source="film") for c in acted]
    made = some(clips + acted + whispered, replace(SMALL, cried=1.0), 60)
    sources = [sound.source for scene in made for sound in scene.negatives]
    assert 0.55 < sources.count("play") / len(sources) < 0.85 and "film" not in sources


def test_a_word_cried_out_is_higher_and_brighter():
    time_s = np.arange(8_000) / 16_000
    word = sum(np.sin(2 * np.pi * 150 * k * time_s) / k for k in range(1, 20)).astype(np.float32)
    peaks, centres = [], []
    for seed in range(20):
        cry = effects.cried(word, np.random.default_rng(seed))
        assert np.isfinite(cry).all() and 0.1 < len(cry) / 16_000 < 1.5
        power = np.abs(np.fft.rfft(cry)) ** 2
        hertz = np.fft.rfftfreq(len(cry), 1 / 16_000)
        peaks.append(hertz[power.argmax()])
        centres.append((power * hertz).sum() / power.sum())
    assert np.median(peaks) > 180 and np.median(centres) > 1.3 * 300


@pytest.mark.parametrize("effect", ["room", "telephone", "codec", "clipping"])
def test_effects_change_the_sound_and_leave_the_labels(clips, effect):
    plain = some(clips, SMALL, 6)
    spoilt = some(clips, replace(SMALL, **{effect: 1.0}), 6)
    assert sum(np.array_equal(a.audio, b.audio) for a, b in zip(plain, spoilt, strict=True)) == 0
    assert [scene.bursts for scene in plain] == [scene.bursts for scene in spoilt]


def test_gain_sets_the_highest_peak(clips):
    tops = [np.abs(s.audio).max() for s in some(clips, replace(SMALL, gain=(-12.0, -6.0)), 20)]
    assert 20 * np.log10(min(tops)) >= -12.01 and 20 * np.log10(max(tops)) <= -5.99


# On disk


@pytest.fixture(scope="module")
def made(clips, tmp_path_factory):
    """Twelve soundscapes by one process, with three formats beside."""
    folder = tmp_path_factory.mktemp("made") / "set"
    order = dataset.Order(replace(SMALL, empty=0.3), 7, "flac", ("audacity", "textgrid", "native"))
    dataset.generate(clips, order, folder, 12)
    return folder, order


def test_json_is_as_published(made):
    folder, _ = made
    told = [json.loads(path.read_text()) for path in sorted(folder.glob("[0-9]????.json"))]
    assert len(told) == 12 and all(set(one) - {"bg_files"} == MADE for one in told)
    assert all(("bg_files" in one) == (one["bg_type"] != "silence") for one in told)
    assert any(one["events"] for one in told) and any(not one["events"] for one in told)
    for one in told:
        assert one["n_vocal_bursts"] == len(one["events"]) and one["duration_sec"] == 8.0
        assert one["bg_type"] in EACH
        for event in one["events"]:
            assert {"start_time", "end_time", "class", "snr"} <= set(event)
            assert isinstance(event["start_time"], float) and event["start_time"] < event["end_time"]


def test_two_workers_write_the_same_bytes_and_another_seed_others(made, clips, tmp_path):
    folder, order = made
    dataset.generate(clips, order, tmp_path / "two", 12, jobs=2)
    assert digest(tmp_path / "two") == digest(folder)
    dataset.generate(clips, replace(order, seed=8), tmp_path / "other", 12)
    same = set(digest(tmp_path / "other").items()) & set(digest(folder).items())
    assert not [name for name, _ in same if name.endswith(".flac")]


def test_a_stream_gives_what_the_folder_holds(made, clips):
    folder, order = made
    stream = synth.stream(clips, order.recipe, order.seed, 12)
    copy = pickle.loads(pickle.dumps(stream))
    for k in (3, 0, 11):
        audio, rate = soundfile.read(folder / f"{k:05d}.flac", dtype="float32")
        assert rate == RATE and np.abs(audio - np.clip(stream[k].audio, -1, 1)).max() < 2 / 32768
        assert np.array_equal(copy[k].audio, stream[k].audio)
    with pytest.raises(IndexError):
        stream[12]
    with pytest.raises(TypeError, match="no end"):
        len(synth.stream(clips))


def test_a_stream_draws_from_what_is_there_and_says_what_is_not(clips):
    few = [clip for clip in clips if clip.kind in ("burst", "music")]
    backgrounds = {synth.stream(few)[k].background for k in range(12)}
    assert backgrounds == {"music", "silence"}
    with pytest.raises(UsageError, match="no clips of kind env and speech; here are burst, music"):
        synth.stream(few, scenes.PUBLISHED)


def test_a_torch_loader_takes_a_stream(clips):
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    stream = synth.stream(clips, SMALL, 3, 6)
    loader = DataLoader(
        stream, batch_size=3, collate_fn=lambda s: torch.stack([torch.tensor(x.audio) for x in s])
    )
    assert [batch.shape for batch in loader] == [(3, 8 * RATE)] * 2


def test_our_readers_read_the_annotations(made):
    folder, _ = made
    for item in layout.read(folder):
        stem = item.path.with_suffix("")
        expected = [(e["start_time"], e["end_time"], e["class"]) for e in item.details]
        for ending in (".txt", ".TextGrid", ".vb.json"):
            found = formats.read(stem.with_name(stem.name + ending))
            got = [(e.onset, e.offset, e.label) for e in found.events if e.label]
            assert got == expected
    native = formats.read(folder / "00000.vb.json")
    assert native.media == "00000.flac" and native.duration == 8.0


@pytest.mark.parametrize("audio", ["mp3", "wav"])
def test_the_length_of_the_sound_is_that_of_the_json(clips, tmp_path, audio):
    dataset.generate(clips, dataset.Order(SMALL, 1, audio), tmp_path / "set", 2)
    for item in layout.read(tmp_path / "set"):
        assert item.path.suffix == f".{audio}"
        assert soundfile.info(item.path).frames == 8 * RATE


def test_manifest_and_readme_name_what_the_set_is_made_of(made):
    folder, _ = made
    rows = (folder / "manifest.csv").read_text().splitlines()
    assert len(rows) == 13 and rows[1].startswith("00000.flac,8.0,")
    readme = (folder / "README.md").read_text()
    assert "12 soundscapes" in readme and "| backgrounds | music | 10 | not given |" in readme
    assert '"seed": 7' in readme


def test_no_group_is_on_two_sides(clips):
    sides = {split: dataset.chosen(clips, split) for split in ("train", "val", "test")}
    groups = {split: {clip.group for clip in chosen} for split, chosen in sides.items()}
    assert groups["train"] and not groups["train"] & (groups["val"] | groups["test"])
    assert not groups["val"] & groups["test"]
    assert sum(map(len, sides.values())) == len(dataset.chosen(clips, "all")) == len(clips)


def test_what_only_judges_is_never_among_all(clips):
    judged = [replace(clip, split="test-nc") if clip.label == "cough" else clip for clip in clips]
    assert {c.label for c in dataset.chosen(judged, "all") if c.kind == "burst"} == {"laugh"}
    assert {c.label for c in dataset.chosen(judged, "test-nc") if c.kind == "burst"} == {"cough"}
    unscreened = [replace(clip, quality="unscreened") for clip in clips]
    assert dataset.chosen(unscreened, "all") == []


def test_a_larger_number_goes_on_where_it_was(made, clips, tmp_path):
    folder, order = made
    first = dataset.generate(clips, order, tmp_path / "set", 5)
    stamp = (tmp_path / "set" / "00002.flac").stat().st_mtime_ns
    then = dataset.generate(clips, order, tmp_path / "set", 12)
    assert (first.new, then.new, then.count) == (5, 7, 12)
    assert (tmp_path / "set" / "00002.flac").stat().st_mtime_ns == stamp
    assert digest(tmp_path / "set") == digest(folder)


def test_other_settings_and_other_peoples_folders_are_refused(made, clips, tmp_path):
    folder, order = made
    with pytest.raises(WouldOverwriteError, match=r"other settings \(seed\)"):
        dataset.generate(clips, replace(order, seed=9), folder, 12)
    with pytest.raises(WouldOverwriteError, match=r"other settings \(clips\)"):
        dataset.generate(clips[1:], order, folder, 12)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(WouldOverwriteError, match="holds other files"):
        dataset.generate(clips, order, tmp_path, 12)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_broken_json_is_named(tmp_path):
    (tmp_path / "1.flac").write_bytes(b"")
    (tmp_path / "1.json").write_text('{"events": [{"start_time": 1}], "duration_sec": 3, "bg_type": "x"}')
    with pytest.raises(FormatError, match=r"1.json: 'end_time' is missing"):
        layout.read(tmp_path)


# As a command


def command(sounds, folder, *more):
    return [
        "synth", "-o", str(folder), "--bursts", str(sounds / "bursts"),
        "--backgrounds", str(sounds / "backgrounds"), "--seconds", "8", *more,
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="processes are not killed by signal there")
def test_a_killed_run_goes_on_to_the_same_set(sounds, tmp_path):
    code = "import sys; from vbannotate.cli.app import run; sys.exit(run(sys.argv[1:]))"
    more = ("--n", "40", "--audio", "flac", "-f", "srt", "--jobs", "2")
    whole = [sys.executable, "-c", code, *command(sounds, tmp_path / "killed", *more)]
    process = subprocess.Popen(whole, cwd=Path.cwd(), start_new_session=True)
    folder = tmp_path / "killed"
    deadline = time.monotonic() + 120
    while len(list(folder.glob("[0-9]????.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = len(list(folder.glob("[0-9]????.json")))
    assert 3 <= before < 40 and not (folder / "manifest.csv").exists()
    (folder / ".00039.flac.1.tmp").write_bytes(b"half")
    assert run(command(sounds, folder, *more[:-2])) == 0
    assert run(command(sounds, tmp_path / "whole", *more[:-2])) == 0
    assert digest(folder) == digest(tmp_path / "whole")


def test_the_command_tells_what_it_made(sounds, tmp_path, capsys):
    assert run(command(sounds, tmp_path / "set", "--n", "6", "--kinds", "music=3,silence", "--json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["soundscapes"] == told["new"] == 6 and set(told["backgrounds"]) <= {"music", "silence"}
    assert told["bursts"] == sum(told["classes"].values()) and told["seconds"] == 48.0
    assert run(command(sounds, tmp_path / "set", "--n", "6", "--kinds", "music=3,silence")) == 0
    assert "6 soundscapes (6 were there), 0:48" in capsys.readouterr().out


def test_sources_that_are_here_are_the_default(sounds, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VBANNOTATE_DATA", str(tmp_path / "data"))
    assert run(["synth", "-o", str(tmp_path / "a")]) == 2
    assert "no source is here; give folders with --bursts" in capsys.readouterr().err
    for name in ("bursts", "backgrounds"):
        assert run(["sources", "add", str(sounds / name), "--licence", "CC0-1.0"]) == 0
    capsys.readouterr()
    assert run(["synth", "-o", str(tmp_path / "a"), "--n", "3", "--seconds", "8", "--jobs", "1"]) == 0
    assert "| bursts | burst | 10 | CC0-1.0 |" in (tmp_path / "a" / "README.md").read_text()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--audio", "aiff"], "unknown --audio 'aiff'; give one of mp3, flac, wav"),
        (["--snr", "5:-5"], "--snr '5:-5' is no range"),
        (["--seconds", "x"], "--seconds 'x' is no range"),
        (["--kinds", "rain"], "unknown background 'rain'"),
        (["--kinds", "music=a"], "--kinds: 'a' is no number"),
        (["--kinds", "music=0"], "--kinds: weights below zero, or none above"),
        (["--kinds", "real"], "no clips of kind continuous"),
        (["--recipe", "mine"], "unknown --recipe 'mine'"),
        (["--split", "half"], "unknown --split 'half'"),
        (["-f", "json"], "-f json would be the soundscapes' own JSON"),
        (["--empty", "2"], "--empty"),
        (
            ["--backgrounds", "{sounds}/bursts"],
            "holds nothing of kind speech or music or env or continuous: x.wav",
        ),
        (["--bursts", "{sounds}/bursts/cough/anna0/x.wav"], "x.wav is one recording; name the folder"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(sounds, tmp_path, capsys, more, message):
    more = [part.format(sounds=sounds) for part in more]
    assert run(command(sounds, tmp_path / "set", *more)) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_a_folder_that_cannot_be_made_is_one_line(sounds, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run(command(sounds, tmp_path / "file" / "set")) == 1
    err = capsys.readouterr().err
    assert "give another --output" in err and err.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal there")
def test_an_interrupted_run_says_one_line(sounds, tmp_path):
    code = "import sys; from vbannotate.cli.app import run; sys.exit(run(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command(sounds, tmp_path / "set", "--n", "2000", "--jobs", "2")],
        cwd=Path.cwd(),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        # A background job is started with SIGINT ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "set").glob("[0-9]????.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: all processes hear it
    assert process.communicate(timeout=60)[1].splitlines() == [
        "vbannotate: interrupted; files written so far are whole"
    ]
    assert process.returncode == 130
    assert not [path for path in (tmp_path / "set").iterdir() if path.name.endswith(".tmp")]


def test_hard_negatives_need_sounds_that_are_tagged(sounds, clips, tmp_path):
    plain = [clip for clip in clips if not clip.hard]
    with pytest.raises(UsageError, match="no clips that resemble bursts and are none"):
        dataset.generate(
            plain, dataset.Order(replace(SMALL, backgrounds={"music": 1.0}, hard=0.5), 1), tmp_path / "s", 1
        )
