"""Blocks in which almost everything fits almost everything: solved on their best pairs, proved on all.

A block of n events may have n² pairs. Each event's few best pairs make a core, which is solved with prices.
A pair outside the core could improve the matching only if it costs less than the prices of its ends; such
pairs join the core until there are none (column generation; Carpaneto and Toth, Computing 31, 1983). The
result is the optimum over all pairs; what is held as Python objects grows with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vbannotate.match.paths import Paths

_BEST = 12  # pairs of each event in the first core
_NEAR = 1e-9  # reduced costs this small are compared as integers

Weigh = Callable[[np.ndarray], list[int]]


def solve(rows: np.ndarray, columns: np.ndarray, rough: np.ndarray, weigh: Weigh, unit: int) -> list[int]:
    """Indices of the chosen pairs.

    `rows` and `columns` are int64 [pairs], numbered from 0 without gaps. `weigh` gives the exact weights of
    pairs; `rough` are these weights as float64 in units of `unit`.
    """
    if rows.max() > columns.max():  # fewer rows than columns: fewer searches that fail
        rows, columns = columns, rows
    core = _best(rows, rough) | _best(columns, rough)
    while True:
        inside = np.flatnonzero(core)
        pairs, missing = _optimum(rows, columns, rough, weigh, unit, inside, core)
        if not len(missing):
            return pairs
        core[missing] = True


def _best(ends: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Which pairs are among the best of their end: bool [pairs]."""
    order = np.lexsort((-rough, ends))
    ranked = ends[order]
    first = np.searchsorted(ranked, ranked)
    chosen = np.zeros(len(ends), bool)
    chosen[order[np.arange(len(ends)) - first < _BEST]] = True
    return chosen


def _optimum(
    rows: np.ndarray,
    columns: np.ndarray,
    rough: np.ndarray,
    weigh: Weigh,
    unit: int,
    inside: np.ndarray,
    core: np.ndarray,
) -> tuple[list[int], np.ndarray]:
    """The best pairs of the core, and the pairs outside that would improve them."""
    weights = weigh(inside)
    top, size, width = max(weights), int(rows.max()) + 1, int(columns.max()) + 1
    # Staying alone costs more than all pairs together; each row has a column of its own for that, at the end.
    alone = (int(rough.max() - rough.min()) + 3) * unit * (size + 1)
    costs: dict[int, list[tuple[int, int]]] = {i: [(width + i, alone)] for i in range(size)}
    number = {}
    for k, i, j, weight in zip(
        inside.tolist(), rows[inside].tolist(), columns[inside].tolist(), weights, strict=True
    ):
        costs[i].append((j, top - weight))
        number[i, j] = k
    paths = Paths(costs)
    for i in range(size):
        paths.insert(i)
    pairs = sorted(number[i, j] for i, j in paths.column_of.items() if j < width)
    row_price = [paths.row_price[i] for i in range(size)]
    column_price = [paths.column_price.get(j, 0) for j in range(width)]
    u, v = (np.array([price / unit for price in prices]) for prices in (row_price, column_price))
    reduced = top / unit - rough - u[rows] - v[columns]
    scale = _NEAR * max(1.0, float(np.abs(u).max()), float(np.abs(v).max()) if width else 0.0)
    doubtful = np.flatnonzero((reduced < scale) & ~core)
    exact = [
        top - weight < row_price[i] + column_price[j]
        for i, j, weight in zip(
            rows[doubtful].tolist(), columns[doubtful].tolist(), weigh(doubtful), strict=True
        )
    ]
    return pairs, doubtful[np.array(exact, bool)]
