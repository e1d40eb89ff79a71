"""Fit a head anew on cached states: what people corrected, and what it knew before.

The loss has three parts: cross-entropy on the user's frames; on base data, and where nobody said anything,
towards the starting head's own probabilities (self-distillation); and the squared distance from the starting
weights (L2-SP: Li, Grandvalet and Davoine 2018, "Explicit Inductive Bias for Transfer Learning"). Labels of
the base data are no part of it: they moved sure probabilities to the middle and cost F1 on the base data.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vbannotate.train.adapt.graph import Parameters, Split
from vbannotate.train.adapt.torch_ops import HeadModule

_HELD = 0.3  # weight of a frame about which nobody said anything
_RUN_AT_ONCE = 16  # windows


@dataclass(frozen=True, slots=True)
class Plan:
    """How the head is fitted. `batch` counts windows of the user's; as many of the base data go with them.

    `pull` weighs the squared distance from the starting weights. At least `least` steps are made, so that a
    few recordings teach anything, and at most `most`: hours of corrections shall not take hours.
    """

    epochs: int = 12
    least: int = 80
    most: int = 400
    batch: int = 8
    rate: float = 5e-4
    pull: float = 0.01
    seed: int = 10


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows of a recording: states float16 [windows, frames, d]; target, weight and the starting head's
    probabilities, float16 [windows, frames, columns].
    """

    states: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    before: np.ndarray


def probabilities(head: HeadModule, states: np.ndarray) -> np.ndarray:
    """Of all windows, float32 [windows, frames, columns]."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(states), _RUN_AT_ONCE):
            part = torch.from_numpy(np.array(states[first : first + _RUN_AT_ONCE])).float()
            found.append(head(part).numpy())
    return np.concatenate(found)


def fit(
    split: Split,
    widths: list[int],
    flat: bool,
    own: Sequence[Windows],
    base: Sequence[Windows],
    plan: Plan,
    progress: Callable[[float], None] = lambda share: None,
) -> Parameters:
    """The head's tensors after `plan`, as the file will hold them; `progress` takes the share done."""
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    head = HeadModule(split, widths, flat)
    start = [tensor.detach().clone() for tensor in head.fitted]
    optimiser = torch.optim.AdamW(head.fitted, lr=plan.rate, weight_decay=0.0)
    places = [(k, row) for k, one in enumerate(own) for row in range(len(one.states))]
    told = [any(own[k].target[row].any(axis=0)) for k, row in places]
    steps = min(max(plan.least, plan.epochs * -(-len(places) // plan.batch)), plan.most)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, plan.rate, total_steps=steps + 1, pct_start=0.15)
    around = _drawn([(k, row) for k, one in enumerate(base) for row in range(len(one.states))], rng)
    drawn = in_turn(places, told, rng)
    for step in range(1, steps + 1):
        loss = _loss(head, own, list(islice(drawn, plan.batch)))
        if base:
            loss = loss + _held(head, base, list(islice(around, plan.batch)))
        pull = sum(((now - then) ** 2).sum() for now, then in zip(head.fitted, start, strict=True))
        optimiser.zero_grad(set_to_none=True)
        (loss + plan.pull * pull).backward()
        torch.nn.utils.clip_grad_norm_(head.fitted, 1.0)
        optimiser.step()
        cycle.step()
        progress(step / steps)
    return split.rounded(head.parameters_now())


def _drawn(places: list[tuple[int, int]], rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Windows in random order, again and again."""
    while places:
        for k in rng.permutation(len(places)):
            yield places[k]


def in_turn(
    places: Sequence[tuple[int, int]], told: Sequence[bool], rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Places of windows with events (`told`) and of windows without, in turn, each in random order: hours in
    which nothing happens shall not drown the few minutes in which something does.
    """
    sides = [[p for p, t in zip(places, told, strict=True) if t == wanted] for wanted in (True, False)]
    drawn = [_drawn(side, rng) for side in sides if side]
    while drawn:
        yield from map(next, drawn)


def _loss(head: HeadModule, parts: Sequence[Windows], chosen: list[tuple[int, int]]) -> Tensor:
    """Cross-entropy of some windows: towards what was said; where nothing was, towards what was before."""
    target, weight, before = (_batch(parts, name, chosen) for name in ("target", "weight", "before"))
    goal = torch.where(weight > 0, target, before)
    trust = torch.where(weight > 0, weight, torch.tensor(_HELD))
    found = head(_batch(parts, "states", chosen))
    return (trust * functional.binary_cross_entropy(found, goal, reduction="none")).mean()


def _held(head: HeadModule, parts: Sequence[Windows], chosen: list[tuple[int, int]]) -> Tensor:
    """Cross-entropy of some windows towards what was before."""
    found = head(_batch(parts, "states", chosen))
    return functional.binary_cross_entropy(found, _batch(parts, "before", chosen))


def _batch(parts: Sequence[Windows], name: str, chosen: list[tuple[int, int]]) -> Tensor:
    return torch.from_numpy(np.stack([getattr(parts[k], name)[row] for k, row in chosen])).float()


def timed(name: str, report: Callable[[str], None]) -> Callable[[float], None]:
    """Progress that is told with the time left, every few seconds."""
    began = told = time.monotonic()

    def progress(share: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= 10 and share:
            told = now
            report(f"{name}: {share:.0%}, {(now - began) * (1 - share) / share:.0f} s left")

    return progress
