"""SubRip: what people's files look like, sound cues, merging between dialogue."""

from __future__ import annotations

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event
from vbannotate.formats import srt, vtt
from vbannotate.formats.base import EditedError, WriteOptions

DIALOGUE = (
    b"1\n00:00:01,000 --> 00:00:03,000\nHello.\n\n"
    b"2\n00:00:03,500 --> 00:00:06,000\nHow are\nyou?\n\n"
    b"3\n00:00:20,000 --> 00:00:22,000\nFine.\n"
)


def read(text: str) -> Annotation:
    return srt.read(text.encode(), "talk.srt")


def write(*events: Event, **options: object) -> str:
    return srt.write(Annotation.of(events), WriteOptions(**options)).decode()


def merge(data: bytes, *events: Event, part: list | None = None, **options: object) -> srt.Merged:
    return srt.merge(data, Annotation.of(events), WriteOptions(**options), "talk.srt", part)


@pytest.mark.parametrize(
    ("times", "onset_ms", "offset_ms"),
    [
        ("00:00:01,500 --> 00:00:04,250", 1500, 4250),
        ("00:00:01.500 --> 00:00:04.250", 1500, 4250),
        ("00:01:39 --> 00:01:41,04", 99_000, 101_040),
        ("00:02:04,08 --> 00:02:07,12 X1:40 X2:600 Y1:20 Y2:50", 124_080, 127_120),
        ("0:00:01,5-->0:00:02,5", 1500, 2500),
        ("00:01,500 --> 00:04,000", 1500, 4000),
        ("100:00:00,000 --> 100:00:01,000", 360_000_000, 360_001_000),
    ],
)
def test_times_as_people_write_them(times, onset_ms, offset_ms):
    (event,) = read(f"1\n{times}\nText\n").events
    assert (event.onset_us, event.offset_us) == (onset_ms * 1000, offset_ms * 1000)


def test_guessed_fractions_are_named():
    (warning,) = read("1\n00:00:02,08 --> 00:00:03,000\nx\n").warnings
    assert warning == "talk.srt, line 2: fraction of a second 08, taken as 80 ms"


def test_numbers_may_be_missing_and_texts_may_hold_a_blank_line():
    text = "00:00:01,000 --> 00:00:02,000\none\n\ntwo\n\n00:00:03,000 --> 00:00:04,000\nthree\n"
    assert [e.extra["srt"] for e in read(text).events] == ["one\n\ntwo", "three"]


def test_a_cue_without_text_or_blank_line_before_it_is_kept():
    text = "1\n00:00:01,000 --> 00:00:02,000\n\n2\n00:00:03,000 --> 00:00:04,000\na\n"
    text += "3\n00:00:05,000 --> 00:00:06,000\nb"
    assert [e.extra["srt"] for e in read(text).events] == ["", "a", "b"]


def test_stray_lines_are_named_and_no_subtitle_is_refused():
    annotation = read(
        "1\n00:00:01,000 --> 00:00:02,000\na\n\n2\nlost\n\n3\n00:00:03,000 --> 00:00:04,000\nb\n"
    )
    assert [e.label for e in annotation.events] == ["a", "b"]
    assert [w[:16] for w in annotation.warnings] == ["talk.srt, line 5", "talk.srt, line 6"]
    with pytest.raises(FormatError, match=r"talk\.srt, line 1: no cue"):
        read("1\nsome text")
    assert read("").events == ()


def test_labels_are_the_text_without_markup():
    (event,) = read(
        '1\n00:00:01,000 --> 00:00:02,000\n{\\an8}<font color="red"><b>[coughs]</b></font>\n'
    ).events
    assert event.label == "cough"
    (event,) = read("1\n00:00:01,000 --> 00:00:02,000\n<i>I\nknow</i> 1 < 2\n").events
    assert event.label == "I know 1 < 2"


def test_cues_of_people_go_back_as_they_stood_also_to_webvtt():
    annotation = read("7\n00:00:01,000 --> 00:00:01,200 X1:4\n<i>A & B</i>\n[ticks]\n")
    again = srt.write(annotation, WriteOptions()).decode()
    assert again == "1\n00:00:01,000 --> 00:00:01,200 X1:4\n<i>A & B</i>\n[ticks]\n"
    assert b"00:00:01.000 --> 00:00:01.200\n<i>A &amp; B</i>\n[ticks]\n" in vtt.write(
        annotation, WriteOptions()
    )


def test_a_renamed_event_loses_the_old_text():
    annotation = read("1\n00:00:01,000 --> 00:00:03,000\n[coughs]\n")
    event = annotation.events[0].with_(label="sneeze")
    assert "[sneezes]" in write(event)


def test_sound_cues_have_texts_and_time_to_be_read():
    assert write(Event(1, 1.3, "laugh"), Event(8, 8.25, "snort")) == (
        "1\n00:00:01,000 --> 00:00:02,000\n[laughter]\n\n2\n00:00:08,000 --> 00:00:09,000\n[snort]\n"
    )
    assert "[HE LAUGHS]" in write(Event(1, 1.3, "laugh"), texts={"laugh": "[HE LAUGHS]"})


def test_exact_keeps_the_events_own_times():
    text = write(Event.from_us(1_000_400, 1_300_400, "laugh"), Event(1.2, 1.25, "cough"), exact=True)
    assert "00:00:01,000 --> 00:00:01,301\n[laughter]" in text
    assert "00:00:01,200 --> 00:00:01,250\n[coughs]" in text


def test_wrong_times_are_refused_by_name():
    with pytest.raises(FormatError, match="event 'cough': negative onset"):
        write(Event(-1, 2, "cough"))
    with pytest.raises(FormatError, match="event 'cough': offset"):
        write(Event(3, 2, "cough"))


def test_an_own_cue_where_there_is_room():
    merged = merge(DIALOGUE, Event(10, 10.3, "cough")).data
    own = b"4\n00:00:10,000 --> 00:00:11,000\n[coughs]\n"
    assert merged == DIALOGUE.replace(b"you?\n\n", b"you?\n\n" + own + b"\n")


def test_an_own_cue_before_the_first_and_after_the_last():
    first = DIALOGUE.replace(b"00:00:01", b"00:00:02")
    merged = merge(first, Event(0, 0.3, "cough"), Event(30, 31, "sigh"))
    assert merged.data.startswith(b"4\n00:00:00,000 --> 00:00:01,000\n[coughs]\n\n1\n")
    assert merged.data.endswith(b"Fine.\n\n5\n00:00:30,000 --> 00:00:31,000\n[sighs]\n")


def test_a_line_of_the_dialogue_where_there_is_no_room():
    early = merge(DIALOGUE, Event(3.6, 3.9, "laugh"))
    assert early.data == DIALOGUE.replace(b"How are", b"[laughter]\nHow are")
    late = merge(DIALOGUE, Event(5.5, 5.8, "laugh"))
    assert late.data == DIALOGUE.replace(b"you?\n", b"you?\n[laughter]\n")
    assert "1 of 1 texts stand in cues of the file" in late.notes[0]


def test_a_sound_that_goes_on_after_the_dialogue_gets_its_own_cue_there():
    merged = merge(DIALOGUE, Event(5, 9, "laugh")).data
    assert b"00:00:06,084 --> 00:00:09,000\n[laughter]\n" in merged


def test_two_sounds_in_one_dialogue_share_a_line():
    merged = merge(DIALOGUE, Event(1.2, 1.4, "laugh"), Event(2.5, 2.6, "cough")).data
    assert merged == DIALOGUE.replace(b"Hello.", b"[laughter, coughs]\nHello.")


def test_numbers_are_left_out_where_the_file_has_none():
    data = b"00:00:01,000 --> 00:00:03,000\nHello.\n"
    assert merge(data, Event(10, 12, "cough")).data == data + b"\n00:00:10,000 --> 00:00:12,000\n[coughs]\n"


def test_a_second_merge_replaces_ours_alone():
    first = merge(DIALOGUE, Event(10, 10.3, "cough"), Event(1.5, 1.8, "laugh"))
    second = merge(first.data, Event(12, 13, "sigh"), part=first.part)
    assert second.data == merge(DIALOGUE, Event(12, 13, "sigh")).data
    assert merge(second.data, part=second.part).data == DIALOGUE


def test_ours_are_found_after_a_program_numbered_anew():
    first = merge(DIALOGUE, Event(10, 10.3, "cough"))
    anew = first.data.replace(b"3\n00:00:20", b"4\n00:00:20").replace(b"4\n00:00:10", b"3\n00:00:10")
    assert merge(anew, part=first.part).data == DIALOGUE.replace(b"3\n00:00:20", b"4\n00:00:20")


@pytest.mark.parametrize(
    ("old", "new"), [(b"[coughs]", b"[COUGHS]"), (b"00:00:10,000", b"00:00:10,100"), (b"[laughter]\n", b"")]
)
def test_what_a_person_changed_is_not_touched_unasked(old, new):
    first = merge(DIALOGUE, Event(10, 10.3, "cough"), Event(1.5, 1.8, "laugh"))
    edited = first.data.replace(old, new)
    with pytest.raises(EditedError, match="1 of our 2 texts"):
        merge(edited, part=first.part)
    rest = merge(edited, part=first.part, replace_edited=True)
    assert (new in rest.data) and "changed or removed by hand" in rest.notes[0]
