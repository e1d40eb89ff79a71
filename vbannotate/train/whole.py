"""Tune ``base`` from log-mels: three of its four layers and the head at once; the convolutions and the first
layer stay as they are.

The stages before it read states that were computed once, so what lies below layer 3 had stayed Whisper's own,
and a window always sounded the same. Here each is heard anew, through another microphone half of the time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import TAPS
from vbannotate.train.head import Detector, Ears, Head
from vbannotate.train.small import Mels, learn, masked

_BEND = 0.2  # of a log-mel's 2.5: 8 dB, at each of five frequencies
_RANGE = 2.0  # below the loudest, where Whisper's log-mel ends


@dataclass(frozen=True, slots=True)
class WholePlan:
    """How the whole is tuned. `low_rate` is for layer 2, `rate` for layers 3 and 4; see `small.Loop`."""

    epochs: float = 0.9
    batch: int = 16
    low_rate: float = 3e-5
    rate: float = 6e-5
    head_rate: float = 2e-4
    positive: float = 2.0
    kept: float = 0.998
    seed: int = 77


def tune(
    encoder: Encoder, head: Head, shards: Mels, plan: WholePlan, report: Callable[[str], None] = print
) -> None:
    """Tune `encoder` and `head` in place; the running mean of the weights stays."""
    layers = encoder.layers
    groups = [
        (layers[1 : TAPS[0]], plan.low_rate),
        (layers[TAPS[0] : TAPS[1]], plan.rate),
        (head, plan.head_rate),
    ]
    learn(
        Detector(Ears(encoder, TAPS), head),
        groups,
        shards,
        plan,
        heard,
        lambda line: report(f"whole: {line}"),
    )


def heard(mel: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mels [batch, bands, frames] as another microphone would give half of them, and masked
    (`small.masked`), in place.
    """
    for window in mel:
        if rng.random() < 0.5:
            bands = len(window)
            bend = np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), rng.uniform(-_BEND, _BEND, 5))
            window += torch.from_numpy(bend.astype(np.float32))[:, None]
            window.clamp_(min=float(window.max()) - _RANGE)
    return masked(mel, rng)


Weights = tuple[dict[str, Tensor], dict[str, Tensor]]  # of an encoder and of a head


def weights(encoder: Encoder, head: Head) -> Weights:
    """A copy of what the two hold."""
    return copy.deepcopy((encoder.state_dict(), head.state_dict()))


def mean(encoder: Encoder, head: Head, found: Sequence[Weights]) -> None:
    """Give `encoder` and `head` the mean of several networks' weights (Wortsman et al. 2022, "Model soups",
    2203.05482).
    """
    for module, states in zip((encoder, head), zip(*found, strict=True), strict=True):
        module.load_state_dict({key: torch.stack([s[key] for s in states]).mean(0) for key in states[0]})


def save(encoder: Encoder, head: Head, path: Path) -> None:
    """Write encoder and head."""
    torch.save({"encoder": encoder.state_dict(), "head": head.state_dict()}, path)


def restore(encoder: Encoder, head: Head, path: Path) -> None:
    """Load what `save` wrote into a cut encoder and a head."""
    stored = torch.load(path, weights_only=True)
    encoder.load_state_dict(stored["encoder"])
    head.load_state_dict(stored["head"])
