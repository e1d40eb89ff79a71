"""What may be scored: lists of events or rows, annotations, or a mapping from file name to either.

Times that cannot be meant are refused with file and row and never repaired. Files are the union of both
sides: a file that only one side has counts as misses or as false alarms there, and is named in a note.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from vbannotate.errors import VbannotateError
from vbannotate.events import Annotation, Event, Span
from vbannotate.times import to_us

Row = Sequence[object]  # onset s, offset s, label, confidence; the last two may be missing
Recording = Annotation | Iterable[Event | Row]
Side = Recording | Mapping[str, Recording]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One file of one side. `present` is False where this side has no such file."""

    events: tuple[Event, ...] = ()
    examined: tuple[Span, ...] | None = None
    duration_us: int | None = None
    present: bool = True


def side_of(side: Side, name: str) -> dict[str, Part]:
    """The files of a side, by name; one without a name is called "". `name` is the side, for errors.

    Raises VbannotateError for times that are negative, reversed or no numbers.
    """
    recordings = side if isinstance(side, Mapping) else {"": side}
    return {str(key): _part(value, str(key) or name) for key, value in recordings.items()}


def union_of(reference: dict[str, Part], estimate: dict[str, Part]) -> tuple[list[str], list[str]]:
    """All file names in order, and a note for each side's missing files."""
    notes = []
    for missing, side, other, booked in (
        (reference.keys() - estimate.keys(), estimate, reference, "misses"),
        (estimate.keys() - reference.keys(), reference, estimate, "false alarms"),
    ):
        if missing and side:
            count = sum(len(other[name].events) for name in missing)
            which = "estimate" if booked == "misses" else "reference"
            names = ", ".join(sorted(missing)[:5]) + (" ..." if len(missing) > 5 else "")
            notes.append(
                f"{len(missing)} file(s) without {which}: {count} event(s) count as {booked} ({names})"
            )
    return sorted(reference.keys() | estimate.keys()), notes


def _part(recording: Recording, name: str) -> Part:
    if isinstance(recording, Annotation):
        events = tuple(event for tier in recording.tiers for event in tier.events)
        part = Part(events, recording.examined, recording.duration_us)
    else:
        part = Part(tuple(_events(recording, name)))
    _check(part.events, name)
    return part


def _events(rows: Iterable[Event | Row], name: str) -> Iterable[Event]:
    problems = []
    for number, row in enumerate(rows, 1):
        if isinstance(row, Event):
            yield row
            continue
        try:
            yield event_of_row(row)
        except ValueError as error:
            problems.append(f"{name}, event {number}: {error}")
    _raise(problems)


def _check(events: Sequence[Event], name: str) -> None:
    bad = [(i, event) for i, event in enumerate(events, 1) if not 0 <= event.onset_us <= event.offset_us]
    _raise([f"{name}, event {i}: {event.problem()}" for i, event in bad])


def _raise(problems: list[str]) -> None:
    if problems:
        more = len(problems) - _SHOWN
        text = "; ".join(problems[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
        raise VbannotateError(text, "correct the times or leave the events out")


def event_of_row(row: Row) -> Event:
    """An event of a row (onset s, offset s, label, confidence), rounded once to the microsecond.

    Raises ValueError, which says what is wrong, for anything but plain decimal numbers in order.
    """
    if not 2 <= len(row) <= 4:
        raise ValueError(f"{len(row)} columns where onset, offset, label are expected")
    onset, offset = (_time(value) for value in row[:2])
    if offset < onset:
        raise ValueError(f"end before start: {row[1]} < {row[0]}")
    label, confidence = (*row[2:], *(None, None))[:2]
    event = Event.from_us(onset, offset)
    changes = {} if label is None else {"label": str(label)}
    return event.with_(**changes, confidence=None if confidence is None else float(confidence))  # type: ignore[arg-type]


def _time(value: object) -> int:
    if value is None or isinstance(value, bool):
        raise ValueError(f"not a number: {value!r}")
    number = value if isinstance(value, int | float | Decimal | Fraction) else _decimal(value)
    if not math.isfinite(number):
        raise ValueError(f"not finite: {number}")
    if number < 0:
        raise ValueError(f"negative time: {number}")
    return to_us(number)


def _decimal(value: object) -> Decimal:
    """Decimal text, or a number of another library."""
    text = value.strip() if isinstance(value, str) else str(value)
    try:
        return Decimal(text)
    except InvalidOperation:
        comma = " (a decimal comma; write a point)" if "," in text else ""
        raise ValueError(f"not a number: {value!r}{comma}") from None
