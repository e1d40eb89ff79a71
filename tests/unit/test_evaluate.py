"""Figures by hand on a tiny case, the same as `score` gives, the layouts that references may have."""

import json

import numpy as np
import pytest
import soundfile

from vbannotate import Annotation, Event, Span, Tier, formats
from vbannotate.detection import Detector
from vbannotate.errors import FormatError, UsageError
from vbannotate.match import Criterion
from vbannotate.models.base import Card
from vbannotate.score import score
from vbannotate.settings import resolve
from vbannotate.train import evaluate, figures, judge, references
from vbannotate.train.references import Recording

RATE = 16_000


class Loud:
    """A locator that takes for a burst what is loud: 0.9 above a level of 0.2, else 0.05."""

    card = Card("loud", version="0", settings={"threshold": 0.5, "merge_gap": 0.2, "min_dur": 0.1})
    labels, kinds, frame_us = ("burst",), (), 20_000

    def scores(self, blocks, padded=False):
        sound = np.concatenate([*blocks])
        frames = np.resize(
            np.abs(np.append(sound, np.zeros(-len(sound) % 320))), (-(-len(sound) // 320), 320)
        )
        yield np.where(frames.max(axis=1) > 0.2, 0.9, 0.05).astype(np.float32)[:, None]


@pytest.fixture
def loud(monkeypatch):
    """Every model is `Loud`."""

    def load(model, preset=None, file=None, options=None, *more, **others):
        return Detector(Loud(), resolve(Loud.card, preset, file, options))

    monkeypatch.setattr(evaluate.Detector, "load", load)


def write(folder, name, bursts, seconds=10.0):
    """A FLAC file that is loud in `bursts`."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = np.zeros(round(seconds * RATE), np.float32)
    for start, end in bursts:
        sound[round(start * RATE) : round(end * RATE)] = 0.5
    soundfile.write(folder / f"{name}.flac", sound, RATE)


def scene(folder, name, bursts, events, background="speech", **more):
    write(folder, name, bursts)
    rows = [{"start_time": a, "end_time": b, "class": "laugh", "snr": 3.0, "source": "x"} for a, b in events]
    about = {"events": rows, "duration_sec": 10.0, "bg_type": background, "n_vocal_bursts": len(rows)} | more
    (folder / f"{name}.json").write_text(json.dumps(about))


@pytest.fixture
def scenes(tmp_path):
    """One hit and one false alarm; a miss; nothing and nothing; a false alarm on a filler without bursts."""
    folder = tmp_path / "scenes"
    scene(folder, "a", [(1, 2), (5, 5.5)], [(1.1, 2.1)])
    scene(folder, "b", [], [(3, 3.3)], "music")
    scene(folder, "c", [], [], "music")
    filler = [
        {"start_time": 7.0, "end_time": 7.4, "class": "filler"},
        {"start_time": 1, "end_time": 2, "class": "breath"},
    ]
    scene(folder, "d", [(7.1, 7.5)], [], negatives=filler)
    return folder


def test_figures_are_those_counted_by_hand(loud, scenes):
    result = evaluate.evaluate("loud", scenes, report=lambda line: None)
    assert result["settings"]["merge_gap"] == 0.2 and list(result["sets"]) == ["scenes"]
    found = result["sets"]["scenes"]
    assert (found["precision"], found["recall"], found["f1"]) == (0.333, 0.5, 0.4)
    assert found["false_per_hour"] == 180 and found["minutes"] == 0.7
    assert found["mean_of_clips_f1"] == found["mean_of_clips"]["f1"] == round((2 / 3 + 0 + 1 + 0) / 4, 3)
    assert found["mean_of_clips"]["precision"] == round((1 / 2 + 0 + 1 + 0) / 4, 3)
    assert found["mean_of_clips"]["recall"] == round((1 + 0 + 1 + 0) / 4, 3)
    assert found["detection_accuracy"] == 0.5
    assert found["by_iou"]["0.7"]["f1"] == 0.4  # 0.9 s of 1.1 s
    assert found["onset"]["f1"] == 0.4 and found["onset"]["median_error"] == pytest.approx(0.1, abs=0.02)
    assert found["by_background"]["music"]["recall"] == 0 and found["by_background"]["speech"]["recall"] == 1
    assert found["burst_free"]["speech"] == {
        "recordings": 1,
        "minutes": 0.2,
        "false": 1,
        "false_per_hour": 360.0,
    }
    assert found["burst_free"]["music"]["false"] == 0
    assert found["false_on"] == {
        "breath": {"sounds": 1, "false": 0, "per_hour": 0.0},
        "filler": {"sounds": 1, "false": 1, "per_hour": 90.0},
        "other": {"sounds": 0, "false": 1, "per_hour": 90.0},
    }
    # Wrong of 2000 frames: 5 + 5 at the ends of the hit, 25 false, 15 missed, 20 on the filler.
    assert found["frames"]["accuracy"] == round(1 - 70 / 2000, 4)
    assert found["intervals"] is None  # four recordings are too few
    assert found["calibration"]["n"] == 3
    assert found["recall_by"]["snr"] == {"0 to 5 dB": "1/2"}
    listing = evaluate.listing(json.loads(json.dumps(result)))
    assert "pooled                    0.400" in listing and "false on filler: 1" in listing


def test_the_sound_underneath_that_most_false_events_lie_on_is_named(loud, tmp_path):
    scene(tmp_path / "s", "a", [(1, 2), (5, 6)], [], "env", bg_files=["zoo/whale.flac"])
    scene(tmp_path / "s", "b", [(3, 4)], [], "env", bg_files=["zoo/dog.flac", "zoo/whale.flac"])
    scene(tmp_path / "s", "c", [(2, 3)], [], "env")
    scene(tmp_path / "s", "d", [], [], "music", bg_files=["band/song.flac"])
    scene(tmp_path / "s", "e", [(1, 2)], [(1, 2)], "env", bg_files=["zoo/dog.flac"])
    result = evaluate.evaluate("loud", tmp_path / "s", report=lambda line: None)
    free = result["sets"]["s"]["burst_free"]
    assert free["env"]["most_on"] == {"file": "zoo/whale.flac", "recordings": 2, "false": 3}
    assert free["env"]["false"] == 4 and "most_on" not in free["music"]
    listing = evaluate.listing(json.loads(json.dumps(result)))
    assert "without bursts, env: 4 false in 0.5 min, 480.0 per hour" in listing
    assert "480.0 per hour; 3 of them in 2 with zoo/whale.flac" in listing


def test_the_figures_are_those_of_score(loud, tmp_path):
    rng = np.random.default_rng(7)
    truth, said = {}, {}
    for k in range(12):
        starts = np.sort(rng.choice(18, 3, replace=False)) * 0.5
        events = [Event(float(s), float(s) + 0.4) for s in starts]
        moved = [(e.onset + 0.02 * int(rng.integers(0, 10)), e.offset) for e in events if rng.random() < 0.8]
        write(tmp_path / "data", f"r{k:02}", moved)
        span = (Span(0, 6_000_000),) if k % 3 == 0 else None
        truth[f"r{k:02}"] = Annotation.of(events, duration_us=10_000_000, examined=span)
        formats.write(truth[f"r{k:02}"], tmp_path / "data" / f"r{k:02}.vb.json", "native")
    found = evaluate.evaluate("loud", tmp_path / "data", report=lambda line: None)["sets"]["data"]
    detector = Detector(Loud(), resolve(Loud.card))
    for name in truth:
        said[name] = detector.run(tmp_path / "data" / f"{name}.flac").annotation
    report = score(truth, said)
    for name in ("precision", "recall", "f1"):
        assert found[name] == round(report.micro[name], 3), name
    assert found["references"] == report.micro["tp"] + report.micro["fn"]
    around = report.to_dict(with_details=True)["intervals"]
    assert found["intervals"]["f1"] == [round(v, 3) for v in around["f1"]]
    onset = score(truth, said, criterion="onset")
    assert found["onset"]["f1"] == round(onset.micro["f1"], 3)


def test_any_format_and_a_tier_of_negatives(loud, tmp_path):
    write(tmp_path / "mine", "talk", [(1, 2), (4, 4.5)])
    tiers = (Tier("vocal-bursts", (Event(1, 2),)), Tier("negatives", (Event(4, 5, "filler"),)))
    formats.write(Annotation(tiers, duration_us=10_000_000), tmp_path / "mine" / "talk.TextGrid")
    found = evaluate.evaluate("loud", tmp_path, report=lambda line: None)["sets"]["mine"]
    assert found["references"] == 1 and found["f1"] == round(2 / 3, 3)
    assert found["false_on"]["filler"]["false"] == 1


def test_labels_of_a_detector_are_judged_apart():
    items = [Recording(None, 10.0, "speech", (Event(1, 2, "laugh"), Event(4, 5, "cough")), ())]
    found = [[Event(1, 2, "laugh"), Event(4, 5, "laugh")]]
    laugh = figures.of_label(items, found, "laugh")
    assert (laugh.hits, laugh.misses, laugh.false) == (1, 0, 1)
    assert figures.of_label(items, found, "cough").misses == 1


def test_what_lies_outside_the_examined_span_is_not_judged():
    reference, estimate = [Event(1, 2), Event(8, 9)], [Event(1, 2), Event(5, 6), Event(7, 7.5)]
    judged = judge.judge(reference, estimate, Criterion.of(), (Span(0, 6_000_000),))
    counts = judged.counts()
    assert (counts.hits, counts.misses, counts.false) == (1, 0, 1)


def test_reliability_of_frames():
    probability = np.array([0.1, 0.1, 0.9, 0.9])
    found = figures.of_frames(probability, np.array([False, False, True, False]), 0.5)
    assert found["accuracy"] == 0.75
    assert found["ece"] == pytest.approx((2 * 0.1 + 2 * 0.4) / 4)


def test_folders_that_hold_nothing_to_judge_by(tmp_path):
    with pytest.raises(UsageError, match="no recordings"):
        references.read_sets(tmp_path)
    write(tmp_path / "a", "x", [])
    (tmp_path / "a" / "x.json").write_text('{"events": [{"start_time": 2, "end_time": 1}]}')
    with pytest.raises(FormatError, match="event 1"):
        references.read_sets(tmp_path)
    (tmp_path / "a" / "x.json").write_text('{"events": [{"start_time": 1}]}')
    with pytest.raises(FormatError, match="end_time"):
        references.read_sets(tmp_path)


def test_the_command_writes_figures_and_a_picture(loud, scenes, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    from vbannotate.cli.app import run

    wanted = ["-o", str(tmp_path / "x.json"), "--plot", str(tmp_path / "x.png")]
    assert run(["evaluate", "detector", "loud", str(scenes), "--threshold", "0.95", *wanted]) == 0
    assert "0.000" in capsys.readouterr().out
    result = json.loads((tmp_path / "x.json").read_text())
    assert result["settings"]["threshold"] == 0.95 and result["sets"]["scenes"]["recall"] == 0
    assert (tmp_path / "x.png").stat().st_size > 5000
    assert run(["evaluate", "detector", "loud", str(scenes), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "loud"


@pytest.mark.parametrize("option", ["-o", "--plot"])
def test_a_file_that_exists_is_refused_before_the_work(option, scenes, tmp_path, monkeypatch, capsys):
    from vbannotate.cli.app import run

    monkeypatch.setattr(evaluate, "evaluate", None)
    (tmp_path / "x").write_text("mine")
    assert run(["evaluate", "detector", "loud", str(scenes), option, str(tmp_path / "x")]) == 1
    assert "exists; give --overwrite" in capsys.readouterr().err
    assert (tmp_path / "x").read_text() == "mine"


def test_recordings_without_bursts_have_a_table_too(loud, tmp_path):
    for k in range(12):
        scene(tmp_path / "speech", f"{k}", [], [])
    found = evaluate.evaluate("loud", tmp_path / "speech", report=lambda line: None)
    assert found["sets"]["speech"]["false_per_hour"] == 0
    table = evaluate.listing(found)
    assert "12 recording(s)" in table and "pooled F1" not in table
