"""The published program's text and JSON, character by character."""

from __future__ import annotations

from vbannotate import Annotation, Event, Tier
from vbannotate.report import as_json, as_text

EVENTS = (Event(2.14, 3.82, confidence=0.8941), Event(5.02, 5.72, confidence=0.7))


def test_the_published_listing():
    assert as_text("rec.wav", Annotation.of(EVENTS)) == (
        "Detected 2 vocal burst(s) in rec.wav:\n\n"
        "  1. 2.14s - 3.82s  (duration: 1.68s, confidence: 0.89)\n"
        "  2. 5.02s - 5.72s  (duration: 0.70s, confidence: 0.70)"
    )
    assert as_text("a/rec.wav", Annotation.of([])) == "No vocal bursts detected in a/rec.wav"


def test_the_published_object():
    assert as_json("rec.wav", Annotation.of(EVENTS)) == {
        "file": "rec.wav",
        "events": [
            {"start": 2.14, "end": 3.82, "confidence": 0.894, "duration": 1.68},
            {"start": 5.02, "end": 5.72, "confidence": 0.7, "duration": 0.7},
        ],
    }


def test_a_label_and_a_tier_are_named_where_there_are_any():
    annotation = Annotation((Tier("a", (Event(1, 2, "laugh"),)), Tier("b", (Event(0, 1),))))
    events = as_json("x", annotation)["events"]
    assert [(e.get("label"), e["tier"]) for e in events] == [(None, "b"), ("laugh", "a")]
    assert "  2. 1.00s - 2.00s  (duration: 1.00s, laugh, a)" in as_text("x", annotation)
