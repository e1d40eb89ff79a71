"""Pictures: a recording's spectrogram with its events above it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import files
from vbannotate.errors import MissingDependencyError
from vbannotate.events import Annotation, Event

RATE = 16_000
_WINDOW, _HOP = 512, 160  # samples: 32 ms every 10 ms
_RANGE_DB = 55.0
_COLOURS = ("#e4572e", "#2e86ab", "#3b8f4f", "#8d5a97")  # told apart by the colour-blind, too


def plot(
    media: str | os.PathLike[str],
    annotations: Sequence[tuple[str, Annotation]],
    path: str | os.PathLike[str],
    start: float = 0.0,
    end: float | None = None,
    rows: int = 1,
    overwrite: bool = False,
) -> None:
    """Draw `media` from `start` to `end` seconds as a PNG of `rows` lines, a lane for each named annotation.

    For stretches of minutes: the samples are held in memory. Raises MissingDependencyError where matplotlib
    is absent.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot", "drawing") from error
    import io

    samples = _samples(Path(media), start, end)
    end = start + len(samples) / RATE
    figure = Figure(figsize=(12, rows * (1.9 + 0.28 * len(annotations))), dpi=80, layout="constrained")
    grid = figure.subplots(rows * 2, 1, squeeze=False, height_ratios=[0.28 * len(annotations), 1.6] * rows)
    step = (end - start) / rows
    for row in range(rows):
        lane, below = grid[2 * row, 0], grid[2 * row + 1, 0]
        left, right = start + row * step, start + (row + 1) * step
        _lanes(lane, annotations, left, right)
        part = samples[int((left - start) * RATE) : int((right - start) * RATE)]
        _spectrogram(below, part, left, right)
    grid[-1, 0].set_xlabel("seconds")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files.write(Path(path), buffer.getvalue(), overwrite=overwrite)


def _samples(media: Path, start: float, end: float | None) -> np.ndarray:
    """Float32 [samples] of the stretch."""
    from vbannotate import audio

    first, last = int(start * RATE), None if end is None else int(end * RATE)
    kept, at = [], 0
    for block in audio.open_stream(media).blocks():
        kept.append(block[max(0, first - at) : None if last is None else max(0, last - at), 0])
        at += len(block)
        if last is not None and at >= last:
            break
    return np.concatenate(kept) if kept else np.zeros(0, np.float32)


def _spectrogram(axes: Any, samples: np.ndarray, left: float, right: float) -> None:
    padded = np.pad(samples, (_WINDOW // 2, _WINDOW // 2))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)) ** 2
    decibels = 10 * np.log10(np.maximum(power.T, 1e-10))
    top = float(decibels.max()) if decibels.size else 0.0
    axes.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        extent=(left, right, 0, RATE / 2000),
        vmin=top - _RANGE_DB,
        vmax=top,
        cmap="magma",
    )
    axes.set_ylabel("kHz")


def _lanes(axes: Any, annotations: Sequence[tuple[str, Annotation]], left: float, right: float) -> None:
    axes.set_xlim(left, right)
    axes.set_ylim(len(annotations), 0)
    axes.set_xticks([])
    axes.set_yticks([n + 0.5 for n in range(len(annotations))], [name for name, _ in annotations])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for lane, (_, annotation) in enumerate(annotations):
        for event in annotation.events:
            if event.onset < right and event.offset > left:
                _bar(axes, event, lane, max(left, event.onset), min(right, event.offset))


def _bar(axes: Any, event: Event, lane: int, left: float, right: float) -> None:
    axes.barh(lane + 0.5, right - left, left=left, height=0.8, color=_COLOURS[lane % len(_COLOURS)])
    text = event.label if event.confidence is None else f"{event.confidence:.2f}"
    axes.text(
        (left + right) / 2,
        lane + 0.5,
        text,
        ha="center",
        va="center",
        fontsize=8,
        color="white",
        clip_on=True,
    )
