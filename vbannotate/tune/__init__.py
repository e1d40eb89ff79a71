"""Settings tuned on corrected recordings: what to change, whether to change it, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vbannotate import calibrate
from vbannotate.calibrate import Calibration
from vbannotate.decode import Settings
from vbannotate.errors import UsageError
from vbannotate.match import Criterion, intervals, match_intervals
from vbannotate.score.intervals import SEED, wilson
from vbannotate.settings import Resolved
from vbannotate.tune.choose import Choice, choose
from vbannotate.tune.grid import Grid, Recording, Tally, decoded, tally
from vbannotate.tune.objective import Objective

__all__ = ["Objective", "Recording", "Tuned", "tune"]

ENOUGH_REFERENCES = 50  # of a label, before it gets settings of its own
_BIN_EVENTS, _BINS = 20, 8

_THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
_FINE_THRESHOLDS = tuple(round(0.02 * k, 2) for k in range(2, 50))
_GAPS = (0.0, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5)  # seconds
_MIN_DURS = (0.0, 0.04, 0.06, 0.1, 0.16, 0.2, 0.3, 0.5)  # seconds
_PEAKS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
_FILES_FOR_ALL = 20  # below, only the threshold is tuned


@dataclass(slots=True)
class Tuned:
    """The outcome for all labels together; `labels` holds those that were tuned for themselves."""

    choice: Choice
    current: Settings
    settings: Settings  # what to use: the current ones, unless a change is recommended
    best: Settings  # what was best on these files
    curve: list[dict[str, Any]]
    reliability: dict[str, Any]
    labels: dict[str, Choice] = field(default_factory=dict)
    label_settings: dict[str, Settings] = field(default_factory=dict)
    too_few: dict[str, int] = field(default_factory=dict)
    calibration: Calibration | None = None
    notes: list[str] = field(default_factory=list)


def tune(
    recordings: Mapping[str, Sequence[Recording]],
    resolved: Resolved,
    objective: Objective,
    criterion: Criterion,
    by_label: bool = False,
    calibrated: bool = False,
) -> Tuned:
    """Tune on the curves of each label, the recordings of every label in the same order.

    Raises UsageError where there is nothing to learn from.
    """
    references = {label: sum(len(one.reference) for one in ones) for label, ones in recordings.items()}
    if not sum(references.values()):
        raise UsageError("the corrected files hold no events", "tune needs events that people confirmed")
    first = next(iter(recordings.values()))
    current = resolved.default
    grid = grid_for(len(first), current)
    tallies = {label: tally(ones, grid, criterion) for label, ones in recordings.items()}
    counts = _sum(tallies.values())
    choice = choose(counts, grid, objective, place_of(grid, current))
    best = grid.at(choice.place)
    chosen = best if choice.recommended else current
    result = Tuned(
        choice,
        current,
        chosen,
        best,
        _curve(recordings, chosen, criterion),
        {},
        too_few={k: n for k, n in references.items() if by_label and n < ENOUGH_REFERENCES},
    )
    if by_label and len(recordings) > 1:
        _each_label(result, tallies, references, grid, objective, resolved)
    _confidences(result, recordings, criterion, calibrated)
    return result


def grid_for(files: int, current: Settings) -> Grid:
    """The grid for so many files, the current setting always in it."""
    if files < _FILES_FOR_ALL:
        only = (current.merge_gap,), (current.min_dur,), (current.peak or 0.0,)
        return Grid(_with(_FINE_THRESHOLDS, current.threshold), *only, current)
    return Grid(
        _with(_THRESHOLDS, current.threshold),
        _with(_GAPS, current.merge_gap),
        _with(_MIN_DURS, current.min_dur),
        _with(_PEAKS, current.peak or 0.0),
        current,
    )


def _with(values: Sequence[float], value: float) -> tuple[float, ...]:
    return tuple(sorted({*values, value}))


def place_of(grid: Grid, settings: Settings) -> int:
    """The place of a setting that is in the grid."""
    at = (
        grid.thresholds.index(settings.threshold),
        grid.merge_gaps.index(settings.merge_gap),
        grid.min_durs.index(settings.min_dur),
        grid.peaks.index(settings.peak or 0.0),
    )
    return int(np.ravel_multi_index(at, grid.shape))


def _sum(tallies: Any) -> Tally:
    first, *others = tallies
    for other in others:
        first = first + other
    return first


def _each_label(
    result: Tuned,
    tallies: Mapping[str, Tally],
    references: Mapping[str, int],
    grid: Grid,
    objective: Objective,
    resolved: Resolved,
) -> None:
    """Labels with enough references get a choice of their own, from what is chosen for all on."""
    for label, counts in tallies.items():
        if references[label] < ENOUGH_REFERENCES:
            continue
        now = resolved.labels.get(label, result.settings)
        if now not in (result.settings, result.current):
            result.notes.append(f"{label}: its settings in the file in use are not tuned")
            continue
        choice = choose(counts, grid, objective, place_of(grid, now))
        result.labels[label] = choice
        if choice.recommended:
            result.label_settings[label] = grid.at(choice.place)


def _curve(
    recordings: Mapping[str, Sequence[Recording]], settings: Settings, criterion: Criterion
) -> list[dict[str, Any]]:
    """Precision and recall against the threshold, the other settings as chosen."""
    rest = (settings.merge_gap,), (settings.min_dur,), (settings.peak or 0.0,)
    grid = Grid(_with(_THRESHOLDS, settings.threshold), *rest, settings)
    counts = _sum([tally(ones, grid, criterion) for ones in recordings.values()])
    references, hours = int(counts.references.sum()), counts.judged_us.sum() / 3.6e9
    rows = []
    for threshold, tp, estimates in zip(
        grid.thresholds, counts.tp.sum(axis=0).tolist(), counts.estimates.sum(axis=0).tolist(), strict=True
    ):
        rows.append(
            {
                "threshold": threshold,
                "tp": tp,
                "fp": estimates - tp,
                "fn": references - tp,
                "precision": tp / estimates if estimates else None,
                "precision_interval": wilson(tp, estimates),
                "recall": tp / references,
                "recall_interval": wilson(tp, references),
                "f1": 2 * tp / (references + estimates),
                "false_alarms_per_hour": (estimates - tp) / hours if hours else None,
            }
        )
    return rows


def _confidences(
    result: Tuned,
    recordings: Mapping[str, Sequence[Recording]],
    criterion: Criterion,
    calibrated: bool,
) -> None:
    """Fill in the reliability table, and the calibration if it is wanted and there is enough to fit it on."""
    confidence, right, files = outcomes(recordings, result.settings, criterion)
    result.reliability.update(reliability(confidence, right))
    if not calibrated:
        return
    found = calibrate.fit(confidence, right)
    if found is None:
        few = f"{len(confidence)} events are too few to calibrate on; {calibrate.FEWEST_EVENTS} are needed"
        result.notes.append(few)
        return
    result.calibration = found
    if len(confidence) < calibrate.SOLID_EVENTS:
        result.notes.append(f"calibrated on {len(confidence)} events: rough below {calibrate.SOLID_EVENTS}")
    order = np.random.default_rng(SEED).permutation(int(files.max()) + 1)
    folds = [np.flatnonzero(np.isin(files, part)) for part in np.array_split(order, 5)]
    held_out = calibrate.cross_validated(confidence, right, [fold for fold in folds if len(fold)])
    result.reliability["brier_calibrated"] = held_out


def outcomes(
    recordings: Mapping[str, Sequence[Recording]], settings: Settings, criterion: Criterion
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, whether it was right, and file of every event that the settings give."""
    parts = []
    for ones in recordings.values():
        events, files = decoded(ones, settings)
        est = intervals(events, files)
        reference = [event for one in ones for event in one.reference]
        numbers = np.repeat(np.arange(len(ones)), [len(one.reference) for one in ones])
        _, e = match_intervals(intervals(reference, numbers), est, criterion)
        right = np.zeros(len(events), bool)
        right[e] = True
        confidence = np.array([event.confidence or 0.0 for event in events], np.float64)
        judged = np.array([ones[k].judges(event) for k, event in zip(files, events, strict=True)], bool)
        parts.append((confidence[judged], right[judged], files[judged]))
    confidence, right, files = (np.concatenate(part) for part in zip(*parts, strict=True))
    return confidence, right, files


def reliability(confidence: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Of the events of about one confidence, the share that was right; expected error only from 100 events
    on.
    """
    if not len(confidence):
        return {"n": 0, "bins": [], "brier": None, "ece": None}
    order = np.argsort(confidence, kind="stable")
    bins = np.array_split(order, max(1, min(_BINS, len(order) // _BIN_EVENTS)))
    rows: list[dict[str, Any]] = []
    for part in bins:
        hits = int(right[part].sum())
        rows.append(
            {
                "from": float(confidence[part[0]]),
                "to": float(confidence[part[-1]]),
                "n": len(part),
                "confidence": float(confidence[part].mean()),
                "share": hits / len(part),
                "interval": wilson(hits, len(part)),
            }
        )
    error = math.fsum(row["n"] * abs(row["confidence"] - row["share"]) for row in rows) / len(order)
    return {
        "n": len(order),
        "bins": rows,
        "brier": calibrate.brier(confidence, right),
        "ece": error if len(order) >= 100 else None,
    }
