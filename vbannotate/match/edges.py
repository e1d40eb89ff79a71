"""Candidate pairs of a criterion in time n log n plus the number of pairs that overlap.

Both sides are sorted by onset. Two events overlap exactly if the onset of one lies in the other, so two
binary searches an event find all overlapping pairs and no others; for ``iou`` the searched stretch shrinks to
the (1 - iou) x length in which a partner's onset can lie. Groups (file and label) share one axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NoReturn

import numpy as np

from vbannotate.errors import VbannotateError
from vbannotate.match.criteria import Criterion, Pairs

MAX_US = 2**50  # 35 years: sums of lengths stay far from the end of int64
MAX_PAIRS = 20_000_000  # of one matching, about 1 GB while they are solved
_CHUNK = 2_000_000  # candidates expanded at once


def find(ref: np.ndarray, est: np.ndarray, criterion: Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the pairs that satisfy `criterion`, sorted: two int64 [pairs].

    `ref` and `est` are int64 [events, 3] of group, onset, offset (µs), sorted. Raises VbannotateError where
    more than 20 million pairs would have to be weighed.
    """
    if not len(ref) or not len(est):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    ref_on, ref_off, est_on, est_off = _one_axis(ref, est, criterion)
    found = []
    if criterion.kind in ("iou", "overlap", "longer", "link"):
        reach = _reach(ref_off - ref_on, criterion)
        low = np.searchsorted(est_on, ref_on, "left")
        high = np.searchsorted(est_on, ref_on + reach, "right")
        sweeps = [(low, high, False)]
        reach = _reach(est_off - est_on, criterion)
        low = np.searchsorted(ref_on, est_on, "right")
        high = np.searchsorted(ref_on, est_on + reach, "right")
        sweeps.append((low, high, True))
    else:
        low = np.searchsorted(est_on, ref_on - criterion.onset_us, "left")
        high = np.searchsorted(est_on, ref_on + criterion.onset_us, "right")
        sweeps = [(low, high, False)]
    for low, high, swapped in sweeps:
        for first, second in _expand(low, high):
            r, e = (second, first) if swapped else (first, second)
            good = criterion.accepts(Pairs(ref_on[r], ref_off[r], est_on[e], est_off[e]))
            found.append((r[good], e[good]))
            if sum(len(r) for r, _ in found) > MAX_PAIRS:
                refuse(MAX_PAIRS)
    r = np.concatenate([pair[0] for pair in found])
    e = np.concatenate([pair[1] for pair in found])
    order = np.argsort(r * len(est) + e, kind="stable")
    return r[order], e[order]


def _one_axis(ref: np.ndarray, est: np.ndarray, criterion: Criterion) -> tuple[np.ndarray, ...]:
    """Onsets and offsets shifted so that groups lie one after the other, farther apart than any tolerance."""
    groups = int(max(ref[-1, 0], est[-1, 0])) + 1
    lowest, highest = np.full(groups, MAX_US), np.zeros(groups, np.int64)
    for side in (ref, est):
        np.minimum.at(lowest, side[:, 0], side[:, 1])
        np.maximum.at(highest, side[:, 0], side[:, 2])
    margin = 2 * min(criterion.onset_us, MAX_US) + 2 if criterion.kind in ("collar", "onset") else 2
    length = np.maximum(highest - lowest, 0) + margin
    if float(length.sum(dtype=np.float64)) > 2**62:
        raise VbannotateError("the files together are too long to score at once", "score them in parts")
    shift = np.cumsum(length) - length - np.where(lowest == MAX_US, 0, lowest)
    return tuple(side[:, column] + shift[side[:, 0]] for side in (ref, est) for column in (1, 2))


def _reach(length: np.ndarray, criterion: Criterion) -> np.ndarray:
    """How far after an event's onset the onset of a partner may lie, inclusive; points reach themselves."""
    if criterion.kind == "iou":
        loss = float(1 - criterion.iou)
        return np.minimum(np.floor(length * loss).astype(np.int64) + 1, np.maximum(length - 1, 0))
    return length if criterion.kind == "link" else np.maximum(length - 1, 0)


def _expand(low: np.ndarray, high: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Chunks of (row, column) for the half-open column ranges of the rows."""
    count = np.maximum(high - low, 0)
    total = np.cumsum(count)
    if len(total) and total[-1] > 20 * MAX_PAIRS:
        refuse(int(total[-1]))
    start = 0
    while start < len(count):
        done = int(total[start - 1]) if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + _CHUNK, "right")))
        counts = count[start:stop]
        rows = np.repeat(np.arange(start, stop), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        yield rows, low[rows] + within
        start = stop


def refuse(pairs: int) -> NoReturn:
    """Raise the error for input so dense that it has `pairs` pairs."""
    raise VbannotateError(
        f"{math.floor(pairs / 1e6)} million pairs of events or more fit each other",
        "events overlap too densely to be matched one to one; use the criterion time or segment",
    )
