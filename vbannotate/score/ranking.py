"""Precision and recall as the least confidence falls, and their average.

At every distinct confidence all estimates at or above it are matched exactly; equal ones enter together.
Adding an estimate changes the number of pairs by 0 or 1 and never un-matches a reference, so one augmenting
path for each estimate gives the whole curve. It is not the rule of COCO and ActivityNet, where an early
estimate keeps its partner for good; nor is it the curve over the frame threshold, which moves boundaries as
well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vbannotate.match import Criterion, candidates


@dataclass(frozen=True, slots=True)
class Curve:
    """Points by falling confidence: `threshold` float64, `tp` and `estimates` int64, all [points]."""

    threshold: np.ndarray
    tp: np.ndarray
    estimates: np.ndarray
    references: int

    def average_precision(self) -> float | None:
        """Sum of (recall step x precision), without interpolation; None without references."""
        if not self.references:
            return None
        steps = np.diff(self.tp, prepend=0)
        return math.fsum((steps * self.tp / (self.estimates * self.references)).tolist())


def curve(ref: np.ndarray, est: np.ndarray, confidence: np.ndarray, criterion: Criterion) -> Curve:
    """The curve of tables as `match_intervals` takes them; `confidence` is float64 [estimates], none NaN."""
    order = np.argsort(-confidence, kind="stable")
    r, e = candidates(ref, est, criterion)
    by_estimate = np.argsort(e, kind="stable")
    bounds = np.searchsorted(e[by_estimate], np.arange(len(est) + 1)).tolist()
    partners = r[by_estimate].tolist()
    adjacency = [partners[bounds[k] : bounds[k + 1]] for k in order.tolist()]
    hits = np.cumsum(np.fromiter(augmentations(adjacency, len(ref)), np.int64, len(est)))
    ranked = confidence[order]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.empty(0, int)
    return Curve(ranked[last], hits[last], last + 1, len(ref))


def augmentations(adjacency: list[list[int]], columns: int) -> Iterator[int]:
    """For each row in turn, 1 if it can be matched besides all rows matched before.

    What a failed search reached stays closed: its columns belong to its rows for good, so it is never
    searched again.
    """
    mate = [-1] * columns
    closed = [False] * columns
    for row in range(len(adjacency)):
        came_from: dict[int, int] = {}
        owner = {row: -1}  # row: the column through which the search reached it
        stack, end = [row], -1
        while stack and end < 0:
            i = stack.pop()
            for j in adjacency[i]:
                if j in came_from or closed[j]:
                    continue
                came_from[j] = i
                if mate[j] < 0:
                    end = j
                    break
                owner[mate[j]] = j
                stack.append(mate[j])
        yield int(end >= 0)
        if end < 0:
            for j in came_from:
                closed[j] = True
        while end >= 0:
            i = came_from[end]
            mate[end], end = i, owner[i]
