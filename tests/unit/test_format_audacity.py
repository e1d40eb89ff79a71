"""Audacity label tracks: the lines that Audacity 3.2.4 takes (observed on import), and merging."""

from __future__ import annotations

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import audacity
from vbannotate.formats.base import EditedError, WriteOptions

PLAIN = WriteOptions()


def read(text: str | bytes) -> tuple[Event, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    return audacity.read(data, "take1.txt").tiers[0].events


def write(*events: Event, **options: bool) -> str:
    return audacity.write(Annotation.of(events), WriteOptions(**options)).decode()


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("1.1\t2.2\ttext", Event(1.1, 2.2, "text")),
        ("3\t3\tp", Event(3, 3, "p")),
        ("4.5\ttext", Event(4.5, 4.5, "text")),
        ("5\t6", Event(5, 6, "")),
        ("7\t8\t", Event(7, 8, "")),
        ("1", Event(1, 1, "")),
        ("9,5\t10,5\tkomma", Event(9.5, 10.5, "komma")),
        ("1e1\t11\tx", Event(10, 11, "x")),
        ("  2\t3\tblanks", Event(2, 3, "blanks")),
        ("00:00:02.680\t0:03\tclock", Event(2.68, 3, "clock")),
        ('1\t2\t "quoted" ', Event(1, 2, ' "quoted" ')),
        ("1\t2\t😀 lächeln", Event(1, 2, "😀 lächeln")),
        ("1\t2\tlaugh [0.87]", Event(1, 2, "laugh", 0.87)),
        ("1\t2\ta\tb", Event(1, 2, "a", None, {"rest": "b"})),
    ],
)
def test_lines_that_audacity_takes(line, event):
    assert read(line) == (event,)
    assert read(line + "\r\n") == (event,)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(encoding):
    assert read("1\t2\tKätzchen\r3\t4\tb".encode(encoding)) == (Event(1, 2, "Kätzchen"), Event(3, 4, "b"))


def test_spectral_lines_are_kept():
    text = "1.000000\t2.000000\tSP\n\\\t6441.064453\t12296.577148\n"
    events = read(text)
    assert dict(events[0].extra) == {"low_hz": 6441.064453, "high_hz": 12296.577148}
    assert write(*events) == text


def test_other_lines_are_skipped_with_their_number():
    annotation = audacity.read(b"1\t2\ta\n\n# b\n3 4 c\n5\t6\td\n", "take1.txt")
    assert [e.label for e in annotation.events] == ["a", "d"]
    assert [w.split(":")[0] for w in annotation.warnings] == ["take1.txt, line 3", "take1.txt, line 4"]


def test_a_file_without_labels_is_refused_and_an_empty_one_is_a_result():
    with pytest.raises(FormatError, match=r"take1\.txt, line 1: no label track.*; export the track again"):
        read("laugh\nat one\n")
    assert read("") == read("\n\n") == ()


def test_labels_are_clean_unless_confidence_is_asked_for():
    event = Event(1, 2, "laugh", 0.871)
    assert write(event) == "1.000000\t2.000000\tlaugh\n"
    assert write(event, confidence=True) == "1.000000\t2.000000\tlaugh [0.87]\n"


def test_six_decimals_sorted_and_one_line_each():
    text = write(Event(2, 3, "b\tc\r\nd\n"), Event.from_us(1, 1_000_002, "a"))
    assert text == "0.000001\t1.000002\ta\n2.000000\t3.000000\tb c d \n"


def test_all_tiers_go_into_one_track():
    tiers = (Tier("x", (Event(3, 4, "a"),)), Tier("y", (Event(1, 2, "b"),)))
    assert [e.label for e in read(audacity.write(Annotation(tiers), PLAIN))] == ["b", "a"]


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (Event(-1, 2, "cough"), "negative onset"),
        (Event(2, 1, "cough"), "before onset"),
        (Event(1, 2e9), "beyond"),
    ],
)
def test_wrong_times_are_refused_by_name(event, what):
    with pytest.raises(FormatError, match=f"event '{event.label}' in tier 'bursts': .*{what}"):
        write(event)


def test_wrong_times_of_a_person_are_reported_and_go_back_as_they_stood():
    annotation = audacity.read(b"50.1\t-1\tdu\n", "x.txt")
    assert "line 1: offset -1.0 s before onset 50.1 s" in annotation.warnings[0]
    assert audacity.write(annotation, PLAIN) == b"50.1\t-1\tdu\n"


def merge(data: bytes, *events: Event, part: list | None = None, edited: bool = False) -> audacity.Merged:
    options = WriteOptions(replace_edited=edited)
    return audacity.merge(data, Annotation.of(events), options, "take1.txt", part)


@pytest.mark.parametrize(
    "before", [b"", b"5\t6\tmine", b"5\t6\tmine\n", "5\t6\tm\r\n7\t8\tä\r\n".encode("utf-16")]
)
def test_ours_are_appended_and_taken_out_again(before):
    first = merge(before, Event(1, 2, "laugh"), Event(3, 4, "cough"))
    assert first.data.startswith(before)
    assert merge(first.data, part=first.part).data == before
    assert merge(first.data, Event(9, 10), part=first.part).data == merge(before, Event(9, 10)).data


def test_line_ends_of_the_file_are_kept():
    assert merge(b"5\t6\tmine\r\n", Event(1, 2, "a")).data == b"5\t6\tmine\r\n1.000000\t2.000000\ta\r\n"


def test_ours_are_found_after_audacity_sorted_them():
    first = merge(b"5.000000\t6.000000\tmine\n", Event(1, 2, "laugh"), Event(7, 8, "cough"))
    moved = b"1.000000\t2.000000\tlaugh\n5.000000\t6.000000\tmine\n7.000000\t8.000000\tcough\n"
    assert merge(moved, part=first.part).data == b"5.000000\t6.000000\tmine\n"


def test_what_a_person_changed_is_not_touched_unasked():
    first = merge(b"", Event(1, 2, "laugh"), Event(3, 4, "cough"))
    edited = first.data.replace(b"cough", b"sneeze")
    with pytest.raises(EditedError, match="1 of our 2 labels have been changed"):
        merge(edited, Event(5, 6, "sigh"), part=first.part)
    done = merge(edited, Event(5, 6, "sigh"), part=first.part, edited=True)
    assert [e.label for e in read(done.data)] == ["sneeze", "sigh"]
    assert "changed or removed by hand" in done.notes[0]
