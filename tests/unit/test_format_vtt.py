"""WebVTT: what is kept beside times and text, escapes, merging. The W3C's rules are proved in tests/real."""

from __future__ import annotations

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event
from vbannotate.formats import srt, vtt
from vbannotate.formats.base import WriteOptions

PLAIN = WriteOptions()
FULL = """WEBVTT - talk

STYLE
::cue { color: red }

REGION
id:fred

NOTE first

intro
00:01.000 --> 00:00:03.000 align:start line:0
<v Ann>Hello &amp; welcome</v>

NOTE
two
lines

00:00:20.000 --> 00:00:22.000
Fine.

NOTE end
"""


def test_everything_beside_the_text_is_kept():
    annotation = vtt.read(FULL.encode(), "talk.vtt")
    assert [e.label for e in annotation.events] == ["Hello & welcome", "Fine."]
    assert vtt.write(annotation, PLAIN).decode() == FULL.replace("00:01.000", "00:00:01.000")


def test_labels_are_escaped_and_read_back():
    label = "a <b> & c > d"
    data = vtt.write(Annotation.of([Event(1, 3, label)]), PLAIN)
    assert b"[a &lt;b&gt; &amp; c &gt; d]" in data
    assert vtt.read(data, "x").events[0].label == label


def test_markup_becomes_that_of_subrip():
    annotation = vtt.read(b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann><i>1 &lt; 2</i></v>\n", "x.vtt")
    assert srt.write(annotation, PLAIN) == b"1\n00:00:01,000 --> 00:00:02,000\n<i>1 < 2</i>\n"


def test_blocks_that_are_no_cue_are_named():
    annotation = vtt.read(b"WEBVTT\n\n00:01 --> 00:02\nx\n\nid only\n\n00:01.000 --> 00:02.000\ny\n", "t.vtt")
    assert [e.label for e in annotation.events] == ["y"]
    assert [w[:13] for w in annotation.warnings] == ["t.vtt, line 3", "t.vtt, line 6"]


def test_a_file_without_signature_is_read_with_a_warning_or_refused():
    annotation = vtt.read(b"00:01.000 --> 00:02.000\ny\n", "t.vtt")
    assert len(annotation.events) == 1 and "no WEBVTT signature" in annotation.warnings[0]
    with pytest.raises(FormatError, match=r"t\.vtt, line 1: no WEBVTT signature"):
        vtt.read(b"BROKENVTT\n", "t.vtt")


def test_nothing_found_is_a_valid_file():
    data = vtt.write(Annotation.of([]), PLAIN)
    assert data == b"WEBVTT\n" and vtt.read(data, "x").events == ()


def test_merging_leaves_header_notes_and_styles_alone():
    ours = Annotation.of([Event(10, 10.3, "sigh"), Event(1.5, 1.7, "a<b")])
    merged = vtt.merge(FULL.encode(), ours, PLAIN, "talk.vtt", None)
    own = "\n\n00:00:10.000 --> 00:00:11.000\n[sighs]"
    expected = FULL.replace("<v Ann>", "[a&lt;b]\n<v Ann>").replace("</v>", f"</v>{own}")
    assert merged.data.decode() == expected
    assert vtt.merge(merged.data, Annotation.of([]), PLAIN, "talk.vtt", merged.part).data == FULL.encode()


def test_merging_into_a_file_without_cues():
    merged = vtt.merge(b"WEBVTT", Annotation.of([Event(1, 2, "cough")]), PLAIN, "x", None)
    assert merged.data == b"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n[coughs]\n"
