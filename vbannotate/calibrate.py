"""From confidence to the share that people kept: a monotone map fitted on corrections.

A detector's confidence is a mean frame probability, which is no probability that the event is right. The map
is isotonic regression (pool adjacent violators; Ayer et al., Ann. Math. Stat. 26, 1955) over equal-count
bins, each share drawn towards 1/2 by one hit and one miss, and linear between the bins. It keeps the order
of confidences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from vbannotate.errors import UsageError
from vbannotate.events import Annotation, Event, Tier

FEWEST_EVENTS = 50
SOLID_EVENTS = 200  # below, the map is rough, and people should know
_PER_BIN = 20
_BINS = 12


@dataclass(frozen=True, slots=True)
class Calibration:
    """Knots of the map: `confidence` ascending, `share` not descending, both 0-1; fitted on `events`."""

    confidence: tuple[float, ...]
    share: tuple[float, ...]
    events: int

    def __call__(self, confidence: float) -> float:
        """The share of such events that people kept."""
        return float(np.interp(confidence, self.confidence, self.share))

    def apply(self, annotation: Annotation) -> Annotation:
        """The annotation with calibrated confidences; the model's own go into `extra["raw_confidence"]`."""
        tiers = tuple(
            Tier(tier.name, tuple(map(self._event, tier.events)), tier.points, tier.extra)
            for tier in annotation.tiers
        )
        return annotation.with_(tiers=tiers)

    def _event(self, event: Event) -> Event:
        if event.confidence is None:
            return event
        raw = event.confidence
        return event.with_(confidence=round(self(raw), 4), extra={**event.extra, "raw_confidence": raw})

    def sentence(self, confidence: float) -> str:
        """What a confidence of the model means, in words."""
        right = round(100 * self(confidence))
        return f"of 100 such events about {right} were right in your recordings"

    def to_dict(self) -> dict[str, Any]:
        """As the table ``[calibration]`` of a settings file."""
        return {"confidence": list(self.confidence), "share": list(self.share), "events": self.events}

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Calibration:
        """From the table ``[calibration]``. Raises UsageError for anything but a monotone map."""
        try:
            x, y = (tuple(float(v) for v in table[name]) for name in ("confidence", "share"))
            events = int(table.get("events", 0))
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"[calibration] is damaged: {error}", "fit it again with: tune --calibrate"
            ) from error
        ascending = all(a < b for a, b in pairwise(x))
        monotone = all(a <= b for a, b in pairwise(y))
        inside = all(0 <= v <= 1 for v in (*x, *y))
        if not x or len(x) != len(y) or not (ascending and monotone and inside):
            raise UsageError("[calibration] is no monotone map", "fit it again with: tune --calibrate")
        return cls(x, y, events)


def fit(confidence: np.ndarray, right: np.ndarray) -> Calibration | None:
    """The map for events of these confidences, float64 [events], and whether each was right, bool [events].

    None for fewer than 50 events, or where all have one confidence.
    """
    if len(confidence) < FEWEST_EVENTS or confidence.min() == confidence.max():
        return None
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, min(_BINS, len(order) // _PER_BIN))
    x = np.array([confidence[part].mean() for part in bins])
    weight = np.array([len(part) + 2.0 for part in bins])
    share = np.array([right[part].sum() + 1.0 for part in bins]) / weight
    y = isotonic(share, weight)
    keep = np.append(np.diff(x) > 1e-9, True)
    return Calibration(
        tuple(round(float(v), 6) for v in x[keep]),
        tuple(round(float(v), 6) for v in y[keep]),
        len(confidence),
    )


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The non-descending sequence of least weighted squares."""
    blocks: list[list[float]] = []  # mean, weight, length
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, total, length = blocks.pop()
            before = blocks[-1]
            before[0] = (before[0] * before[1] + mean * total) / (before[1] + total)
            before[1] += total
            before[2] += length
    return np.concatenate([np.full(int(length), mean) for mean, _, length in blocks])


def brier(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean squared distance of confidence and outcome; 0 is perfect."""
    return float(np.mean((confidence - right) ** 2))


def cross_validated(confidence: np.ndarray, right: np.ndarray, folds: Sequence[np.ndarray]) -> float | None:
    """Brier score of the map on events that it was not fitted on; `folds` are places of events."""
    mapped = np.full(len(confidence), np.nan)
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(confidence)), fold)
        found = fit(confidence[rest], right[rest])
        if found is None:
            return None
        mapped[fold] = np.interp(confidence[fold], found.confidence, found.share)
    return brier(mapped, right)
