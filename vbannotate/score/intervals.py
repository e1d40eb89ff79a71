"""How sure a figure is: bootstrap over files, Wilson intervals of shares, comparison of two systems.

Files are resampled, not events: events of one file are not independent. In simulations with three events a
file the nominal 95 % interval holds the truth in 83 % of cases with 5 files, 91 % with 10, 92 % with 20 and
94-95 % with 50, so none is given for fewer than `FEWEST_FILES`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from vbannotate.score.counts import Counts

SEED = 0
RESAMPLES = 2000
FEWEST_FILES = 10
_CHUNK = 5_000_000

Interval = tuple[float, float]


def wilson(hits: int, total: int) -> Interval | None:
    """95 % interval of a share (Wilson 1927); None of nothing."""
    if not total:
        return None
    z2 = 1.959963984540054**2
    share = hits / total
    centre = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = math.sqrt(z2 * (share * (1 - share) / total + z2 / (4 * total**2))) / (1 + z2 / total)
    return max(0.0, centre - half), min(1.0, centre + half)


def resampled(
    counts: Counts, resamples: int = RESAMPLES, seed: int = SEED
) -> Iterator[tuple[np.ndarray, ...]]:
    """Pooled (references, estimates, found, kept) and mean F1 over files of each resample, in chunks.

    `counts` are [files]. Two systems resampled with the same seed draw the same files.
    """
    rng = np.random.default_rng(seed)
    files = len(counts.references)
    columns = np.stack([getattr(counts, name) for name in counts.__slots__], axis=1).astype(np.float64)
    f1 = f1_of(*columns.T)
    defined = ~np.isnan(f1)
    columns = np.column_stack([columns, np.where(defined, f1, 0), defined])
    rows = max(1, _CHUNK // max(files, 1))
    for start in range(0, resamples, rows):
        draws = rng.integers(0, files, (min(rows, resamples - start), files), dtype=np.int32)
        weights = np.stack([np.bincount(draw, minlength=files) for draw in draws]).astype(np.float64)
        total = weights @ columns
        with np.errstate(invalid="ignore", divide="ignore"):
            yield (*total[:, :4].T, total[:, 4] / total[:, 5])


def f1_of(references: np.ndarray, estimates: np.ndarray, found: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """F1 of each entry, float64, NaN where both sides are empty."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value = 2 * kept * found / (kept * references + found * estimates)
    empty = (found == 0) | (kept == 0)
    return np.where(empty, np.where(references + estimates > 0, 0.0, np.nan), value)


def bootstrap(counts: Counts) -> dict[str, Interval | None] | None:
    """95 % percentile intervals of the pooled figures and of the mean F1 over files; None: too few."""
    if len(counts.references) < FEWEST_FILES:
        return None
    parts = list(zip(*resampled(counts), strict=True))
    references, estimates, found, kept, mean_f1 = (np.concatenate(part) for part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        figures = {
            "precision": kept / estimates,
            "recall": found / references,
            "f1": f1_of(references, estimates, found, kept),
            "mean_file_f1": mean_f1,
        }
    return {name: percentiles(values) for name, values in figures.items()}


def percentiles(values: np.ndarray) -> Interval | None:
    """The middle 95 % of the values that are defined."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def paired_difference(first: Counts, second: Counts) -> np.ndarray:
    """Pooled F1 of `second` less that of `first` in each resample of the same files."""
    parts = []
    for one, other in zip(resampled(first), resampled(second), strict=True):
        parts.append(f1_of(*other[:4]) - f1_of(*one[:4]))
    return np.concatenate(parts)


def randomisation(first: Counts, second: Counts, rounds: int = RESAMPLES, seed: int = SEED) -> float:
    """p of the difference in pooled F1 if the two were alike: their counts are swapped file by file."""
    rng = np.random.default_rng(seed)
    one, two = (
        np.stack([getattr(side, name) for name in side.__slots__], axis=1).astype(np.float64)
        for side in (first, second)
    )
    observed = abs(_difference(one.sum(axis=0), two.sum(axis=0)))
    extreme = 0
    for _ in range(rounds):
        swap = rng.random(len(one))[:, None] < 0.5
        difference = _difference(np.where(swap, two, one).sum(axis=0), np.where(swap, one, two).sum(axis=0))
        extreme += abs(difference) >= observed - 1e-12
    return (1 + extreme) / (1 + rounds)


def _difference(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.nan_to_num(f1_of(*two)) - np.nan_to_num(f1_of(*one)))
