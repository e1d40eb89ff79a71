"""`vbannotate detect` with the bundled detector on the demo recording: what users type, see and find."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import vbannotate
from vbannotate.cli.app import run

DEMO = Path(__file__).resolve().parents[2] / "docs" / "demo" / "demo.ogg"


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo recording under a name that breaks careless programs, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(DEMO, tmp_path / "Ünï cödé 笑 (1).ogg"))


def test_the_listing_is_the_published_one(talk, capsys, offline):
    assert run(["detect", talk.name]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Detected ")
    assert lines[0].endswith(f" vocal burst(s) in {talk.name}:")
    assert lines[1] == ""
    assert lines[2].startswith("  1. ")
    assert "s  (duration: " in lines[2]
    assert list(talk.parent.iterdir()) == [talk]


def test_the_demo_bursts_are_found(talk, capsys):
    """Seven of the nine at least: an event that overlaps more than half of the reference, both ways."""
    run(["detect", talk.name, "--json"])
    found = json.loads(capsys.readouterr().out)["events"]
    reference = vbannotate.read(DEMO.with_name("demo.reference.txt")).events

    def iou(event: dict, burst: vbannotate.Event) -> float:
        inter = min(event["end"], burst.offset) - max(event["start"], burst.onset)
        return inter / (max(event["end"], burst.offset) - min(event["start"], burst.onset))

    assert sum(max(iou(event, burst) for event in found) >= 0.5 for burst in reference) >= 7
    assert len(found) <= 13


def test_json_is_the_published_object_and_nothing_else(talk, capsys):
    assert run(["detect", talk.name, "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert list(result) == ["file", "events"]
    assert result["file"] == talk.name
    assert list(result["events"][0])[:4] == ["start", "end", "confidence", "duration"]
    assert list(talk.parent.iterdir()) == [talk]


def test_several_recordings_give_an_object_a_line(talk, capsys):
    shutil.copy(talk, "b.ogg")
    run(["detect", talk.name, "b.ogg", "--json"])
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [talk.name, "b.ogg"]


FORMATS = ["audacity", "textgrid", "eaf", "srt", "vtt", "csv"]


def test_every_format_is_written_beside_and_read_back(talk, capsys, offline):
    assert run(["detect", talk.name, "-f", ",".join(FORMATS), "-q"]) == 0
    assert capsys.readouterr().out == ""
    stem = talk.stem
    names = {stem + s for s in (".txt", ".TextGrid", ".eaf", ".srt", ".vtt", ".csv", ".vb.json", ".ogg")}
    assert {path.name for path in Path().iterdir()} == names
    native = vbannotate.read(f"{stem}.vb.json")
    spans = [(event.onset_us, event.offset_us) for event in native.events]
    assert native.provenance["model"]["name"] == "base"
    assert native.provenance["media"]["name"] == talk.name
    for suffix in (".txt", ".TextGrid", ".eaf", ".csv"):
        back = vbannotate.read(stem + suffix)
        assert [(e.onset_us, e.offset_us) for e in back.events] == spans, suffix
    for suffix in (".srt", ".vtt"):
        assert len(vbannotate.read(stem + suffix).events) > 0


def test_nothing_is_overwritten_unasked(talk, capsys):
    Path(f"{talk.stem}.txt").write_text("mine", "utf-8")
    assert run(["detect", talk.name, "-f", "audacity"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{talk.stem}.txt exists; give --overwrite" in error
    assert Path(f"{talk.stem}.txt").read_text("utf-8") == "mine"


def test_a_bad_file_is_a_line_and_the_rest_is_done(talk, capsys):
    Path("in").mkdir()
    shutil.copy(talk, "in/good.ogg")
    Path("in/bad.wav").write_bytes(b"no sound at all")
    Path("in/empty.mp3").write_bytes(b"")
    assert run(["detect", "in", "-o", "out", "-f", "srt"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "3 recordings: 1 done, 2 failed"
    assert captured.err.count("\n") == 2
    assert sorted(path.name for path in Path("out").iterdir()) == ["good.srt", "good.vb.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["no.wav"], 1, "file not found: no.wav"),
        (["TALK", "--model", "bas"], 3, "base"),
        (["TALK", "--preset", "best"], 2, "model base has no preset 'best'"),
        (["TALK", "-f", "texgrid"], 1, "unknown format 'texgrid'"),
        (["TALK", "--threshold", "40"], 2, "threshold 40 is no probability"),
        (["TALK", "--compat", "v3"], 2, "unknown compat mode 'v3'"),
        (["TALK", "--compat", "v1", "--peak", "0.9"], 2, "not part of --compat v1"),
        (["TALK", "--device", "quantum"], 2, "device"),
        (["TALK", "--nonsense"], 2, "No such option"),
        (["TALK", "--json", "-f", "srt"], 2, "--json writes no files"),
        (["TALK", "--settings", "no.toml"], 1, "file not found: no.toml"),
        ([], 2, "Missing argument"),
    ],
)
def test_wrong_use_is_one_line(talk, capsys, arguments, code, message):
    assert run(["detect", *(talk.name if a == "TALK" else a for a in arguments)]) == code
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("vbannotate: ")
    assert captured.err.count("\n") == 1
    assert list(talk.parent.iterdir()) == [talk]


def test_a_folder_without_recordings_is_an_error(talk, capsys):
    Path("none").mkdir()
    assert run(["detect", "none"]) == 2
    assert "no recordings in none; looked for" in capsys.readouterr().err


def test_a_wav_that_was_written_beside_is_no_new_recording(talk, capsys):
    assert run(["detect", ".", "-f", "textgrid", "--wav", "-q"]) == 0
    assert Path(f"{talk.stem}.wav").exists()
    assert run(["detect", ".", "-f", "textgrid", "--wav", "--overwrite"]) == 0
    assert talk.name in capsys.readouterr().out


def test_kept_scores_decode_anew(talk, capsys):
    run(["detect", talk.name, "--keep-scores", "-q"])
    run(["detect", talk.name, "--json"])
    first = json.loads(capsys.readouterr().out)["events"]
    run(["detect", f"{talk.stem}.scores.npz", "--json"])
    assert json.loads(capsys.readouterr().out)["events"] == first
    run(["detect", f"{talk.stem}.scores.npz", "--json", "--threshold", "0.99", "--min-dur", "0.4"])
    assert json.loads(capsys.readouterr().out)["events"] != first


def test_jobs_change_nothing(talk, capsys):
    for name in ("a.ogg", "b.ogg", "c.ogg"):
        shutil.copy(talk, name)
    Path("d.wav").write_bytes(b"bad")
    names = ["a.ogg", "b.ogg", "c.ogg", "d.wav"]
    assert run(["detect", *names, "--json"]) == 1
    alone = capsys.readouterr()
    done = subprocess.run(
        [sys.executable, "-m", "vbannotate", "detect", *names, "--json", "--jobs", "2"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, alone.out, alone.err)


def test_a_settings_file_and_explain(talk, capsys):
    Path("my.toml").write_text("min_dur = 3.0\n[labels.burst]\nmin_dur = 2.9\n", "utf-8")
    run(["detect", talk.name, "--settings", "my.toml", "--explain"])
    out = capsys.readouterr().out
    assert "shorter than min_dur 2.9 s" in out


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent otherwise on Windows")
def test_an_interrupt_leaves_no_half_file(talk):
    import numpy as np
    import soundfile

    soundfile.write(
        "long.wav", np.random.default_rng(0).normal(0, 0.1, 16_000 * 1800).astype("float32"), 16_000
    )
    shutil.copy(talk, "a.ogg")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "vbannotate", "detect", "a.ogg", "long.wav", "-f", "srt"],
        # A background job is started with SIGINT ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in process.stdout:  # the first recording is done, the second has begun
        if "a.vb.json" in line:
            break
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=90)
    assert process.returncode == 130
    assert error.strip().splitlines()[-1] == "vbannotate: interrupted; files written so far are whole"
    names = {path.name for path in Path().iterdir()}
    assert names == {talk.name, "a.ogg", "a.srt", "a.vb.json", "long.wav"}


def test_into_adds_to_a_copy(talk):
    Path("mine.srt").write_text("1\n00:00:04,000 --> 00:00:06,000\nHello there\n", "utf-8")
    assert run(["detect", talk.name, "--into", "mine.srt", "-q"]) == 0
    assert Path("mine.srt").read_text("utf-8") == "1\n00:00:04,000 --> 00:00:06,000\nHello there\n"
    merged = Path("mine.vb.srt").read_text("utf-8")
    assert "Hello there" in merged
    assert "[" in merged


def test_a_map_names_the_labels_and_lists_the_unknown(talk, capsys):
    Path("map.toml").write_text('[labels]\nbusrt = "Lachen"\n[texts]\nburst = "[Geräusch]"\n', "utf-8")
    assert run(["detect", talk.name, "-f", "srt", "--labels", "map.toml", "-q"]) == 0
    assert "label 'burst' is not in the map; did you mean 'busrt'?" in capsys.readouterr().err
    assert "[Geräusch]" in Path(f"{talk.stem}.srt").read_text("utf-8")


def test_detect_from_python_is_the_same(talk, capsys, offline):
    run(["detect", talk.name, "--json", "--preset", "recall"])
    events = json.loads(capsys.readouterr().out)["events"]
    annotation = vbannotate.detect(talk, preset="recall")
    assert [(e.onset, e.offset) for e in annotation.events] == [(e["start"], e["end"]) for e in events]
    assert annotation.examined[0].end_us == annotation.duration_us
