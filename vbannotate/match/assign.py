"""Maximum matching of least cost in a sparse graph of candidate pairs, without recursion.

The graph falls into blocks. Where no two candidate pairs of a block cross (always so when no side overlaps
itself) the block is a staircase and one pass over its pairs solves it. What is left takes three steps:

1. a maximum matching (Hopcroft and Karp, SIAM J. Comput. 2, 1973);
2. its regions (Dulmage and Mendelsohn, Canad. J. Math. 10, 1958): where references are in surplus every
   maximum matching uses every estimate, where estimates are in surplus every reference, elsewhere both;
3. least cost in each region by shortest augmenting paths from the side that is always matched. Such a path
   ends at the next free partner, mostly near by in time, which keeps long chains near-linear.

Weights are Python integers that hold IoU and boundary error in order of rank, so that sums compare exactly.
"""

from __future__ import annotations

import itertools
from collections import deque
from math import lcm

import numpy as np

from vbannotate.match import dense
from vbannotate.match.paths import Paths

_EXACT_PAIRS = 64  # up to here IoUs are summed over their common denominator, beyond as 100-bit fixed point
_FIXED = 1 << 100
_MANY_PAIRS, _DENSE = (
    20_000,
    20,
)  # a block of more pairs, and of more for each event, is solved as a dense one

Adjacency = list[list[tuple[int, int]]]


def solve(
    ref: np.ndarray, est: np.ndarray, inter: np.ndarray, union: np.ndarray, error: np.ndarray, ties: str
) -> list[int]:
    """Indices of the chosen pairs.

    `ref` and `est` are the ends of the candidate pairs, int64 [pairs], sorted by (ref, est), both numbered in
    order of time; `inter`, `union` and `error` are microseconds.
    """
    chosen: list[int] = []
    keep = np.ones(len(ref), bool)
    bounds = _blocks(ref, est)
    for start, stop in itertools.pairwise(bounds):
        if stop - start > _MANY_PAIRS and _is_dense(ref[start:stop], est[start:stop]):
            part = (value[start:stop] for value in (ref, est, inter, union, error))
            chosen.extend(start + index for index in _dense(*part, ties=ties))
            keep[start:stop] = False
    rest = np.flatnonzero(keep)
    values = [value[rest].tolist() for value in (ref, est, inter, union, error)]
    for start, stop in itertools.pairwise(_blocks(ref[rest], est[rest])):
        rows, columns, inters, unions, errors = (value[start:stop] for value in values)
        weights = _weights(inters, unions, errors, ties)
        if _is_staircase(rows, columns):
            picked = _staircase(rows, columns, weights)
        else:
            picked = _general(rows, columns, weights)
        chosen.extend(rest[start + np.array(picked, np.int64)].tolist())
    return chosen


def _is_dense(ref: np.ndarray, est: np.ndarray) -> bool:
    """Whether the pairs of a block are many for its events, and some of them cross."""
    events = len(np.unique(ref)) + len(np.unique(est))
    return len(ref) > _DENSE * events and bool((np.diff(est) < 0).any())


def _dense(
    ref: np.ndarray, est: np.ndarray, inter: np.ndarray, union: np.ndarray, error: np.ndarray, *, ties: str
) -> list[int]:
    rows, columns = (np.unique(side, return_inverse=True)[1] for side in (ref, est))
    total, largest = int(error.sum()) + 1, len(error) * (_FIXED + 1) + 1

    def weigh(index: np.ndarray) -> list[int]:
        sizes = (value[index].tolist() for value in (inter, union, error))
        ious = ((_iou(i, u, e, _FIXED), e) for i, u, e in zip(*sizes, strict=True))
        return [iou - largest * e if ties == "error" else total * iou - e for iou, e in ious]

    rough = np.where(union > 0, inter / np.maximum(union, 1), error == 0)
    if ties == "error":
        return dense.solve(rows, columns, rough / len(error) - error, weigh, largest)
    return dense.solve(rows, columns, rough, weigh, total * _FIXED)


def _blocks(ref: np.ndarray, est: np.ndarray) -> list[int]:
    """Bounds of runs of pairs that share no event with pairs outside."""
    highest = np.maximum.accumulate(est)
    lowest = np.minimum.accumulate(est[::-1])[::-1]
    cut = np.flatnonzero((highest[:-1] < lowest[1:]) & (ref[:-1] != ref[1:])) + 1
    return [0, *cut.tolist(), len(ref)]


def _weights(inter: list[int], union: list[int], error: list[int], ties: str) -> list[int]:
    """One integer a pair; of two sums of weights the greater is the better matching of that size."""
    if len(inter) == 1:
        return [0]
    scale = lcm(*(u or 1 for u in union)) if len(union) <= _EXACT_PAIRS else _FIXED
    ious = [_iou(i, u, e, scale) for i, u, e in zip(inter, union, error, strict=True)]
    if ties == "error":
        rank = sum(ious) + 1
        return [iou - rank * e for iou, e in zip(ious, error, strict=True)]
    rank = sum(error) + 1
    return [rank * iou - e for iou, e in zip(ious, error, strict=True)]


def _iou(inter: int, union: int, error: int, scale: int) -> int:
    """IoU in units of 1 / `scale`; two points have 1 if they are equal, else 0."""
    return (inter * scale + union // 2) // union if union else scale * (error == 0)


def _is_staircase(rows: list[int], columns: list[int]) -> bool:
    """Whether each row begins where the row before it ended or later."""
    return all(columns[k] >= columns[k - 1] for k in range(1, len(rows)))


def _staircase(rows: list[int], columns: list[int], weights: list[int]) -> list[int]:
    """Best set of pairs no two of which share an end: one pass, as in weighted interval scheduling.

    On a staircase the pairs before the first that shares an end with pair k are those compatible with it.
    """
    best: list[tuple[int, int]] = [(0, 0)]  # size and weight of the best set among the first k pairs
    before, take = [], []
    row_start = column_start = 0
    for k in range(len(rows)):
        if k and rows[k] != rows[k - 1]:
            row_start = k
        if k and columns[k] != columns[k - 1]:
            column_start = k
        previous = min(row_start, column_start)
        size, weight = best[previous]
        with_k = (size + 1, weight + weights[k])
        before.append(previous)
        take.append(with_k > best[k])  # equal: the earlier pair stays
        best.append(max(with_k, best[k]))
    picked, k = [], len(rows)
    while k:
        k -= 1
        if take[k]:
            picked.append(k)
            k = before[k]
    return picked[::-1]


def _general(rows: list[int], columns: list[int], weights: list[int]) -> list[int]:
    """The three steps of the module's docstring."""
    row_of = {row: i for i, row in enumerate(sorted(set(rows)))}
    column_of = {column: i for i, column in enumerate(sorted(set(columns)))}
    by_row: Adjacency = [[] for _ in row_of]
    by_column: Adjacency = [[] for _ in column_of]
    number = {}
    for k, (row, column, weight) in enumerate(zip(rows, columns, weights, strict=True)):
        i, j = row_of[row], column_of[column]
        by_row[i].append((j, weight))
        by_column[j].append((i, weight))
        number[i, j] = k
    row_mate, column_mate = _maximum(by_row, len(by_column))
    full = _surplus(by_row, row_mate, column_mate)
    free = [j not in full for j in range(len(by_column))]
    rest = [i for i, mate in enumerate(row_mate) if mate >= 0 and free[mate]]
    reached = [mate < 0 or mate in full for mate in row_mate]
    pairs = [(i, j) for j, i in _cheapest(by_column, sorted(full), reached)]
    pairs += _cheapest(by_row, rest, free)
    return sorted(number[pair] for pair in pairs)


def _maximum(adjacency: Adjacency, columns: int) -> tuple[list[int], list[int]]:
    """A matching of maximum size: the mate of each row and of each column, -1 for none."""
    row_mate, column_mate = [-1] * len(adjacency), [-1] * columns
    for i, edges in enumerate(adjacency):  # a first matching in order of time leaves little to do
        for j, _ in edges:
            if column_mate[j] < 0:
                row_mate[i], column_mate[j] = j, i
                break
    while True:
        level = _levels(adjacency, row_mate, column_mate)
        if level is None:
            return row_mate, column_mate
        following = [0] * len(adjacency)
        for root in range(len(adjacency)):
            if row_mate[root] < 0:
                _augment(root, adjacency, level, following, row_mate, column_mate)


def _levels(adjacency: Adjacency, row_mate: list[int], column_mate: list[int]) -> list[int] | None:
    """Distance of each row from the free rows (-1 out of reach); None where no free column is in reach."""
    level = [0 if mate < 0 else -1 for mate in row_mate]
    queue = deque(i for i, mate in enumerate(row_mate) if mate < 0)
    end = None
    while queue:
        i = queue.popleft()
        if end is not None and level[i] >= end:
            break
        for j, _ in adjacency[i]:
            mate = column_mate[j]
            if mate < 0:
                end = level[i] + 1
            elif level[mate] < 0:
                level[mate] = level[i] + 1
                queue.append(mate)
    return None if end is None else level


def _augment(
    root: int,
    adjacency: Adjacency,
    level: list[int],
    following: list[int],
    row_mate: list[int],
    column_mate: list[int],
) -> None:
    """Lengthen the matching along one shortest path from `root`, if the levels still hold one."""
    path = [root]
    while path:
        i = path[-1]
        if following[i] == len(adjacency[i]):
            path.pop()
            continue
        j = adjacency[i][following[i]][0]
        following[i] += 1
        mate = column_mate[j]
        if mate < 0:
            for row in path:
                column = adjacency[row][following[row] - 1][0]
                row_mate[row], column_mate[column] = column, row
            return
        if level[mate] == level[i] + 1:
            path.append(mate)


def _surplus(adjacency: Adjacency, row_mate: list[int], column_mate: list[int]) -> set[int]:
    """Columns that alternating paths from unmatched rows reach: every maximum matching uses them all."""
    rows = [i for i, mate in enumerate(row_mate) if mate < 0]
    columns: set[int] = set()
    while rows:
        for j, _ in adjacency[rows.pop()]:
            if j not in columns:
                columns.add(j)
                rows.append(column_mate[j])
    return columns


def _cheapest(adjacency: Adjacency, rows: list[int], usable: list[bool]) -> list[tuple[int, int]]:
    """The matching of greatest weight among those that match every one of `rows`, over `usable` columns."""
    top = max((weight for i in rows for _, weight in adjacency[i]), default=0)
    paths = Paths({i: [(j, top - weight) for j, weight in adjacency[i] if usable[j]] for i in rows})
    for i in rows:
        paths.insert(i)
    return list(paths.column_of.items())
