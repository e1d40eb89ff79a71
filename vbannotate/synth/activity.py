"""Where a clip is active: the pulses of a burst, found by energy, and the bouts that they form.

Definition of an event in all data made here: a *bout*, the pulses of one placed clip with pauses shorter than
`BOUT_GAP` between them, from its first active instant to its last. A recording with longer pauses holds
several.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

BOUT_GAP = 0.5  # seconds

_WINDOW, _HOP = 0.030, 0.010  # seconds
_MIN_PULSE, _JOIN = 0.05, 0.20  # seconds
_BELOW_PEAK, _ABOVE_FLOOR, _MARGIN, _SILENCE, _WEAK = 34.0, 10.0, 10.0, -66.0, 28.0  # dB

Spans = list[tuple[float, float]]


def pulses(audio: np.ndarray, rate: int) -> Spans:
    """Active stretches in seconds of audio float32 [samples], by the rule of the data's manifest.

    Active is what lies above max(peak - 34 dB, min(floor + 10 dB, peak - 10 dB), -66 dBFS); pulses under 50
    ms and pulses 28 dB under the peak are dropped, gaps under 0.2 s joined.
    """
    level = _levels(audio, rate)
    if not len(level):
        return []
    floor, peak = np.percentile(level, (8, 99.5))
    limit = max(peak - _BELOW_PEAK, min(floor + _ABOVE_FLOOR, peak - _MARGIN), _SILENCE)
    edges = np.flatnonzero(np.diff(level > limit, prepend=False, append=False)).reshape(-1, 2)
    found = []
    for first, end in edges:
        start, stop = first * _HOP, (end - 1) * _HOP + _WINDOW
        if stop - start >= _MIN_PULSE and level[first:end].max() >= peak - _WEAK:
            found.append((float(start), float(min(stop, len(audio) / rate))))
    return join(found, _JOIN)


def _levels(audio: np.ndarray, rate: int) -> np.ndarray:
    """RMS in dBFS of 30 ms each 10 ms, float64 [frames]."""
    window, hop = round(_WINDOW * rate), round(_HOP * rate)
    if len(audio) < window:
        return np.zeros(0)
    frames = sliding_window_view(audio, window)[::hop]
    return 10 * np.log10(np.einsum("ij,ij->i", frames, frames) / window + 1e-12)


def join(spans: Spans, gap: float) -> Spans:
    """Join sorted spans with less than `gap` seconds between them."""
    joined: Spans = []
    for start, stop in spans:
        if joined and start - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return joined
