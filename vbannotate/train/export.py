"""Write a detector as a model folder: ``model.onnx`` with narrow weights and ``config.json``.

Weights of 8-bit arithmetic are stored as 8-bit numbers. All others are stored as float16 and widened by a
Cast that ONNX Runtime folds when it loads the file: half the size, float32 arithmetic.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from vbannotate.models.whisper import Encoder
from vbannotate.train.features import FRAMES, TAPS
from vbannotate.train.head import Detector, Ears

OPSET = 17
BANDS = 80

_SMALL = 1024  # elements; smaller tensors (biases, norms) stay float32


def cut_encoder(encoder_file: Path, layers: int = max(TAPS)) -> Encoder:
    """The first layers of the encoder, with the positions of one window."""
    encoder = Encoder.from_file(encoder_file, layers=layers)
    encoder.embed_positions = torch.nn.Embedding.from_pretrained(
        encoder.embed_positions.weight[:FRAMES].clone()
    )
    return encoder.eval()


def write_taps(encoder_file: Path, path: Path) -> None:
    """Write the cut encoder for feature extraction; ONNX Runtime is twice as fast on it as torch on one
    core.
    """
    graph = _graph(Ears(cut_encoder(encoder_file), TAPS), "states")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(graph.SerializeToString())


def write(model: Detector, folder: Path, config: dict[str, Any]) -> None:
    """Write ``model.onnx`` and the config."""
    network(model, folder / "model.onnx")
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")


def network(model: Detector, path: Path) -> None:
    """Write the network alone: input `mel` [batch, 80, 1000], output `scores` [batch, 500, labels]."""
    path.parent.mkdir(parents=True, exist_ok=True)
    graph = _graph(model, "scores")
    _narrow(graph.graph)
    _halve(graph.graph)
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString())


def _graph(model: torch.nn.Module, output: str) -> onnx.ModelProto:
    buffer = io.BytesIO()
    with torch.inference_mode():
        torch.onnx.export(
            model,
            (torch.zeros(2, BANDS, 2 * FRAMES),),
            buffer,  # type: ignore[arg-type]  # a stream is accepted
            input_names=["mel"],
            output_names=[output],
            dynamic_axes={"mel": {0: "batch"}, output: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load_model_from_string(buffer.getvalue())


def _narrow(graph: onnx.GraphProto) -> None:
    """Store the initializers that a QuantizeLinear rounds as the 8-bit numbers that it gives."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in [n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] in tensors]:
        tensor, steps = (tensors[name] for name in node.input[:2])
        rounded = np.rint(numpy_helper.to_array(tensor) / numpy_helper.to_array(steps)).astype(np.int8)
        tensor.CopyFrom(numpy_helper.from_array(rounded, node.output[0]))
        graph.node.remove(node)


def _halve(graph: onnx.GraphProto) -> None:
    """Store large float32 initializers as float16, each behind a Cast to float32."""
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < _SMALL:
            continue
        name = tensor.name
        halved = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.half")
        tensor.CopyFrom(halved)
        casts.append(
            helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT, name=f"{name}.widen")
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
