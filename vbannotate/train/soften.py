"""Temperature: make a fitted network as sure as it is right, without changing the order of its probabilities.

Guo et al. 2017, "On Calibration of Modern Neural Networks" (1706.04599): logits divided by one number, chosen
on validation frames. Fine-tuning leaves the network at 0.99 and more nearly everywhere; thresholds could not
tell then.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import torch

from vbannotate.train.choose import Measured
from vbannotate.train.head import EVENT, Head
from vbannotate.train.sets import Item

CANDIDATES = np.arange(1.0, 6.05, 0.1)
_FRAME_S = 0.02
_NEAR = 1e-7  # keeps logits finite


def temperature(measured: Measured, names: tuple[str, ...] = ("scenes", "speech", "music", "env")) -> float:
    """The divisor of logits with the least cross-entropy on the frames of validation sets."""
    pairs = list(chain.from_iterable(zip(*measured[name], strict=True) for name in names))
    target = np.concatenate([frames(item, len(curve)) for item, curve in pairs])
    logits = _logits(np.concatenate([curve for _, curve in pairs]))
    sign = np.where(target, -1.0, 1.0)
    losses = [np.mean(np.logaddexp(0, sign * logits / t)) for t in CANDIDATES]
    return float(round(CANDIDATES[int(np.argmin(losses))], 1))


def frames(item: Item, count: int) -> np.ndarray:
    """Which of `count` frames of a recording lie in an event, bool [count]."""
    middles = (np.arange(count) + 0.5) * _FRAME_S
    inside = np.zeros(count, bool)
    for event in item.events:
        inside |= (middles >= event.onset) & (middles < event.offset)
    return inside


def cool(head: Head, divisor: float, column: int = EVENT) -> None:
    """Divide the logits of one column of the head, in place."""
    with torch.no_grad():
        head.out.weight[column].div_(divisor)
        head.out.bias[column].div_(divisor)


def cooled(measured: Measured, divisor: float) -> Measured:
    """The curves as the cooled head gives them (but for rounding where windows are cross-faded)."""
    return {
        name: (items, [(1 / (1 + np.exp(-_logits(c) / divisor))).astype(np.float32) for c in curves])
        for name, (items, curves) in measured.items()
    }


def _logits(curve: np.ndarray) -> np.ndarray:
    p = np.clip(curve.astype(np.float64), _NEAR, 1 - _NEAR)
    return np.log(p / (1 - p))
