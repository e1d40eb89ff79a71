"""Which setting of a grid to recommend, and how good it will be on recordings that it has not seen.

The best setting on the corrected files looks better than it is: in simulations of 3 to 10 files tuning lost
to the default while it appeared to gain much. So the choice is cross-validated over files, twice nested: the
inner folds choose how many settings may be tuned at all, the outer folds give the figure that is printed. A
change is recommended only where the paired interval of the gain (bootstrap over files) excludes 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vbannotate.score.intervals import FEWEST_FILES, RESAMPLES, SEED, Interval, percentiles
from vbannotate.tune.grid import Grid, Tally
from vbannotate.tune.objective import Objective

FOLDS = 10
INNER_FOLDS = 5
_SETTINGS = ("threshold", "merge_gap", "min_dur", "peak")
# Which settings may be free, and the number of files from which that is tried.
FAMILIES = {(0,): 0, (0, 3): 20, (0, 2): 20, (0, 1, 2): 30, (0, 2, 3): 30, (0, 1, 2, 3): 50}


@dataclass(frozen=True, slots=True)
class Choice:
    """The outcome. Places index the grid; `gain` is the held-out merit less that of the current setting.

    `fitted` is the merit on the files that the choice was made on: never the figure to believe.
    """

    place: int
    current: int
    family: tuple[str, ...]
    fitted: float
    held_out: tuple[int, int, int]  # tp, estimates, references of the chosen settings on files not seen
    merit: float
    current_merit: float
    gain: float
    interval: Interval | None
    files: int
    references: int

    @property
    def recommended(self) -> bool:
        """Whether the gain is more than chance."""
        return self.interval is not None and self.interval[0] > 0 and self.place != self.current

    def files_needed(self) -> int | None:
        """About how many files would tell, if the gain stayed what it seems; None if nothing is gained."""
        if self.interval is None or self.gain <= 0:
            return None
        half = (self.interval[1] - self.interval[0]) / 2
        return math.ceil(self.files * (half / self.gain) ** 2)


def choose(counts: Tally, grid: Grid, objective: Objective, current: int) -> Choice:
    """Choose a setting from the counts of all settings. `current` is the place of the setting in use."""
    files = len(counts.references)
    families = [_free(grid, current, family) for family in _allowed(files)]
    names = [tuple(_SETTINGS[k] for k in family) for family in _allowed(files)]
    picks = np.full(files, current)
    for fold in _folds(files, FOLDS):
        rest = np.setdiff1d(np.arange(files), fold)
        picks[fold] = _pick(counts, grid, families, objective, rest, current)[0]
    place, family = _pick(counts, grid, families, objective, np.arange(files), current)
    rows = np.arange(files)
    ours = counts.tp[rows, picks], counts.estimates[rows, picks]
    theirs = counts.tp[:, current], counts.estimates[:, current]
    totals = counts.references.sum(), counts.judged_us.sum()
    merit, current_merit = (
        float(objective.merit(tp.sum(), estimates.sum(), *totals)) for tp, estimates in (ours, theirs)
    )
    whole = counts.tp[:, place].sum(), counts.estimates[:, place].sum()
    return Choice(
        place,
        current,
        names[family],
        float(objective.merit(*whole, *totals)),
        (int(ours[0].sum()), int(ours[1].sum()), int(totals[0])),
        merit,
        current_merit,
        merit - current_merit,
        _interval(counts, ours, theirs, objective) if files >= FEWEST_FILES else None,
        files,
        int(totals[0]),
    )


def _allowed(files: int) -> list[tuple[int, ...]]:
    return [family for family, least in FAMILIES.items() if files >= least]


def _free(grid: Grid, current: int, family: Sequence[int]) -> np.ndarray:
    """The places of the grid that differ from the current one only in the settings of a family."""
    places = np.arange(math.prod(grid.shape)).reshape(grid.shape)
    at = np.unravel_index(current, grid.shape)
    return places[tuple(slice(None) if k in family else slice(at[k], at[k] + 1) for k in range(4))]


def _folds(files: int, folds: int) -> list[np.ndarray]:
    order = np.random.default_rng(SEED).permutation(files)
    return [part for part in np.array_split(order, min(folds, files)) if len(part)]


def _pick(
    counts: Tally,
    grid: Grid,
    families: Sequence[np.ndarray],
    objective: Objective,
    files: np.ndarray,
    current: int,
) -> tuple[int, int]:
    """The place and the family chosen on some files; the family by cross-validation among them."""
    if len(families) == 1 or len(files) < INNER_FOLDS:
        return best(counts, grid, families[0], objective, files, current), 0
    totals = counts.references[files].sum(), counts.judged_us[files].sum()
    merits = []
    for places in families:
        tp = estimates = 0
        for fold in _folds(len(files), INNER_FOLDS):
            held = files[fold]
            place = best(counts, grid, places, objective, np.setdiff1d(files, held), current)
            tp += counts.tp[held, place].sum()
            estimates += counts.estimates[held, place].sum()
        merits.append(float(objective.merit(tp, estimates, *totals)))
    family = int(np.argmax(merits))  # equal: the smaller family
    return best(counts, grid, families[family], objective, files, current), family


def best(
    counts: Tally, grid: Grid, places: np.ndarray, objective: Objective, files: np.ndarray, current: int
) -> int:
    """The place whose surroundings are best on some files; equal ones nearest to the current setting."""
    merit = objective.merit(
        counts.tp[files].sum(axis=0),
        counts.estimates[files].sum(axis=0),
        counts.references[files].sum(),
        counts.judged_us[files].sum(),
    )[places]
    if objective.kind in ("f1", "fbeta"):
        merit = _plateau(merit)
    at = np.array(np.unravel_index(current, grid.shape))[:, None]
    steps = np.abs(np.array(np.unravel_index(places.ravel(), grid.shape)) - at).sum(axis=0)
    best = np.flatnonzero(merit.ravel() >= merit.max() - 1e-12)
    return int(places.ravel()[best[np.argmin(steps[best])]])


def _plateau(merit: np.ndarray) -> np.ndarray:
    """The mean of each value and its neighbours along every axis: a lone peak is luck."""
    for axis in range(merit.ndim):
        if merit.shape[axis] < 3:
            continue
        edge = [(1, 1) if k == axis else (0, 0) for k in range(merit.ndim)]
        wide = np.pad(merit, edge, mode="edge")
        size = merit.shape[axis]
        merit = np.mean([np.take(wide, range(k, k + size), axis=axis) for k in range(3)], axis=0)
    return merit


def _interval(
    counts: Tally,
    ours: tuple[np.ndarray, np.ndarray],
    theirs: tuple[np.ndarray, np.ndarray],
    objective: Objective,
) -> Interval | None:
    """95 % of the gain when files are resampled, the same files for both."""
    files = len(counts.references)
    draws = np.random.default_rng(SEED).integers(0, files, (RESAMPLES, files))
    totals = counts.references[draws].sum(axis=1), counts.judged_us[draws].sum(axis=1)
    first, second = (
        objective.merit(tp[draws].sum(axis=1), estimates[draws].sum(axis=1), *totals)
        for tp, estimates in (ours, theirs)
    )
    return percentiles(first - second)
