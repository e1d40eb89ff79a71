"""Figures of a detector on a set of recordings beyond what counts alone say: how sure they are, onsets,
frames, false alarms where there is no burst at all, what false alarms fall on, calibration.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from vbannotate.events import BURST, Event
from vbannotate.match import Criterion
from vbannotate.score import intervals
from vbannotate.score.counts import Counts as FileCounts
from vbannotate.train import judge
from vbannotate.train.judge import Counts
from vbannotate.train.references import Recording
from vbannotate.tune import reliability

ONSET = 0.2  # seconds
IOUS = (0.2, 0.3, 0.5, 0.7)
OTHER = "other"  # a false event that falls on nothing that is labelled

_FRAME_BINS = 15
_PLACES = 3


def of_set(
    items: Sequence[Recording],
    found: Sequence[Sequence[Event]],
    curves: Sequence[np.ndarray],
    threshold: float,
    frame_us: int,
) -> dict[str, Any]:
    """All figures of a set. `curves` are float32 [frames], the highest label of each frame."""
    result = judge.report(items, found)
    by_clip = judge.count_all(items, found)
    result["intervals"] = certainty(by_clip)
    result["mean_of_clips"] = mean_of_clips(by_clip)
    result["by_iou"] = {
        str(iou): sum(judge.count_all(items, found, Criterion.of(iou=iou)), Counts()).table() for iou in IOUS
    }
    result["onset"] = onset(items, found)
    result["burst_free"] = burst_free(items, found)
    if labels := {event.label for estimate in found for event in estimate} - {BURST}:
        result["by_label"] = {label: of_label(items, found, label).table() for label in sorted(labels)}
    if any(item.negatives for item in items):
        result["false_on"] = false_on(items, found)
    frames = [covered(item, len(curve), frame_us) for item, curve in zip(items, curves, strict=True)]
    probability, truth = np.concatenate(curves), np.concatenate(frames)
    judged = np.concatenate([_judged(i, len(c), frame_us) for i, c in zip(items, curves, strict=True)])
    result["frames"] = of_frames(probability[judged], truth[judged], threshold)
    result["calibration"] = reliability(*outcomes(items, found))
    return result


def certainty(by_clip: Sequence[Counts]) -> dict[str, Any] | None:
    """95 % intervals, recordings resampled as `score` does; None for fewer recordings than it asks for."""
    hits, misses, false = (np.array([getattr(c, n) for c in by_clip]) for n in ("hits", "misses", "false"))
    found = intervals.bootstrap(FileCounts(hits + misses, hits + false, hits, hits))
    if found is None:
        return None
    values = np.array([c.f1 for c in by_clip])
    draws = np.random.default_rng(intervals.SEED).integers(0, len(values), (intervals.RESAMPLES, len(values)))
    table = {name: found[name] for name in ("f1", "precision", "recall")}
    table["mean_of_clips_f1"] = intervals.percentiles(values[draws].mean(axis=1))
    return {name: [round(v, _PLACES) for v in pair] for name, pair in table.items() if pair}


def mean_of_clips(by_clip: Sequence[Counts]) -> dict[str, float]:
    """Unweighted means over recordings, as the published card evidently reports them: a recording with
    neither references nor estimates counts 1, one with only one of the two 0.
    """
    rows = [
        (c.precision, c.recall, c.f1) if c.hits or not (c.misses or c.false) else (0.0, 0.0, 0.0)
        for c in by_clip
    ]
    means = np.mean(rows, axis=0)
    return {n: round(float(v), _PLACES) for n, v in zip(("precision", "recall", "f1"), means, strict=True)}


def onset(items: Sequence[Recording], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Events whose onset lies within 0.2 s of a reference's, whatever their ends; and of the events that
    match at IoU 0.5 the share with such an onset.
    """
    counts = sum(judge.count_all(items, found, Criterion.of("onset", onset=ONSET)), Counts())
    errors = [
        abs(item.events[r].onset - estimate[e].onset)
        for item, estimate in zip(items, found, strict=True)
        for r, e in judge.judge(item.events, estimate, Criterion.of(), item.examined).pairs
    ]
    share = round(float(np.mean([error <= ONSET for error in errors])), _PLACES) if errors else None
    median = round(float(np.median(errors)), _PLACES) if errors else None
    return {"within": ONSET, **counts.table(), "matched_within": share, "median_error": median}


def of_label(items: Sequence[Recording], found: Sequence[Sequence[Event]], label: str) -> Counts:
    """Counts of one label of a detector that has several: only events and references of that label."""
    total = Counts()
    for item, estimate in zip(items, found, strict=True):
        wanted = [event for event in item.events if event.label == label]
        named = [event for event in estimate if event.label == label]
        judged = judge.judge(wanted, named, Criterion.of(), item.examined)
        total += judged.counts(judge.seconds(item))
    return total


def burst_free(items: Sequence[Recording], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """False alarms in recordings without any burst, by background; and the sound file underneath that most
    of them lie on, where the files are known: one of them may decide a figure.
    """
    grounds: dict[str, list[Counts]] = defaultdict(list)
    files: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for item, counts in zip(items, judge.count_all(items, found), strict=True):
        if not item.events:
            grounds[item.background].append(counts)
            for name in item.grounds:
                files[item.background][name].append(counts.false)
    table: dict[str, dict[str, Any]] = {}
    for name, parts in sorted(grounds.items()):
        total = sum(parts, Counts())
        table[name] = {
            "recordings": len(parts),
            "minutes": round(total.seconds / 60, 1),
            "false": total.false,
            "false_per_hour": round(total.false_per_hour, 1),
        }
        if total.false and files[name]:
            worst, parts_of_it = max(files[name].items(), key=lambda file: (sum(file[1]), file[0]))
            table[name]["most_on"] = {
                "file": worst,
                "recordings": len(parts_of_it),
                "false": sum(parts_of_it),
            }
    return table


def false_on(items: Sequence[Recording], found: Sequence[Sequence[Event]]) -> dict[str, dict[str, Any]]:
    """False events by the labelled sound they cover most of; and how many such sounds there are."""
    tally: Counter[str] = Counter()
    sounds = Counter(event.label for item in items for event in item.negatives)
    hours = sum(map(judge.seconds, items)) / 3600
    for item, estimate in zip(items, found, strict=True):
        for place in judge.judge(item.events, estimate, Criterion.of(), item.examined).false:
            tally[_most(estimate[place], item.negatives)] += 1
    return {
        name: {"sounds": sounds[name], "false": tally[name], "per_hour": round(tally[name] / hours, 1)}
        for name in [*sorted(sounds), OTHER]
    }


def _most(event: Event, sounds: Sequence[Event]) -> str:
    """The label of the sound that shares most time with an event."""
    shared: Counter[str] = Counter()
    for sound in sounds:
        both = min(event.offset_us, sound.offset_us) - max(event.onset_us, sound.onset_us)
        if both > 0:
            shared[sound.label] += both
    return shared.most_common(1)[0][0] if shared else OTHER


def covered(item: Recording, count: int, frame_us: int) -> np.ndarray:
    """Which of `count` frames have their middle in an event, bool [count]."""
    return _inside([(e.onset_us, e.offset_us) for e in item.events], count, frame_us)


def _judged(item: Recording, count: int, frame_us: int) -> np.ndarray:
    if item.examined is None:
        return np.ones(count, bool)
    return _inside([(s.start_us, s.end_us) for s in item.examined], count, frame_us)


def _inside(spans: Sequence[tuple[int, int]], count: int, frame_us: int) -> np.ndarray:
    middles = np.arange(count) * frame_us + frame_us // 2
    inside = np.zeros(count, bool)
    for start, end in spans:
        inside |= (middles >= start) & (middles < end)
    return inside


def of_frames(probability: np.ndarray, truth: np.ndarray, threshold: float) -> dict[str, Any]:
    """Share of frames that a threshold puts on the right side, and how far probabilities are from shares:
    15 bins of equal width, `ece` weighted by their frames (Guo et al. 2017).
    """
    if not len(truth):
        return {"frames": 0, "accuracy": None, "ece": None, "bins": []}
    place = np.minimum((probability * _FRAME_BINS).astype(int), _FRAME_BINS - 1)
    number = np.bincount(place, minlength=_FRAME_BINS)
    mean = np.bincount(place, probability, _FRAME_BINS) / np.maximum(number, 1)
    share = np.bincount(place, truth, _FRAME_BINS) / np.maximum(number, 1)
    right = (probability > np.float32(threshold)) == truth
    return {
        "frames": len(truth),
        "accuracy": round(float(right.mean()), 4),
        "burst_share": round(float(truth.mean()), 4),
        "ece": round(float((number * np.abs(mean - share)).sum() / len(truth)), 4),
        "bins": [
            {"n": int(n), "probability": round(float(p), 4), "share": round(float(s), 4)}
            for n, p, s in zip(number, mean, share, strict=True)
            if n
        ],
    }


def outcomes(items: Sequence[Recording], found: Sequence[Sequence[Event]]) -> tuple[np.ndarray, np.ndarray]:
    """Confidence float64 [events] of every judged event, and whether it matched, bool [events]."""
    confidence, right = [], []
    for item, estimate in zip(items, found, strict=True):
        judged = judge.judge(item.events, estimate, Criterion.of(), item.examined)
        for place in sorted(judged.estimates):
            confidence.append(estimate[place].confidence or 0.0)
            right.append(place not in judged.false)
    return np.array(confidence, np.float64), np.array(right, bool)
