"""What is trained on: recordings with events, cut into windows with a target for every frame.

A data folder holds ``train`` and ``val``, each a folder of recordings with references (`references`); or it
is one such folder, and every tenth file or so, by the seed, validates. Windows are cut as `detect` cuts a
recording, so training, validation and use see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from vbannotate import audio
from vbannotate.errors import UsageError
from vbannotate.events import BURST
from vbannotate.models.mel import RATE, log_mel
from vbannotate.models.runs import overlap_of
from vbannotate.models.windows import Layout
from vbannotate.train import references

FRAME_S = 0.02
FRAME = RATE // 50  # samples
WINDOW_S = 30.0  # the published windows
HELD_OUT = 0.1  # share of the files that validate where the data names none

Marks = tuple[tuple[float, float, str], ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording with its events as (onset, offset, label) in seconds. `seconds` is its length."""

    path: Path
    seconds: float
    marks: Marks


@dataclass(frozen=True, slots=True)
class Window:
    """`frames` of a clip from frame `start` on."""

    clip: Clip
    start: int


@dataclass(frozen=True, slots=True)
class Data:
    """Clips to train on and to choose checkpoints by; `notes` are worth a warning."""

    train: tuple[Clip, ...]
    val: tuple[Clip, ...]
    notes: tuple[str, ...] = field(default=())


def layout(window_s: float) -> Layout:
    """How recordings are cut: overlap as published for 30 s, a fifth for shorter windows."""
    return Layout(round(window_s / FRAME_S), round(overlap_of(window_s) / FRAME_S), FRAME)


def read(folder: Path, seed: int, need_train: bool = True) -> Data:
    """The clips of a data folder. Raises UsageError where there are none to train on or to validate on."""
    if not folder.is_dir():
        raise UsageError(f"no data folder {folder}", "make one with: vbannotate synth, or give --data")
    if (folder / "train").is_dir() and (folder / "val").is_dir():
        train, notes = _clips(folder / "train") if need_train else ((), [])
        val, more = _clips(folder / "val")
        return Data(train, val, (*notes, *more))
    clips, notes = _clips(folder)
    if not need_train:
        return Data((), clips, tuple(notes))
    count = max(1, round(HELD_OUT * len(clips)))
    if len(clips) < 2:
        raise UsageError(f"{folder} holds {len(clips)} recordings", "two are needed: one validates")
    held = set(np.random.default_rng(seed).permutation(len(clips))[:count].tolist())
    return Data(
        tuple(clip for k, clip in enumerate(clips) if k not in held),
        tuple(clip for k, clip in enumerate(clips) if k in held),
        tuple(notes),
    )


def _clips(folder: Path) -> tuple[tuple[Clip, ...], list[str]]:
    recordings, notes = references.read(folder)
    return tuple(of_recording(r) for r in recordings), notes


def of_recording(recording: references.Recording) -> Clip:
    """A recording as a clip; where nothing states its length it is decoded."""
    marks = tuple(
        (event.onset, event.offset, str(about["class"]))
        for event, about in zip(recording.events, recording.details, strict=True)
    )
    return Clip(recording.path, recording.seconds or len(sound(recording.path)) / RATE, marks)


@lru_cache(maxsize=4)
def sound(path: Path) -> np.ndarray:
    """Float32 [samples] at 16 kHz, channels averaged; not to be written to."""
    return audio.load(path)[0][:, 0]


def windows(clips: Iterable[Clip], layout: Layout) -> list[Window]:
    """The windows of clips in order, as `vbannotate.models.windows` cuts a recording."""
    found = []
    for clip in clips:
        frames = -(-round(clip.seconds * RATE) // FRAME)
        last = max(0, frames - layout.window)
        found += [Window(clip, start) for start in (*range(0, last, layout.hop), last)]
    return found


def mel_of(window: Window, layout: Layout, bands: int) -> np.ndarray:
    """Log-mel float32 [bands, 2 * frames] of a window, padded with silence as published."""
    whole = sound(window.clip.path)
    return padded_mel(whole[window.start * FRAME : (window.start + layout.window) * FRAME], layout, bands)


def padded_mel(samples: np.ndarray, layout: Layout, bands: int) -> np.ndarray:
    """Log-mel of at most a window of sound; the floor follows the loudest of the padded window."""
    wanted = layout.window * FRAME
    return log_mel(np.pad(samples[:wanted], (0, max(0, wanted - len(samples)))), bands)


def target_of(marks: Marks, start: int, frames: int, labels: Sequence[str]) -> np.ndarray:
    """Float32 [frames, labels]: 1 where events cover at least half of a frame. ``burst`` is any event."""
    found = np.zeros((frames, len(labels)), np.float32)
    edges = (start + np.arange(frames)) * FRAME_S
    for column, label in enumerate(labels):
        covered = np.zeros(frames)
        for onset, offset, name in marks:
            if label in (BURST, name):
                covered += np.clip(np.minimum(edges + FRAME_S, offset) - np.maximum(edges, onset), 0, None)
        found[:, column] = covered >= FRAME_S / 2 - 1e-9
    return found


class Windows(Dataset):
    """Windows as the network takes them: ``mel``, or ``states`` where `states` gives them, and ``target``."""

    def __init__(
        self,
        chosen: Sequence[Window],
        layout: Layout,
        labels: Sequence[str],
        bands: int,
        states: Callable[[Window], np.ndarray] | None = None,
    ) -> None:
        self.windows, self._layout, self._labels = list(chosen), layout, labels
        self._bands, self._states = bands, states

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        window = self.windows[index]
        target = target_of(window.clip.marks, window.start, self._layout.window, self._labels)
        if self._states is not None:
            return {"states": self._states(window), "target": target}
        return {"mel": mel_of(window, self._layout, self._bands), "target": target}
