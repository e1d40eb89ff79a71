"""Probability curves of whole recordings, as a detector is run: 10 s windows, 2 s overlap, cross-faded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soundfile

from vbannotate.models.base import Locator
from vbannotate.models.mel import log_mel
from vbannotate.models.windows import Layout, curve
from vbannotate.train.sets import Item

WINDOW_S, OVERLAP_S = 10.0, 2.0
LAYOUT = Layout(window=500, overlap=100, samples=320)

Network = Callable[[np.ndarray], np.ndarray]
"""Log-mels float32 [windows, 80, 1000] -> probabilities float32 [windows, 500, columns]."""


def read(item: Item) -> np.ndarray:
    """The audio of an item, float32 [samples] at 16 kHz."""
    return soundfile.read(item.path, dtype="float32")[0]


def windows(audio: np.ndarray) -> np.ndarray:
    """A recording cut into windows side by side, float32 [windows, 160000], zeros at the end."""
    size = LAYOUT.window * LAYOUT.samples
    return np.pad(audio, (0, -len(audio) % size)).reshape(-1, size)


def by(network: Network, audio: np.ndarray) -> np.ndarray:
    """The curves of a recording, float32 [frames, columns]."""

    def run(sound: list[np.ndarray]) -> np.ndarray:
        return network(np.stack([log_mel(window) for window in sound]))

    return np.concatenate([*curve([audio], run, LAYOUT)])


def of(locator: Locator, audio: np.ndarray) -> np.ndarray:
    """The curve of a recording by a model of one label, float32 [frames]."""
    return np.concatenate([*locator.scores([audio])])[:, 0]
