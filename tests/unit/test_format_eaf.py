"""EAF documents of our own: what is written, how times are resolved, what is refused, what a merge does."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from lxml import etree

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Span, Tier
from vbannotate.formats import eaf
from vbannotate.formats.base import EditedError, WriteOptions

PLAIN = WriteOptions()
RATED = WriteOptions(confidence=True)
SCHEMA = Path(__file__).resolve().parents[1] / "data" / "eaf-3.0.xsd"


def again(annotation: Annotation, options: WriteOptions = PLAIN) -> Annotation:
    return eaf.read(eaf.write(annotation, options), "x")


def root_of(data: bytes):
    return etree.fromstring(data)


def document(slots: str, tiers: str, types: str = "", header: str = "", version: str = "3.0") -> bytes:
    """A document with its usual frame; `slots` are values of ts1, ts2 ..., "-" for none."""
    order = ""
    for number, value in enumerate(slots.split(), 1):
        time_value = "" if value == "-" else f' TIME_VALUE="{value}"'
        order += f'<TIME_SLOT TIME_SLOT_ID="ts{number}"{time_value}/>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+00:00" '
        f'FORMAT="{version}" VERSION="{version}">\n'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{header}</HEADER>\n'
        f"<TIME_ORDER>{order}</TIME_ORDER>\n{tiers}\n"
        f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true"/>{types}\n</ANNOTATION_DOCUMENT>\n'
    ).encode()


def aligned(*rows: tuple[str, int, int, str]) -> str:
    return "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="ts{a}" '
        f'TIME_SLOT_REF2="ts{b}">'
        f"<ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
        for name, a, b, text in rows
    )


def referring(*rows: tuple[str, str, str, str]) -> str:
    return "".join(
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{above}"'
        + (f' PREVIOUS_ANNOTATION="{previous}"' if previous else "")
        + f"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        for name, above, previous, text in rows
    )


def tier(name: str, body: str, kind: str = "t", parent: str = "") -> str:
    above = f' PARENT_REF="{parent}"' if parent else ""
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}"{above}>{body}</TIER>'


def kind(name: str, stereotype: str) -> str:
    return f'<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="{name}" CONSTRAINTS="{stereotype}" TIME_ALIGNABLE="false"/>'


EVENTS = (Event(0.5, 1.25, "laugh", 0.875), Event(2, 3, 'a & b <c> "d"', 0.25), Event(4, 5.001, "ü 笑"))
WHOLE = Annotation(
    (Tier("bursts", EVENTS), Tier("two words")),
    media="/data/talk one.wav",
    duration_us=9_000_001,
    examined=(Span(0, 5_000_000),),
    provenance={"model": {"name": "x", "note": "é & <y>"}},
)


def test_what_is_written_is_read_back():
    assert again(WHOLE, RATED) == WHOLE


@pytest.mark.parametrize("options", [PLAIN, RATED, WriteOptions(confidence=True, labels=("cough", "laugh"))])
def test_the_document_is_valid(options):
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    overlapping = Annotation.of([*EVENTS, Event(0.6, 0.7, "x", 0.5), Event(3, 3, "p")])
    for annotation in (WHOLE, overlapping, Annotation(), Annotation.of([])):
        assert schema.validate(root_of(eaf.write(annotation, options))), schema.error_log


def test_media_are_linked_as_elan_writes_them(tmp_path):
    options = WriteOptions(media_path="/data/à b/talk.mp4", target="/data/out/talk.eaf")
    link = root_of(eaf.write(Annotation.of([]), options)).find("HEADER/MEDIA_DESCRIPTOR")
    assert dict(link.attrib) == {
        "MEDIA_URL": "file:///data/à b/talk.mp4",
        "RELATIVE_MEDIA_URL": "../à b/talk.mp4",
        "MIME_TYPE": "video/mp4",
    }
    beside = WriteOptions(media_path="/data/talk.wav", target="/data/talk.eaf")
    link = root_of(eaf.write(Annotation.of([]), beside)).find("HEADER/MEDIA_DESCRIPTOR")
    assert (link.get("RELATIVE_MEDIA_URL"), link.get("MIME_TYPE")) == ("./talk.wav", "audio/x-wav")


def test_a_recording_named_from_here_is_linked_from_everywhere(tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "talk.wav").touch()
    monkeypatch.chdir(tmp_path)
    data = eaf.write(Annotation.of([], media="talk.wav"), WriteOptions(target="out/talk.eaf"))
    link = root_of(data).find("HEADER/MEDIA_DESCRIPTOR")
    assert link.get("MEDIA_URL") == f"file://{tmp_path}/talk.wav"
    assert link.get("RELATIVE_MEDIA_URL") == "../talk.wav"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///home/a/b c.wav", "/home/a/b c.wav"),
        ("file:///home/a/b%20%C3%A9.wav", "/home/a/b é.wav"),
        ("file:///home/a b/100%25.wav", "/home/a b/100%25.wav"),
        ("file:///C:/x/y.wav", "C:/x/y.wav"),
        ("file:////server/share/y.wav", "//server/share/y.wav"),
        ("./y.wav", "./y.wav"),
        ("", None),
    ],
)
def test_media_paths(url, path):
    header = f'<MEDIA_DESCRIPTOR MEDIA_URL="{url}" MIME_TYPE="audio/x-wav"/>'
    assert eaf.read(document("", "", header=header), "x").media == path


def test_labels_are_a_vocabulary_and_annotations_refer_to_it():
    root = root_of(eaf.write(WHOLE, WriteOptions(labels=("cough",))))
    entries = {e.get("CVE_ID"): e.findtext("CVE_VALUE") for e in root.iter("CV_ENTRY_ML")}
    assert list(entries.values()) == ["cough", "laugh", 'a & b <c> "d"', "ü 笑"]
    for annotation in root.iter("ALIGNABLE_ANNOTATION"):
        assert entries[annotation.get("CVE_REF")] == annotation.findtext("ANNOTATION_VALUE")
    assert root.find("LINGUISTIC_TYPE").get("CONTROLLED_VOCABULARY_REF") == "vocal-bursts"


def test_free_text_is_no_vocabulary():
    words = Annotation.of([Event(i, i + 1, f"word {i}") for i in range(200)])
    assert root_of(eaf.write(words, PLAIN)).find("CONTROLLED_VOCABULARY") is None


def test_times_are_whole_milliseconds_and_nothing_vanishes():
    events = [Event.from_us(1_000_500, 1_000_700), Event.from_us(2_000_499, 2_001_500), Event(3, 3)]
    got = [(e.onset_us, e.offset_us) for e in again(Annotation.of(events)).events]
    assert got == [(1_001_000, 1_002_000), (2_000_000, 2_002_000), (3_000_000, 3_001_000)]


def test_overlap_goes_to_further_tiers_each_with_its_confidence():
    events = [Event(0, 2, "a", 0.5), Event(1, 3, "b", 0.25)]
    back = again(Annotation.of(events), RATED)
    assert [(t.name, t.events) for t in back.tiers] == [("bursts", (events[0],)), ("bursts-2", (events[1],))]


def test_equal_names_and_none_are_kept_apart():
    tiers = (Tier("a", (Event(0, 1),)), Tier("a", (Event(0, 1),)), Tier(""))
    assert [t.name for t in again(Annotation(tiers)).tiers] == ["a", "a-2", "tier"]


def test_what_xml_cannot_hold_is_marked():
    assert [e.label for e in again(Annotation.of([Event(0, 1, "a\x00b\x0bc\ud800\tt\r\n")])).events] == [
        "a�b�c�\tt\r\n"
    ]


@pytest.mark.parametrize("event", [Event(-1, 1), Event(2, 1)])
def test_times_that_cannot_be_are_refused(event):
    with pytest.raises(FormatError, match="in tier 'bursts'"):
        eaf.write(Annotation.of([event]), PLAIN)


def test_slots_without_a_time_are_spread_evenly():
    words = tier("w", aligned(("a1", 1, 2, "a"), ("a2", 2, 3, "b"), ("a3", 3, 4, "c"), ("a4", 5, 6, "d")))
    read = eaf.read(document("900 - - 1200 1500 1600", words), "x")
    assert [(e.onset_us, e.offset_us) for e in read.tier("w").events] == [
        (900_000, 1_000_000),
        (1_000_000, 1_100_000),
        (1_100_000, 1_200_000),
        (1_500_000, 1_600_000),
    ]
    assert read.warnings == ("x: tier 'w': 2 borders without a time were spread evenly",)


def test_slots_of_their_own_without_a_time_are_one_border():
    words = tier("w", aligned(("a1", 1, 2, "a"), ("a2", 3, 4, "b")))
    read = eaf.read(document("900 - - 1200", words), "x")
    assert [(e.onset_us, e.offset_us) for e in read.events] == [(900_000, 1_050_000), (1_050_000, 1_200_000)]


def test_a_tier_below_an_interpolated_one_knows_its_times():
    # The child tier stands first in the file, and its slots get their times in the parent's.
    words = tier("w", aligned(("a1", 1, 2, "a"), ("a2", 2, 3, "b")), "sub", "s")
    below = tier("v", aligned(("a3", 1, 4, "c"), ("a4", 4, 2, "d")), "sub", "w")
    above = tier("s", aligned(("a0", 1, 3, "ab")))
    read = eaf.read(document("0 - 1000 -", below + words + above, kind("sub", "Time_Subdivision")), "x")
    assert [(e.onset_us, e.offset_us) for e in read.tier("v").events] == [(0, 250_000), (250_000, 500_000)]


def test_dependent_tiers_take_the_times_of_their_parents():
    above = tier("s", aligned(("a1", 1, 2, "xyz")))
    parts = tier(
        "p", referring(("a4", "a1", "a3", "z"), ("a2", "a1", "", "x"), ("a3", "a1", "a2", "y")), "sub", "s"
    )
    notes = tier("n", referring(("a5", "a3", "", "note")), "one", "p")
    types = kind("sub", "Symbolic_Subdivision") + kind("one", "Symbolic_Association")
    read = eaf.read(document("0 900", notes + parts + above, types), "x")
    spans = {e.label: (e.onset_us, e.offset_us) for e in read.events}
    assert spans == {
        "xyz": (0, 900_000),
        "x": (0, 300_000),
        "y": (300_000, 600_000),
        "z": (600_000, 900_000),
        "note": (300_000, 600_000),
    }
    assert read.tier("n").extra["eaf"] == {"type": "one", "parent": "p", "stereotype": "Symbolic_Association"}


def test_annotations_that_hang_in_the_air_are_named():
    loop = referring(("a2", "a3", "", "x"), ("a3", "a2", "", "y"), ("a4", "a9", "", "z"))
    tiers = tier("s", aligned(("a1", 1, 7, "q"), ("a5", 1, 2, "ok"))) + tier("r", loop, "one", "s")
    read = eaf.read(document("0 900", tiers, kind("one", "Symbolic_Association")), "x")
    assert [e.label for e in read.events] == ["ok"]
    assert read.warnings == (
        "x: tier 's': 1 annotations without a time or a parent were skipped",
        "x: tier 'r': 3 annotations without a time or a parent were skipped",
    )


def test_comments_and_cdata_in_a_value():
    words = tier(
        "w", aligned(("a1", 1, 2, "a<!-- no -->b"), ("a2", 2, 3, "<![CDATA[<i>]]>"), ("a3", 2, 3, ""))
    )
    assert [e.label for e in eaf.read(document("0 1 2", words), "x").tier("w").events] == ["ab", "<i>", ""]


def test_time_origin_is_added_as_events_lie_on_the_media_clock():
    header = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///a/talk.wav" MIME_TYPE="audio/x-wav" TIME_ORIGIN="1500"/>'
    data = document("0 900", tier("s", aligned(("a1", 1, 2, "x"))), header=header)
    read = eaf.read(data, "x")
    assert read.events == (Event(1.5, 2.4, "x"),)
    ours = Annotation.of(
        [Event(0.2, 0.4, "early"), Event(1, 2, "cut"), Event(2, 3, "in")], media="/b/talk.wav"
    )
    merged = eaf.merge(data, ours, PLAIN, "x")
    assert eaf.read(merged.data, "x").tier("bursts").events == (Event(1.5, 2, "cut"), Event(2, 3, "in"))
    assert merged.notes == ("1 events before the file's time zero were left out",)


@pytest.mark.parametrize("version", ["2.1", "2.3", "2.5", "2.6", "2.7", "2.8", "3.0"])
def test_every_version_is_read_and_keeps_its_own_in_a_merge(version):
    data = document("0 900", tier("s", aligned(("a1", 1, 2, "x"))), version=version)
    assert eaf.read(data, "x").events == (Event(0, 0.9, "x"),)
    root = root_of(eaf.merge(data, Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x").data)
    assert root.get("FORMAT") == version
    old = version < "2.8"
    assert (root.find("LANGUAGE") is None, root.find("CONTROLLED_VOCABULARY/CV_ENTRY_ML") is None) == (
        old,
        old,
    )
    assert root.findtext("CONTROLLED_VOCABULARY/CV_ENTRY" + ("" if old else "_ML/CVE_VALUE")) == "laugh"


BOMB = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">' + "".join(
    f'<!ENTITY c{i} "{("&b;" if i == 0 else f"&c{i - 1};") * 10}">' for i in range(12)
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "doctype",
    [
        BOMB + "]>",
        '<!DOCTYPE a SYSTEM "http://localhost:9/x.dtd">',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        "<!-- <x> --><!DOCTYPE a>",
    ],
)
def test_doctypes_entities_and_network_are_refused(doctype, encoding, offline):
    body = document("0 900", tier("s", aligned(("a1", 1, 2, "&amp;")))).decode()
    text = body.replace("\n", "\n" + doctype, 1).replace("UTF-8", encoding)
    with pytest.raises(FormatError, match="x: a DOCTYPE, which an EAF file never has, is refused"):
        eaf.read(text.encode(encoding), "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x: the file is empty"),
        (b"\xef\xbb\xbf", "x, line 1: not well-formed XML: "),
        (b"<a/>", "x: the root element is a, not ANNOTATION_DOCUMENT"),
        (b"<ANNOTATION_DOCUMENT>", "x, line 1: not well-formed XML: "),
        (b"<ANNOTATION_DOCUMENT>&b;</ANNOTATION_DOCUMENT>", "x, line 1: not well-formed XML: "),
        (document("400.7", ""), "x, line 4: TIME_VALUE '400.7' is no whole number of milliseconds"),
        (document("-5", ""), "x, line 4: TIME_VALUE '-5' is no whole number"),
    ],
)
def test_errors_are_one_line_that_says_why(data, message):
    with pytest.raises(FormatError) as caught:
        eaf.read(data, "x")
    assert str(caught.value).startswith(message) and "\n" not in str(caught.value)


def test_a_long_file_takes_seconds():
    events = tuple(Event.from_us(i * 200_000, i * 200_000 + 100_000, "laugh") for i in range(100_000))
    started = time.process_time()
    assert again(Annotation.of(events)).tiers[0].events == events
    assert time.process_time() - started < 60


PERSON = document(
    "0 900",
    "<!-- by hand -->\n" + tier("s", aligned(("a7", 1, 2, "x"))),
    header='<PROPERTY NAME="lastUsedAnnotationId">41</PROPERTY>',
)


def test_a_merge_continues_the_numbers_of_the_document():
    root = root_of(eaf.merge(PERSON, Annotation.of([Event(1, 2)]), PLAIN, "x").data)
    new = root.find("TIER[@TIER_ID='bursts']//ALIGNABLE_ANNOTATION")
    assert (new.get("ANNOTATION_ID"), new.get("TIME_SLOT_REF1")) == ("a42", "ts3")
    assert root.findtext("HEADER/PROPERTY[@NAME='lastUsedAnnotationId']") == "42"


def test_a_merge_keeps_comments_declaration_byte_order_mark_and_line_ends():
    data = b"\xef\xbb\xbf" + PERSON.replace(b"\n", b"\r\n")
    merged = eaf.merge(data, Annotation.of([Event(1, 2, "two\nlines")]), PLAIN, "x").data
    assert merged.startswith(data[: data.index(b"<HEADER")])
    assert b"<!-- by hand -->\r\n" in merged and merged.endswith(b"</ANNOTATION_DOCUMENT>\r\n")
    assert not re.search(rb"[^\r]\n", merged)


def test_latin_1_documents_stay_latin_1():
    data = PERSON.replace(b"UTF-8", b"ISO-8859-1").replace(b">x<", b">\xe9<")
    merged = eaf.merge(data, Annotation.of([Event(1, 2, "笑 é")]), PLAIN, "x").data
    assert b">\xe9<" in merged and b"\xe9</ANNOTATION_VALUE>" in merged
    assert [e.label for e in eaf.read(merged, "x").events] == ["é", "笑 é"]


def test_types_and_vocabularies_of_the_person_are_not_touched():
    types = '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="vocal-burst"/><CONTROLLED_VOCABULARY CV_ID="vocal-bursts"/>'
    data = document("0 900", tier("bursts", aligned(("a1", 1, 2, "x"))), types)
    merged = eaf.merge(data, Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x")
    root = root_of(merged.data)
    ours = root.find("TIER[@TIER_ID='bursts-2']")
    assert ours.get("LINGUISTIC_TYPE_REF") == "vocal-burst-2"
    assert (
        root.find("LINGUISTIC_TYPE[@LINGUISTIC_TYPE_ID='vocal-burst-2']").get("CONTROLLED_VOCABULARY_REF")
        == "vocal-bursts-2"
    )
    assert merged.notes == ("x has tiers 'bursts' of its own: ours have other names",)


def test_a_second_merge_replaces_ours_and_only_ours():
    first = eaf.merge(PERSON, Annotation.of([Event(1, 2, "a", 0.5)]), RATED, "x")
    second = eaf.merge(
        first.data, Annotation.of([Event(2, 3, "b")]), PLAIN, "x", json.loads(json.dumps(first.part))
    )
    read = eaf.read(second.data, "x")
    assert [(t.name, t.events) for t in read.tiers] == [
        ("s", (Event(0, 0.9, "x"),)),
        ("bursts", (Event(2, 3, "b"),)),
    ]
    assert second.data.count(b"<TIME_SLOT ") == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b">laugh</ANNOTATION", b">snort</ANNOTATION"),
        (b'"2000"', b'"2100"'),
        (b'TIER_ID="bursts"', b'TIER_ID="mine"'),
    ],
)
def test_a_tier_that_a_person_changed_is_not_replaced_unasked(old, new):
    ours = Annotation.of([Event(1, 2, "laugh")])
    merged = eaf.merge(PERSON, ours, PLAIN, "x")
    edited = merged.data.replace(old, new)
    assert edited != merged.data
    for part in (merged.part, None):
        with pytest.raises(EditedError, match="x: our tiers 'bursts' were changed or renamed since"):
            eaf.merge(edited, ours, PLAIN, "x", part)
    options = WriteOptions(replace_edited=True)
    forced = eaf.merge(edited, Annotation.of([Event(3, 4, "sigh")]), options, "x", merged.part)
    tiers = eaf.read(forced.data, "x").tiers
    assert tiers[1] == eaf.read(edited, "x").tiers[1]
    assert tiers[2].events == (Event(3, 4, "sigh"),)


def test_a_changed_tier_stays_with_its_confidences_and_they_with_it():
    ours = Annotation.of([Event(1, 2, "laugh", 0.5), Event(1.5, 3, "cough", 0.25)])
    merged = eaf.merge(PERSON, ours, RATED, "x")
    for old, new in ((b">laugh</ANNOTATION", b">snort</ANNOTATION"), (b">0.5<", b">0.6<")):
        options = WriteOptions(replace_edited=True)
        forced = eaf.merge(merged.data.replace(old, new), Annotation(), options, "x", merged.part)
        names = [t.get("TIER_ID") for t in root_of(forced.data).iterfind("TIER")]
        assert names == ["s", "bursts", "bursts-confidence"]
        assert len(eaf.read(forced.data, "x").tier("bursts").events) == 1


def test_slots_that_elan_renumbered_are_no_edit():
    merged = eaf.merge(PERSON, Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x")
    renumbered = re.sub(rb'"ts(\d)"', rb'"ts9\1"', merged.data)
    again = eaf.merge(renumbered, Annotation(), PLAIN, "x", merged.part)
    assert eaf.read(again.data, "x") == eaf.read(PERSON, "x") and b'"ts93"' not in again.data


def test_a_tier_that_a_person_hung_below_ours_stops_the_replacement():
    merged = eaf.merge(PERSON, Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x")
    child = tier("mine", "", "t", "bursts").encode()
    data = merged.data.replace(b"<LINGUISTIC_TYPE", child + b"<LINGUISTIC_TYPE", 1)
    with pytest.raises(EditedError, match="our tiers 'bursts' were changed"):
        eaf.merge(data, Annotation.of([Event(1, 2)]), PLAIN, "x", merged.part)
    options = WriteOptions(replace_edited=True)
    forced = eaf.merge(data, Annotation.of([Event(1, 2)]), options, "x", merged.part)
    assert [t.name for t in eaf.read(forced.data, "x").tiers] == ["s", "bursts", "mine", "bursts-2"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"part": 3}', '{"part": {"tiers": [1]}}', '{"provenance": 1, "examined_us": [1]}'],
)
def test_a_damaged_header_property_does_no_harm(text):
    header = f'<PROPERTY NAME="vbannotate">{text}</PROPERTY>'
    data = document("0 900", tier("s", aligned(("a1", 1, 2, "x"))), header=header)
    assert eaf.read(data, "x").events == (Event(0, 0.9, "x"),)
    assert eaf.read(eaf.merge(data, Annotation.of([Event(1, 2)]), PLAIN, "x").data, "x").tier("bursts").events
