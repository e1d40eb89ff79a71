"""TextGrids of our own: what is written, what is read back, what is refused, what a merge does."""

from __future__ import annotations

import time

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import textgrid
from vbannotate.formats.base import EditedError, WriteOptions

PLAIN = WriteOptions()
RATED = WriteOptions(confidence=True)


def written(annotation: Annotation, options: WriteOptions = PLAIN) -> str:
    return textgrid.write(annotation, options).decode("utf-8")


def again(annotation: Annotation, options: WriteOptions = PLAIN) -> Annotation:
    return textgrid.read(textgrid.write(annotation, options), "x")


def test_the_text_is_spaced_as_praat_spaces_it():
    annotation = Annotation.of([Event(0.5, 1.25, 'a "b"')], duration_us=2_000_000)
    assert written(annotation) == (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
        "xmin = 0 \nxmax = 2 \ntiers? <exists> \nsize = 1 \nitem []: \n"
        '    item [1]:\n        class = "IntervalTier" \n        name = "bursts" \n'
        "        xmin = 0 \n        xmax = 2 \n        intervals: size = 3 \n"
        '        intervals [1]:\n            xmin = 0 \n            xmax = 0.5 \n            text = "" \n'
        "        intervals [2]:\n            xmin = 0.5 \n            xmax = 1.25 \n"
        '            text = "a ""b""" \n'
        '        intervals [3]:\n            xmin = 1.25 \n            xmax = 2 \n            text = "" \n'
    )


def test_times_are_exact_decimals():
    event = Event.from_us(1, 36_000_000_001)
    text = written(Annotation.of([event]))
    assert "xmax = 36000.000001 \n" in text and "xmin = 0.000001 \n" in text
    assert again(Annotation.of([event])).events == (event,)


def test_overlapping_events_go_to_further_tiers():
    events = [Event(0, 2, "a"), Event(1, 3, "b"), Event(1, 4, "c"), Event(2, 3, "d")]
    back = again(Annotation.of(events))
    assert [(tier.name, [e.label for e in tier.events]) for tier in back.tiers] == [
        ("bursts", ["a", "d"]),
        ("bursts-2", ["b"]),
        ("bursts-3", ["c"]),
    ]


def test_a_further_tier_takes_no_name_that_is_taken():
    tiers = (Tier("a", (Event(0, 2), Event(1, 3))), Tier("a-2", (Event(0, 1),)))
    assert [tier.name for tier in again(Annotation(tiers)).tiers] == ["a", "a-2-2", "a-2"]


def test_events_without_length_become_points():
    back = again(Annotation.of([Event(1, 1, "tick"), Event(2, 3, "laugh")]))
    assert [(t.name, t.points, t.events) for t in back.tiers] == [
        ("bursts", False, (Event(2, 3, "laugh"),)),
        ("bursts-points", True, (Event(1, 1, "tick"),)),
    ]


def test_points_at_one_time_are_kept_apart_as_praat_loses_the_second():
    tier = Tier("ticks", (Event(1, 1, "a"), Event(1, 1, "b")), points=True)
    assert [t.name for t in again(Annotation((tier,))).tiers] == ["ticks", "ticks-2"]


def test_an_event_without_a_label_does_not_vanish():
    assert [e.label for e in again(Annotation.of([Event(0, 1, ""), Event(2, 3, " ")])).events] == [
        "burst"
    ] * 2


def test_confidence_goes_to_a_tier_of_its_own_and_comes_back():
    annotation = Annotation.of(
        [Event(0, 1, "a", 0.875), Event(2, 3, "b"), Event(4, 5, "c", 1)], duration_us=9_000_000
    )
    assert '"bursts-confidence"' in written(annotation, RATED)
    assert again(annotation, RATED) == annotation
    assert [e.confidence for e in again(annotation).events] == [None] * 3


@pytest.mark.parametrize("label", ["high", "1.5", "-0.1", "nan"])
def test_a_tier_that_only_looks_like_confidence_stays(label):
    tiers = (Tier("a", (Event(0, 1),)), Tier("a-confidence", (Event(0, 1, label),)))
    assert again(Annotation(tiers)).tiers == tiers


def test_nothing_found_is_a_grid_with_an_empty_tier():
    back = again(Annotation.of([], duration_us=3_000_000))
    assert back == Annotation.of([], duration_us=3_000_000)


def test_a_grid_needs_a_length():
    with pytest.raises(FormatError, match="needs the length of the recording"):
        written(Annotation.of([]))


@pytest.mark.parametrize(
    ("event", "message"), [(Event(-1, 1), "negative onset"), (Event(2, 1), "offset 1.0 s before onset 2.0 s")]
)
def test_times_that_cannot_be_are_refused(event, message):
    with pytest.raises(FormatError, match=message):
        written(Annotation.of([event]))


def test_a_changed_tier_is_written_anew_and_the_others_as_they_stood():
    text = (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n3\n<exists>\n2\n'
        '"IntervalTier"\n"gaps"\n0\n3\n1\n0.12345678901\n1\n"x"\n'
        '"IntervalTier"\n"more"\n0\n3\n1\n1\n2.00000000001\n"y"\n'
    )
    read = textgrid.read(text.encode(), "x")
    assert written(read) == text
    moved = read.tiers[1].events[0].with_(onset_us=0)
    changed = read.with_(tiers=(read.tiers[0], Tier("more", (moved,), extra=read.tiers[1].extra)))
    assert written(changed) == text.replace('3\n1\n1\n2.00000000001\n"y"\n', '3\n2\n0\n2\n"y"\n2\n3\n""\n')


@pytest.mark.parametrize(
    "kept",
    [
        7,
        {"form": 1, "encoding": "nonsense", "newline": "x", "xmin": "a", "xmax": None, "items": []},
        {"xmin": "0", "xmax": "1", "items": [["0", "1"]]},
        {"xmin": "0", "xmax": "1", "items": [[0, 1, 2]]},
        {"xmin": "0", "xmax": "1", "items": 3},
    ],
)
def test_what_was_kept_of_a_file_may_be_damaged(kept):
    extra = {"textgrid": kept}
    damaged = Annotation((Tier("a", (Event(0, 1, "x"),), extra=extra),), duration_us=1_000_000, extra=extra)
    assert again(damaged).tiers == (Tier("a", (Event(0, 1, "x"),)),)


def test_free_form_is_read_as_praat_reads_it():
    text = (
        'File type = "ooTextFile" noise\r"TextGrid" ! a comment with "quotes" and 5 numbers\r'
        'from 0 to +2.50e0 seconds <exists> 1 tiers: "IntervalTier" "a" 0 2.5 size 2 '
        '0 1 "one ""two"" ! three" and 1 2.5 ""'
    )
    read = textgrid.read(text.encode(), "x")
    assert read.duration_us == 2_500_000
    assert read.tiers[0].events == (Event(0, 1, 'one "two" ! three'),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("xmax = 2 ", "xmax = 2,5 ", "line 5: '2,5' is no number"),
        ("size = 1 ", "size = 2 ", "line 19: the text ends where a string was expected"),
        ('"a" \n', '"a \n', "line 18: the text ends inside a string"),
        ('"TextGrid"', '"TextGrid 2"', "line 2: a Praat 'TextGrid 2', not a TextGrid"),
        ('"TextGrid"', '"Sound"', "line 2: a Praat 'Sound', not a TextGrid"),
        ('"IntervalTier"', '"PointTier"', "line 10: a tier of the unknown class 'PointTier'"),
        ("<exists>", "<absent>", "line 6: a TextGrid with its tiers <absent>"),
        ("xmax = 2 ", "xmax = 1e999999999 ", "line 5: '1e999999999' is no number"),
        ("size = 1 ", "size = -1 ", "line 7: -1 is not a whole number"),
        ("ooTextFile", "ooText", "line 1: not a TextGrid"),
    ],
)
def test_errors_name_file_line_and_what_was_expected(old, new, message):
    text = written(Annotation.of([Event(0, 2, "a")], duration_us=2_000_000))
    assert old in text
    with pytest.raises(FormatError) as caught:
        textgrid.read(text.replace(old, new, 1).encode(), "take 1.TextGrid")
    assert str(caught.value).startswith(f"take 1.TextGrid, {message}")


def test_eight_bit_text_is_read_with_a_warning_and_goes_back():
    text = written(Annotation.of([Event(0, 1, "würgen – “a”")]))
    data = text.encode("cp1252")
    read = textgrid.read(data, "old.TextGrid")
    assert read.warnings == ("old.TextGrid: not UTF-8, read as cp1252",)
    assert textgrid.write(read, PLAIN) == data
    outside = read.with_(tiers=(*read.tiers, Tier("new", (Event(0, 1, "笑"),))))
    assert "笑" in textgrid.write(outside, PLAIN).decode("utf-8")


def test_bytes_that_cp1252_does_not_have_are_latin_1():
    data = written(Annotation.of([Event(0, 1, "xyz")])).encode().replace(b"xyz", b"x\x81\xe9")
    assert textgrid.write(textgrid.read(data, "x"), PLAIN) == data


def test_a_long_file_takes_seconds():
    events = tuple(Event.from_us(i * 200_000, i * 200_000 + 100_000, "laugh") for i in range(100_000))
    started = time.process_time()
    assert again(Annotation.of(events)).tiers[0].events == events
    assert time.process_time() - started < 30


PERSON = Annotation((Tier("words", (Event(0.25, 1, "hello"),)),), duration_us=3_000_000)


def test_a_merge_changes_the_count_of_tiers_and_nothing_else():
    data = textgrid.write(PERSON, PLAIN)
    merged = textgrid.merge(data, Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x")
    before, after = data.decode(), merged.data.decode()
    assert after.replace("size = 2 ", "size = 1 ", 1).startswith(before.rstrip(" \n"))
    last = 'text = "laugh" \n        intervals [3]:\n            xmin = 2 \n            xmax = 3 \n'
    assert after.endswith(last + '            text = "" \n')


def test_a_second_merge_replaces_ours_where_it_stands():
    first = textgrid.merge(
        textgrid.write(PERSON, PLAIN), Annotation.of([Event(0, 2), Event(1, 3)]), PLAIN, "x"
    )
    assert [t.name for t in textgrid.read(first.data, "x").tiers] == ["words", "bursts", "bursts-2"]
    grown = textgrid.merge(first.data, Annotation.of([Event(0, 1)], name="later"), PLAIN, "x")
    second = textgrid.merge(grown.data, Annotation.of([Event(1, 2, "sigh")]), PLAIN, "x", first.part)
    tiers = textgrid.read(second.data, "x").tiers
    assert [t.name for t in tiers] == ["words", "bursts", "later"]
    assert tiers[1].events == (Event(1, 2, "sigh"),)
    assert "item [3]:" in second.data.decode() and "item [4]:" not in second.data.decode()


def test_a_tier_that_a_person_changed_is_not_replaced_unasked():
    merged = textgrid.merge(textgrid.write(PERSON, PLAIN), Annotation.of([Event(1, 2, "laugh")]), PLAIN, "x")
    edited = merged.data.replace(b'"laugh"', b'"snort"')
    with pytest.raises(EditedError, match="x: our tiers 'bursts' were changed or renamed"):
        textgrid.merge(edited, Annotation.of([Event(1, 2)]), PLAIN, "x", merged.part)
    options = WriteOptions(replace_edited=True)
    forced = textgrid.merge(edited, Annotation.of([Event(2, 3)]), options, "x", merged.part)
    tiers = textgrid.read(forced.data, "x").tiers
    assert [(t.name, t.events) for t in tiers[1:]] == [
        ("bursts", (Event(1, 2, "snort"),)),
        ("bursts-2", (Event(2, 3),)),
    ]
    assert textgrid.merge(forced.data, Annotation(), PLAIN, "x", forced.part).data == edited


def test_a_tier_of_the_same_name_is_the_persons():
    data = textgrid.write(Annotation.of([Event(0, 1, "theirs")], duration_us=3_000_000), PLAIN)
    merged = textgrid.merge(data, Annotation.of([Event(1, 2, "ours")]), PLAIN, "talk.TextGrid")
    assert [t.name for t in textgrid.read(merged.data, "x").tiers] == ["bursts", "bursts-2"]
    assert merged.notes == ("talk.TextGrid has tiers 'bursts' of its own: ours have other names",)


def test_the_end_of_the_grid_moves_only_for_events_far_behind_it():
    data = textgrid.write(PERSON, PLAIN)
    near = textgrid.merge(data, Annotation.of([Event(2, 3.02)]), PLAIN, "x")
    assert textgrid.read(near.data, "x").tier("bursts").events == (Event(2, 3),) and not near.notes
    far = textgrid.merge(data, Annotation.of([Event(2, 5)]), PLAIN, "x")
    assert textgrid.read(far.data, "x").duration_us == 5_000_000
    assert far.notes == ("the end of the TextGrid was moved from 3 s to 5.000 s",)


def test_a_label_that_the_encoding_cannot_hold_is_refused():
    data = written(Annotation.of([Event(0, 1, "ä")])).encode("cp1252")
    with pytest.raises(FormatError, match="cp1252 has no character '笑'"):
        textgrid.merge(data, Annotation.of([Event(0, 1, "笑")], name="n"), PLAIN, "x")


def test_a_grid_without_tiers_gets_its_first():
    data = textgrid.write(Annotation(duration_us=2_000_000), PLAIN)
    merged = textgrid.merge(data, Annotation.of([Event(0, 1, "a")]), PLAIN, "x")
    assert textgrid.read(merged.data, "x") == Annotation.of([Event(0, 1, "a")], duration_us=2_000_000)
    assert textgrid.merge(merged.data, Annotation(), PLAIN, "x", merged.part).data == data
