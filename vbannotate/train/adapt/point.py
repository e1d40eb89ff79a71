"""The settings that go with a head. A head that was fitted anew says the same with other probabilities: what
was sure at 0.97 may be sure at 0.9, and with the old peak would be lost. So threshold and peak are chosen
with it, on the recordings that it was fitted on: the user's events, and on base data the events that the
model found before.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vbannotate.decode import EVENT, Settings
from vbannotate.match import Criterion
from vbannotate.tune import Objective, Recording
from vbannotate.tune.choose import best
from vbannotate.tune.grid import Grid, Tally, tally

_THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(4, 19))
_PEAKS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995)
_SURE = 1e-4  # nearer than this to 0 or 1 a setting stays: its odds say nothing


def choose(labels: Sequence[Sequence[Recording]], current: Settings) -> Settings:
    """`current` with the threshold and, if it has one, the peak of the best F1 on the curves of each label.

    The counts of all labels are pooled; of equals those nearest to `current` are taken.
    """
    thresholds = tuple(sorted({*_THRESHOLDS, current.threshold}))
    peaks = tuple(sorted({*_PEAKS, current.peak})) if current.peak else (0.0,)
    grid = Grid(thresholds, (current.merge_gap,), (current.min_dur,), peaks, current)
    first, *others = (tally(ones, grid, Criterion.of()) for ones in labels)
    counts: Tally = sum(others, first)
    places = np.arange(math.prod(grid.shape)).reshape(grid.shape)
    at = places[thresholds.index(current.threshold), 0, 0, peaks.index(current.peak or 0.0)]
    files = np.arange(len(counts.references))
    return grid.at(best(counts, grid, places, Objective(), files, int(at)))


def changed(old: Settings, new: Settings) -> dict[str, list[float]]:
    """The settings that differ, by name: before and after."""
    pairs = ((name, getattr(old, name), getattr(new, name)) for name in ("threshold", "peak", "release"))
    return {name: [before, after] for name, before, after in pairs if before != after}


def moved(
    config: Mapping[str, Any], granularity: str, preset: str | None, old: Settings, new: Settings
) -> dict[str, Any]:
    """The tables of settings of a model's `config`, with `new` in place of `old` and all others as far moved.

    The odds of the peak change by one factor everywhere, for the head moved everywhere; those of the
    threshold only where the same kind of event is meant: at the `granularity` that was corrected.
    """
    factors = {name: _odds(after) / _odds(before) for name, (before, after) in changed(old, new).items()}
    peak_only = {name: factor for name, factor in factors.items() if name == "peak"}
    mine, other = ("settings", "pulse") if granularity == EVENT else ("pulse", "settings")
    tables = {mine: _moved(config.get(mine, {}), factors)}
    if other in config:
        tables[other] = _moved(config[other], peak_only)
    if "presets" in config:
        along = factors if granularity == EVENT else peak_only
        tables["presets"] = {name: _moved(values, along) for name, values in config["presets"].items()}
    exact = tables["presets"][preset] if preset and granularity == EVENT else tables[mine]
    exact.update({name: after for name, (_, after) in changed(old, new).items()})
    return tables


def _moved(table: Mapping[str, Any], factors: Mapping[str, float]) -> dict[str, Any]:
    """A table with the odds of its settings changed, as far as it has them."""
    return dict(table) | {name: _times(table[name], factors[name]) for name in factors if table.get(name)}


def _odds(probability: float) -> float:
    kept = min(max(probability, _SURE), 1 - _SURE)
    return kept / (1 - kept)


def _times(probability: float, factor: float) -> float:
    """The probability of odds that are `factor` times as high."""
    if not _SURE < probability < 1 - _SURE:
        return probability
    odds = _odds(probability) * factor
    return round(odds / (1 + odds), 4)
