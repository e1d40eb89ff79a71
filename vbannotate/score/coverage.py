"""Measures of unions of intervals, exact in microseconds: the criteria time, segment and intersection."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from vbannotate.match.criteria import at_least


def laid_out(*sides: np.ndarray) -> list[np.ndarray]:
    """Tables (group, onset, offset ...) with the groups side by side on one axis, a microsecond apart."""
    rows = np.concatenate([side[:, :3] for side in sides])
    if not len(rows):
        return list(sides)
    end = np.zeros(int(rows[:, 0].max()) + 1, np.int64)
    np.maximum.at(end, rows[:, 0], rows[:, 2] + 2)
    shift = np.cumsum(end) - end
    return [np.column_stack([s[:, 0], s[:, 1] + shift[s[:, 0]], s[:, 2] + shift[s[:, 0]]]) for s in sides]


def unions(table: np.ndarray) -> np.ndarray:
    """The union of the intervals of a laid-out table, as disjoint rows in order; points stay."""
    if not len(table):
        return table
    table = table[np.lexsort((table[:, 2], table[:, 1]))]
    reach = np.maximum.accumulate(table[:, 2])
    new = np.ones(len(table), bool)
    new[1:] = table[1:, 1] > reach[:-1]
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(table)) - 1
    return np.column_stack([table[first, 0], table[first, 1], reach[last]])


def overlaps(first: np.ndarray, second: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Length in both unions, in the first, and in the second, for each group: int64 [groups]."""
    first, second = (unions(side) for side in laid_out(first, second))
    alone = []
    for side in (first, second):
        length = np.zeros(groups, np.int64)
        np.add.at(length, side[:, 0], side[:, 2] - side[:, 1])
        alone.append(length)
    both = np.zeros(groups, np.int64)
    np.add.at(both, first[:, 0], covered(first, second))
    return both, alone[0], alone[1]


def covered(table: np.ndarray, union: np.ndarray) -> np.ndarray:
    """How much of each row of `table` lies in `union`; both on one axis."""
    if not len(union):
        return np.zeros(len(table), np.int64)
    before = np.concatenate([[0], np.cumsum(union[:, 2] - union[:, 1])])

    def measure(x: np.ndarray) -> np.ndarray:
        place = np.searchsorted(union[:, 1], x, "right") - 1
        whole = before[np.maximum(place, 0)]
        part = np.minimum(x, union[np.maximum(place, 0), 2]) - union[np.maximum(place, 0), 1]
        return np.where(place < 0, 0, whole + part)

    return measure(table[:, 2]) - measure(table[:, 1])


def covered_enough(table: np.ndarray, union: np.ndarray, share: Fraction) -> np.ndarray:
    """Which rows are covered by `union` for at least `share` of their length; a point if it lies in it."""
    enough = at_least(covered(table, union), share.denominator, table[:, 2] - table[:, 1], share.numerator)
    points = table[:, 1] == table[:, 2]
    if not points.any() or not len(union):
        return enough & (len(union) > 0)
    place = np.searchsorted(union[:, 1], table[:, 1], "right") - 1
    within = (place >= 0) & (table[:, 1] <= union[np.maximum(place, 0), 2])
    return np.where(points, within, enough)


def segments(table: np.ndarray, step_us: int) -> np.ndarray:
    """Each row as the range of segments of `step_us` that it touches; a point touches the one it lies in."""
    first = table[:, 1] // step_us
    end = np.maximum(-(-table[:, 2] // step_us), first + 1)
    return np.column_stack([table[:, 0], first, end])
