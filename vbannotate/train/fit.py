"""Fit the head on cached features."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vbannotate.train.features import KINDS, TAPS, Batch, Shards
from vbannotate.train.head import EVENT, KINDS_FROM, PULSE, Head

_KIND_SHARE = 0.5  # of the loss of the kinds: labels there are weak, and finding bursts comes first


@dataclass(frozen=True, slots=True)
class Plan:
    """How the head is fitted. `positive` is the weight of burst frames, `batch` counts windows."""

    epochs: int = 8
    batch: int = 24
    rate: float = 2e-3
    positive: float = 2.0
    hidden: int = 128
    dropout: float = 0.1
    masked: int = 60  # longest stretch of frames whose states are blanked in a window
    seed: int = 10


def fit(shards: Shards, plan: Plan, report: Callable[[str], None] = print) -> Head:
    """A head fitted on `shards`: weighted binary cross-entropy, AdamW, one cycle of the learning rate."""
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    width = next(shards.batches(1, rng)).states.shape[2] // len(TAPS)
    head = Head(width, len(TAPS), plan.hidden, len(KINDS), plan.dropout).train()
    optimiser = torch.optim.AdamW(head.parameters(), lr=plan.rate, weight_decay=0.01)
    steps = -(-len(shards) // plan.batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, plan.rate, total_steps=plan.epochs * steps, pct_start=0.15
    )
    began = time.monotonic()
    for epoch in range(plan.epochs):
        total = 0.0
        for batch in shards.batches(plan.batch, rng):
            blanked = blank(torch.from_numpy(batch.states).float(), plan.masked, rng)
            loss = loss_of(head(blanked), batch, plan.positive)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            cycle.step()
            total += loss.item()
        left = (time.monotonic() - began) / (epoch + 1) * (plan.epochs - epoch - 1)
        report(
            f"head: epoch {epoch + 1} of {plan.epochs}, loss {total / steps:.4f}, {left / 60:.1f} min left"
        )
    return head.eval()


def fast_arithmetic() -> AbstractContextManager[object]:
    """bfloat16 products where the processor has them; elsewhere emulating them takes 3.5 times as long as
    float32.
    """
    has = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.autocast("cpu", dtype=torch.bfloat16) if has else nullcontext()


def blank(states: Tensor, longest: int, rng: np.random.Generator) -> Tensor:
    """Blank a stretch of one tap in some windows, in place: context must carry it."""
    for row in states:
        length = int(rng.integers(longest))
        first = int(rng.integers(len(row) - length))
        if rng.random() < 0.3:
            half = row.shape[1] // 2
            row[first : first + length, slice(half) if rng.random() < 0.5 else slice(half, None)] = 0
    return states


def loss_of(logits: Tensor, batch: Batch, positive: float) -> Tensor:
    """Weighted binary cross-entropy of events and pulses, in which burst frames count `positive` times, and
    a little cross-entropy of the kinds on the frames whose kind is known."""
    weight, factor = torch.from_numpy(batch.weight), torch.tensor(positive)
    loss = torch.zeros(())
    for column, target in ((EVENT, batch.event), (PULSE, batch.target)):
        loss = loss + nn.functional.binary_cross_entropy_with_logits(
            logits[..., column], torch.from_numpy(target), weight, pos_weight=factor
        )
    known = torch.from_numpy(batch.kind) > 0
    if logits.shape[-1] > KINDS_FROM and known.any():
        kinds = torch.from_numpy(batch.kind)[known] - 1
        named = nn.functional.cross_entropy(logits[..., KINDS_FROM:][known], kinds)
        loss = loss + _KIND_SHARE * known.float().mean() * named
    return loss / 2


def save(head: Head, plan: Plan, path: Path) -> None:
    """Write weights and plan."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"plan": asdict(plan), "width": head.width, "state": head.state_dict()}, path)


def restore(path: Path) -> Head:
    """Read what `save` wrote."""
    stored = torch.load(path, weights_only=True)
    head = Head(stored["width"], len(TAPS), stored["plan"]["hidden"], len(KINDS))
    head.load_state_dict(stored["state"])
    return head.eval()
