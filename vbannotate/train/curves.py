"""Probability curves of whole recordings, as a detector is run: windows of 10 s that overlap, cross-faded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soundfile

from vbannotate.models.base import Locator
from vbannotate.models.mel import log_mel
from vbannotate.models.windows import Layout, curve
from vbannotate.train.sets import Item

WINDOW_S = 10.0
_FRAMES_PER_S, _SAMPLES = 50, 320  # 20 ms at 16 kHz

Network = Callable[[np.ndarray], np.ndarray]
"""Log-mels float32 [windows, 80, 1000] -> probabilities float32 [windows, 500, columns]."""


def layout(overlap_s: float) -> Layout:
    """Windows of `WINDOW_S` that overlap by so many seconds."""
    return Layout(round(WINDOW_S * _FRAMES_PER_S), round(overlap_s * _FRAMES_PER_S), _SAMPLES)


def read(item: Item) -> np.ndarray:
    """The audio of an item, float32 [samples] at 16 kHz."""
    return soundfile.read(item.path, dtype="float32")[0]


def windows(audio: np.ndarray) -> np.ndarray:
    """A recording cut into windows side by side, float32 [windows, 160000], zeros at the end."""
    size = layout(0).window * _SAMPLES
    return np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)


def by(network: Network, audio: np.ndarray, layout: Layout) -> np.ndarray:
    """The curves of a recording, float32 [frames, columns]."""

    def run(sound: list[np.ndarray]) -> np.ndarray:
        return network(np.stack([log_mel(window) for window in sound]))

    return np.concatenate([*curve([audio], run, layout)])


def of(locator: Locator, audio: np.ndarray) -> np.ndarray:
    """The curve of a recording by a model of one label, float32 [frames]."""
    return np.concatenate([*locator.scores([audio])])[:, 0]
