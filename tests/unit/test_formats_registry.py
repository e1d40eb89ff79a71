"""The registry: names, endings, contents; and merging into files with its record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.errors import FormatError, VbannotateError, WouldOverwriteError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import EditedError, Keeps, WriteOptions

ONE = Annotation.of([Event(10, 10.5, "laugh", 0.9)], media="talk.wav", duration_us=60_000_000)
TWO = Annotation.of([Event(20, 20.5, "cough", 0.8)], media="talk.wav", duration_us=60_000_000)
SRT = "1\n00:00:01,000 --> 00:00:02,000\nHällo.\n"


@pytest.mark.parametrize("name", formats.names())
def test_every_format_keeps_the_protocol(name):
    module = formats.module(name)
    assert name == module.NAME and isinstance(module.TITLE, str) and isinstance(module.KEEPS, Keeps)
    assert all(s.startswith(".") and s == s.lower() for s in module.SUFFIXES)
    assert formats.ending(name).lower() == module.SUFFIXES[0]
    assert callable(module.guess) and callable(module.read) and module.__doc__
    for junk in (b"", b"\0", b"\xff\xfe\0", b"<", b"{", b"\x00\x00\xfe\xff\x00"):
        assert module.guess(junk, "x") in (True, False)


def test_an_unknown_name_or_ending_lists_what_is_known():
    with pytest.raises(FormatError, match="unknown format 'doc'; known are native, json, textgrid"):
        formats.module("doc")
    with pytest.raises(FormatError, match=r"talk\.doc: cannot tell the format; .*\.vb\.json"):
        formats.guess_format("talk.doc")


@pytest.mark.parametrize(
    ("path", "data", "name"),
    [
        ("a.txt", None, "audacity"),
        ("a.TextGrid", None, "textgrid"),
        ("a.vb.json", None, "native"),
        ("a.json", None, "json"),
        ("a.selections.txt", None, "raven"),
        ("a.txt", b"1\t2\tx\n", "audacity"),
        ("a.txt", b"a.wav\t1\t2\tx\n", "tsv"),
        ("a.txt", b"SPEAKER a 1 1 2 <NA> <NA> x <NA> <NA>\n", "rttm"),
        ("a.txt", b"WEBVTT\n", "vtt"),
        ("a.txt", b"1\r\n00:00:01,000 --> 00:00:02,000\r\nx\r\n", "srt"),
        ("a.txt", b"Selection\tBegin Time (s)\tEnd Time (s)\n", "raven"),
        ("a.json", b'{"tiers": []}', "native"),
        ("a.json", b'{"file": null, "events": []}', "json"),
        ("a.srt", b"", "srt"),
        ("a.vtt", b"1\n00:01.000 --> 00:02.000\nx\n", "vtt"),
        ("A.TXT", b"", "audacity"),
    ],
)
def test_endings_and_contents(path, data, name):
    assert formats.guess_format(path, data) == name


def test_files_are_written_whole_and_never_replaced_unasked(tmp_path):
    path = tmp_path / "Ünï cödé.srt"
    formats.write(ONE, path)
    assert formats.read(path).events[0].label == "laugh"
    with pytest.raises(WouldOverwriteError, match="--overwrite"):
        formats.write(TWO, path)
    formats.write(TWO, path, overwrite=True)
    assert formats.read(path).events[0].label == "cough" and list(tmp_path.iterdir()) == [path]


def test_a_format_that_is_only_read_says_so(tmp_path):
    with pytest.raises(FormatError, match="can be read but not written"):
        formats.write(ONE, tmp_path / "a.aup3", "aup3")
    with pytest.raises(FormatError, match="cannot tell the format"):
        formats.write(ONE, tmp_path / "a.aup3")


def test_half_a_surrogate_pair_is_refused_in_one_line():
    with pytest.raises(FormatError, match=r"broken character"):
        formats.render(Annotation.of([Event(1, 2, "\ud800")]), "csv")


def test_tiers_per_label():
    events = (Event(1, 2, "laugh"), Event(3, 4, "cough"), Event(5, 6, "laugh"))
    split = formats.arrange(Annotation((Tier("bursts", events),)), "per-label")
    assert {t.name: len(t.events) for t in split.tiers} == {"laugh": 2, "cough": 1}
    two = formats.arrange(Annotation((Tier("A", events[:1]), Tier("B", events[1:]), Tier("C"))), "per-label")
    assert [t.name for t in two.tiers] == ["A-laugh", "B-cough", "B-laugh", "C"]


def test_the_description_is_plain_json():
    rows = json.loads(json.dumps(formats.describe()))
    assert {row["name"] for row in rows if row["merge"]} == {"textgrid", "eaf", "vtt", "srt", "audacity"}


@pytest.fixture
def talk(tmp_path) -> Path:
    path = tmp_path / "talk.srt"
    path.write_bytes(SRT.encode())
    return path


def labels(path: Path) -> list[str]:
    return [event.label for event in formats.read(path).events]


def test_a_merge_writes_a_copy_and_its_record(talk):
    done = formats.merge_into(talk, ONE)
    assert done.path.name == "talk.vb.srt" and done.record.name == "talk.vb.json" and done.backup is None
    assert talk.read_bytes() == SRT.encode() and labels(done.path) == ["Hällo.", "laugh"]
    record = formats.read(done.record)
    assert record.tiers == ONE.tiers and set(record.extra["merged"]) == {"talk.vb.srt"}


def test_a_second_merge_replaces_ours_and_takes_up_what_the_person_did(talk):
    formats.merge_into(talk, ONE)
    talk.write_bytes(SRT.replace("Hällo", "Holla").encode())
    assert labels(formats.merge_into(talk, TWO).path) == ["Holla.", "cough"]


def test_a_copy_that_a_person_worked_on_is_the_one_that_counts(talk):
    copy = formats.merge_into(talk, ONE).path
    copy.write_bytes(copy.read_bytes().replace(b"llo.", b"llo again."))
    assert labels(formats.merge_into(talk, TWO).path) == ["Hällo again.", "cough"]


def test_both_changed_is_refused_and_so_is_a_foreign_copy(talk):
    copy = formats.merge_into(talk, ONE).path
    copy.write_bytes(copy.read_bytes() + b"\n")
    talk.write_bytes(SRT.encode() + b"\n")
    with pytest.raises(WouldOverwriteError, match="have both been changed since the last merge"):
        formats.merge_into(talk, TWO)
    copy.with_name("talk.vb.json").unlink()
    with pytest.raises(WouldOverwriteError, match="was not written by a merge"):
        formats.merge_into(talk, TWO)


def test_in_place_keeps_numbered_backups_and_can_be_taken_back(talk):
    first = formats.merge_into(talk, ONE, in_place=True)
    second = formats.merge_into(talk, TWO, in_place=True)
    assert (first.backup.name, second.backup.name) == ("talk.srt.bak", "talk.srt.bak2")
    assert first.backup.read_bytes() == SRT.encode() and labels(talk) == ["Hällo.", "cough"]
    assert formats.merge_into(talk, TWO, in_place=True).backup is None  # nothing to do
    formats.merge_into(talk, Annotation.of([]), in_place=True)
    assert talk.read_bytes() == SRT.encode()


def test_what_a_person_changed_of_ours_is_asked_about(talk):
    formats.merge_into(talk, ONE, in_place=True)
    edited = talk.read_bytes().replace(b"[laughter]", b"[sneering]")
    talk.write_bytes(edited)
    with pytest.raises(EditedError, match="--replace-edited"):
        formats.merge_into(talk, TWO, in_place=True)
    assert talk.read_bytes() == edited
    formats.merge_into(talk, TWO, in_place=True, options=WriteOptions(replace_edited=True))
    assert labels(talk) == ["Hällo.", "sneering", "cough"]


def test_a_file_put_back_from_its_backup_is_merged_anew(talk):
    done = formats.merge_into(talk, ONE, in_place=True)
    talk.write_bytes(done.backup.read_bytes())
    formats.merge_into(talk, TWO, in_place=True)
    assert labels(talk) == ["Hällo.", "cough"]


def test_the_record_survives_a_new_result_beside_it(talk):
    formats.merge_into(talk, ONE, in_place=True)
    formats.write(TWO, talk.with_name("talk.vb.json"), overwrite=True)
    formats.merge_into(talk, TWO, in_place=True)
    assert labels(talk) == ["Hällo.", "cough"]


def test_a_stranger_beside_the_file_is_not_replaced(talk):
    talk.with_name("talk.vb.json").write_bytes(b"[1, 2]")
    with pytest.raises(FormatError, match=r"talk\.vb\.json: not a \.vb\.json file"):
        formats.merge_into(talk, ONE)
    assert talk.with_name("talk.vb.json").read_bytes() == b"[1, 2]"


@pytest.mark.parametrize("part", [3, [3], [{"kind": "cue"}], [{"kind": "line", "insert": "", "text": 3}]])
@pytest.mark.parametrize("name", ["srt", "audacity"])
def test_a_damaged_record_is_told_in_one_line(name, part):
    with pytest.raises(FormatError, match="record of the last merge is damaged"):
        formats.module(name).merge(b"", ONE, WriteOptions(), "x", part)


def test_formats_without_merging_name_those_with_it(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"onset,offset\n1,2\n")
    with pytest.raises(FormatError, match="cannot be merged into; formats that can are textgrid, eaf"):
        formats.merge_into(path, ONE)
    with pytest.raises(VbannotateError, match="file not found"):
        formats.merge_into(tmp_path / "none.srt", ONE)


def test_a_crash_before_the_file_is_written_does_no_harm(talk, monkeypatch):
    from vbannotate.formats import into

    kept = into.files.write

    def fail(path, data, **options):
        if path.name == "talk.srt":
            raise KeyboardInterrupt
        kept(path, data, **options)

    monkeypatch.setattr(into.files, "write", fail)
    with pytest.raises(KeyboardInterrupt):
        formats.merge_into(talk, ONE, in_place=True)
    monkeypatch.undo()
    assert talk.read_bytes() == SRT.encode()
    formats.merge_into(talk, TWO, in_place=True)
    assert labels(talk) == ["Hällo.", "cough"]


def test_what_subtitles_shift_is_told():
    rows = formats.shifts(ONE, "srt")
    assert rows == [{"start": 10.0, "end": 11.0, "text": "[laughter]", "events": [[10.0, 10.5, "laugh"]]}]
    assert formats.shifts(ONE, "srt", WriteOptions(exact=True)) == formats.shifts(ONE, "csv") == []


def test_what_subtitles_shift_stands_in_the_provenance_of_a_detection(tmp_path):
    from vbannotate import outputs
    from vbannotate.detection import Detection

    (plan,) = outputs.plan([(tmp_path / "talk.wav", tmp_path)], tmp_path, ["srt", "audacity"])
    outputs.write(plan, Detection(ONE), WriteOptions(), overwrite=False)
    exports = formats.read(tmp_path / "talk.vb.json").provenance["exports"]
    assert exports["talk.srt"]["shown"] == formats.shifts(ONE, "srt") and "shown" not in exports["talk.txt"]
