"""Every EAF of the world's: read, written again, and merged into without losing an element."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

import pytest
from lxml import etree

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import eaf
from vbannotate.formats.base import WriteOptions

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"
SCHEMA = Path(__file__).resolve().parents[1] / "data" / "eaf-3.0.xsd"
ROWS = (
    [row for row in csv.DictReader((SHARED / "manifest.csv").open(encoding="utf-8")) if row["kind"] == "eaf"]
    if (SHARED / "manifest.csv").exists()
    else []
)
EMPTY = "eaf/act__emptyutf8.eaf"
READ = [row["file"] for row in ROWS if row["file"] != EMPTY]
SPECIAL = {row["file"]: row["special"] for row in ROWS}
OURS = Annotation(
    (
        Tier("bursts", (Event(0.1, 0.2, "laugh & <x>", 0.5), Event(0.15, 0.3, "cough", 0.25))),
        Tier("ticks", (Event(0.4, 0.5, "t"),)),
    )
)
RATED = WriteOptions(confidence=True)
pytestmark = pytest.mark.skipif(not ROWS, reason="the shared annotation files are not beside this repository")


def counted(special: str, what: str) -> int:
    """A number that the manifest gives, e.g. 12 for "12 alignable"."""
    match = re.search(rf"(\d+) {what}", special)
    return int(match[1]) if match else 0


def canonical(data: bytes) -> bytes:
    return etree.tostring(etree.fromstring(data).getroottree(), method="c14n")


def plain(annotation: Annotation):
    return [(tier.name, [event.key() for event in tier.events]) for tier in annotation.tiers]


def elements(data: bytes) -> list[tuple]:
    """Every element with its path, attributes and text, by another XML reader than ours."""
    found = []

    def walk(element: ET.Element, path: str) -> None:
        text = "" if len(element) else element.text or ""
        found.append((path, element.tag, tuple(sorted(element.attrib.items())), text))
        for child in element:
            walk(child, f"{path}/{element.tag}")

    walk(ET.fromstring(data), "")
    return found


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(str(SCHEMA)))


def test_the_corpus_is_whole():
    assert len(ROWS) == 53


def test_the_empty_file_is_refused_in_one_line():
    with pytest.raises(FormatError, match="the file is empty; "):
        eaf.read((SHARED / EMPTY).read_bytes(), EMPTY)


@pytest.mark.parametrize("file", READ)
def test_every_tier_and_annotation_is_read(file):
    data = (SHARED / file).read_bytes()
    assert eaf.guess(data, file)
    annotation = eaf.read(data, file)
    special = SPECIAL[file]
    assert len(annotation.tiers) == counted(special, "tiers")
    expected = counted(special, "alignable") + counted(special, "reference")
    if "essai-filled-extend" in file:  # the manifest counts nested annotations as well
        assert expected == 58
    assert len(annotation.events) == expected
    assert not [event for event in annotation.events if event.problem()]


@pytest.mark.parametrize("file", READ)
def test_what_was_read_is_written_again_equal(file):
    annotation = eaf.read((SHARED / file).read_bytes(), file)
    data = eaf.write(annotation, WriteOptions())
    again = eaf.read(data, file)
    assert plain(again) == plain(annotation)
    assert again.media == annotation.media


@pytest.mark.parametrize("file", READ)
def test_merging_loses_no_element(file):
    data = (SHARED / file).read_bytes()
    merged = eaf.merge(data, OURS, RATED, file)
    lost = Counter(elements(data)) - Counter(elements(merged.data))
    assert {item[2] for item in lost} <= {(("NAME", "lastUsedAnnotationId"),)}  # ELAN's own count
    before, after = eaf.read(data, file), eaf.read(merged.data, file)
    assert after.tiers[: len(before.tiers)] == before.tiers
    assert plain(after)[len(before.tiers) :] == [
        ("bursts", [(100_000, 200_000, "laugh & <x>")]),
        ("bursts-2", [(150_000, 300_000, "cough")]),
        ("ticks", [(400_000, 500_000, "t")]),
    ]
    assert [event.confidence for event in after.tier("bursts").events] == [0.5]


@pytest.mark.parametrize("file", READ)
def test_ours_taken_out_again_leaves_the_same_document(file):
    data = (SHARED / file).read_bytes()
    merged = eaf.merge(data, OURS, RATED, file)
    assert canonical(eaf.merge(merged.data, Annotation(), RATED, file, merged.part).data) == canonical(data)
    assert eaf.merge(merged.data, OURS, RATED, file, merged.part).data == merged.data
    assert eaf.merge(merged.data, OURS, RATED, file, None).data == merged.data  # known by the header


@pytest.mark.parametrize("file", READ)
def test_merging_uses_no_id_twice(file):
    data = (SHARED / file).read_bytes()
    merged = eaf.merge(data, OURS, RATED, file).data

    def twice(document: bytes) -> Counter:
        names = (
            "TIME_SLOT_ID",
            "ANNOTATION_ID",
            "LANG_ID",
            "LANGUAGE_CODE",
            "STEREOTYPE",
            "EXT_REF_ID",
            "TIER_ID",
        )
        root = ET.fromstring(document)
        return Counter(value for e in root.iter() for name in names if (value := e.get(name)))

    before = twice(data)
    assert not [i for i, times in twice(merged).items() if times > max(1, before[i])]


@pytest.mark.parametrize("file", READ)
def test_merging_keeps_a_valid_document_valid(file, schema):
    data = (SHARED / file).read_bytes()
    valid = schema.validate(etree.fromstring(data))
    if "; schema-valid" in SPECIAL[file] and not re.search(r"EAF 2\.[0-6]", SPECIAL[file]):
        assert valid, schema.error_log
    if valid:
        assert schema.validate(etree.fromstring(eaf.merge(data, OURS, RATED, file).data)), schema.error_log


@pytest.mark.parametrize("file", READ)
def test_pympi_reads_what_we_write(file, tmp_path):
    pympi = pytest.importorskip("pympi")
    annotation = eaf.read((SHARED / file).read_bytes(), file)
    path = tmp_path / "written.eaf"
    path.write_bytes(eaf.write(annotation, WriteOptions()))
    read = pympi.Eaf(str(path))
    for tier in annotation.tiers:
        rows = sorted((row[0], row[1], row[2]) for row in read.get_annotation_data_for_tier(tier.name))
        assert rows == sorted((e.onset_us // 1000, e.offset_us // 1000, e.label) for e in tier.events)
