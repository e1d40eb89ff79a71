"""What is written is read back, merges can be taken back, damaged files raise nothing but our errors."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbannotate import formats
from vbannotate.errors import VbannotateError
from vbannotate.events import Annotation, Event, Span, Tier
from vbannotate.formats.base import LIMIT_US, WriteOptions

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TIMES = st.integers(0, 10 * 3600 * 1_000_000) | st.integers(0, LIMIT_US // 2)
TEXT = st.text(max_size=12)
CONFIDENCE = st.none() | st.floats(0, 1)
VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)


def events(label=TEXT, extra=st.just({}), least_us=0):
    return st.builds(
        lambda onset, length, label, confidence, extra: Event.from_us(
            onset, onset + length, label, confidence, extra
        ),
        TIMES,
        st.integers(least_us, 100_000_000),
        label,
        CONFIDENCE,
        extra,
    )


def annotations(**kinds):
    """One or two tiers with any name."""
    rows = st.lists(events(**kinds), max_size=4)
    return st.builds(
        lambda name, one, two: Annotation(
            (Tier(name, one), Tier(f"{name}2", two)) if two else (Tier(name, one),)
        ),
        TEXT.filter(str.strip),
        rows,
        rows,
    )


def through(annotation: Annotation, name: str, options: WriteOptions | None = None) -> Annotation:
    return formats.parse(formats.render(annotation, name, options), "x", name)


EXTRA = st.dictionaries(
    TEXT.filter(lambda key: key not in ("onset", "offset", "label", "confidence")), VALUE, max_size=3
)


@QUICK
@given(
    annotations(extra=EXTRA),
    st.none() | TEXT,
    st.none() | TIMES,
    st.none() | st.lists(st.builds(Span, TIMES, TIMES), max_size=3),
    st.dictionaries(TEXT, VALUE | st.lists(VALUE, max_size=3), max_size=3),
)
def test_native_loses_nothing(annotation, media, duration, examined, provenance):
    full = annotation.with_(media=media, duration_us=duration, examined=examined, provenance=provenance)
    assert through(full, "native") == full


@QUICK
@given(annotations())
def test_json_keeps_labels_times_and_confidence(annotation):
    assert through(annotation, "json").events == annotation.events


def clean(text: str) -> str:
    """A label as Audacity's lines can hold it."""
    return text.replace("\r\n", " ").replace("\r", " ").replace("\n", " ").replace("\t", " ")


@QUICK
@given(annotations(label=TEXT.filter(lambda text: not text.endswith("]"))), st.booleans())
def test_audacity_keeps_labels_and_times(annotation, confidence):
    again = through(annotation, "audacity", WriteOptions(confidence=confidence)).tiers[0].events

    def plain(event):
        rounded = None if event.confidence is None else float(f"{event.confidence:.2f}")
        return event.with_(label=clean(event.label), confidence=rounded if confidence else None)

    assert sorted(again, key=repr) == sorted(map(plain, annotation.events), key=repr)


@QUICK
@given(annotations(label=TEXT.filter(lambda text: "\0" not in text)), st.sampled_from(["csv", "tsv"]))
def test_tables_keep_tiers_labels_times_and_confidence(annotation, name):
    if any("\0" in tier.name for tier in annotation.tiers):
        return
    again = through(annotation, name)
    assert {t.name: t.events for t in again.tiers} == {t.name: t.events for t in annotation.tiers if t.events}


@QUICK
@given(annotations(label=TEXT))
def test_raven_and_rttm_keep_times_and_confidence(annotation):
    for name in ("raven", "rttm"):
        again = through(annotation, name).events
        kept = [(e.onset_us, e.offset_us, e.confidence) for e in again]
        assert sorted(kept, key=repr) == sorted(
            ((e.onset_us, e.offset_us, e.confidence) for e in annotation.events), key=repr
        )


WORDS = TEXT.map(lambda text: " ".join(text.split())).filter(
    lambda text: (
        text and not set("[]<>{}&") & set(text) and "-->" not in text and not text.endswith(" continues")
    )
)


@QUICK
@given(annotations(label=WORDS), st.sampled_from(["srt", "vtt"]))
def test_exact_subtitles_keep_labels_and_times_to_the_millisecond(annotation, name):
    again = through(annotation, name, WriteOptions(exact=True)).events
    lost = "\0" if name == "vtt" else ""  # a WebVTT parser reads NUL as U+FFFD (W3C, section 6.1)
    expected = [
        (
            e.onset_us // 1000,
            max(-(-e.offset_us // 1000), e.onset_us // 1000 + 1),
            e.label.replace(lost, "\ufffd") if lost else e.label,
        )
        for e in annotation.events
    ]
    assert sorted((e.onset_us // 1000, e.offset_us // 1000, e.label) for e in again) == sorted(expected)


NEAR = st.builds(
    lambda onset, length, label: Event.from_us(onset * 1000, (onset + length) * 1000, label),
    st.integers(0, 40_000),
    st.integers(1, 9000),
    st.sampled_from(["laugh", "cough", "wow", "5"]),
)


@QUICK
@given(st.data(), st.sampled_from(["srt", "vtt", "audacity"]))
def test_a_merge_can_be_taken_back_byte_for_byte(data, name):
    module = formats.module(name)
    people = Annotation.of(data.draw(st.lists(NEAR, max_size=6)))
    text = module.write(people, WriteOptions(exact=True)).decode()
    ends = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = text.replace("\n", ends).removesuffix(ends if data.draw(st.booleans()) else "")
    start = text.encode(data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])))
    options = WriteOptions(exact=data.draw(st.booleans()))
    body, part = start, None
    for _ in range(2):
        ours = Annotation.of(data.draw(st.lists(NEAR, max_size=5)))
        merged = module.merge(body, ours, options, "x", part)
        body, part = merged.data, merged.part
    assert module.merge(body, Annotation.of([]), options, "x", part).data == start


SAMPLES = {
    "native": b'{"tiers": [{"name": "a", "events": [{"onset": 1.5, "offset": 2, "label": "x"}]}], "a": 1}',
    "json": b'{"file": "a", "events": [{"start": 1.5, "end": 2.25, "confidence": 0.5, "duration": 0.75}]}',
    "audacity": b"1.5\t2.5\tlaugh [0.50]\n\\\t10.0\t20.0\n0:01,5\t3\tx\n",
    "srt": b"1\n00:00:01,500 --> 00:00:02,500 X1:1\n<i>[laughter]</i>\n\n2\n00:00:04 --> 00:00:05,1\nx\n",
    "vtt": b"WEBVTT x\n\nNOTE y\n\nid\n00:01.500 --> 01:00:02.500 align:start\n<v A>[laughter] &amp;</v>\n",
    "csv": b'onset,offset,label,confidence,tier,file\n1.5,2.5,"a ""b""",0.5,t,a.wav\n',
    "tsv": b"a.wav\t1.5\t2.5\tlaugh\na.wav\t3\t4\tx\n",
    "raven": b"Selection\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tSpecies\n1\t1.5\t2.5\t10\tx\n",
    "rttm": b"SPEAKER a 1 1.5 0.5 <NA> <NA> laugh 0.5 <NA>\nNON-LEX a 1 2 1 <NA> cough x <NA> <NA>\n",
}
TOKENS = [
    b"\0",
    b"\xff",
    b"\n",
    b"\r",
    b"\t",
    b'"',
    b"-->",
    b"-1",
    b"1e99",
    b"nan",
    b"9" * 400,
    b"{",
    b"]",
    b",",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b":",
]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """`data` after a few random edits."""
    body = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(body) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            del body[at : at + rng.randint(1, 8)]
        elif kind == 1:
            body[at:at] = rng.choice(TOKENS)
        elif kind == 2 and at < len(body):
            body[at] = rng.randrange(256)
        else:
            body[at:at] = body[rng.randrange(len(body) + 1) :][:20]
    return bytes(body)


def survive(name: str, data: bytes) -> None:
    """Read; write what was read; merge into it. Nothing but our own errors may come out."""
    module = formats.module(name)
    formats.module("srt").guess(data, "x.srt")
    module.guess(data, "x")
    try:
        annotation = module.read(data, "x")
    except VbannotateError as error:
        assert "\n" not in str(error)
        return
    for target in (name, "native"):
        try:
            formats.render(annotation, target)
        except VbannotateError as error:
            assert "\n" not in str(error)
    if hasattr(module, "merge"):
        try:
            module.merge(data, Annotation.of([Event(1, 2, "laugh")]), WriteOptions(), "x", None)
        except VbannotateError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("name", SAMPLES)
def test_damaged_files_give_a_result_or_one_line(name):
    rng = random.Random(name)
    for _ in range(1500):
        survive(name, damaged(SAMPLES[name], rng))


@pytest.mark.parametrize("kind", ["audacity", "srt", "vtt", "csv", "raven"])
def test_damaged_real_files_give_a_result_or_one_line(shared, kind):
    rng = random.Random(kind)
    for path in sorted((shared / "data" / "formats" / kind).iterdir()):
        data = path.read_bytes()[:3000]
        if not data:
            continue
        for _ in range(15):
            broken = damaged(data, rng)
            try:
                name = formats.guess_format(path.name, broken)
            except VbannotateError:
                continue
            if name in SAMPLES:
                survive(name, broken)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_hundred_thousand_events_in_seconds(name):
    laughs = (Event.from_us(k * 300_000, k * 300_000 + 200_000, "laugh") for k in range(100_000))
    many = Annotation.of(laughs)
    began = time.process_time()
    again = through(many, name, WriteOptions(exact=True))
    assert len(again.events) == 100_000
    assert time.process_time() - began < 12
