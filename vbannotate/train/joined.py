"""Teach ``base`` to hear with a YAMNet beside its encoder: the head gets a third tap, and learns with
YAMNet's later layers; the Whisper encoder stays as it is.

A part of the windows is heard with one of the two alone, so each learns to say what it can: a head that had
only to mend what Whisper leaves wrong on sounds like those of the training would not learn what YAMNet knows
of others. At the end the head settles on hearing both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import KINDS, TAPS
from vbannotate.train.head import Detector, Ears, Head
from vbannotate.train.small import Mels, learn
from vbannotate.train.whole import heard
from vbannotate.train.yamnet import LAYERS, Yamnet


@dataclass(frozen=True, slots=True)
class JoinedPlan:
    """How the two are joined. `rate` is for YAMNet's layers from `first` on; see `small.Loop`."""

    epochs: float = 1.3
    batch: int = 16
    first: int = 6
    rate: float = 5e-5
    head_rate: float = 1e-3
    positive: float = 2.0
    kept: float = 0.998
    seed: int = 101
    deaf: tuple[float, float] = (0.35, 0.1)


SETTLED = JoinedPlan(epochs=0.26, head_rate=3e-4, kept=0.99, seed=103, deaf=(0.0, 0.0))


def join(encoder: Encoder, head: Head, yamnet: Yamnet) -> Detector:
    """A detector that hears with both, and says what `head` says: what it makes of YAMNet is nothing yet."""
    width, hidden = head.width, head.project.out_features
    wider = Head(width, len(TAPS) + 1, hidden, len(KINDS))
    known = head.state_dict()
    weight = torch.cat([known["project.weight"], torch.zeros(hidden, width)], dim=1)
    wider.load_state_dict(wider.state_dict() | known | {"project.weight": weight})
    return Detector(Ears(encoder, TAPS, yamnet), wider)


def tune(
    model: Detector,
    shards: Mels,
    plan: JoinedPlan,
    settled: JoinedPlan = SETTLED,
    report: Callable[[str], None] = print,
) -> None:
    """Tune in place by `plan`: YAMNet's later layers, what reads it, and the head; then by `settled` the
    latter two alone. The running mean of the weights stays.
    """
    yamnet = model.ears.yamnet.to(memory_format=torch.channels_last)  # a quarter faster
    later = yamnet.layers[plan.first - min(LAYERS) :]

    def learnt(by: JoinedPlan, *more: tuple[nn.Module, float]) -> None:
        model.ears.deaf = by.deaf
        groups = [(yamnet.read, by.head_rate), (model.head, by.head_rate), *more]
        learn(model, groups, shards, by, heard, lambda line: report(f"joined: {line}"))

    learnt(plan, (later, plan.rate))
    learnt(settled)
