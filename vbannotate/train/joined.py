"""Teach ``base`` to hear with a YAMNet beside its encoder: the head gets a third tap, and learns with
YAMNet's later layers; the Whisper encoder stays as it is.

A part of the windows is heard with one of the two alone (`head.DEAF`), so each learns to say what it can: a
head that had only to mend what Whisper leaves wrong on sounds like those of the training would not learn what
YAMNet knows of others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import KINDS, TAPS
from vbannotate.train.head import Detector, Ears, Head
from vbannotate.train.small import Mels, learn
from vbannotate.train.whole import heard
from vbannotate.train.yamnet import LAYERS, Yamnet


@dataclass(frozen=True, slots=True)
class JoinedPlan:
    """How the two are joined. `rate` is for YAMNet's layers from `first` on; see `small.Loop`."""

    epochs: float = 1.0
    batch: int = 16
    first: int = 6
    rate: float = 5e-5
    head_rate: float = 1e-3
    positive: float = 2.0
    kept: float = 0.998
    seed: int = 101


def join(encoder: Encoder, head: Head, yamnet: Yamnet) -> Detector:
    """A detector that hears with both; of its head only what it makes of YAMNet is new."""
    width, hidden = head.width, head.project.out_features
    wider = Head(width, len(TAPS) + 1, hidden, len(KINDS))
    known = head.state_dict()
    weight = wider.project.weight.detach().clone()
    weight[:, : len(TAPS) * width] = known["project.weight"]
    wider.load_state_dict(wider.state_dict() | known | {"project.weight": weight})
    return Detector(Ears(encoder, TAPS, yamnet), wider)


def tune(model: Detector, shards: Mels, plan: JoinedPlan, report: Callable[[str], None] = print) -> None:
    """Tune in place: the head and what reads YAMNet, and its later layers; the running mean stays."""
    yamnet = model.ears.yamnet.to(memory_format=torch.channels_last)  # a quarter faster
    later = yamnet.layers[plan.first - min(LAYERS) :]
    groups = [(later, plan.rate), (yamnet.read, plan.head_rate), (model.head, plan.head_rate)]
    learn(model, groups, shards, plan, heard, lambda line: report(f"joined: {line}"))
