"""The values everything else passes around: Event, Span, Tier, Annotation.

All are immutable. Times are whole microseconds on the media clock (`onset_us`); seconds are given back as
properties. Intervals are half open: events that touch do not overlap. A point label has onset == offset.
An annotation read from a person's file may hold negative or reversed times: readers keep what stands there,
`Event.problem()` names what is wrong, and writers and scoring refuse it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from vbannotate.times import from_us, to_us

BURST = "burst"  # the label of an event whose kind nobody has named
TIER = "bursts"  # the tier that our own detections go to

_EMPTY: Mapping[str, Any] = MappingProxyType({})
Seconds = int | float | Decimal | Fraction


def _objects() -> Any:
    """The module that knows other libraries' objects; the one look upwards of the values."""
    from importlib import import_module

    return import_module("vbannotate.formats.objects")


def frozen(mapping: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A read-only copy of `mapping`."""
    return MappingProxyType(dict(mapping)) if mapping else _EMPTY


@dataclass(frozen=True, slots=True, init=False)
class Event:
    """One vocal burst. Made from seconds; holds and compares whole microseconds.

    `confidence` is 0-1 as its model defines it, None where a person made the event. `extra` holds what a
    model or a format adds (peak, frequency range, runners-up, unknown keys).
    """

    onset_us: int
    offset_us: int
    label: str
    confidence: float | None
    extra: Mapping[str, Any] = field(hash=False)

    def __init__(
        self,
        onset: Seconds,
        offset: Seconds,
        label: str = BURST,
        confidence: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises ValueError for times that are not finite."""
        _set(self, to_us(onset), to_us(offset), label, confidence, extra)

    @classmethod
    def from_us(
        cls,
        onset_us: int,
        offset_us: int,
        label: str = BURST,
        confidence: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Event:
        """An event from whole microseconds."""
        event = object.__new__(cls)
        _set(event, onset_us, offset_us, label, confidence, extra)
        return event

    @property
    def onset(self) -> float:
        """Onset in seconds."""
        return from_us(self.onset_us)

    @property
    def offset(self) -> float:
        """Offset in seconds."""
        return from_us(self.offset_us)

    @property
    def duration_us(self) -> int:
        """Length in microseconds."""
        return self.offset_us - self.onset_us

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return from_us(self.duration_us)

    def key(self) -> tuple[int, int, str]:
        """Onset, offset, label: the order of events in a file."""
        return self.onset_us, self.offset_us, self.label

    def with_(self, **changes: Any) -> Event:
        """A copy with some of onset_us, offset_us, label, confidence, extra replaced."""
        values = {
            name: getattr(self, name) for name in ("onset_us", "offset_us", "label", "confidence", "extra")
        }
        return Event.from_us(**(values | changes))

    def problem(self) -> str | None:
        """What is wrong with the times, or None."""
        if self.onset_us < 0:
            return f"negative onset {self.onset} s"
        if self.offset_us < self.onset_us:
            return f"offset {self.offset} s before onset {self.onset} s"
        return None

    def __reduce__(self) -> tuple:
        return Event.from_us, (self.onset_us, self.offset_us, self.label, self.confidence, dict(self.extra))


def _set(
    event: Event,
    onset_us: int,
    offset_us: int,
    label: str,
    confidence: float | None,
    extra: Mapping[str, Any] | None,
) -> None:
    for name, value in (
        ("onset_us", int(onset_us)),
        ("offset_us", int(offset_us)),
        ("label", label),
        ("confidence", None if confidence is None else float(confidence)),
        ("extra", frozen(extra)),
    ):
        object.__setattr__(event, name, value)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of media, half open, in whole microseconds."""

    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Tier:
    """A named row of events (tier in Praat and ELAN, label track in Audacity), in file order.

    `points` marks a tier of points; `extra` holds what a format adds (ELAN type, participant, bounds).
    """

    name: str
    events: tuple[Event, ...] = ()
    points: bool = False
    extra: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "events", tuple(self.events))
        object.__setattr__(self, "extra", frozen(self.extra))

    def sorted(self) -> Tier:
        """The tier with its events in order of onset, offset, label."""
        return replace(self, events=tuple(sorted(self.events, key=Event.key)))

    def __reduce__(self) -> tuple:
        return Tier, (self.name, self.events, self.points, dict(self.extra))


@dataclass(frozen=True, slots=True)
class Annotation:
    """Everything one annotation file says about one recording.

    `examined` are the spans somebody or something looked at; None means all of the recording. "No event" is
    not "not looked at". `media` is the recording's path as known, `duration_us` its length if known.
    `provenance` says how the annotation was made; `extra` keeps unknown keys; `warnings` is what a reader
    skipped or guessed, one line each.
    """

    tiers: tuple[Tier, ...] = ()
    media: str | None = None
    duration_us: int | None = None
    examined: tuple[Span, ...] | None = None
    provenance: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, hash=False)
    extra: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, hash=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tiers", tuple(self.tiers))
        object.__setattr__(self, "examined", None if self.examined is None else tuple(self.examined))
        object.__setattr__(self, "warnings", tuple(self.warnings))
        object.__setattr__(self, "provenance", frozen(self.provenance))
        object.__setattr__(self, "extra", frozen(self.extra))

    @classmethod
    def of(cls, events: Iterable[Event], name: str = TIER, **fields: Any) -> Annotation:
        """An annotation of one tier."""
        return cls(tiers=(Tier(name, tuple(events)),), **fields)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of all tiers, in order of onset, offset, label."""
        return tuple(sorted((e for tier in self.tiers for e in tier.events), key=Event.key))

    @property
    def duration(self) -> float | None:
        """Length of the recording in seconds, if known."""
        return None if self.duration_us is None else from_us(self.duration_us)

    def tier(self, name: str) -> Tier:
        """The first tier called `name`. Raises KeyError."""
        for tier in self.tiers:
            if tier.name == name:
                return tier
        raise KeyError(name)

    def with_(self, **changes: Any) -> Annotation:
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def to_pympi(self, *, confidence: bool = False) -> Any:
        """A `pympi.Elan.Eaf` with these tiers, for linguists' scripts."""
        return _objects().to_pympi(self, confidence=confidence)

    def to_textgrid(self, *, confidence: bool = False) -> Any:
        """A `textgrid.TextGrid` with these tiers."""
        return _objects().to_textgrid(self, confidence=confidence)

    @classmethod
    def from_pympi(cls, eaf: Any) -> Annotation:
        """What a `pympi.Elan.Eaf` holds."""
        return _objects().from_pympi(eaf)

    @classmethod
    def from_textgrid(cls, grid: Any) -> Annotation:
        """What a `textgrid.TextGrid` holds."""
        return _objects().from_textgrid(grid)

    def __reduce__(self) -> tuple:
        values = (self.tiers, self.media, self.duration_us, self.examined)
        return Annotation, (*values, dict(self.provenance), dict(self.extra), self.warnings)
