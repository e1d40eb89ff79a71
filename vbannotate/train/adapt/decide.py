"""Whether a head is better: counts of events on recordings that it was not fitted on, and on base data.

With ten recordings or more the 95 % interval of the gain in F1 (recordings resampled, paired) must lie above
0. Fewer give no such interval; then the gain must be at least 0.05, and more recordings must gain than lose.
In both cases F1 on the base data may not fall by more than 0.02.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vbannotate.score import intervals
from vbannotate.score.counts import Counts as FileCounts
from vbannotate.train.judge import Counts

LEAST_GAIN = 0.05  # F1, where recordings are too few for an interval
TOLERANCE = 0.02  # F1 on the base data


@dataclass(frozen=True, slots=True)
class Outcome:
    """The head before and after, on held-out recordings and on base data (empty without any)."""

    before: tuple[Counts, ...]
    after: tuple[Counts, ...]
    base_before: tuple[Counts, ...]
    base_after: tuple[Counts, ...]
    interval: tuple[float, float] | None
    reasons: tuple[str, ...]  # why not; empty if better
    changed: Mapping[str, Sequence[float]] = field(default_factory=dict)  # settings: before and after

    @property
    def better(self) -> bool:
        """Whether the new head should be used."""
        return not self.reasons

    @property
    def gain(self) -> float:
        """In pooled F1 on held-out recordings."""
        return sum(self.after, Counts()).f1 - sum(self.before, Counts()).f1

    def answer(self) -> str:
        """One sentence: better or not, and how much."""
        before, after = sum(self.before, Counts()).f1, sum(self.after, Counts()).f1
        around = "" if self.interval is None else f", 95 % {self.interval[0]:+.3f} to {self.interval[1]:+.3f}"
        told = f"F1 {before:.3f} -> {after:.3f} on recordings not fitted on ({self.gain:+.3f}{around})"
        if self.base_before:
            sides = (sum(side, Counts()).f1 for side in (self.base_before, self.base_after))
            told += "; on base data {:.3f} -> {:.3f}".format(*sides)
        if self.changed:
            told += "; " + ", ".join(
                f"{name} {old:g} -> {new:g}" for name, (old, new) in self.changed.items()
            )
        return (
            f"better: {told}"
            if self.better
            else f"keep the model as it is: {'; '.join(self.reasons)} ({told})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Figures for JSON and the model's card: numbers only, no names."""
        sides = ("before", "after", "base_before", "base_after")
        tables = {name: sum(side, Counts()).table() for name in sides if (side := getattr(self, name))}
        return {
            "better": self.better,
            "answer": self.answer(),
            "recordings": len(self.before),
            "minutes": round(sum(self.before, Counts()).seconds / 60, 1),
            "base_recordings": len(self.base_before),
            "gain": round(self.gain, 3),
            "interval": None if self.interval is None else [round(v, 3) for v in self.interval],
            "changed": {name: list(values) for name, values in self.changed.items()},
            **tables,
        }


def decide(
    before: Sequence[Counts],
    after: Sequence[Counts],
    base_before: Sequence[Counts] = (),
    base_after: Sequence[Counts] = (),
    changed: Mapping[str, Sequence[float]] | None = None,
) -> Outcome:
    """Judge the counts of held-out recordings, and those of base data, with the old head and the new one.

    `changed` are the settings that were chosen with the new one, for the answer.
    """
    gain = sum(after, Counts()).f1 - sum(before, Counts()).f1
    interval, reasons = None, []
    if gain <= 0:
        reasons.append("nothing is gained")
    if len(before) >= intervals.FEWEST_FILES:
        interval = intervals.percentiles(intervals.paired_difference(_files(before), _files(after)))
        if gain > 0 and interval is not None and interval[0] <= 0:
            reasons.append("the gain may be chance")
    elif 0 < gain < LEAST_GAIN or sum(map(_moved, before, after)) <= 0 < gain:
        reasons.append(f"the gain is too small or too uneven for {len(before)} recordings")
    if base_before:
        lost = sum(base_before, Counts()).f1 - sum(base_after, Counts()).f1
        if lost > TOLERANCE:
            reasons.append(f"it forgets: F1 on the base data falls by {lost:.3f}")
    return Outcome(
        tuple(before),
        tuple(after),
        tuple(base_before),
        tuple(base_after),
        interval,
        tuple(reasons),
        changed or {},
    )


def _moved(before: Counts, after: Counts) -> int:
    """1 for a recording that gains, -1 for one that loses."""
    return (after.f1 > before.f1) - (after.f1 < before.f1)


def _files(parts: Sequence[Counts]) -> FileCounts:
    hits, misses, false = (np.array([getattr(c, n) for c in parts]) for n in ("hits", "misses", "false"))
    return FileCounts(hits + misses, hits + false, hits, hits)
