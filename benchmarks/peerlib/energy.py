"""The floor that everyone should beat: whatever is loud is a burst."""

from __future__ import annotations

import numpy as np

from peerlib.base import FRAME, Curves
from peerlib.soundscapes import RATE

RANGE = 60.0  # dB above the floor that count as a score of 1


def loudness(audio: np.ndarray) -> np.ndarray:
    """Level over the recording's 10th percentile, 0-1 for 0-60 dB; float32 [frames]."""
    size = round(FRAME * RATE)
    padded = np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)
    level = 10 * np.log10(np.square(padded, dtype=np.float64).mean(axis=1) + 1e-10)
    smooth = np.convolve(np.pad(level, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    return np.clip((smooth - np.percentile(smooth, 10)) / RANGE, 0, 1).astype(np.float32)


class Energy:
    """Loud is burst."""

    name = "energy"

    def curves(self, audio: np.ndarray) -> Curves:
        """The loudness."""
        return {"": loudness(audio)}
