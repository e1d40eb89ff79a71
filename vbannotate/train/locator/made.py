"""Soundscapes made while training, from the bursts and backgrounds that ``vbannotate synth`` would take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from vbannotate.models.windows import Layout
from vbannotate.sources import index, tables
from vbannotate.sources.clips import Clip
from vbannotate.synth import dataset, scenes, stream
from vbannotate.synth.on_the_fly import Stream, check, present
from vbannotate.train.locator.data import WINDOW_S, padded_mel, target_of

BURSTS = ("burst", "continuous")
BACKGROUNDS = ("speech", "music", "env", "continuous")


def open_stream(
    bursts: Sequence[str],
    backgrounds: Sequence[str],
    window_s: float,
    seed: int,
    warn: Callable[[str], None] = print,
) -> Stream:
    """Soundscapes as long as a window, by the published recipe, or for shorter windows by ``training``.

    `bursts` and `backgrounds` are folders, tables or sources; without them all sources that are here are
    taken. Only clips of the side ``train`` are used. Raises UsageError where there are none.
    """
    clips = {
        **_clips(bursts, BURSTS, "burst", warn),
        **_clips(backgrounds, BACKGROUNDS, "env", warn),
    }
    training = dataset.chosen(list(clips.values()), "train")
    recipe = scenes.PUBLISHED if window_s == WINDOW_S else scenes.TRAINING
    here = present(recipe, {clip.kind for clip in training})
    recipe = replace(recipe, seconds=window_s, backgrounds=here, alone=True)
    library = scenes.Library(training)
    check(library, recipe, " on the side train")
    return stream(library, recipe, seed)


def _clips(
    named: Sequence[str], kinds: tuple[str, ...], other: str, warn: Callable[[str], None]
) -> dict[tuple[Path, str, str], Clip]:
    if named:
        looked = [tables.resolve(what, kinds, other) for what in named]
        for note in (note for one in looked for note in one.notes):
            warn(note)
        found = [clip for one in looked for clip in one.clips]
    else:
        found = [c for path in index.kept().values() for c in index.read(path) if c.kind in kinds]
    return {(clip.path, clip.kind, clip.label): clip for clip in found}


class Scenes(Dataset):
    """`count` soundscapes an epoch, never the same twice; each is the same whatever process made it when.

    `epoch` is set by the training.
    """

    def __init__(self, source: Stream, count: int, layout: Layout, labels: Sequence[str], bands: int) -> None:
        self.epoch = 0
        self._source, self._count, self._layout = source, count, layout
        self._labels, self._bands = labels, bands

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> dict[str, Any]:
        scene = self._source[self.epoch * self._count + number]
        marks = tuple((b.onset, b.offset, b.label) for b in scene.bursts)
        return {
            "mel": padded_mel(scene.audio, self._layout, self._bands),
            "target": target_of(marks, 0, self._layout.window, self._labels),
        }
