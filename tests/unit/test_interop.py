"""Objects of pympi and textgrid go in and out, and mean in those packages what they mean here."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import eaf, textgrid
from vbannotate.formats.base import WriteOptions
from vbannotate.formats.objects import from_pympi, from_textgrid, to_pympi, to_textgrid

pympi = pytest.importorskip("pympi")
package = pytest.importorskip("textgrid")

WHOLE = Annotation(
    (Tier("bursts", (Event(0.5, 1.25, "laugh", 0.875), Event(2, 3, 'a "b" ü'))), Tier("none")),
    media="/data/talk.wav",
    duration_us=9_000_000,
)


def test_pympi_holds_what_we_meant():
    made = to_pympi(WHOLE, confidence=True)
    assert isinstance(made, pympi.Elan.Eaf)
    assert sorted(made.get_annotation_data_for_tier("bursts")) == [
        (500, 1250, "laugh"),
        (2000, 3000, 'a "b" ü'),
    ]
    assert made.get_ref_annotation_data_for_tier("bursts-confidence") == [(500, 1250, "0.875", "laugh")]
    assert made.get_annotation_data_for_tier("none") == []
    assert from_pympi(made) == WHOLE.with_(duration_us=None)
    assert "bursts-confidence" not in to_pympi(WHOLE).get_tier_names()


def test_what_a_script_does_to_an_eaf_comes_back():
    made = to_pympi(WHOLE)
    made.add_tier("speech")
    made.add_annotation("speech", 100, 400, "hello")
    assert from_pympi(made).tier("speech").events == (Event(0.1, 0.4, "hello"),)


def test_a_new_eaf_object():
    made = pympi.Elan.Eaf()
    made.add_linked_file("/x/talk.wav", mimetype="audio/x-wav")
    made.add_annotation("default", 0, 1500, "a")
    read = from_pympi(made)
    assert (read.media, read.tiers[0].events) == ("/x/talk.wav", (Event(0, 1.5, "a"),))


def test_pympi_reads_the_worlds_files_as_we_do(shared: Path):
    root = shared / "data" / "formats"
    compared = 0
    for row in csv.DictReader((root / "manifest.csv").open(encoding="utf-8")):
        if row["kind"] != "eaf" or int(row["bytes"]) not in range(1, 500_000):
            continue
        if "essai-filled-extend" in row["file"] or "participant_check" in row["file"]:
            continue  # pympi loses annotations of these
        ours = eaf.read((root / row["file"]).read_bytes(), "x")
        theirs = from_pympi(pympi.Elan.Eaf(str(root / row["file"]), suppress_version_warning=True))
        assert [(t.name, sorted(e.key() for e in t.events)) for t in theirs.tiers] == [
            (t.name, sorted(e.key() for e in t.events)) for t in ours.tiers
        ], row["file"]
        compared += 1
    assert compared > 40


def test_textgrid_holds_what_we_meant(tmp_path):
    ticks = Tier("ticks", (Event(1, 1, "t"), Event(2, 2, "")), points=True)
    whole = WHOLE.with_(tiers=(*WHOLE.tiers, ticks), media=None)
    made = to_textgrid(whole, confidence=True)
    assert isinstance(made, package.TextGrid)
    assert [t.name for t in made.tiers] == ["bursts", "bursts-confidence", "none", "ticks"]
    assert [(i.minTime, i.maxTime, i.mark) for i in made.tiers[0]] == [
        (0, 0.5, ""),
        (0.5, 1.25, "laugh"),
        (1.25, 2, ""),
        (2, 3, 'a "b" ü'),
        (3, 9, ""),
    ]
    assert from_textgrid(made) == whole
    made.write(str(tmp_path / "by-package.TextGrid"))
    assert textgrid.read((tmp_path / "by-package.TextGrid").read_bytes(), "x") == whole


def test_overlap_and_zero_length_of_a_file_are_no_trouble_for_the_package():
    text = (
        'File type = "ooTextFile"\n"TextGrid"\n0 5 <exists> 1 "IntervalTier" "a" 0 5 3 '
        '0 2 "x" 1 3 "y" 4 4 "z"'
    )
    read = textgrid.read(text.encode(), "x")
    assert [t.name for t in to_textgrid(read).tiers] == ["a", "a-2", "a-points"]


def test_a_textgrid_that_a_script_made():
    made = package.TextGrid(maxTime=4)
    tier = package.IntervalTier("words", 0, 4)
    tier.add(0, 1.5, "a")
    tier.add(2, 3, " ")
    made.append(tier)
    read = from_textgrid(made)
    assert read == Annotation((Tier("words", (Event(0, 1.5, "a"),)),), duration_us=4_000_000)
    assert textgrid.read(textgrid.write(read, WriteOptions()), "x") == read


def test_times_that_cannot_be_are_refused():
    with pytest.raises(FormatError):
        to_textgrid(Annotation.of([Event(2, 1)]))
