"""What a peer has to offer, and its scores on our frames."""

from __future__ import annotations

import importlib.util
from typing import Protocol

import numpy as np

from peerlib.soundscapes import RATE
from vbannotate.errors import ModelError

FRAME = 0.02  # seconds; all curves are judged on these frames

Curves = dict[str, np.ndarray]


class Peer(Protocol):
    """A detector that gives a curve, or variants of it: the one that is best on val is judged on test."""

    name: str

    def curves(self, audio: np.ndarray) -> Curves:
        """Scores of 16 kHz audio by variant, float32 [frames of 20 ms], each 0-1."""


def on_frames(times: np.ndarray, scores: np.ndarray, samples: int) -> np.ndarray:
    """Scores known at `times` (seconds, rising) on the frames of `samples`, by straight lines in between."""
    frames = -(-samples // round(FRAME * RATE))
    centres = (np.arange(frames) + 0.5) * FRAME
    return np.interp(centres, times, scores).astype(np.float32)


def need(*packages: str, install: str) -> None:
    """Raises ModelError that says what to install where one of `packages` cannot be imported."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise ModelError(f"{package} is not installed", f"pip install {install}")
