"""Every TextGrid of the world's: what Praat reads is kept to the last digit, what it refuses is refused."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import textgrid, textgrid_binary, textgrid_parse
from vbannotate.formats.base import WriteOptions

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"
ROWS = (
    [
        row
        for row in csv.DictReader((SHARED / "manifest.csv").open(encoding="utf-8"))
        if row["kind"] == "textgrid"
    ]
    if (SHARED / "manifest.csv").exists()
    else []
)
REFUSED = [row["file"] for row in ROWS if "REFUSES" in row["special"]]
COLLECTIONS = [row["file"] for row in ROWS if "Collection" in row["special"]]
READ = [row["file"] for row in ROWS if row["file"] not in REFUSED + COLLECTIONS]
pytestmark = pytest.mark.skipif(not ROWS, reason="the shared annotation files are not beside this repository")


def content(data: bytes, exact: bool = False):
    """Everything a TextGrid says; numbers as floats, or as they stand there if `exact`."""
    text = textgrid.decode(data, "x")
    grid = textgrid_parse.parse(text.text, "x") if text else textgrid_binary.parse(data, "x")
    number = str if exact else float
    return number(grid.xmin), [
        (
            t.points,
            t.name,
            number(t.xmin),
            number(t.xmax),
            [(*map(number, item[:-1]), item[-1]) for item in t.items],
        )
        for t in grid.tiers
    ]


def test_the_corpus_is_whole():
    assert (len(READ), len(REFUSED), len(COLLECTIONS)) == (100, 19, 2)


@pytest.mark.parametrize("file", READ)
def test_what_was_read_is_written_again_exactly(file):
    data = (SHARED / file).read_bytes()
    assert textgrid.guess(data, file)
    annotation = textgrid.read(data, file)
    again = textgrid.write(annotation, WriteOptions())
    assert content(again) == content(data)
    assert textgrid.read(again, file) == annotation


@pytest.mark.parametrize("file", READ)
def test_the_encoding_goes_back_as_it_came(file):
    data = (SHARED / file).read_bytes()
    before = textgrid.decode(data, file)
    if before is None:
        return  # binary
    after = textgrid.decode(textgrid.write(textgrid.read(data, file), WriteOptions()), file)
    assert (after.encoding, after.bom) == (before.encoding, before.bom)
    assert textgrid.newline_of(after.text) == textgrid.newline_of(before.text)


@pytest.mark.parametrize("file", REFUSED)
def test_what_praat_refuses_is_refused_with_the_line(file):
    with pytest.raises(FormatError, match=r"line \d+: ") as caught:
        textgrid.read((SHARED / file).read_bytes(), file)
    message = str(caught.value)
    assert "\n" not in message
    special = next(row["special"] for row in ROWS if row["file"] == file)
    if praats := re.search(r"\(line (\d+)\)", special):
        assert f"line {praats[1]}:" in message


@pytest.mark.parametrize("file", COLLECTIONS)
def test_collections_are_refused_by_name(file):
    with pytest.raises(FormatError, match="a Praat Collection"):
        textgrid.read((SHARED / file).read_bytes(), file)


@pytest.mark.parametrize("file", READ)
def test_merging_changes_nothing_else(file):
    data = (SHARED / file).read_bytes()
    if textgrid.decode(data, file) is None or b"chronological" in data[:60]:
        with pytest.raises(FormatError, match="cannot be merged into"):
            textgrid.merge(data, Annotation(), WriteOptions(), file)
        return
    end = textgrid.read(data, file).duration or 1
    ours = Annotation(
        (
            Tier(
                "bursts",
                (Event(end * 0.5, end * 0.7, 'laugh "x"', 0.5), Event(end * 0.6, end * 0.8, "cough")),
            ),
            Tier("ticks", (Event(end * 0.5, end * 0.5, "t"),), points=True),
        )
    )
    merged = textgrid.merge(data, ours, WriteOptions(confidence=True), file)
    before, after = content(data, exact=True), content(merged.data, exact=True)
    assert after[0] == before[0] and after[1][: len(before[1])] == before[1]
    assert [tier[1] for tier in after[1][len(before[1]) :]] == [
        "bursts",
        "bursts-confidence",
        "bursts-2",
        "ticks",
    ]
    assert (
        textgrid.merge(merged.data, ours, WriteOptions(confidence=True), file, merged.part).data
        == merged.data
    )
    assert textgrid.merge(merged.data, Annotation(), WriteOptions(), file, merged.part).data == data
