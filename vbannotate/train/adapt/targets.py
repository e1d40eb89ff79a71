"""What each frame of a user's recording should give in each column of a network, and how much that is known.

A network may say more than people mark: single sounds of a series beside the series, or kinds of bursts (see
`Card`). Where an annotation does not tell, the weight is 0, and the fit holds the frame where it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vbannotate.decode import EVENT, PULSE
from vbannotate.events import BURST, Annotation, Event
from vbannotate.models.base import Card
from vbannotate.synth import activity

_EDGE_WEIGHT = 0.5  # the two frames at each boundary: nobody marks to 20 ms


@dataclass(frozen=True, slots=True)
class Column:
    """What a column of the network stands for: bursts of any label if `label` is None, series joined or not.

    `granularity` None: the model knows no difference. `among` are the kinds of which the column gives the
    share of one: what is no burst has no share.
    """

    label: str | None
    granularity: str | None
    among: tuple[str, ...] = ()


def columns(card: Card) -> list[Column]:
    """The columns of a model's network that have a meaning, in order (see `Card`)."""
    labels = [None] if len(card.labels) == 1 else list(card.labels)
    found = [Column(label, level) for level in card.granularities or (None,) for label in labels]
    return found + [Column(kind, None, card.kinds) for kind in card.kinds]


def targets(
    annotation: Annotation, meant: list[Column], given: str, frames: int, width: int, frame_us: int
) -> tuple[np.ndarray, np.ndarray]:
    """Target and weight of each frame and column, float16 [frames, width]; columns beyond `meant` weigh 0.

    `given` is the granularity of the annotation.
    """
    target, weight = np.zeros((2, frames, width), np.float16)
    looked_at = np.ones(frames, bool)
    if annotation.examined is not None:
        looked_at = _covered([(s.start_us, s.end_us) for s in annotation.examined], frames, frame_us)
    for k, column in enumerate(meant[:width]):
        wanted, unknown = _spans(annotation.events, column, given)
        inside = _covered(wanted, frames, frame_us)
        target[:, k] = inside
        trust = np.where(_edges(inside), _EDGE_WEIGHT, 1.0)
        trust[_covered(unknown, frames, frame_us) & ~inside] = 0
        if column.among:
            named = [e for e in annotation.events if e.label in column.among]
            trust[~_covered(_times(named), frames, frame_us)] = 0
        weight[:, k] = trust * looked_at
    return target, weight


Spans = list[tuple[int, int]]


def _spans(events: tuple[Event, ...], column: Column, given: str) -> tuple[Spans, Spans]:
    """Where a column should fire, and where nobody said whether it should, in microseconds."""
    own = [e for e in events if column.label in (None, e.label)]
    unsure = [] if column.label is None else [e for e in events if e.label == BURST]
    spans, unknown = _times(own), _times(unsure)
    if column.granularity == EVENT and given == PULSE:
        return _joined(spans), _joined(unknown)
    if column.granularity == PULSE and given == EVENT:
        return [], spans + unknown  # somewhere in each there is a sound, with pauses or without
    return spans, unknown


def _times(events: list[Event]) -> Spans:
    return [(event.onset_us, event.offset_us) for event in events]


def _joined(spans: Spans) -> Spans:
    seconds = activity.join(sorted((a / 1e6, b / 1e6) for a, b in spans), activity.BOUT_GAP)
    return [(round(a * 1e6), round(b * 1e6)) for a, b in seconds]


def _covered(spans: Spans, frames: int, frame_us: int) -> np.ndarray:
    """Which frames have their middle in a span, bool [frames]."""
    middles = np.arange(frames) * frame_us + frame_us // 2
    inside = np.zeros(frames, bool)
    for start, end in spans:
        inside |= (middles >= start) & (middles < end)
    return inside


def _edges(inside: np.ndarray) -> np.ndarray:
    """The frames on both sides of each change, bool [frames]."""
    change = np.diff(inside, prepend=inside[:1])
    return change | np.append(change[1:], False)
