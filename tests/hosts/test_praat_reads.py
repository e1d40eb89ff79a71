"""The real Praat opens what we write and merge, sees what we meant, and what it saves we read."""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import textgrid
from vbannotate.formats.base import EditedError, WriteOptions

pytestmark = pytest.mark.skipif(shutil.which("praat") is None, reason="praat is not installed")

LABELS = (
    'say ""x""',
    "ü ñ ʃ 笑 😂",
    "two\nlines",
    " padded ",
    "! no comment",
    "<exists>",
    "1.5",
    "xmin = 3",
    'q"',
)
EVENTS = tuple(
    Event.from_us(i * 1_000_000 + 1, i * 1_000_000 + 333_333, label) for i, label in enumerate(LABELS)
)
WHOLE = Annotation(
    (
        Tier("bursts", EVENTS),
        Tier('odd "name" ü', (Event(0, 0.5, "a", 0.25), Event(0.5, 12.345678, "b"))),
        Tier("ticks", (Event(1, 1, ""), Event(2.5, 2.5, 'x "y"')), points=True),
        Tier("none"),
    ),
    duration_us=12_345_678,
)


@pytest.fixture(scope="module")
def praat(shared: Path):
    sys.path.insert(0, str(shared / "hosts"))
    try:
        from praat_host import PraatHost
    finally:
        sys.path.remove(str(shared / "hosts"))
    with PraatHost() as host:
        yield host


def seen(praat, path: Path):
    """What Praat sees, without empty intervals: (tier, kind, start, end, text)."""
    rows = praat.read_textgrid(path)
    return [(r.tier, r.kind, r.start, r.end, r.text) for r in rows if r.kind == "point" or r.text]


def meant(annotation: Annotation):
    return [
        (tier.name, "point" if tier.points else "interval", event.onset, event.offset, event.label)
        for tier in annotation.tiers
        for event in tier.events
    ]


@pytest.mark.parametrize("form", ["long", "short"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_praat_reads_what_we_meant(praat, tmp_path, form, encoding, newline):
    kept = {
        "form": form,
        "encoding": encoding,
        "bom": "yes" if encoding != "utf-8" else "",
        "newline": newline,
    }
    path = tmp_path / "grid.TextGrid"
    path.write_bytes(textgrid.write(WHOLE.with_(extra={"textgrid": kept}), WriteOptions()))
    assert seen(praat, path) == meant(WHOLE)
    assert praat.tiers(path) == [(t.name, "point" if t.points else "interval") for t in WHOLE.tiers]


def test_tiers_cover_the_recording_without_gap_or_overlap(praat, tmp_path):
    path = tmp_path / "grid.TextGrid"
    path.write_bytes(textgrid.write(WHOLE, WriteOptions(confidence=True)))
    rows = [row for row in praat.read_textgrid(path) if row.kind == "interval"]
    assert {row.tier for row in rows} == {"bursts", 'odd "name" ü', 'odd "name" ü-confidence', "none"}
    for name in {row.tier for row in rows}:
        tier = [row for row in rows if row.tier == name]
        assert tier[0].start == 0 and tier[-1].end == 12.345678
        assert all(a.end == b.start for a, b in pairwise(tier))
        assert all(row.start < row.end for row in tier)


@pytest.mark.parametrize("how", ["text", "short text", "binary", "chronological text"])
def test_what_praat_saves_we_read(praat, tmp_path, how):
    source, saved = tmp_path / "ours.TextGrid", tmp_path / "saved.TextGrid"
    source.write_bytes(textgrid.write(WHOLE, WriteOptions()))
    praat.convert(source, saved, how)
    back = textgrid.read(saved.read_bytes(), saved.name)
    assert meant(back) == meant(WHOLE) and back.duration_us == WHOLE.duration_us


def test_a_merge_is_what_praat_sees_and_its_saving_is_no_edit(praat, tmp_path):
    person, path = tmp_path / "person.TextGrid", tmp_path / "merged.TextGrid"
    person.write_bytes(textgrid.write(WHOLE, WriteOptions()))
    praat.convert(person, person)  # UTF-16, as Praat saves it
    ours = Annotation((Tier("found", (Event(1, 2, "laugh ü", 0.9), Event(1.5, 3, "cough"))),))
    merged = textgrid.merge(person.read_bytes(), ours, WriteOptions(confidence=True), "person")
    path.write_bytes(merged.data)
    assert seen(praat, path) == [
        *meant(WHOLE),
        ("found", "interval", 1, 2, "laugh ü"),
        ("found-confidence", "interval", 1, 2, "0.9"),
        ("found-2", "interval", 1.5, 3, "cough"),
    ]
    praat.convert(path, path, "short text")
    again = textgrid.merge(path.read_bytes(), Annotation(), WriteOptions(), "person", merged.part)
    path.write_bytes(again.data)
    assert seen(praat, path) == meant(WHOLE)


def test_an_edit_made_in_praat_is_noticed(praat, tmp_path):
    path = tmp_path / "merged.TextGrid"
    ours = Annotation((Tier("found", (Event(1, 2, "laugh"),)),))
    merged = textgrid.merge(textgrid.write(WHOLE, WriteOptions()), ours, WriteOptions(), "person")
    path.write_bytes(merged.data)
    praat.run(
        'form Edit\n  text In x\nendform\nRead from file: in$\nSet interval text: 5, 2, "snort"\n'
        "Save as text file: in$\n",
        path,
    )
    with pytest.raises(EditedError, match="'found' were changed"):
        textgrid.merge(path.read_bytes(), ours, WriteOptions(), "person", merged.part)


def test_praat_agrees_on_every_file_of_the_world(praat, shared):
    import csv

    rows = csv.DictReader((shared / "data" / "formats" / "manifest.csv").open(encoding="utf-8"))
    files = [r["file"] for r in rows if r["kind"] == "textgrid" and "REFUSES" not in r["special"]]
    compared = 0
    for file in (f for f in files if not f.endswith(".Collection")):
        path = shared / "data" / "formats" / file
        annotation = textgrid.read(path.read_bytes(), file)
        ours = [
            (tier.name, "point" if tier.points else "interval", event.onset, event.offset, event.label)
            for tier in annotation.tiers
            for event in sorted(tier.events, key=lambda e: e.onset_us)
        ]
        theirs = [row for row in seen(praat, path) if row[1] == "point" or row[4].strip()]
        if annotation.warnings:  # 8-bit text: Praat takes Latin-1 where we take cp1252
            theirs = [(a.replace("\x92", "’"), b, c, d, e.replace("\x92", "’")) for a, b, c, d, e in theirs]
        assert [(a, b, e) for a, b, c, d, e in theirs] == [(a, b, e) for a, b, c, d, e in ours], file
        assert all(
            abs(a[2] - b[2]) < 1e-6 and abs(a[3] - b[3]) < 1e-6 for a, b in zip(theirs, ours, strict=True)
        ), file
        compared += 1
    assert compared == 100
