"""Which files a detection writes, and which it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vbannotate import Annotation, Event, outputs
from vbannotate.detection import Detection
from vbannotate.errors import UsageError, WouldOverwriteError
from vbannotate.formats.base import WriteOptions


def one(path: Path) -> list[tuple[Path, Path]]:
    return [(path, path.parent)]


def names(plans: list[outputs.Plan]) -> list[str]:
    return sorted(str(path) for plan in plans for path in plan.paths())


def test_without_wishes_nothing_is_written():
    assert names(outputs.plan(one(Path("a/rec.mp4")), None, [])) == []


def test_files_go_beside_the_recording_with_the_native_one():
    plans = outputs.plan(one(Path("a/rec.mp4")), None, ["audacity", "textgrid"], keep_scores=True, wav=True)
    assert names(plans) == ["a/rec.TextGrid", "a/rec.scores.npz", "a/rec.txt", "a/rec.vb.json", "a/rec.wav"]


def test_a_folder_mirrors_where_recordings_were_found(tmp_path):
    media = [(Path("in/x/rec.wav"), Path("in")), (Path("in/y/rec.wav"), Path("in"))]
    plans = outputs.plan(media, tmp_path, ["srt"])
    assert str(tmp_path / "x" / "rec.srt") in names(plans)
    assert str(tmp_path / "y" / "rec.srt") in names(plans)


def test_one_file_can_be_named():
    (plan,) = outputs.plan(one(Path("rec.wav")), Path("out/other.TextGrid"), [])
    assert names([plan]) == ["out/other.TextGrid", "out/other.vb.json"]


def test_two_recordings_may_not_share_a_file():
    media = [(Path("rec.wav"), Path()), (Path("rec.mp3"), Path())]
    with pytest.raises(UsageError, match=r"rec.wav and rec.mp3 would both write rec.srt"):
        outputs.plan(media, None, ["srt"])
    with pytest.raises(UsageError, match="one file for 2 recordings"):
        outputs.plan(media, Path("out.srt"), [])


def written(tmp_path: Path) -> tuple[outputs.Plan, Detection]:
    (plan,) = outputs.plan(one(tmp_path / "rec.wav"), None, ["audacity", "csv"])
    detection = Detection(Annotation.of([Event(1, 2, confidence=0.5)], media=str(tmp_path / "rec.wav")))
    outputs.write(plan, detection, WriteOptions(), overwrite=False)
    return plan, detection


def test_nothing_is_replaced_unasked(tmp_path):
    plan, _ = written(tmp_path)
    with pytest.raises(WouldOverwriteError, match=r"rec.txt exists; give --overwrite"):
        outputs.check(plan, overwrite=False)


def test_overwrite_replaces_what_nobody_touched_and_keeps_what_somebody_edited(tmp_path):
    plan, detection = written(tmp_path)
    outputs.check(plan, overwrite=True)
    outputs.write(plan, detection, WriteOptions(), overwrite=True)
    edited = tmp_path / "rec.txt"
    edited.write_text("0.5\t0.7\ta real laugh\n", "utf-8")
    with pytest.raises(WouldOverwriteError, match=r"rec.txt was edited after vbannotate wrote it"):
        outputs.check(plan, overwrite=True)
    assert edited.read_text("utf-8") == "0.5\t0.7\ta real laugh\n"


def test_the_native_file_knows_what_was_written_with_it(tmp_path):
    written(tmp_path)
    exports = json.loads((tmp_path / "rec.vb.json").read_text("utf-8"))["provenance"]["exports"]
    assert {name: entry["format"] for name, entry in exports.items()} == {
        "rec.txt": "audacity",
        "rec.csv": "csv",
    }
