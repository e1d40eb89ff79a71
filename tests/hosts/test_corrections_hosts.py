"""A person's edits in the real Praat come home as the verdicts that they deserve.

The annotation is our detection of the demo recording, written by `detect`; Praat opens it, changes it by its
own commands, and saves it. (Audacity's part is played in `test_audacity_plugin`.)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.cli.app import run
from vbannotate.corrections import folders
from vbannotate.events import Event

DEMO = Path(__file__).resolve().parents[2] / "docs" / "demo" / "demo.ogg"
ADDED = Event(29.0, 29.6, "laugh")  # far from anything that the detector finds


def host(shared: Path, module: str, name: str):
    """A driver of the shared material."""
    sys.path.insert(0, str(shared / "hosts"))
    try:
        return getattr(__import__(module), name)
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def detected(tmp_path_factory) -> Path:
    """A folder with demo.vb.json and demo.TextGrid."""
    folder = tmp_path_factory.mktemp("detected")
    assert run(["detect", str(DEMO), "-f", "textgrid", "-o", str(folder), "-q"]) == 0
    assert len(formats.read(folder / "demo.vb.json").events) >= 5
    return folder


def judged(predicted: Path, corrected: Path):
    """The verdicts, and the events of the prediction that they should be about."""
    (both,), _ = folders.pair(predicted, corrected)
    return folders.compare(both, None, None), formats.read(predicted).events


def expect(found, before) -> None:
    """Longer by 0.15 s, relabelled, deleted, in two pieces; the rest kept; one added."""
    kinds = {kind: n for kind, n in found.counts.items() if n}
    assert kinds == {
        "kept": len(before) - 4,
        "moved": 1,
        "relabelled": 1,
        "deleted": 1,
        "split": 1,
        "added": 1,
    }
    by_kind = {verdict.kind: verdict for verdict in found.verdicts if verdict.kind != "kept"}
    assert by_kind["moved"].predicted == before[:1]
    assert (by_kind["moved"].onset_shift_us, by_kind["moved"].offset_shift_us) == (0, 150_000)
    assert by_kind["relabelled"].corrected[0].label == "laugh"
    assert by_kind["deleted"].predicted == before[2:3]
    assert by_kind["split"].predicted == before[3:4]
    assert by_kind["added"].corrected[0].key() == ADDED.key()
    kept = [event.key() for event in before[4:]]
    assert [event.key() for event in found.annotation.events if event.key() in kept] == kept


@pytest.mark.skipif(shutil.which("praat") is None, reason="praat is not installed")
def test_praat(detected, shared, tmp_path):
    saved = tmp_path / "demo.TextGrid"
    before = formats.read(detected / "demo.vb.json").events
    middle = (before[3].onset + before[3].offset) / 2
    script = f"""
        Read from file: "{detected / "demo.TextGrid"}"
        number = Get interval at time: 1, {before[0].onset + 0.01}
        Remove right boundary: 1, number
        Insert boundary: 1, {before[0].offset_us + 150_000}e-6
        number = Get interval at time: 1, {before[1].onset + 0.01}
        Set interval text: 1, number, "laugh"
        number = Get interval at time: 1, {before[2].onset + 0.01}
        Set interval text: 1, number, ""
        Insert boundary: 1, {middle - 0.05:.6f}
        Insert boundary: 1, {middle + 0.05:.6f}
        number = Get interval at time: 1, {middle + 0.06:.6f}
        Set interval text: 1, number, "burst"
        Insert boundary: 1, {ADDED.onset}
        Insert boundary: 1, {ADDED.offset}
        number = Get interval at time: 1, {ADDED.onset + 0.01}
        Set interval text: 1, number, "laugh"
        Save as text file: "{saved}"
    """
    with host(shared, "praat_host", "PraatHost")(limit=120) as praat:
        praat.run("\n".join(line.strip() for line in script.splitlines()))
    expect(*judged(detected / "demo.vb.json", saved))


@pytest.mark.skipif(shutil.which("praat") is None, reason="praat is not installed")
@pytest.mark.parametrize("how", ["text", "short text", "binary"])
def test_praat_saving_alone_changes_nothing(detected, shared, tmp_path, how):
    saved = tmp_path / "demo.TextGrid"
    kind = {"text": "text", "short text": "short text", "binary": "binary"}[how]
    with host(shared, "praat_host", "PraatHost")(limit=120) as praat:
        praat.run(f'Read from file: "{detected / "demo.TextGrid"}"\nSave as {kind} file: "{saved}"')
    found, before = judged(detected / "demo.vb.json", saved)
    assert found.counts["kept"] == len(before) == sum(found.counts.values())
