"""The small detector, ``tiny``: a Whisper encoder cut after its first layer, a head on what enters and what
leaves that layer, and the teaching of it by the large one.

It learns from the cached log-mels: half from the labels, half from the probabilities of a teacher on the same
windows (distillation: Hinton et al. 2015, 1503.02531).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import KINDS, Batch, Shards, unpacked_mel
from vbannotate.train.fit import fast_arithmetic, loss_of
from vbannotate.train.head import KINDS_FROM, Detector, Ears, Head

TAPS = (0, 1)  # layers after which the head listens; 0: the convolutions


@dataclass(frozen=True, slots=True)
class SmallPlan:
    """How the small detector is trained. `taught` is the share of the loss that the teacher decides."""

    epochs: float = 3.6
    batch: int = 16
    head_rate: float = 2e-3
    encoder_rate: float = 3e-4
    positive: float = 2.0
    hidden: int = 128
    taught: float = 0.5
    kept: float = 0.998  # share of itself that the running mean of the weights keeps at each step
    seed: int = 12


def make(encoder: Encoder, hidden: int) -> Detector:
    """The small detector, its head not trained yet."""
    return Detector(Ears(encoder, TAPS), Head(encoder.width, len(TAPS), hidden, len(KINDS)))


def train(
    model: Detector,
    shards: Mels,
    plan: SmallPlan,
    teacher: np.ndarray | None = None,
    report: Callable[[str], None] = print,
    altered: Callable[[Tensor, np.random.Generator], Tensor] | None = None,
) -> None:
    """Train in place; the running mean of the weights stays. `teacher` holds logits float16 [windows, 500, 2]
    of events and pulses. Log-mels are `altered`, or else `masked`.
    """
    groups = [(model.ears, plan.encoder_rate), (model.head, plan.head_rate)]
    by = altered or masked
    learn(model, groups, shards, plan, by, lambda line: report(f"tiny: {line}"), teacher, plan.taught)


class Loop(Protocol):
    """What a plan says of the loop. `positive` is the weight of burst frames, `batch` counts windows, `kept`
    is the share of itself that the running mean of the weights keeps at each step.
    """

    @property
    def epochs(self) -> float: ...

    @property
    def batch(self) -> int: ...

    @property
    def positive(self) -> float: ...

    @property
    def kept(self) -> float: ...

    @property
    def seed(self) -> int: ...


def learn(
    model: Detector,
    groups: Sequence[tuple[nn.Module, float]],
    shards: Mels,
    plan: Loop,
    altered: Callable[[Tensor, np.random.Generator], Tensor],
    report: Callable[[str], None],
    teacher: np.ndarray | None = None,
    taught: float = 0.0,
) -> None:
    """Train the parts of `model` that `groups` names, each at its rate, from log-mels that `altered` has
    changed; all else stays as it is. A `teacher` decides the share `taught` of the loss.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    model.train().requires_grad_(False)
    for part, _ in groups:
        part.requires_grad_(True)
    optimiser = torch.optim.AdamW(
        [{"params": [*part.parameters()], "lr": rate} for part, rate in groups], weight_decay=0.01
    )
    steps = int(plan.epochs * len(shards) / plan.batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate for _, rate in groups], total_steps=steps + 1, pct_start=0.1
    )
    running = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(plan.kept)
    )
    began, mean = time.monotonic(), 0.0
    for done, (batch, mel, chosen) in enumerate(shards.forever(plan.batch, rng), 1):
        with fast_arithmetic():
            logits = model.logits(altered(torch.from_numpy(mel), rng)).float()
        loss = loss_of(logits, batch, plan.positive)
        if teacher is not None:
            told = torch.sigmoid(torch.from_numpy(teacher[chosen]).float())
            lesson = F.binary_cross_entropy_with_logits(logits[..., :KINDS_FROM], told)
            loss = (1 - taught) * loss + taught * lesson
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        cycle.step()
        running.update_parameters(model)
        mean += 0.02 * (loss.item() - mean) if mean else loss.item()
        if done % 50 == 0 or done == steps:
            left = (time.monotonic() - began) / done * (steps - done)
            report(f"step {done} of {steps}, loss {mean:.4f}, {left / 60:.1f} min left")
        if done == steps:
            break
    model.load_state_dict(running.module.state_dict())
    model.eval().requires_grad_(False)


def masked(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """SpecAugment (Park et al. 2019, 1904.08779): in half of the windows a stretch of time and a band of
    frequency are set to the window's least value, in place; and the level of each window varies a little.
    """
    for window in mel:
        window += float(rng.uniform(-0.15, 0.15))
        if rng.random() < 0.5:
            floor = window.min()
            length, band = int(rng.integers(80)), int(rng.integers(12))
            first, lowest = int(rng.integers(1000 - length)), int(rng.integers(80 - band))
            window[:, first : first + length] = floor
            window[lowest : lowest + band] = floor
    return mel


class Mels(Shards):
    """Shards read by their log-mels and not by their states."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders)
        paths = [Path(file.name) for file in self._files]
        self._mels = [np.load(path.with_suffix(".mel.npy"), mmap_mode="r") for path in paths]

    def forever(self, size: int, rng: np.random.Generator) -> Iterator[tuple[Batch, np.ndarray, np.ndarray]]:
        """Batches without states, their log-mels float32 [n, 80, 1000] and the windows' numbers, epoch after
        epoch."""
        while True:
            order = rng.permutation(len(self))
            for first in range(0, len(order) - size + 1, size):
                chosen = order[first : first + size]
                mels = np.stack([self._mels[self._shard[i]][self._row[i]] for i in chosen])
                yield self._labelled(np.zeros((size, 0, 0), np.float16), chosen), unpacked_mel(mels), chosen
