"""The head of a model file as a torch module: its ONNX operations, one by one, on tensors to be fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from onnx import helper
from torch import Tensor, nn
from torch.nn import functional

from vbannotate.errors import ModelError
from vbannotate.models.onnx_backend import OUTPUT
from vbannotate.train.adapt.graph import Parameters, Split


class HeadModule(nn.Module):
    """States float32 [windows, frames, d] -> probabilities float32 [windows, frames, columns].

    `d` is the sum of the widths of the values that the head reads.
    """

    def __init__(self, split: Split, widths: list[int], flat: bool) -> None:
        super().__init__()
        self._split, self._widths, self._flat = split, widths, flat
        self._names = list(split.tensors)
        values = split.parameters()
        self.fitted = nn.ParameterList(nn.Parameter(torch.from_numpy(values[n].copy())) for n in self._names)
        self._constants = {name: torch.from_numpy(v.copy()) for name, v in split.constants().items()}
        self._steps = [(_operation(node.op_type), node, _attributes(node)) for node in split.nodes]

    def forward(self, states: Tensor) -> Tensor:
        parts = states.split(self._widths, dim=2)
        if self._flat:
            parts = tuple(part.reshape(-1, part.shape[2]) for part in parts)
        values: dict[str, Tensor] = dict(zip(self._split.boundary, parts, strict=True))
        values |= self._constants | dict(zip(self._names, self.fitted, strict=True))
        for run, node, attributes in self._steps:
            inputs = [values[name] if name else None for name in node.input]
            values[node.output[0]] = run(inputs, attributes)
        return values[OUTPUT].reshape(*states.shape[:2], -1)

    def parameters_now(self) -> Parameters:
        """The tensors by name, as they are now."""
        return {n: v.detach().numpy().copy() for n, v in zip(self._names, self.fitted, strict=True)}

    def load(self, parameters: Parameters) -> None:
        """Take the values of `parameters`."""
        with torch.no_grad():
            for name, tensor in zip(self._names, self.fitted, strict=True):
                tensor.copy_(torch.from_numpy(parameters[name]))


Step = Callable[[list[Any], dict[str, Any]], Tensor]


def _attributes(node: Any) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _operation(name: str) -> Step:
    if name not in OPERATIONS:
        raise ModelError(
            f"the head has an operation {name} that cannot be fitted here", "train it with: train detector"
        )
    return OPERATIONS[name]


def _conv(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    x, weight, *bias = inputs
    pads = at.get("pads", [0, 0])
    return functional.conv1d(
        functional.pad(x, tuple(pads)),
        weight,
        bias[0] if bias else None,
        at.get("strides", [1])[0],
        0,
        at.get("dilations", [1])[0],
        at.get("group", 1),
    )


def _gemm(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    a, b = (x.T if at.get(name) else x for x, name in zip(inputs[:2], ("transA", "transB"), strict=True))
    product = at.get("alpha", 1.0) * (a @ b)
    return product + at.get("beta", 1.0) * inputs[2] if len(inputs) > 2 else product


def _norm(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    x, weight, *bias = inputs
    shape = tuple(x.shape[at.get("axis", -1) :])
    return functional.layer_norm(x, shape, weight, bias[0] if bias else None, at.get("epsilon", 1e-5))


def _reshape(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    x, shape = inputs
    return x.reshape([x.shape[k] if size == 0 else size for k, size in enumerate(shape.tolist())])


def _mean(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    axes = at["axes"] if "axes" in at else inputs[1].tolist()  # an input since opset 18
    return inputs[0].mean(dim=list(axes), keepdim=bool(at.get("keepdims", 1)))


def _unsqueeze(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    x, axes = inputs
    rank = x.ndim + len(axes)
    for axis in sorted(a % rank for a in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _slice(inputs: list[Any], at: dict[str, Any]) -> Tensor:
    x, starts, ends, *more = inputs
    axes = more[0].tolist() if more else range(len(starts))
    for axis, start, end in zip(axes, starts.tolist(), ends.tolist(), strict=True):
        size = x.shape[axis]
        start, end = (min(max(v + size if v < 0 else v, 0), size) for v in (start, end))
        x = x.narrow(axis, start, end - start)
    return x


OPERATIONS: dict[str, Step] = {
    "Add": lambda x, at: x[0] + x[1],
    "Sub": lambda x, at: x[0] - x[1],
    "Mul": lambda x, at: x[0] * x[1],
    "Div": lambda x, at: x[0] / x[1],
    "MatMul": lambda x, at: x[0] @ x[1],
    "Max": lambda x, at: torch.maximum(x[0], x[1]),
    "Erf": lambda x, at: torch.erf(x[0]),
    "Sigmoid": lambda x, at: torch.sigmoid(x[0]),
    "Tanh": lambda x, at: torch.tanh(x[0]),
    "Relu": lambda x, at: torch.relu(x[0]),
    "Identity": lambda x, at: x[0],
    "Transpose": lambda x, at: x[0].permute(*at["perm"]),
    "Concat": lambda x, at: torch.cat(x, dim=at["axis"]),
    "Conv": _conv,
    "Gemm": _gemm,
    "LayerNormalization": _norm,
    "Reshape": _reshape,
    "ReduceMean": _mean,
    "Slice": _slice,
    "Softmax": lambda x, at: torch.softmax(x[0], dim=at.get("axis", -1)),
    "Unsqueeze": _unsqueeze,
}
