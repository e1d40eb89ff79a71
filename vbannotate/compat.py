"""The three published post-processings, digit for digit, float arithmetic and knife-edges included.

v1         `extract_events` in ``inference.py`` of laion/vocalburst-locator: seconds as float products of the
           frame number and 0.02, so that a length equal to an option passes or fails depending on where it
           lies; mean confidence; no end at the end of the recording (the padding behind it is looked at too)
v1-median  ``locator.py`` of LAION-AI/vocal-burst-annotation-pipeline: the curve cut to the recording, a
           median of 5 frames with the edges repeated, then as v1
v2         the pipeline for ``model_v2.pt`` (LAION-AI/procedural-voice-captions): whole frames / 50, so
           nothing depends on the place; confidence is the maximum

All: a frame is positive if its float32 probability lies strictly above the threshold rounded to float32; runs
join when the gap is ``<= merge_gap``; joined runs stay when they last ``>= min_dur``; three decimals.
`vbannotate.decode` is the program's own rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from vbannotate.errors import UsageError
from vbannotate.events import Event

FRAME_S = 30.0 / 1500  # the published product is index * this very double
FRAMES_A_SECOND = 50
MEDIAN_FRAMES = 5

DEFAULTS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "v1": {"threshold": 0.65, "merge_gap": 0.3, "min_dur": 0.5},
        "v1-median": {"threshold": 0.88, "merge_gap": 0.3, "min_dur": 0.5},
        "v2": {"threshold": 0.5, "merge_gap": 0.1, "min_dur": 0.1},
    }
)
"""The settings that each published program uses unless told otherwise."""

Seconds = Callable[[int, int], float]
"""Length in seconds from one frame number to another."""


def decode(
    mode: str,
    scores: np.ndarray,
    threshold: float,
    merge_gap: float,
    min_dur: float,
    duration_us: int | None = None,
) -> list[Event]:
    """Events of a curve, float32 [frames] of 20 ms, by the rule called `mode`; lengths in seconds.

    `duration_us` is the length of the recording, to which v1-median and v2 cut the curve; v1 does not. Onset,
    offset and confidence are the published three decimals. Raises UsageError for an unknown mode.
    """
    if mode not in DEFAULTS:
        raise UsageError(f"unknown compat mode {mode!r}", f"known are {', '.join(DEFAULTS)}")
    probabilities = np.asarray(scores, np.float32)
    if mode == "v1":
        return events_v1(probabilities, threshold, merge_gap, min_dur)
    if mode == "v1-median":
        return events_v1_median(_cut(probabilities, duration_us, round), threshold, merge_gap, min_dur)
    return events_v2(_cut(probabilities, duration_us, math.ceil), threshold, merge_gap, min_dur)


def events_v1(probabilities: np.ndarray, threshold: float, merge_gap: float, min_dur: float) -> list[Event]:
    """v1 of a curve, float32 [frames]."""
    found = _spans(probabilities, threshold, merge_gap, min_dur, _float_seconds)
    return [
        _event(first * FRAME_S, end * FRAME_S, float(probabilities[first:end].mean())) for first, end in found
    ]


def events_v1_median(
    probabilities: np.ndarray, threshold: float, merge_gap: float, min_dur: float
) -> list[Event]:
    """v1-median of a curve, float32 [frames], that is already cut to the recording."""
    if len(probabilities) >= MEDIAN_FRAMES:  # the published median leaves shorter curves alone
        padded = np.pad(probabilities, MEDIAN_FRAMES // 2, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_FRAMES)
        probabilities = np.median(windows, axis=1).astype(np.float32)
    return events_v1(probabilities, threshold, merge_gap, min_dur)


def events_v2(probabilities: np.ndarray, threshold: float, merge_gap: float, min_dur: float) -> list[Event]:
    """v2 of a curve, float32 [frames]."""
    found = _spans(probabilities, threshold, merge_gap, min_dur, _whole_frames)
    return [
        _event(first / FRAMES_A_SECOND, end / FRAMES_A_SECOND, float(probabilities[first:end].max()))
        for first, end in found
    ]


def _float_seconds(first: int, end: int) -> float:
    return end * FRAME_S - first * FRAME_S


def _whole_frames(first: int, end: int) -> float:
    return (end - first) / FRAMES_A_SECOND


def _spans(
    probabilities: np.ndarray, threshold: float, merge_gap: float, min_dur: float, length: Seconds
) -> list[tuple[int, int]]:
    """First frame and end of each event."""
    positive = probabilities > np.float32(threshold)
    edges = np.flatnonzero(np.diff(positive, prepend=False, append=False))
    joined: list[tuple[int, int]] = []
    for first, end in edges.reshape(-1, 2).tolist():
        if joined and length(joined[-1][1], first) <= merge_gap:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((first, end))
    return [(first, end) for first, end in joined if length(first, end) >= min_dur]


def _cut(probabilities: np.ndarray, duration_us: int | None, to_whole: Callable[[float], int]) -> np.ndarray:
    if duration_us is None:
        return probabilities
    return probabilities[: to_whole(duration_us / 1_000_000 * FRAMES_A_SECOND)]


def _event(start: float, end: float, confidence: float) -> Event:
    return Event(round(start, 3), round(end, 3), confidence=round(confidence, 3))
