"""A Whisper encoder in 8-bit arithmetic: its products and convolutions take 8-bit numbers and give float32.

Weights have a step for each output, inputs one step and zero for all, fixed on sound that was listened to
beforehand, so a window's result depends on that window alone. Attention, norms and activations stay float32.
Some channels of the inputs are a hundred times as large as others; half of the difference, in proportion, is
moved into the weights first (SmoothQuant: Xiao et al. 2022, 2211.10438).

Weights use the 127 values from -63 to 63 only. A processor that has AVX2 but no VNNI adds the products of two
pairs in 16 bits, signed: 2 x 255 x 63 fits, 2 x 255 x 127 would be cut off. So all processors sum alike.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vbannotate.models.whisper import Encoder

LEVELS = 255  # an input is one of 0 ... 255
LARGEST = 63  # a weight is one of -63 ... 63

_KEPT = 16  # frames of each layer's input that are kept of each window
_AT_ONCE = 8  # windows
_APART = 61  # each 61st value helps to choose the range; a prime, so all channels have a say
_LEAST = 1e-5  # a channel that was silent in all examples is taken for as loud as this


class Product(nn.Module):
    """A linear layer: float32 [..., inputs] -> float32 [..., outputs], the sum of 8-bit products."""

    weight: Tensor
    balance: Tensor
    steps: Tensor
    zeros: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, inputs: Tensor) -> None:
        """`weight` [inputs, outputs] is rounded; `inputs` [frames, inputs] are examples of what comes in."""
        super().__init__()
        balance = (weight.abs().amax(1) / inputs.abs().amax(0).clamp_min(_LEAST)).sqrt().clamp_min(_LEAST)
        weight = weight / balance[:, None]
        self.step, self.zero = _range((inputs * balance).numpy().ravel()[::_APART])
        steps = _steps(weight)
        self.register_buffer("balance", balance)
        self.register_buffer("steps", steps)
        self.register_buffer("zeros", torch.zeros(len(steps), dtype=torch.int32))
        self.register_buffer("weight", (weight / steps).round().clamp(-LARGEST, LARGEST) * steps)
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone(), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        # Torch writes QuantizeLinear and DequantizeLinear, which ONNX Runtime makes one 8-bit product.
        x = torch.fake_quantize_per_tensor_affine(x * self.balance, self.step, self.zero, 0, LEVELS)
        x = x @ torch.fake_quantize_per_channel_affine(self.weight, self.steps, self.zeros, 1, -128, 127)
        return x if self.bias is None else x + self.bias


class Convolution(nn.Module):
    """A convolution over time as one product: float32 [batch, channels, frames] -> the same."""

    def __init__(self, layer: nn.Conv1d, inputs: Tensor) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = layer.kernel_size[0], layer.stride[0], int(layer.padding[0])
        weight = layer.weight.detach().permute(2, 1, 0).reshape(-1, layer.out_channels)
        self.product = Product(weight, layer.bias, inputs.repeat(1, self.kernel))

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x.transpose(1, 2), (0, 0, self.padding, self.padding))
        ends = [*range(1 - self.kernel, 0), None]
        shifted = [x[:, first : end : self.stride] for first, end in enumerate(ends)]
        return self.product(torch.cat(shifted, dim=2)).transpose(1, 2)


def encoder(model: Encoder, mels: np.ndarray) -> Encoder:
    """A copy of `model` in 8-bit arithmetic; `mels` float32 [windows, 80, 1000] are of sound of all kinds."""
    made = copy.deepcopy(model).eval().requires_grad_(False)
    for name, inputs in _inputs(made, mels).items():
        layer = made.get_submodule(name)
        if isinstance(layer, nn.Conv1d):
            changed: nn.Module = Convolution(layer, inputs)
        elif isinstance(layer, nn.Linear):
            changed = Product(layer.weight.detach().T.contiguous(), layer.bias, inputs)
        parent, _, own = name.rpartition(".")
        setattr(made.get_submodule(parent), own, changed)
    return made


def _inputs(model: Encoder, mels: np.ndarray) -> dict[str, Tensor]:
    """Some frames float32 [n, channels] of what enters each layer."""
    kept: dict[str, list[Tensor]] = {}
    rng = np.random.default_rng(0)

    def keep(name: str, x: Tensor) -> None:
        frames = (x.mT if isinstance(model.get_submodule(name), nn.Conv1d) else x).flatten(0, 1)
        kept.setdefault(name, []).append(frames[rng.integers(len(frames), size=_KEPT * len(x))])

    with _listening(model, keep), torch.inference_mode():
        for first in range(0, len(mels), _AT_ONCE):
            model.states(torch.from_numpy(mels[first : first + _AT_ONCE]), [len(model.layers)])
    return {name: torch.cat(frames) for name, frames in kept.items()}


@contextmanager
def _listening(model: nn.Module, keep: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Show `keep` what enters each layer."""
    hooks = [
        layer.register_forward_pre_hook(lambda _, given, name=name: keep(name, given[0]))
        for name, layer in model.named_modules()
        if isinstance(layer, (nn.Linear, nn.Conv1d))
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _range(values: np.ndarray) -> tuple[float, int]:
    """Step and zero with the least squared error: cutting rare large values off makes all others finer."""
    least, largest = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    found = []
    for low in np.linspace(0.3, 1, 15) if least else [1.0]:
        for high in np.linspace(0.3, 1, 15):
            step = (high * largest - low * least) / LEVELS
            zero = round(-low * least / step)
            rounded = (np.clip(np.rint(values / step) + zero, 0, LEVELS) - zero) * step
            found.append((float(np.square(rounded - values).mean()), step, zero))
    return min(found)[1:]


def _steps(weight: Tensor) -> Tensor:
    """The step of each column of [inputs, outputs] with the least squared error."""
    largest = weight.abs().amax(0).clamp_min(1e-9) / LARGEST
    best, error = largest, torch.full_like(largest, float("inf"))
    for share in np.linspace(0.6, 1, 21):
        steps = largest * float(share)
        lost = ((weight / steps).round().clamp(-LARGEST, LARGEST) * steps - weight).square().sum(0)
        best, error = torch.where(lost < error, steps, best), torch.minimum(lost, error)
    return best
