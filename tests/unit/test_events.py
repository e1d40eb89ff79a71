"""The values: seconds in, whole microseconds inside, nothing to change by accident."""

from __future__ import annotations

import dataclasses
import pickle
from decimal import Decimal

import pytest

import vbannotate
from vbannotate import Annotation, Event, Span, Tier


def test_seconds_in_microseconds_inside():
    event = Event(0.1, Decimal("0.3"), "laugh", 0.87, {"peak": 0.9})
    assert (event.onset_us, event.offset_us, event.duration_us) == (100_000, 300_000, 200_000)
    assert (event.onset, event.offset, event.duration) == (0.1, 0.3, 0.2)
    assert event == Event.from_us(100_000, 300_000, "laugh", 0.87, {"peak": 0.9})
    assert Event(1, 2).label == "burst"


def test_events_cannot_be_changed():
    event = Event(1, 2, extra={"a": 1})
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.label = "x"
    with pytest.raises(TypeError):
        event.extra["a"] = 2
    assert event.with_(label="sigh") == Event(1, 2, "sigh", extra={"a": 1})


def test_what_a_person_wrote_is_kept_and_named():
    assert Event(-1, 2).problem() == "negative onset -1.0 s"
    assert Event(2, 1).problem() == "offset 1.0 s before onset 2.0 s"
    assert Event(1, 1).problem() is None
    with pytest.raises(ValueError, match="not a time"):
        Event(float("nan"), 1)


def test_an_annotation_shows_its_events_in_order():
    annotation = Annotation((Tier("a", (Event(3, 4), Event(1, 2))), Tier("b", (Event(2, 3),))))
    assert [e.onset for e in annotation.events] == [1.0, 2.0, 3.0]
    assert [e.onset for e in annotation.tier("a").events] == [3.0, 1.0]
    assert [e.onset for e in annotation.tier("a").sorted().events] == [1.0, 3.0]
    with pytest.raises(KeyError):
        annotation.tier("c")


def test_values_travel_between_processes():
    annotation = Annotation.of(
        [Event(1, 2, "x", 0.5, {"k": [1]})], duration_us=5, examined=[Span(0, 5)], provenance={"a": {"b": 1}}
    )
    again = pickle.loads(pickle.dumps(annotation))
    assert again == annotation
    assert again.events[0].extra == {"k": [1]}
    assert again.provenance == {"a": {"b": 1}}


def test_linguists_objects_go_in_and_out():
    annotation = Annotation((Tier("a", (Event(1, 2, "laugh"),)),), duration_us=3_000_000)
    for back in (
        Annotation.from_pympi(annotation.to_pympi()),
        Annotation.from_textgrid(annotation.to_textgrid()),
    ):
        assert back.tier("a").events == (Event(1, 2, "laugh"),)


def test_events_and_tiers_are_hashable():
    assert len({Event(1, 2), Event(1, 2), Event(1, 3)}) == 2
    assert len({Tier("a"), Tier("a")}) == 1


def test_the_public_names_are_there():
    for name in vbannotate.__all__:
        assert getattr(vbannotate, name)
    with pytest.raises(AttributeError, match="no attribute 'detct'"):
        vbannotate.detct  # noqa: B018
