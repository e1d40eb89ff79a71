"""Overlapping windows over a stream of sound, and one curve stitched from their probabilities.

A window starts every `window - overlap` frames; sound that the last of them does not reach gets one more
window, anchored to the end on the frame grid. Where windows overlap they are cross-faded: a window's weight
rises as (i + 1) / overlap over its first frames and falls likewise over its last ones (never at the ends of
the sound), and the weighted sum is divided by the sum of weights. This is the rule of the published v2
pipeline (LAION-AI/procedural-voice-captions, 30 s windows, 5 s overlap). Where only one window lies, its
probabilities pass unchanged, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

Run = Callable[[list[np.ndarray]], np.ndarray]
"""Windows, each float32 [samples] -> probabilities float32 [windows, frames, labels]."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Lengths in frames; `samples` of sound make a frame."""

    window: int
    overlap: int
    samples: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= self.window // 2:
            raise ValueError(f"overlap of {self.overlap} frames in windows of {self.window}: more than half")

    @property
    def hop(self) -> int:
        """Frames from one window's start to the next."""
        return self.window - self.overlap


def curve(
    blocks: Iterable[np.ndarray], run: Run, layout: Layout, batch: int = 1, padded: bool = False
) -> Iterator[np.ndarray]:
    """Stitched probabilities, float32 [frames, labels], a frame for each begun `layout.samples` of sound.

    With `padded` sound shorter than one window gives all frames of the window. Holds two windows of sound.
    """
    cutter = _Cutter(blocks, layout)
    given = 0
    for piece in _stitch(_run_batches(cutter.windows(), run, batch), layout):
        if cutter.frames is not None and not padded:
            piece = piece[: cutter.frames - given]  # only a single, padded window reaches beyond the end
        given += len(piece)
        if len(piece):
            yield piece


class _Cutter:
    """Cuts sound into windows; `frames` is the length of the sound once they are exhausted."""

    def __init__(self, blocks: Iterable[np.ndarray], layout: Layout) -> None:
        self._blocks, self._layout = blocks, layout
        self.frames: int | None = None

    def windows(self) -> Iterator[tuple[int, np.ndarray]]:
        """Start in frames and sound, float32 [window * samples], of each window in order."""
        layout = self._layout
        size, hop = layout.window * layout.samples, layout.hop * layout.samples
        held = np.zeros(0, np.float32)  # sound from frame `base` on; the last window's start stays in it
        base, start = 0, 0  # start: of the next regular window
        for block in self._gathered(hop):
            held = np.concatenate([held, block])
            while (start - base) * layout.samples + size <= len(held):
                offset = (start - base) * layout.samples
                yield start, held[offset : offset + size]
                # An anchored window may begin anywhere behind this one's start, so that much is kept.
                held, base = held[offset:], start
                start += layout.hop
        total = base + -(-len(held) // layout.samples)
        self.frames = total
        if not total or (start and total == start - layout.hop + layout.window):
            return  # nothing there, or the last regular window ended with the sound
        anchored = max(0, total - layout.window)
        sound = held[(anchored - base) * layout.samples :]
        yield anchored, np.concatenate([sound, np.zeros(size - len(sound), np.float32)])

    def _gathered(self, size: int) -> Iterator[np.ndarray]:
        """The blocks joined to at least `size` samples, so that small ones cost no copies."""
        waiting: list[np.ndarray] = []
        count = 0
        for block in self._blocks:
            waiting.append(np.asarray(block, np.float32))
            count += len(block)
            if count >= size:
                yield np.concatenate(waiting)
                waiting, count = [], 0
        if waiting:
            yield np.concatenate(waiting)


def _run_batches(
    windows: Iterable[tuple[int, np.ndarray]], run: Run, batch: int
) -> Iterator[tuple[int, np.ndarray]]:
    starts: list[int] = []
    sound: list[np.ndarray] = []
    for start, window in windows:
        starts.append(start)
        sound.append(window)
        if len(starts) == batch:
            yield from zip(starts, run(sound), strict=True)
            starts, sound = [], []
    if starts:
        yield from zip(starts, run(sound), strict=True)


def _stitch(pieces: Iterable[tuple[int, np.ndarray]], layout: Layout) -> Iterator[np.ndarray]:
    """Cross-fade (start, probabilities [window, labels]); frames leave once no later window reaches them."""
    ramp = (np.arange(1, layout.overlap + 1) / max(1, layout.overlap))[:, None]
    total = np.zeros(
        (0, 1)
    )  # float64 [frames, labels] from frame `base` on: weighted sums, and their weights
    weight = np.zeros((0, 1))
    base = 0
    last: tuple[int, np.ndarray, np.ndarray] | None = None

    def add(start: int, scores: np.ndarray, weights: np.ndarray) -> None:
        nonlocal total, weight
        offset, end = start - base, start - base + len(scores)
        if end > len(total):
            longer = np.zeros((end, scores.shape[1]))
            longer[: len(total)] = total
            total, weight = longer, np.concatenate([weight, np.zeros((end - len(weight), 1))])
        total[offset:end] += scores * weights
        weight[offset:end] += weights

    for start, scores in pieces:
        weights = np.ones((len(scores), 1))
        if last is not None:
            weights[: layout.overlap] = ramp
            if layout.overlap:
                last[2][-layout.overlap :] *= ramp[::-1]
            add(*last)
            settled = start - base
            yield (total[:settled] / weight[:settled]).astype(np.float32)
            total, weight, base = total[settled:], weight[settled:], start
        last = start, scores, weights
    if last is not None:
        add(*last)
        yield (total / weight).astype(np.float32)
