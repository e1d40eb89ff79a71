"""Tables: csv, tsv, Raven selection tables, RTTM."""

from __future__ import annotations

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import BURST, Annotation, Event, Tier
from vbannotate.formats import csv, raven, rttm, tsv
from vbannotate.formats.base import WriteOptions

PLAIN = WriteOptions()


def read(text: str) -> Annotation:
    return csv.read(text.encode(), "t.csv")


def test_columns_that_are_written():
    annotation = Annotation(
        (Tier("A", (Event(1, 2.5, 'say "a, b"', 0.5), Event(3, 4, " x\ny", None, {"peak": 0.9}))),),
        media="a.wav",
    )
    data = csv.write(annotation, PLAIN)
    assert data.decode() == (
        "onset,offset,label,confidence,tier,file,peak\n"
        '1.000000,2.500000,"say ""a, b""",0.5,A,a.wav,\n'
        '3.000000,4.000000," x\ny",,A,a.wav,0.9\n'
    )
    again = csv.read(data, "t.csv")
    assert again.media == "a.wav" and again.tiers[0].events[0] == annotation.events[0]
    assert again.tiers[0].events[1].extra == {"peak": "0.9"}
    assert tsv.read(tsv.write(annotation, PLAIN), "t.tsv") == again


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("onset,offset,label\n1,2,laugh\n", Event(1, 2, "laugh")),
        ("Start;End;Class;Score\n1,5;2,5;laugh;0.5\n", Event(1.5, 2.5, "laugh", 0.5)),
        ("labels\tstart\tstop\nmale\t0.0\t0.66\n", Event(0, 0.66, "male")),
        ("label,start,duration\nx,1,0.5\n", Event(1, 1.5, "x")),
        ("segment_onset,segment_offset,speaker_type\n100,342,OCH\n", Event(0.1, 0.342, "OCH")),
        ("start,end\n0:01,0:02.5\n", Event(1, 2.5, BURST)),
        ("1.2\t2.3\tevent\n", Event(1.2, 2.3, "event")),
        ('1.2 2.3 f1 "a text"\n', Event(1.2, 2.3, "a text", None, {"column 3": "f1"})),
        ("f1,1.2,2.3,text\n", Event(1.2, 2.3, "text", None, {"column 1": "f1"})),
        ("01.014\t\t05.687\t\tharp", Event(1.014, 5.687, "harp")),
        ("1,2\n", Event(1, 2, BURST)),
    ],
)
def test_tables_as_other_programs_write_them(text, event):
    assert read(text).events == (event,)


def test_dcase_lists_name_their_recordings():
    text = "a.wav\tstreet\t1.0\t2.0\tcar\nb.wav\tstreet\t3.0\t4.0\tdog\n"
    events = read(text).events
    assert [(e.extra["file"], e.label) for e in events] == [("a.wav", "car"), ("b.wav", "dog")]
    assert read("filename\tonset\toffset\tevent_label\na.wav\t\t\t\n").events == ()
    assert read(text.replace("b.wav", "a.wav")).media == "a.wav"


def test_quotes_that_do_not_match_are_plain_characters():
    annotation = read('1\t2\t"a\n3\t4\tb\n')
    assert [e.label for e in annotation.events] == ['"a', "b"]
    assert "quotes are read as they stand" in annotation.warnings[0]


def test_one_odd_row_does_not_hide_the_columns():
    annotation = read("".join(f"{k}\t{k + 1}\tx\n" for k in range(9)) + "oops\n")
    assert len(annotation.events) == 9 and "line 10" in annotation.warnings[0]


def test_rows_that_are_no_events_are_named():
    annotation = read("onset,offset,label\n1,2,a\nx,y,b\n5,4,c\n")
    assert [e.label for e in annotation.events] == ["a", "c"]
    assert [w[:13] for w in annotation.warnings] == ["t.csv, line 3", "t.csv, line 4"]


@pytest.mark.parametrize("text", ["id,label,duration\n1,2,3\n", "a,b,c\n", "1,b\n2,c\n"])
def test_a_table_without_times_is_refused(text):
    with pytest.raises(FormatError, match=r"^t\.csv, line 1: no (two )?columns of"):
        read(text)


RAVEN = (
    "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies"
    "\tdistance\r\n"
    "7\tWaveform 1\t1\t1.500000\t2.250000\t10.5\t4000.0\tWOTH\tfar\r\n"
    "7\tSpectrogram 1\t1\t1.500000\t2.250000\t10.5\t4000.0\tWOTH\tfar\r\n"
)


def test_raven_tables_keep_their_columns():
    annotation = raven.read(RAVEN.replace("Waveform", "Spectrogram", 1).encode(), "x")
    assert raven.write(annotation, PLAIN).decode() == RAVEN.replace("\r\n", "\n").replace(
        "Waveform", "Spectrogram"
    )
    (event, _) = annotation.events
    assert (event.onset, event.offset, event.label) == (1.5, 2.25, "WOTH")
    assert (event.extra["low_hz"], event.extra["high_hz"], event.extra["distance"]) == (10.5, 4000.0, "far")


def test_a_selection_seen_in_two_views_is_one_event():
    lines = RAVEN.splitlines(keepends=True)
    assert len(raven.read("".join([lines[0], lines[2], lines[1]]).encode(), "x").events) == 1


def test_raven_tables_of_our_events():
    annotation = Annotation.of(
        [Event(1, 2, "laugh", 0.75), Event(3, 4, "cough", 0.5, {"low_hz": 100, "high_hz": 900})]
    )
    data = raven.write(annotation, PLAIN)
    assert data.splitlines()[1] == b"1\tSpectrogram 1\t1\t1.000000\t2.000000\t0.0\t8000.0\tlaugh\t0.75"
    again = raven.read(data, "x").events
    assert [(e.onset, e.label, e.confidence) for e in again] == [(1, "laugh", 0.75), (3, "cough", 0.5)]


def test_a_raven_table_without_rows_is_a_result_and_without_columns_refused():
    assert raven.read(RAVEN.split("\r\n")[0].encode(), "x").events == ()
    with pytest.raises(FormatError, match="x, line 1: no columns 'Begin Time"):
        raven.read(b"Selection\tView\n", "x")


def test_rttm_lines():
    text = (
        ";; comment\nSPEAKER talk 1 1.500 0.250 <NA> <NA> laugh <NA> <NA>\n"
        "NON-LEX talk 1 3.000 0.500 <NA> cough spk1 0.9 <NA>\n"
        "SPKR-INFO talk 1 <NA> <NA> <NA> unknown x <NA> <NA>\n"
    )
    annotation = rttm.read(text.encode(), "x.rttm")
    assert [(e.onset, e.offset, e.label, e.confidence) for e in annotation.events] == [
        (1.5, 1.75, "laugh", None),
        (3, 3.5, "cough", 0.9),
    ]
    assert annotation.media == "talk" and annotation.warnings == ()
    again = rttm.write(annotation, PLAIN).decode()
    assert again == (
        "SPEAKER talk 1 1.500000 0.250000 <NA> <NA> laugh <NA> <NA>\n"
        "NON-LEX talk 1 3.000000 0.500000 <NA> cough spk1 0.9 <NA>\n"
    )


def test_rttm_of_our_events_has_no_blanks_in_its_fields():
    annotation = Annotation.of([Event(1, 2, "loud laugh", 0.5), Event(2, 3, "")], media="C:\\a\\my talk.wav")
    assert rttm.write(annotation, PLAIN).decode() == (
        "SPEAKER my_talk.wav 1 1.000000 1.000000 <NA> <NA> loud_laugh 0.5 <NA>\n"
        "SPEAKER my_talk.wav 1 2.000000 1.000000 <NA> <NA> <NA> <NA> <NA>\n"
    )


def test_no_rttm_is_refused():
    with pytest.raises(FormatError, match="no RTTM"):
        rttm.read(b"hello\n", "x.rttm")
    assert rttm.read(b"", "x.rttm").events == ()


@pytest.mark.parametrize("module", [csv, tsv, raven, rttm])
def test_wrong_times_are_refused_by_name(module):
    with pytest.raises(FormatError, match="event 'cough' in tier 'bursts': negative onset"):
        module.write(Annotation.of([Event(-1, 1, "cough")]), PLAIN)
