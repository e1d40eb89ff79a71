"""The one matcher of scoring, corrections, tuning and review: which estimate found which reference.

A matching is one to one and of maximum size. Among those it has the greatest total IoU, then the least total
boundary error (`Criterion.ties` can exchange the two), then it prefers earlier events. It depends on the
values of the events only: both sides are put in order first (onset, offset, label, falling confidence). Sizes
are exact at the bounds (`criteria`), time grows with the number of pairs that fit (`edges`, `assign`), and
nothing is recursive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vbannotate.errors import VbannotateError
from vbannotate.events import Event
from vbannotate.match import assign, edges
from vbannotate.match.criteria import Criterion, Number, Pairs, exact, share, tolerance
from vbannotate.match.edges import MAX_US

__all__ = [
    "LINK",
    "MAX_US",
    "Criterion",
    "Number",
    "candidates",
    "exact",
    "intervals",
    "match",
    "match_intervals",
    "share",
    "tolerance",
]

LINK = Criterion("link")


def match(
    reference: Sequence[Event],
    estimate: Sequence[Event],
    criterion: Criterion = Criterion(),
    by_label: bool = True,
) -> list[tuple[int, int]]:
    """Index pairs (reference, estimate) of the best matching, in order of reference.

    Events of different labels are never paired if `by_label`. Raises VbannotateError for negative or reversed
    times.
    """
    labels = sorted({event.label for event in (*reference, *estimate)}) if by_label else []
    numbers = {label: number for number, label in enumerate(labels)}
    ref, est = (
        intervals(events, np.array([numbers.get(event.label, 0) for event in events], np.int64))
        for events in (reference, estimate)
    )
    r, e = match_intervals(ref, est, criterion)
    return list(zip(r.tolist(), e.tolist(), strict=True))


def intervals(events: Sequence[Event], groups: np.ndarray) -> np.ndarray:
    """Events as int64 [events, 4]: group, onset and offset in microseconds, rank by falling confidence.

    Raises VbannotateError for times that are negative, reversed, or beyond 35 years.
    """
    table = np.empty((len(events), 4), np.int64)
    table[:, 0] = groups
    try:
        table[:, 1] = [event.onset_us for event in events]
        table[:, 2] = [event.offset_us for event in events]
    except OverflowError:
        raise VbannotateError("an event lies beyond 35 years", "check the times") from None
    bad = np.flatnonzero((table[:, 1] < 0) | (table[:, 2] < table[:, 1]) | (table[:, 2] > MAX_US))
    if len(bad):
        problem = events[bad[0]].problem() or "event beyond 35 years"
        raise VbannotateError(f"event {bad[0] + 1}: {problem}", "correct its times")
    confidence = np.array([-1.0 if e.confidence is None else e.confidence for e in events], np.float64)
    table[:, 3] = np.unique(-confidence, return_inverse=True)[1]
    return table


def match_intervals(ref: np.ndarray, est: np.ndarray, criterion: Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `ref` and `est` that are paired, in order of `ref`: two int64 [pairs].

    Both are tables as `intervals` makes them, in any order; only events of one group are paired.
    """
    ref_order, est_order = (np.lexsort(side.T[[3, 2, 1, 0]]) for side in (ref, est))
    r, e = _match_sorted(ref[ref_order, :3], est[est_order, :3], criterion)
    r, e = ref_order[r], est_order[e]
    order = np.argsort(r, kind="stable")
    return r[order], e[order]


def candidates(ref: np.ndarray, est: np.ndarray, criterion: Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `ref` and `est` that fit each other, every pair of them, in order of `ref`."""
    ref_order, est_order = (np.lexsort(side.T[[3, 2, 1, 0]]) for side in (ref, est))
    r, e = edges.find(ref[ref_order, :3], est[est_order, :3], criterion)
    r, e = ref_order[r], est_order[e]
    order = np.lexsort((e, r))
    return r[order], e[order]


def _match_sorted(ref: np.ndarray, est: np.ndarray, criterion: Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Match sorted tables (group, onset, offset). Equal events are weighed once where that decides."""
    (ref_once, ref_first, ref_count), (est_once, est_first, est_count) = _unique(ref), _unique(est)
    r, e = edges.find(ref_once, est_once, criterion)
    alone = (np.bincount(r, minlength=len(ref_once))[r] == 1) & (
        np.bincount(e, minlength=len(est_once))[e] == 1
    )
    count = np.minimum(ref_count[r], est_count[e])[alone]
    final = _copies(ref_first[r[alone]], count), _copies(est_first[e[alone]], count)
    r, e = _all_copies(r[~alone], e[~alone], (ref_first, ref_count), (est_first, est_count))
    if len(r):
        pairs = Pairs(ref[r, 1], ref[r, 2], est[e, 1], est[e, 2])
        chosen = assign.solve(r, e, pairs.inter, pairs.union, pairs.error, criterion.ties)
        r, e = r[chosen], e[chosen]
    return np.concatenate([final[0], r]), np.concatenate([final[1], e])


def _unique(side: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct rows of a sorted table, the place of the first of each, and how many there are."""
    new = np.ones(len(side), bool)
    new[1:] = (side[1:] != side[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    return side[first], first, np.diff(first, append=len(side))


def _copies(first: np.ndarray, count: np.ndarray) -> np.ndarray:
    """first, first + 1, ... for each count."""
    return np.repeat(first, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)


def _all_copies(
    r: np.ndarray, e: np.ndarray, ref: tuple[np.ndarray, np.ndarray], est: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of distinct events as pairs of all their copies, sorted."""
    (ref_first, ref_count), (est_first, est_count) = ref, est
    total = int((ref_count[r] * est_count[e]).sum())
    if total > edges.MAX_PAIRS:
        edges.refuse(total)
    rows = _copies(ref_first[r], ref_count[r])
    e = np.repeat(e, ref_count[r])
    columns = _copies(est_first[e], est_count[e])
    rows = np.repeat(rows, est_count[e])
    order = np.lexsort((columns, rows))
    return rows[order], columns[order]
