"""Cached features: training windows as states of two encoder layers in half precision, with frame targets.

A shard is three files: ``NNNN.npy``, float16 [windows, 500, 2 x width]; ``NNNN.mel.npy``, uint8 [windows, 80,
1000], the log-mel behind the states (`packed_mel`); ``NNNN.npz`` with `target` uint8 [windows, 500] (1: a
pulse covers at least half of the frame), `kind` uint8 [windows, 500] (the burst's number in `KINDS` from 1
on, 0: none or not known) and `weight` float16 [windows, 500]. The audio is not kept: a window is made again
from its seed. Shards that exist are left alone, so a killed run goes on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from vbannotate.models.mel import log_mel
from vbannotate.sources import clips
from vbannotate.sources.clips import Sources
from vbannotate.synth import activity, scenes
from vbannotate.synth.audio import Reader

TAPS = (2, 4)  # layers after which states are taken
WINDOW_S = 10.0
FRAMES = 500  # of 20 ms
RATE = 16_000  # Hz
SHARD = 250  # windows

# What a burst is called, where its source says so; for EmoGator's prompted emotions as the manifest has them.
KINDS = (
    "laugh",
    "cough",
    "sneeze",
    "cry",
    "baby_cry",
    "scream",
    "sigh",
    "gasp",
    "groan",
    "moan",
    "cheer",
    "grunt",
)

_FRAME_S = 0.02
_MEL_LOW, _MEL_STEP = -1.5, 1 / 64  # Whisper's log-mel lies within -1.5 and 2.5
_EDGE_WEIGHT = 0.5  # the two frames at each boundary: energy decides them, not an ear
_FIRES = 0.4  # a head that gives this to three negative frames of a window has erred on it
_DOUBTFUL_WEIGHT = 0.35  # negative frames of acted dialogue that nobody screened


@dataclass(frozen=True, slots=True)
class Source:
    """Where windows come from: clips, recipe and seed. With `head` only windows that it errs on are kept.

    `ended` is the share of the windows that end in digital silence, as the last window of a recording does.
    Without `encoder` no states are kept, for who reads log-mels only.
    """

    sources: Sources
    encoder: Path | None
    recipe: scenes.Recipe
    seed: int
    head: Path | None = None
    ended: float = 0.0


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
    encode = encoder_session(source.encoder) if source.encoder else _no_states
    errs = _judge_of(source.head) if source.head else None
    # What a detector fires on in unscreened dialogue may be a burst: no error of its.
    library = scenes.Library(
        (c for c in clips.load(source.sources)
         if c.split == "train" and not (errs and c.quality == "unscreened")),
        scenes.WEIGHTS,
    )  # fmt: skip
    reader = Reader()
    states, mels, target, kind, weight = [], [], [], [], []
    for k in range(SHARD):
        scene = scenes.make(library, source.recipe, (source.seed, number, k), reader)
        scene = _ended(scene, source.ended, (source.seed, number, k))
        mel, (wanted, trust) = log_mel(scene.audio), targets(scene)
        window = encode(mel)
        if errs is None or errs(window, wanted):
            states.append(window)
            mels.append(packed_mel(mel))
            target.append(wanted)
            kind.append(kinds(scene))
            weight.append(trust)
    np.save(folder / f"{number:04d}.mel.npy", np.array(mels, np.uint8).reshape(len(mels), -1, 2 * FRAMES))
    partial = folder / f"{number:04d}.part"
    with partial.open("wb") as file:
        np.save(file, np.stack(states) if states else np.zeros((0, FRAMES, 0), np.float16))
    partial.replace(folder / f"{number:04d}.npy")
    shape = (len(states), FRAMES)
    np.savez(
        folder / f"{number:04d}.npz",
        target=np.array(target, np.uint8).reshape(shape),
        kind=np.array(kind, np.uint8).reshape(shape),
        weight=np.array(weight, np.float16).reshape(shape),
    )


def _no_states(mel: np.ndarray) -> np.ndarray:
    return np.zeros((FRAMES, 0), np.float16)


def _ended(scene: scenes.Scene, share: float, seed: tuple[int, ...]) -> scenes.Scene:
    """A `share` of the windows cut short, with the bursts that are left."""
    rng = np.random.default_rng([*seed, 1])
    if rng.random() >= share:
        return scene
    end = float(rng.uniform(1.0, WINDOW_S))
    audio = scene.audio.copy()
    audio[round(end * RATE) :] = 0
    bursts = []
    for burst in scene.bursts:
        pulses = tuple((a, min(b, end)) for a, b in burst.pulses if a < end - 0.05)
        if pulses:
            bursts.append(replace(burst, offset=pulses[-1][1], pulses=pulses))
    return replace(scene, audio=audio, bursts=tuple(bursts))


def packed_mel(mel: np.ndarray) -> np.ndarray:
    """Log-mel float32 as uint8, for the cache; `unpacked_mel` gives it back within half a step."""
    return np.clip(np.rint((mel - _MEL_LOW) / _MEL_STEP), 0, 255).astype(np.uint8)


def unpacked_mel(packed: np.ndarray) -> np.ndarray:
    """Log-mel float32 from `packed_mel`."""
    return packed.astype(np.float32) * np.float32(_MEL_STEP) + np.float32(_MEL_LOW)


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
    """The cut encoder in a file of `export.write_taps`: log-mel float32 [80, 1000] -> states float16 [500, 2
    x width].
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda mel: session.run(None, {"mel": mel[None]})[0][0].astype(np.float16)


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


def events(target: np.ndarray) -> np.ndarray:
    """Pulse targets uint8 [windows, 500] with the pauses inside bouts filled, as `scenes` joins pulses."""
    gap = round(activity.BOUT_GAP / _FRAME_S)
    filled = target.copy()
    for row in filled:
        on = np.flatnonzero(row)
        for first, step in zip(on[:-1], np.diff(on), strict=True):
            if 1 < step <= gap:
                row[first : first + step] = 1
    return filled


def kinds(scene: scenes.Scene) -> np.ndarray:
    """The kind of each frame's burst, uint8 [500]: its number in `KINDS` from 1 on, 0 where there is none."""
    found = np.zeros(FRAMES, np.uint8)
    for burst in scene.bursts:
        if burst.label in KINDS:
            found[round(burst.onset / _FRAME_S) : round(burst.offset / _FRAME_S)] = 1 + KINDS.index(
                burst.label
            )
    return found


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows: states float16 [n, 500, d], target, event and weight float32 [n, 500], kind int64 [n, 500]."""

    states: np.ndarray
    target: np.ndarray
    event: np.ndarray
    kind: np.ndarray
    weight: np.ndarray


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
        self.event = np.concatenate([events(part["target"]) for part in labels])
        self.kind = np.concatenate([p["kind"] if "kind" in p else np.zeros_like(p["target"]) for p in labels])
        self.weight = np.concatenate([part["weight"] for part in labels])
        self._shard = np.repeat(np.arange(len(names)), [len(part) for part in self._states])
        self._row = np.concatenate([np.arange(len(part)) for part in self._states])

    def __len__(self) -> int:
        return len(self.target)

    def batches(
        self, size: int, rng: np.random.Generator, chances: np.ndarray | None = None
    ) -> Iterator[Batch]:
        """All windows once in random order; or as many, drawn with `chances` float [windows]."""
        if chances is None:
            order = rng.permutation(len(self))
        else:
            order = rng.choice(len(self), len(self), p=chances / chances.sum())
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            states = np.stack([self.states(i) for i in chosen])
            yield self._labelled(states, chosen)

    def _labelled(self, states: np.ndarray, chosen: np.ndarray) -> Batch:
        return Batch(
            states,
            self.target[chosen].astype(np.float32),
            self.event[chosen].astype(np.float32),
            self.kind[chosen].astype(np.int64),
            self.weight[chosen].astype(np.float32),
        )

    def states(self, window: int) -> np.ndarray:
        """One window's states, read and not mapped: thousands of page faults a batch cost more than the
        copy.
        """
        shard, row = self._shard[window], self._row[window]
        mapped = self._states[shard]
        size = mapped[0].nbytes
        self._files[shard].seek(mapped.offset + row * size)
        return np.frombuffer(self._files[shard].read(size), np.float16).reshape(mapped.shape[1:])
