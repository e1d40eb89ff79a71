"""Soundscapes made while training, from the bursts and backgrounds that ``vbannotate synth`` would take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from vbannotate.errors import UsageError
from vbannotate.models.windows import Layout
from vbannotate.sources import index, tables
from vbannotate.sources.clips import Clip
from vbannotate.synth import dataset, scenes, stream
from vbannotate.synth.on_the_fly import Stream
from vbannotate.train.locator.data import WINDOW_S, padded_mel, target_of

BURSTS = ("burst", "continuous")
BACKGROUNDS = ("speech", "music", "env", "continuous")


def open_stream(bursts: Sequence[str], backgrounds: Sequence[str], window_s: float, seed: int) -> Stream:
    """Soundscapes as long as a window, by the published recipe, or for shorter windows by ``training``.

    `bursts` and `backgrounds` are folders, tables or sources; without them all sources that are here are
    taken. Only clips of the side ``train`` are used. Raises UsageError where there are none.
    """
    clips = {**_clips(bursts, BURSTS, "burst"), **_clips(backgrounds, BACKGROUNDS, "env")}
    training = dataset.chosen(list(clips.values()), "train")
    kinds = {clip.kind for clip in training}
    if "burst" not in kinds:
        raise UsageError(
            "no bursts to make soundscapes of", "give --bursts FOLDER, or see: vbannotate sources"
        )
    recipe = scenes.PUBLISHED if window_s == WINDOW_S else scenes.TRAINING
    here = {k: w for k, w in recipe.backgrounds.items() if dataset.clips_of(k) in {None, *kinds}}
    return stream(training, replace(recipe, seconds=window_s, backgrounds=here, alone=True), seed)


def _clips(named: Sequence[str], kinds: tuple[str, ...], other: str) -> dict[tuple[Path, str, str], Clip]:
    if named:
        found = [clip for what in named for clip in tables.resolve(what, kinds, other)]
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
