"""Fine-tune the last layers of the cut encoder together with the head, from the cached states of the first
tap.

The cache holds what enters layer 3, so the layers below cost nothing: an epoch of 13 000 windows takes about
a quarter of an hour on two cores with bfloat16 arithmetic, half an hour without. Weights stay float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import TAPS, Shards
from vbannotate.train.fit import blank, fast_arithmetic, loss_of
from vbannotate.train.head import EVENT, KINDS_FROM, Head


@dataclass(frozen=True, slots=True)
class TunePlan:
    """How layers and head are tuned. `positive` is the weight of burst frames, `batch` counts windows."""

    epochs: float = 1.2
    batch: int = 16
    layer_rate: float = 1e-4
    head_rate: float = 5e-4
    positive: float = 2.0
    masked: int = 40  # longest stretch of frames whose states are blanked in a window
    kept: float = 0.998  # share of itself that the running mean of the weights keeps at each step
    seed: int = 11


class Tail(nn.Module):
    """Cached states [batch, frames, 2 x width] -> logits: the layers between the taps run anew, then the
    head.
    """

    def __init__(self, encoder: Encoder, head: Head) -> None:
        super().__init__()
        self.layers = encoder.layers[TAPS[0] : TAPS[1]]
        self.head = head

    def forward(self, states: Tensor) -> Tensor:
        first = states[..., : states.shape[2] // 2]
        x = first
        with fast_arithmetic() if self.training else nullcontext():
            for layer in self.layers:
                x = layer(x)
        return self.head(torch.cat([first, x.float()], dim=2))


def tune(
    encoder: Encoder,
    head: Head,
    shards: Shards,
    plan: TunePlan,
    report: Callable[[str], None] = print,
    chances: np.ndarray | None = None,
) -> None:
    """Tune the layers of `encoder` between the taps and `head`, both in place; the running mean stays.

    `chances` float [windows] says how often each window is drawn; without it each is as often as another.
    """
    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    tail = Tail(encoder, head).train()
    tail.requires_grad_(True)
    groups = [
        {"params": tail.layers.parameters(), "lr": plan.layer_rate},
        {"params": head.parameters(), "lr": plan.head_rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = int(plan.epochs * len(shards) / plan.batch)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [plan.layer_rate, plan.head_rate], total_steps=steps + 1, pct_start=0.1
    )
    keep = torch.optim.swa_utils.get_ema_multi_avg_fn(plan.kept)
    running = torch.optim.swa_utils.AveragedModel(tail, multi_avg_fn=keep)
    began, mean, done = time.monotonic(), 0.0, 0
    while done < steps:
        for batch in shards.batches(plan.batch, rng, chances):
            states = blank(torch.from_numpy(batch.states).float(), plan.masked, rng)
            loss = loss_of(tail(states), batch, plan.positive)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(tail.parameters(), 1.0)
            optimiser.step()
            cycle.step()
            done += 1
            running.update_parameters(tail)
            mean += 0.02 * (loss.item() - mean) if mean else loss.item()
            if done % 50 == 0 or done == steps:
                left = (time.monotonic() - began) / done * (steps - done)
                report(f"tune: step {done} of {steps}, loss {mean:.4f}, {left / 60:.1f} min left")
            if done == steps:
                break
    tail.load_state_dict(running.module.state_dict())
    tail.eval()
    tail.requires_grad_(False)


def told(network: nn.Module, shards: Shards) -> np.ndarray:
    """A network's logits of events and pulses on all windows, from their cached states: float16 [windows,
    500, 2].
    """
    with torch.inference_mode(), fast_arithmetic():
        found = []
        for first in range(0, len(shards), 16):
            states = np.stack([shards.states(i) for i in range(first, min(first + 16, len(shards)))])
            logits = network(torch.from_numpy(states).float())[..., :KINDS_FROM]
            found.append(logits.to(torch.float16).numpy())
    return np.concatenate(found)


def chances(said: np.ndarray, shards: Shards) -> np.ndarray:
    """How often each window deserves to be drawn, float [windows]: the root of the loss that a network's
    logits float16 [windows, 500, 2] of events have there, between the loss of the easiest third and that of
    the hardest twentieth. The very hardest windows are often labelled wrongly.
    """
    sign = np.where(shards.event > 0, np.float32(-1), np.float32(1))
    losses = (np.logaddexp(0, sign * said[..., EVENT].astype(np.float32)) * shards.weight).mean(axis=1)
    return np.sqrt(np.clip(losses, *np.quantile(losses, (0.33, 0.95))))


def save(encoder: Encoder, head: Head, path: Path) -> None:
    """Write the tuned layers and the head."""
    layers = encoder.layers[TAPS[0] : TAPS[1]]
    torch.save({"layers": layers.state_dict(), "head": head.state_dict()}, path)


def restore(encoder: Encoder, head: Head, path: Path) -> None:
    """Load what `save` wrote into a cut encoder and a head."""
    stored = torch.load(path, weights_only=True)
    encoder.layers[TAPS[0] : TAPS[1]].load_state_dict(stored["layers"])
    head.load_state_dict(stored["head"])
