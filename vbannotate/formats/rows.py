"""Rows for Praat and ELAN: tiers without overlap, with names that are free.

Neither a TextGrid tier nor an ELAN tier can hold two events at one time. Events that overlap go to further
rows ``NAME-2``, ``NAME-3`` ...: each event to the first row that is free at its onset.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from vbannotate.events import BURST, Annotation, Event, Tier

CONFIDENCE = "-confidence"  # suffix of the tier that holds the confidence of another


@dataclass(frozen=True, slots=True)
class Row:
    """A tier as it is written. `spans` are (start, end, event) in order, in the unit of the format."""

    name: str
    tier: Tier
    points: bool
    spans: tuple[tuple[int, int, Event], ...]

    @property
    def rated(self) -> bool:
        """Whether any event has a confidence."""
        return any(event.confidence is not None for _, _, event in self.spans)


def rows(
    tiers: Sequence[Tier], span: Callable[[Event], tuple[int, int]], taken: Iterable[str] = ()
) -> list[Row]:
    """The rows of `tiers`; `span` gives the start and end of an event in the unit of the format.

    Events with start == end become rows of points: under the tier's own name where it has nothing else,
    else as ``NAME-points``. `taken` are names that may not be used; equal names of tiers are kept apart.
    """
    used, result = set(taken), []
    wanted = {tier.name for tier in tiers}
    for tier in tiers:
        spans = sorted(
            ((*span(event), event) for event in tier.events), key=lambda s: (s[0], s[1], s[2].label)
        )
        lengths = [s for s in spans if s[0] != s[1]]
        points = [s for s in spans if s[0] == s[1]]
        groups = [(tier.name, False, lengths)] if lengths or not (points or tier.points) else []
        if points or (tier.points and not lengths):
            groups.append((f"{tier.name}-points" if groups else tier.name, True, points))
        for name, is_points, group in groups:
            for number, lane in enumerate(lanes(group), 1):
                base = name if number == 1 else f"{name}-{number}"
                given = free_name(base, used if base == tier.name else used | wanted)
                used.add(given)
                result.append(Row(given, tier, is_points, tuple(lane)))
    return result


def lanes(spans: Sequence[tuple[int, int, Event]]) -> list[list[tuple[int, int, Event]]]:
    """Split sorted spans into lists without overlap (points: without equal times); at least one list."""
    result: list[list[tuple[int, int, Event]]] = [[]]
    for span in spans:
        for lane in result:
            if not lane or (lane[-1][1] <= span[0] and lane[-1][0] < span[0]):
                lane.append(span)
                break
        else:
            result.append([span])
    return result


def free_name(name: str, taken: Iterable[str]) -> str:
    """`name`, or the first of ``name-2``, ``name-3`` ... that is not taken."""
    taken, number, given = set(taken), 1, name
    while given in taken:
        number += 1
        given = f"{name}-{number}"
    return given


def shown(label: str) -> str:
    """The text of an event in a row of intervals, where an empty text would mean that there is no event."""
    return label if label.strip() else BURST


def confidence_text(value: float | None) -> str:
    """A confidence as people read it: at most six decimals, no trailing zeros."""
    if value is None:
        return ""
    return f"{value:.6f}".rstrip("0").rstrip(".") if 0 <= value < 1e6 else repr(value)


def parse_confidence(text: str) -> float | None:
    """The confidence in `text`, or None where it is no number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None


def fold_confidence(tiers: Sequence[Tier]) -> list[Tier]:
    """Put the values of each tier ``NAME-confidence`` into the events of the tier NAME before it.

    Only where every event of it has its partner at the same times and a number from 0 to 1; other tiers stay.
    """
    result: list[Tier] = []
    for tier in tiers:
        index = next((i for i, t in enumerate(result) if t.name + CONFIDENCE == tier.name), None)
        rated = _rated(result[index], tier) if index is not None else None
        if index is None or rated is None:
            result.append(tier)
        else:
            result[index] = rated
    return result


def _rated(tier: Tier, confidences: Tier) -> Tier | None:
    """`tier` with the values of `confidences`, or None where they do not fit."""
    values = {(e.onset_us, e.offset_us): parse_confidence(e.label) for e in confidences.events}
    spans = {(e.onset_us, e.offset_us) for e in tier.events}
    if (
        tier.points != confidences.points
        or not values
        or None in values.values()
        or not values.keys() <= spans
    ):
        return None
    events = tuple(e.with_(confidence=values.get((e.onset_us, e.offset_us))) for e in tier.events)
    return Tier(tier.name, events, tier.points, tier.extra)


def fingerprint(values: Any) -> str:
    """A short fingerprint of plain JSON values, to see whether somebody changed them."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def edited_message(name: str, edited: Sequence[str]) -> tuple[str, str]:
    """What is wrong, and how to mend it, where a person has changed `edited`, tiers of ours."""
    what = f"{name}: our tiers {', '.join(map(repr, edited))} were changed or renamed since the last merge"
    return what, "give --replace-edited to write new ones all the same; the changed ones stay"


def name_notes(name: str, annotation: Annotation, taken: Iterable[str]) -> list[str]:
    """A line where tiers of the file have the names that ours would have."""
    clash = sorted({tier.name for tier in annotation.tiers} & set(taken))
    return (
        [f"{name} has tiers {', '.join(map(repr, clash))} of its own: ours have other names"] if clash else []
    )
