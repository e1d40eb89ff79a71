"""Cached features: training windows as states of two encoder layers in half precision, with frame targets.

A shard is two files: ``NNNN.npy``, float16 [windows, 500, 2 x width], and ``NNNN.npz`` with `target` uint8
[windows, 500] (1: a pulse covers at least half of the frame) and `weight` float16 [windows, 500]. The audio
is not kept: a window is made again from its seed. Shards that exist are left alone, so a killed run goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from vbannotate.sources import clips
from vbannotate.sources.clips import Sources
from vbannotate.synth import scenes
from vbannotate.synth.audio import Reader

TAPS = (2, 4)  # layers after which states are taken
WINDOW_S = 10.0
FRAMES = 500  # of 20 ms
RATE = 16_000  # Hz
SHARD = 250  # windows

_FRAME_S = 0.02
_EDGE_WEIGHT = 0.5  # the two frames at each boundary: energy decides them, not an ear
_FIRES = 0.4  # a head that gives this to three negative frames of a window has erred on it
_DOUBTFUL_WEIGHT = 0.35  # negative frames of acted dialogue that nobody screened


@dataclass(frozen=True, slots=True)
class Source:
    """Where windows come from: clips, recipe and seed. With `head` only windows that it errs on are kept."""

    sources: Sources
    encoder: Path
    recipe: scenes.Recipe
    seed: int
    head: Path | None = None


def extract(
    source: Source, folder: Path, windows: int, jobs: int, report: Callable[[str], None] = print
) -> None:
    """Fill `folder` with shards of `SHARD` windows until `windows` were made."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = [n for n in range(-(-windows // SHARD)) if not (folder / f"{n:04d}.npz").exists()]
    began = time.monotonic()
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done, _ in enumerate(as_completed([pool.submit(_shard, source, folder, n) for n in todo]), 1):
            left = (time.monotonic() - began) / done * (len(todo) - done)
            report(f"{folder.name}: shard {done} of {len(todo)}, {left / 60:.0f} min left")


def _shard(source: Source, folder: Path, number: int) -> None:
    encode = encoder_session(source.encoder)
    errs = _judge_of(source.head) if source.head else None
    # What a detector fires on in unscreened dialogue may be a burst: no error of its.
    library = scenes.Library(
        (c for c in clips.load(source.sources)
         if c.split == "train" and not (errs and c.quality == "unscreened")),
        scenes.WEIGHTS,
    )  # fmt: skip
    reader = Reader()
    states, target, weight = [], [], []
    for k in range(SHARD):
        scene = scenes.make(library, source.recipe, (source.seed, number, k), reader)
        window, (wanted, trust) = encode(scene.audio), targets(scene)
        if errs is None or errs(window, wanted):
            states.append(window)
            target.append(wanted)
            weight.append(trust)
    partial = folder / f"{number:04d}.part"
    with partial.open("wb") as file:
        np.save(file, np.array(states, np.float16).reshape(len(states), FRAMES, -1))
    partial.replace(folder / f"{number:04d}.npy")
    shape = (len(states), FRAMES)
    np.savez(
        folder / f"{number:04d}.npz",
        target=np.array(target, np.uint8).reshape(shape),
        weight=np.array(weight, np.float16).reshape(shape),
    )


def _judge_of(head: Path) -> Callable[[np.ndarray, np.ndarray], bool]:
    """Whether a window [500, d] with targets [500] has negative frames that the head takes for a burst."""
    import torch

    from vbannotate.train.fit import restore

    torch.set_num_threads(1)
    network = restore(head)

    def errs(window: np.ndarray, target: np.ndarray) -> bool:
        with torch.inference_mode():
            found = torch.sigmoid(network(torch.from_numpy(window)[None].float()))[0, :, 0].numpy()
        return bool((found[target == 0] > _FIRES).sum() >= 3)

    return errs


def encoder_session(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """The cut encoder in a file of `export.write_taps`: audio float32 [160000] -> states float16 [500, 2 x
    width].
    """
    import onnxruntime

    from vbannotate.models.mel import log_mel

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda audio: session.run(None, {"mel": log_mel(audio)[None]})[0][0].astype(np.float16)


def targets(scene: scenes.Scene) -> tuple[np.ndarray, np.ndarray]:
    """Frame targets uint8 [500] and weights float16 [500] of a window."""
    covered, edge = np.zeros(FRAMES), np.zeros(FRAMES, bool)
    starts = np.arange(FRAMES) * _FRAME_S
    for burst in scene.bursts:
        for onset, offset in burst.pulses:
            covered += np.clip(np.minimum(starts + _FRAME_S, offset) - np.maximum(starts, onset), 0, None)
            for time_s in (onset, offset):
                nearest = round(time_s / _FRAME_S)
                edge[max(0, nearest - 1) : nearest + 1] = True
    target = (covered >= 0.5 * _FRAME_S).astype(np.uint8)
    weight = np.where(edge, _EDGE_WEIGHT, 1.0)
    if scene.doubtful:
        weight = np.where(target == 0, weight * _DOUBTFUL_WEIGHT, weight)
    return target, weight.astype(np.float16)


class Shards:
    """The shards of some folders, or the first `share` of them, as one set of windows."""

    def __init__(self, folders: Sequence[Path], share: float = 1.0) -> None:
        found = [path for folder in folders for path in sorted(folder.glob("*.npz"))]
        found = found[: math.ceil(share * len(found))]
        names = [path for path in found if len(np.load(path)["target"])]  # mining may keep nothing
        self._states: list[np.memmap] = [np.load(p.with_suffix(".npy"), mmap_mode="r") for p in names]
        self._files = [path.with_suffix(".npy").open("rb", buffering=0) for path in names]
        labels = [np.load(path) for path in names]
        self.target = np.concatenate([part["target"] for part in labels])
        self.weight = np.concatenate([part["weight"] for part in labels])
        self._shard = np.repeat(np.arange(len(names)), [len(part) for part in self._states])
        self._row = np.concatenate([np.arange(len(part)) for part in self._states])

    def __len__(self) -> int:
        return len(self.target)

    def batches(
        self, size: int, rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """All windows once in random order: states float16 [n, 500, d], target and weight float32 [n,
        500].
        """
        order = rng.permutation(len(self))
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            states = np.stack([self._window(self._shard[i], self._row[i]) for i in chosen])
            yield states, self.target[chosen].astype(np.float32), self.weight[chosen].astype(np.float32)

    def _window(self, shard: int, row: int) -> np.ndarray:
        """One window's states, read and not mapped: thousands of page faults a batch cost more than the
        copy.
        """
        mapped = self._states[shard]
        size = mapped[0].nbytes
        self._files[shard].seek(mapped.offset + row * size)
        return np.frombuffer(self._files[shard].read(size), np.float16).reshape(mapped.shape[1:])
