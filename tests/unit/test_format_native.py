"""The native format: lossless, and its schema agrees with what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vbannotate.errors import FormatError
from vbannotate.events import BURST, Annotation, Event, Span, Tier
from vbannotate.formats import json_published, native
from vbannotate.formats.base import WriteOptions

PLAIN = WriteOptions()
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "formats" / "vb.schema.json"
FULL = Annotation(
    tiers=(
        Tier(
            "bursts", (Event(0.1, 0.7, "laugh", 0.93, {"peak": 0.99, "top": [["laugh", 0.9]]}), Event(1, 1))
        ),
        Tier("marks", (Event(2, 2, "x"),), points=True, extra={"participant": "A"}),
        Tier("empty"),
    ),
    media="take 1.wav",
    duration_us=12_345_678,
    examined=(Span(0, 5_000_000), Span(6_000_000, 12_345_678)),
    provenance={"version": "1", "settings": {"threshold": 0.5}},
    extra={"note": "kept", "list": [1, None, True]},
)


def schema_errors(data: bytes) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    return [error.message for error in validator.iter_errors(json.loads(data))]


@pytest.mark.parametrize("annotation", [FULL, Annotation(), Annotation.of([], examined=())])
def test_nothing_is_lost(annotation):
    data = native.write(annotation, PLAIN)
    assert native.read(data, "x.vb.json") == annotation
    assert schema_errors(data) == []


def test_the_schema_refuses_what_the_reader_refuses():
    for text in (
        '{"tiers": [{"name": "a"}]}',
        '{"tiers": [{"name": "a", "events": [{"onset": "1", "offset": 2}]}]}',
    ):
        assert schema_errors(text.encode())
        with pytest.raises(FormatError):
            native.read(text.encode(), "x")


def test_unknown_keys_survive():
    text = '{"tiers": [{"name": "a", "colour": 3, "events": [{"onset": 1, "offset": 2.5, "who": ["x"]}]}]'
    text += ', "new": {"k": 1}}'
    annotation = native.read(text.encode(), "x")
    assert annotation.events == (Event(1, 2.5, BURST, None, {"who": ["x"]}),)
    written = json.loads(native.write(annotation, PLAIN))
    assert written["new"] == {"k": 1} and written["tiers"][0]["colour"] == 3


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"tiers": 1}', "no list of tiers"),
        ("[1]", "no list of tiers"),
        ('{"tiers": [}', "x, line 1: Expecting value"),
        ('{"tiers": [{"name": "a", "events": [{"onset": 1}]}]}', "tier 'a', event 1: 'offset' is missing"),
        ('{"tiers": [{"name": "a", "events": [{"onset": true, "offset": 1}]}]}', "True is no time"),
        ('{"tiers": [{"name": "a", "events": [{"onset": 1e300, "offset": 1}]}]}', "out of range"),
        ('{"tiers": [{"name": "a", "events": [{"onset": NaN, "offset": 1}]}]}', "NaN is no number of JSON"),
        ('{"tiers": [], "examined": [3]}', "an examined span is not"),
        ('{"tiers": [], "provenance": []}', "provenance has the wrong type"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_damage_is_told_in_one_line(text, what):
    with pytest.raises(FormatError, match=what) as caught:
        native.read(text.encode(), "x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("event", "what"),
    [
        (Event(-1, 0), "negative onset"),
        (Event(0, 1, extra={"onset": 3}), "extra value named 'onset'"),
        (Event(0, 1, extra={"x": float("nan")}), "JSON cannot hold"),
        (Event(0, 1, extra={"x": object()}), "JSON cannot hold"),
    ],
)
def test_what_cannot_be_written_is_refused(event, what):
    with pytest.raises(FormatError, match=what):
        native.write(Annotation.of([event]), PLAIN)


def test_the_published_object():
    """The keys and their order are those of the published script's output."""
    annotation = Annotation.of([Event(2.14, 3.82, BURST, 0.89), Event(5, 6, "laugh", 0.5)], media="rec.wav")
    data = json_published.write(annotation, PLAIN)
    assert data == (
        b'{"file": "rec.wav", "events": ['
        b'{"start": 2.14, "end": 3.82, "confidence": 0.89, "duration": 1.68}, '
        b'{"start": 5.0, "end": 6.0, "confidence": 0.5, "duration": 1.0, "label": "laugh"}]}\n'
    )
    assert json_published.read(data, "x") == annotation


def test_published_objects_of_several_recordings_and_bare_lists():
    line = '{"file": "%s", "events": [{"start": 1, "end": 2, "confidence": 0.5, "duration": 1}]}\n'
    annotation = json_published.read((line % "a.wav" + line % "b.wav").encode(), "x.jsonl")
    assert [e.extra["file"] for e in annotation.events] == ["a.wav", "b.wav"] and annotation.media is None
    assert json_published.read(b'[{"start": 1, "end": 2}]', "x").events == (Event(1, 2),)


@pytest.mark.parametrize(
    "text", ["{}", '{"events": [1]}', '{"events": [{"start": 1}]}', '{"events": [{"start": [], "end": 1}]}']
)
def test_published_objects_that_are_damaged_are_refused(text):
    with pytest.raises(FormatError, match=r"^x[:,]"):
        json_published.read(text.encode(), "x")
