"""Figures of a detector on sets of recordings: pooled and mean F1, by background, class and source, false
alarms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vbannotate.decode import Settings, decode
from vbannotate.events import Event
from vbannotate.match import Criterion, match
from vbannotate.times import to_us
from vbannotate.train.sets import Item


@dataclass(frozen=True, slots=True)
class Counts:
    """Matched, missed and false events and the seconds that they were looked for in."""

    hits: int = 0
    misses: int = 0
    false: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false + other.false,
            self.seconds + other.seconds,
        )

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FN + FP); 1 where there is nothing to find and nothing was found."""
        return self.f(1.0)

    def f(self, beta: float) -> float:
        """F of weight `beta` for recall."""
        wanted = (1 + beta**2) * self.hits
        total = wanted + beta**2 * self.misses + self.false
        return wanted / total if total else 1.0

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 1.0

    @property
    def false_per_hour(self) -> float:
        return 3600 * self.false / self.seconds if self.seconds else 0.0

    def table(self) -> dict[str, Any]:
        """The counts and what follows from them, rounded."""
        return {
            "f1": round(self.f1, 3),
            "precision": round(self.precision, 3),
            "recall": round(self.recall, 3),
            "references": self.hits + self.misses,
            "false_per_hour": round(self.false_per_hour, 1),
        }


def count(reference: Sequence[Event], estimate: Sequence[Event], seconds: float, iou: float = 0.5) -> Counts:
    """Counts of one recording: one-to-one matching at IoU >= `iou`."""
    if not reference or not estimate:
        return Counts(0, len(reference), len(estimate), seconds)
    hits = len(match(reference, estimate, Criterion.of(iou=iou), by_label=False))
    return Counts(hits, len(reference) - hits, len(estimate) - hits, seconds)


def events(curves: Sequence[np.ndarray], items: Sequence[Item], settings: Settings) -> list[list[Event]]:
    """Decode the curve of each item."""
    return [decode(c, settings, duration_us=to_us(i.seconds)) for c, i in zip(curves, items, strict=True)]


def report(items: Sequence[Item], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Everything worth knowing about a set of soundscapes or recordings."""
    by_clip = [count(i.events, f, i.seconds) for i, f in zip(items, found, strict=True)]
    result = sum(by_clip, Counts()).table() | {
        "recordings": len(items),
        "minutes": round(sum(i.seconds for i in items) / 60, 1),
        "mean_of_clips_f1": round(float(np.mean([c.f1 for c in by_clip])), 3),
        "f1_by_iou": {
            str(iou): round(
                sum((count(i.events, f, 0, iou) for i, f in zip(items, found, strict=True)), Counts()).f1, 3
            )
            for iou in (0.2, 0.3, 0.5, 0.7)
        },
        "detection_accuracy": round(
            float(np.mean([bool(i.events) == bool(f) for i, f in zip(items, found, strict=True)])), 3
        ),
    }
    grounds: dict[str, Counts] = defaultdict(Counts)
    for item, counts in zip(items, by_clip, strict=True):
        grounds[item.background] += counts
    result["by_background"] = {name: grounds[name].table() for name in sorted(grounds)}
    result["recall_by"] = _recall(items, found)
    return result


def _recall(items: Sequence[Item], found: Sequence[Sequence[Event]]) -> dict[str, dict[str, str]]:
    """Found of all references by class, source, length and level, as "found/all"."""
    tally: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for item, estimate in zip(items, found, strict=True):
        pairs = dict(match(item.events, estimate, Criterion.of(), by_label=False)) if item.events else {}
        for k, (event, about) in enumerate(zip(item.events, item.details, strict=True)):
            groups = {"class": about["class"], "source": about["source"], "length": _length(event)}
            if about["snr"] is not None:
                groups["snr"] = _level(about["snr"])
            for name, value in groups.items():
                cell = tally[name][value]
                cell[0] += k in pairs
                cell[1] += 1
    return {name: {v: f"{a}/{b}" for v, (a, b) in sorted(cells.items())} for name, cells in tally.items()}


def _length(event: Event) -> str:
    edges = (0.2, 0.4, 1.0, 2.0)
    return next((f"< {edge} s" for edge in edges if event.duration < edge), ">= 2.0 s")


def _level(snr: float) -> str:
    return (
        "below 0 dB"
        if snr < 0
        else "0 to 5 dB"
        if snr < 5
        else "5 to 10 dB"
        if snr < 10
        else "10 dB and more"
    )
