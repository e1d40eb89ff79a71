"""Settings for a curve, chosen on val, and the figures of what was found.

All detectors are decoded and matched by the product's own `vbannotate.decode` and `vbannotate.match`: an
estimate counts where its IoU with a reference is at least 1/2, one to one, labels ignored. Pooled figures add
up the counts of all soundscapes; the mean is that of the F1 of each soundscape, 1 where it neither holds nor
was given an event.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from peerlib.soundscapes import Soundscape
from vbannotate.decode import FRAME_US, Settings, decode
from vbannotate.events import Event
from vbannotate.match import Criterion, intervals, match_intervals

THRESHOLDS = (0.002, 0.005, 0.01, 0.02, *(round(0.05 * k, 2) for k in range(1, 20)), 0.98)
MERGE_GAPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
MIN_DURS = (0.0, 0.06, 0.1, 0.2, 0.3, 0.5)
PEAKS = (None, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98)

_IOU, _ONSET, _TOUCH = Criterion.of("iou"), Criterion.of("onset"), Criterion.of("overlap")
_PAUSE = 50  # frames of silence between recordings laid end to end: more than any merge_gap
_RESAMPLES = 1000


def search(curves: Sequence[np.ndarray], scenes: Sequence[Soundscape]) -> tuple[Settings, float]:
    """The settings of the grid with the highest pooled F1, and that F1; of equals the first."""
    reference = _table([scene.events for scene in scenes])
    line, starts = _end_to_end(curves, scenes)
    best, highest = Settings(), -1.0
    for threshold, merge_gap in itertools.product(THRESHOLDS, MERGE_GAPS):
        found = decode(line, Settings(threshold, merge_gap, min_dur=0.0))
        estimate = _split(found, starts)
        lengths = estimate[:, 2] - estimate[:, 1]
        peaks = np.array([event.extra["peak"] for event in found])
        for min_dur, peak in itertools.product(MIN_DURS, PEAKS):
            if peak is not None and peak <= threshold:
                continue
            kept = estimate[(lengths >= min_dur * 1e6) & (peaks >= (peak or 0.0))]
            if f1(len(reference), len(kept), min(len(reference), len(kept))) <= highest:
                continue  # not even if all were right
            value = f1(len(reference), len(kept), len(match_intervals(reference, kept, _IOU)[0]))
            if value > highest:
                best, highest = Settings(threshold, merge_gap, min_dur, peak), value
    return best, highest


def decoded(
    curves: Sequence[np.ndarray], scenes: Sequence[Soundscape], settings: Settings
) -> list[list[Event]]:
    """The events of each soundscape."""
    return [decode(c, settings, FRAME_US, s.duration_us) for c, s in zip(curves, scenes, strict=True)]


def figures(scenes: Sequence[Soundscape], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Everything that the table prints, and the counts that it rests on."""
    reference, estimate = _table([s.events for s in scenes]), _table(found)
    r, _ = match_intervals(reference, estimate, _IOU)
    counts = np.zeros((len(scenes), 3), np.int64)  # references, estimates, hits
    for column, rows in enumerate((reference[:, 0], estimate[:, 0], reference[r, 0])):
        counts[:, column] = np.bincount(rows, minlength=len(scenes))
    references, estimates, hits = counts.sum(axis=0).tolist()
    labels = [event.label for scene in scenes for event in scene.events]
    there, got = Counter(labels), Counter(labels[k] for k in r.tolist())
    return {
        "n_clips": len(scenes),
        "references": references,
        "estimates": estimates,
        "hits": hits,
        "f1": f1(references, estimates, hits),
        "f1_interval": _interval(counts),
        "precision": hits / estimates if estimates else None,
        "recall": hits / references if references else None,
        "f1_onset": f1(references, estimates, len(match_intervals(reference, estimate, _ONSET)[0])),
        "f1_overlap": f1(references, estimates, len(match_intervals(reference, estimate, _TOUCH)[0])),
        "f1_mean_of_clips": float(np.mean([f1(*row) for row in counts.tolist()])),
        "false_alarms_per_hour": _false_alarms(scenes, found),
        "found_by_label": {label: [got[label], count] for label, count in sorted(there.items())},
    }


def f1(references: int, estimates: int, hits: int) -> float:
    """Harmonic mean of precision and recall; 1 where there is nothing on either side."""
    return 2 * hits / (references + estimates) if references + estimates else 1.0


def _interval(counts: np.ndarray) -> list[float]:
    """95 % interval of the pooled F1, soundscapes drawn anew with replacement; counts int64 [clips, 3]."""
    rng = np.random.default_rng(0)
    drawn = counts[rng.integers(len(counts), size=(_RESAMPLES, len(counts)))].sum(axis=1)
    values = 2 * drawn[:, 2] / np.maximum(drawn[:, 0] + drawn[:, 1], 1)
    return [float(v) for v in np.percentile(values, (2.5, 97.5))]


def _false_alarms(scenes: Sequence[Soundscape], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """By background of the soundscapes without bursts: events an hour, and how many minutes that rests on."""
    result = {}
    for background in sorted({scene.background for scene in scenes}):
        quiet = [k for k, s in enumerate(scenes) if s.background == background and not s.events]
        seconds = sum(scenes[k].seconds for k in quiet)
        if seconds:
            alarms = sum(len(found[k]) for k in quiet)
            result[background] = {"per_hour": alarms * 3600 / seconds, "minutes": seconds / 60}
    return result


def _table(files: Sequence[Sequence[Event]]) -> np.ndarray:
    """The events of all files as `match_intervals` takes them, the file as their group."""
    events = [event for file in files for event in file]
    return intervals(events, np.repeat(np.arange(len(files)), [len(file) for file in files]))


def _end_to_end(curves: Sequence[np.ndarray], scenes: Sequence[Soundscape]) -> tuple[np.ndarray, np.ndarray]:
    """All curves on one line with silence in between, and the frame at which each begins."""
    parts, starts, place = [], [], 0
    for curve, scene in zip(curves, scenes, strict=True):
        whole = curve[: -(-scene.duration_us // FRAME_US)]
        parts += [whole, np.zeros(_PAUSE, np.float32)]
        starts.append(place)
        place += len(whole) + _PAUSE
    return np.concatenate(parts), np.array(starts)


def _split(found: Sequence[Event], starts: np.ndarray) -> np.ndarray:
    """Events on the line of `_end_to_end` as a table with their own file and times."""
    table = intervals(found, np.zeros(len(found), np.int64))
    table[:, 0] = np.searchsorted(starts * FRAME_US, table[:, 1], "right") - 1
    table[:, 1:3] -= (starts * FRAME_US)[table[:, 0], None]
    return table
