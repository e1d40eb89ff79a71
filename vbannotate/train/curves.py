"""Probability curves of whole recordings, as a detector is run: 10 s windows, 2 s overlap, cross-faded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soundfile

from vbannotate.models.base import Locator
from vbannotate.models.windows import Layout, curve
from vbannotate.train.sets import Item

WINDOW_S, OVERLAP_S = 10.0, 2.0
LAYOUT = Layout(window=500, overlap=100, samples=320)


def read(item: Item) -> np.ndarray:
    """The audio of an item, float32 [samples] at 16 kHz."""
    return soundfile.read(item.path, dtype="float32")[0]


def windows(audio: np.ndarray) -> list[np.ndarray]:
    """The windows that a recording is cut into, float32 [160000] each."""
    cut: list[np.ndarray] = []

    def keep(sound: list[np.ndarray]) -> np.ndarray:
        cut.extend(sound)
        return np.zeros((len(sound), LAYOUT.window, 1), np.float32)

    for _ in curve([audio], keep, LAYOUT):
        pass
    return cut


def stitched(lengths: Sequence[int], probabilities: np.ndarray) -> list[np.ndarray]:
    """Curves float32 [frames] of recordings of so many samples from the probabilities [windows, 500] of all
    their windows in order."""
    waiting = iter(probabilities)

    def recall(sound: list[np.ndarray]) -> np.ndarray:
        return np.stack([next(waiting)[:, None] for _ in sound])

    found = [np.concatenate([*curve([np.zeros(n, np.float32)], recall, LAYOUT)])[:, 0] for n in lengths]
    if next(waiting, None) is not None:
        raise ValueError("more windows than the recordings have")
    return found


def of(locator: Locator, audio: np.ndarray) -> np.ndarray:
    """The curve of a recording by a model of one label, float32 [frames]."""
    return np.concatenate([*locator.scores([audio])])[:, 0]
