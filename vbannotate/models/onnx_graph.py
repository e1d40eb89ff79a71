"""The locator family as an ONNX graph, written without torch and without the onnx package.

Mostly only the graph is written and the weights stay where they are: every initializer is external data,
found in a safetensors file beside the graph or handed over by the program. So a published checkpoint runs in
the base install, and an exported folder holds its weights once for both backends. On demand the file holds
them itself.

Format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto (field numbers below), opset 17.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vbannotate.models.locator import HEAD_WIDTH, Weights
from vbannotate.models.onnx_backend import INPUT, OUTPUT

OPSET, IR_VERSION = 17, 8
_FLOAT, _FLOAT16, _INT64 = 1, 10, 7  # TensorProto.DataType
_EPSILON = 1e-5  # torch's LayerNorm

Place = Callable[[str], Mapping[str, str]]
"""Where a tensor's bytes lie: the external_data entries of a tensor's name."""


def graph(weights: Weights, frames: int, place: Place | None = None) -> bytes:
    """An ONNX model: ``mel`` [batch, bands, 2 * frames] -> ``scores`` [batch, frames, labels], probabilities.

    Without `place` it holds the weights.
    """
    build = _Graph(weights, place)
    x = build.encoder(frames)
    x = build.gelu(build.linear(x, "proj.0"))
    x = build.add("Reshape", [x, build.shape(-1, frames, weights.hidden)])
    x = build.add("Transpose", [x], perm=[0, 2, 1])
    half = weights.tensors["temporal.0.weight"].shape[2] // 2
    x = build.gelu(build.conv(x, "temporal.0", half))
    x = build.add("Transpose", [x], perm=[0, 2, 1])
    x = build.linear(build.add("Reshape", [x, build.shape(-1, weights.hidden)]), "out")
    x = build.add("Reshape", [build.add("Sigmoid", [x]), build.shape(-1, frames, weights.labels)])
    build.add("Identity", [x], output=OUTPUT)
    bands = weights.tensors["encoder.conv1.weight"].shape[1]
    return build.model([bands, 2 * frames], [frames, weights.labels])


class _Graph:
    """Collects nodes and initializers. Between layers the states are float32 [batch * frames, width]."""

    def __init__(self, weights: Weights, place: Place | None) -> None:
        self._weights, self._place = weights, place
        self._nodes: list[bytes] = []
        self._initializers: dict[str, bytes] = {}

    def encoder(self, frames: int) -> str:
        """Whisper's encoder; gives the name of its states."""
        w = self._weights
        x = self.gelu(self.conv(INPUT, "encoder.conv1", 1))
        x = self.gelu(self.conv(x, "encoder.conv2", 1, stride=2))
        x = self.add("Transpose", [x], perm=[0, 2, 1])
        positions = self.add(
            "Slice",
            [self.weight("encoder.embed_positions.weight"), self.ints(0), self.ints(frames), self.ints(0)],
        )
        x = self.add("Reshape", [self.add("Add", [x, positions]), self.shape(-1, w.width)])
        for number in range(w.layers):
            layer = f"encoder.layers.{number}"
            y = self.attention(self.norm(x, f"{layer}.self_attn_layer_norm"), f"{layer}.self_attn", frames)
            x = self.add("Add", [x, y])
            y = self.gelu(self.linear(self.norm(x, f"{layer}.final_layer_norm"), f"{layer}.fc1"))
            x = self.add("Add", [x, self.linear(y, f"{layer}.fc2")])
        return self.norm(x, "encoder.layer_norm")

    def attention(self, x: str, name: str, frames: int) -> str:
        """Scaled dot products over all frames of a window."""
        heads = self.shape(-1, frames, self._weights.heads, HEAD_WIDTH)
        q = self.add("Mul", [self.linear(x, f"{name}.q_proj"), self.scalar(HEAD_WIDTH**-0.5)])
        parts = {"q": (q, [0, 2, 1, 3])}
        parts["k"] = self.linear(x, f"{name}.k_proj"), [0, 2, 3, 1]
        parts["v"] = self.linear(x, f"{name}.v_proj"), [0, 2, 1, 3]
        split = {
            key: self.add("Transpose", [self.add("Reshape", [y, heads])], perm=order)
            for key, (y, order) in parts.items()
        }
        share = self.add("Softmax", [self.add("MatMul", [split["q"], split["k"]])], axis=-1)
        mixed = self.add("Transpose", [self.add("MatMul", [share, split["v"]])], perm=[0, 2, 1, 3])
        flat = self.add("Reshape", [mixed, self.shape(-1, self._weights.width)])
        return self.linear(flat, f"{name}.out_proj")

    def linear(self, x: str, name: str) -> str:
        """x W^T + b, the bias where there is one."""
        bias = [self.weight(f"{name}.bias")] if f"{name}.bias" in self._weights.tensors else []
        return self.add("Gemm", [x, self.weight(f"{name}.weight"), *bias], transB=1)

    def conv(self, x: str, name: str, padding: int, stride: int = 1) -> str:
        """Convolution over time."""
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.add("Conv", inputs, pads=[padding, padding], strides=[stride])

    def norm(self, x: str, name: str) -> str:
        """Layer norm over the last axis."""
        inputs = [x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias")]
        return self.add("LayerNormalization", inputs, axis=-1, epsilon=_EPSILON)

    def gelu(self, x: str) -> str:
        """The exact GELU, in the form that ONNX Runtime recognises and fuses."""
        inner = self.add("Erf", [self.add("Div", [x, self.scalar(2**0.5)])])
        return self.add(
            "Mul", [self.add("Mul", [x, self.add("Add", [inner, self.scalar(1)])]), self.scalar(0.5)]
        )

    def weight(self, name: str) -> str:
        """A tensor as float32; half precision is widened when the model is loaded."""
        tensor = self._weights.tensors[name]
        half = tensor.dtype == np.float16
        if name not in self._initializers:
            self._initializers[name] = (
                _packed(1, tensor.shape)
                + _int(2, _FLOAT16 if half else _FLOAT)
                + _text(8, name)
                + self._values(name)
            )
        return self.add("Cast", [name], to=_FLOAT) if half else name

    def _values(self, name: str) -> bytes:
        """A tensor's values, or where they lie."""
        if self._place is None:
            return _bytes(9, np.ascontiguousarray(self._weights.tensors[name]).tobytes())  # raw_data
        entries = [_text(1, key) + _text(2, value) for key, value in self._place(name).items()]
        return b"".join(_bytes(13, entry) for entry in entries) + _int(14, 1)  # data_location EXTERNAL

    def scalar(self, value: float) -> str:
        """A float32 constant."""
        name = f"const_{value:.6g}"
        self._initializers[name] = _int(2, _FLOAT) + _text(8, name) + _bytes(9, struct.pack("<f", value))
        return name

    def shape(self, *values: int) -> str:
        """A constant shape."""
        return self.ints(*values)

    def ints(self, *values: int) -> str:
        """An int64 [n] constant."""
        name = "ints_" + "_".join(map(str, values))
        raw = struct.pack(f"<{len(values)}q", *values)
        self._initializers[name] = (
            _packed(1, [len(values)]) + _int(2, _INT64) + _text(8, name) + _bytes(9, raw)
        )
        return name

    def add(
        self,
        operation: str,
        inputs: Sequence[str],
        output: str = "",
        **attributes: int | float | Sequence[int],
    ) -> str:
        """Append a node; gives the name of its output."""
        output = output or f"{operation}_{len(self._nodes)}"
        node = b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, operation)
        self._nodes.append(node + b"".join(_bytes(5, _attribute(*pair)) for pair in attributes.items()))
        return output

    def model(self, input_shape: list[int], output_shape: list[int]) -> bytes:
        """The finished ModelProto."""
        whole = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "locator")
        whole += b"".join(_bytes(5, tensor) for tensor in self._initializers.values())
        whole += _bytes(11, _value(INPUT, input_shape)) + _bytes(12, _value(OUTPUT, output_shape))
        head = _int(1, IR_VERSION) + _text(2, "vbannotate")
        return head + _bytes(7, whole) + _bytes(8, _text(1, "") + _int(2, OPSET))


def _value(name: str, shape: list[int]) -> bytes:
    """ValueInfoProto of a float32 tensor with a free batch."""
    dims = _bytes(1, _text(2, "batch")) + b"".join(_bytes(1, _int(1, size)) for size in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _int(1, _FLOAT) + _bytes(2, dims)))


def _attribute(name: str, value: int | float | Sequence[int]) -> bytes:
    if isinstance(value, int):
        return _text(1, name) + _int(3, value) + _int(20, 2)
    if isinstance(value, float):
        return _text(1, name) + _tag(2, 5) + struct.pack("<f", value) + _int(20, 1)
    return _text(1, name) + b"".join(_int(8, item) for item in value) + _int(20, 7)


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _tag(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _int(field: int, value: int) -> bytes:
    return _tag(field, 0) + _varint(value)


def _bytes(field: int, data: bytes) -> bytes:
    return _tag(field, 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _packed(field: int, values: Sequence[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))
