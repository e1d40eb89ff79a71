"""States of whole recordings: what the encoder makes of each window, computed once and kept on disk.

A recording is cut as `detect` cuts it. Its states lie in the cache as float16 [windows, frames, d], named by
the hash of the encoder and that of the recording, so that a file that changed, or another model, has others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vbannotate import cores
from vbannotate.audio import open_stream
from vbannotate.errors import MediaError
from vbannotate.models.base import Card
from vbannotate.models.mel import log_mel
from vbannotate.models.windows import Layout, curve
from vbannotate.provenance import file_hash

CACHE = Path.home() / ".cache" / "vbannotate" / "adapt"


@dataclass(frozen=True, slots=True)
class States:
    """States of a recording, float16 [windows, frames, d], mapped from disk; `samples` is its length."""

    windows: np.ndarray
    samples: int


class Encoder:
    """The part of a model below its head. `widths` are those of its values, `flat`: they have no batch."""

    def __init__(self, below: bytes, card: Card, cache: Path = CACHE) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores.free()
        self._session = onnxruntime.InferenceSession(below, options, providers=["CPUExecutionProvider"])
        self._folder = cache / hashlib.sha256(below).hexdigest()[:16]
        self._layout, self._bands = card.layout, card.bands
        parts = self._run(np.zeros(card.layout.window * card.layout.samples, np.float32))
        self.flat = parts[0].ndim == 2
        self.widths = [part.shape[-1] for part in parts]

    def _run(self, sound: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {"mel": log_mel(sound, self._bands)[None]})

    def states(self, path: Path) -> States:
        """The states of a recording, from the cache where they are there."""
        kept = self._folder / f"{file_hash(path)[:32]}.npy"
        length = kept.with_suffix(".samples")
        if not (kept.exists() and length.exists()):
            windows, samples = self._compute(path)
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_suffix(".part")
            with partial.open("wb") as file:
                np.save(file, windows)
            length.write_text(str(samples), "ascii")
            partial.replace(kept)
        return States(np.load(kept, mmap_mode="r"), int(length.read_text("ascii")))

    def _compute(self, path: Path) -> tuple[np.ndarray, int]:
        found: list[np.ndarray] = []

        def keep(sounds: list[np.ndarray]) -> np.ndarray:
            for sound in sounds:
                parts = [part.reshape(self._layout.window, -1) for part in self._run(sound)]
                found.append(np.concatenate(parts, axis=1).astype(np.float16))
            return np.zeros((len(sounds), self._layout.window, 1), np.float32)

        with open_stream(path) as stream:
            blocks = [block[:, 0] for block in stream.blocks()]
        for _ in curve(blocks, keep, self._layout):
            pass
        if not found:
            raise MediaError(f"{path} holds no sound", "take it out of the folder")
        return np.stack(found), sum(map(len, blocks))


def starts(samples: int, layout: Layout) -> list[int]:
    """First frame of each window of a recording of so many samples, as `models.windows` cuts it."""
    frames = -(-samples // layout.samples)
    regular = [*range(0, max(0, frames - layout.window) + 1, layout.hop)] if frames >= layout.window else []
    if not regular or regular[-1] + layout.window != frames:
        regular.append(max(0, frames - layout.window))
    return regular


def cut(values: np.ndarray, samples: int, layout: Layout) -> np.ndarray:
    """Values of the frames of a recording [frames, ...] by window, [windows, frames of a window, ...]; zeros
    behind the end.
    """
    padding = [(0, layout.window), *[(0, 0)] * (values.ndim - 1)]
    padded = np.pad(values, padding)
    return np.stack([padded[first : first + layout.window] for first in starts(samples, layout)])


def stitched(probabilities: np.ndarray, samples: int, layout: Layout) -> np.ndarray:
    """The curve of a recording, float32 [frames, columns], from those of its windows in order."""
    waiting = iter(probabilities)

    def recall(sounds: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([next(waiting) for _ in sounds])

    return np.concatenate([*curve([np.zeros(samples, np.float32)], recall, layout)])
