"""What Praat's commands call: clocks, fields of the form, and the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.errors import MediaError, UsageError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.hosts import praat
from vbannotate.hosts.praat import Request, field_number, on_clock_of, serve

FOUND = Annotation((Tier("bursts", (Event(0.5, 1, "laugh", 0.9), Event(9.98, 10.02, "cough", 0.4))),))


@pytest.fixture
def found(monkeypatch):
    monkeypatch.setattr(praat, "detect", lambda request: FOUND)


def request(tmp_path: Path, task: str = "annotate", **more) -> Request:
    return Request(
        task, Path("sound.wav"), tmp_path / "result", start="0.25", end="10.250000000000002", **more
    )


def test_events_move_to_the_sounds_own_clock_and_end_with_it():
    moved = on_clock_of(FOUND, "0.25", "10.25")
    assert [(e.onset, e.offset) for e in moved.events] == [(0.75, 1.25), (10.23, 10.25)]
    assert on_clock_of(FOUND, "0.25", "10.2").events == moved.events[:1]  # the cough lies behind the end


def test_the_grid_ends_where_the_sound_does_to_the_last_digit(tmp_path, found):
    assert serve(lambda: request(tmp_path), tmp_path / "answer") == 0
    assert (tmp_path / "answer").read_bytes() == b"ok"
    text = (tmp_path / "result").read_text("utf-8")
    assert text.count("xmax = 10.250000000000002") == 3  # grid, tier, last interval
    assert text.count("xmin = 0.25 ") + text.count("xmin = 0.25\n") == 3


def test_the_prediction_is_kept_where_asked_and_never_over_another(tmp_path, found):
    keep = tmp_path / "keep.vb.json"
    assert serve(lambda: request(tmp_path, keep=keep), tmp_path / "answer") == 0
    assert [e.label for e in formats.read(keep).events] == ["laugh", "cough"]
    assert serve(lambda: request(tmp_path, keep=keep), tmp_path / "answer") == 1
    assert "exists" in (tmp_path / "answer").read_text("utf-8")


def test_an_error_is_the_answer_in_one_line(tmp_path, monkeypatch):
    def fail(request):
        raise MediaError("ü.wav: no\nsound", "try another")

    monkeypatch.setattr(praat, "detect", fail)
    assert serve(lambda: request(tmp_path), tmp_path / "answer") == 1
    assert (tmp_path / "answer").read_text("utf-8") == "ü.wav: no sound; try another"
    assert not (tmp_path / "result").exists()


def test_a_bug_is_an_answer_too(tmp_path, monkeypatch):
    monkeypatch.setattr(praat, "detect", lambda request: 1 / 0)
    assert serve(lambda: request(tmp_path), tmp_path / "answer") == 1
    assert "unexpected ZeroDivisionError" in (tmp_path / "answer").read_text("utf-8")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("preset", None), (" Preset ", None), ("", None), ("0,65", 0.65), ("0.3", 0.3), ("0", 0.0)],
)
def test_numbers_as_people_type_them(typed, meant):
    assert field_number(typed, "the threshold") == meant


def test_what_is_no_number_is_named():
    with pytest.raises(UsageError, match="the threshold is 'half'; give a number such as"):
        field_number("half", "the threshold")


def test_adding_leaves_the_other_tiers_as_they_stand(tmp_path, found):
    grid = tmp_path / "grid.TextGrid"
    words = Tier("words", (Event(1, 2, 'sagt "ü"'),))
    formats.write(Annotation((words,), duration_us=10_250_000), grid)
    asked = request(tmp_path, "add", grid=grid, tiers="per-label", confidence=True)
    assert serve(lambda: asked, tmp_path / "answer") == 0
    merged = formats.parse((tmp_path / "result").read_bytes(), "x", "textgrid")
    assert merged.tiers[0] == words
    assert [tier.name for tier in merged.tiers] == ["words", "laugh", "cough"]
    assert [e.confidence for tier in merged.tiers[1:] for e in tier.events] == [0.9, 0.4]


def test_comparing_tells_what_changed(tmp_path):
    prediction, grid = tmp_path / "p.vb.json", tmp_path / "grid.TextGrid"
    formats.write(FOUND, prediction)
    formats.write(Annotation((Tier("bursts", (Event(0.5, 1, "sneeze"),)),), duration_us=11_000_000), grid)
    asked = Request("compare", prediction, tmp_path / "report", grid=grid)
    assert serve(lambda: asked, tmp_path / "answer") == 0
    report = (tmp_path / "report").read_text("utf-8")
    assert "deleted 1" in report and "relabelled now sneeze" in report
