"""A ``model.onnx`` split at its head: what lies below gives states, what lies above has the tensors that are
fitted.

The head is whatever is computed from tensors called ``head.*`` (or as in the published layout), and all that
follows from it. Its tensors keep their names, shapes and precision, and nothing else of the file changes, so
no network is exported anew and any head will do whose operations `torch_ops` knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from vbannotate.errors import ModelError
from vbannotate.models.locator import HEAD
from vbannotate.models.onnx_backend import INPUT, OUTPUT

_FLOATS = (TensorProto.FLOAT, TensorProto.FLOAT16)

Parameters = dict[str, np.ndarray]
"""Tensors of the head by name, float32."""


@dataclass(frozen=True)
class Split:
    """A model file and where its head begins.

    `boundary` are the values that the head reads, `nodes` its operations in order. `tensors` gives for each
    value that is fitted the initializer that holds it, in half precision behind a Cast or as it is.
    """

    model: onnx.ModelProto
    boundary: tuple[str, ...]
    nodes: tuple[onnx.NodeProto, ...]
    tensors: dict[str, str]

    def parameters(self) -> Parameters:
        """The tensors that are fitted, as they are."""
        stored = {tensor.name: tensor for tensor in self.model.graph.initializer}
        return {
            name: numpy_helper.to_array(stored[held]).astype(np.float32)
            for name, held in self.tensors.items()
        }

    def rounded(self, parameters: Parameters) -> Parameters:
        """The values that the file will hold: float16 where it stores float16."""
        halves = {t.name for t in self.model.graph.initializer if t.data_type == TensorProto.FLOAT16}
        return {
            name: value.astype(np.float16).astype(np.float32) if self.tensors[name] in halves else value
            for name, value in parameters.items()
        }

    def constants(self) -> dict[str, np.ndarray]:
        """Values that the head reads and that are neither fitted nor made by it."""
        graph = self.model.graph
        read = {name for node in self.nodes for name in node.input} - set(self.tensors) - set(self.boundary)
        found = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.name in read}
        for node in graph.node:
            if node.op_type == "Constant" and node.output[0] in read:
                found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
        return found

    def below(self) -> bytes:
        """The part below the head as a model of its own: `mel` -> the values of the boundary."""
        graph = self.model.graph
        makers = {name: node for node in graph.node for name in node.output}
        wanted, waiting = set(), list(self.boundary)
        while waiting:
            name = waiting.pop()
            if name in makers and name not in wanted:
                waiting += makers[name].input
            wanted.add(name)
        kept = [node for node in graph.node if wanted.intersection(node.output)]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in self.boundary]
        tensors = [t for t in graph.initializer if t.name in wanted]
        part = helper.make_graph(kept, "states", list(graph.input), outputs, tensors)
        made = helper.make_model(part, opset_imports=list(self.model.opset_import))
        made.ir_version = self.model.ir_version
        return made.SerializeToString()

    def with_parameters(self, parameters: Parameters) -> bytes:
        """The file with other values in the head."""
        changed = onnx.ModelProto()
        changed.CopyFrom(self.model)
        holders = {held: name for name, held in self.tensors.items()}
        for tensor in changed.graph.initializer:
            if tensor.name in holders:
                kind = helper.tensor_dtype_to_np_dtype(tensor.data_type)
                value = parameters[holders[tensor.name]].astype(kind)
                tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
        return changed.SerializeToString()


def split(path: Path) -> Split:
    """Read a model file. Raises ModelError where it has no head that can be told from its encoder."""
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf and onnx raise classes of their own
        raise ModelError(f"{path}: {error}", "fetch or export it again") from error
    graph = model.graph
    stored = {t.name: t for t in graph.initializer if t.data_type in _FLOATS and len(t.dims)}
    holders = {name: name for name in stored}
    widened = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Cast" and n.input[0] in stored}
    holders |= widened
    made: set[str] = set()  # values that follow from the head's tensors
    nodes, tensors = [], {}
    for node in graph.node:  # ONNX demands that nodes stand in the order of their work
        if node.output[0] in widened:
            continue
        own = [name for name in node.input if name in holders]
        named = any(_of_head(holders[name]) for name in own) or (own and node.name.startswith("/head/"))
        if named or made.intersection(node.input):
            nodes.append(node)
            made.update(node.output)
            tensors.update({name: holders[name] for name in own})
    if OUTPUT not in made:
        raise ModelError(f"{path} has no tensors head.*", "adapt a model that this program trained")
    reached = _reached(graph)
    boundary = [name for node in nodes for name in node.input if name in reached and name not in made]
    return Split(model, tuple(dict.fromkeys(boundary)), tuple(nodes), tensors)


def _of_head(name: str) -> bool:
    return name.startswith("head.") or name in HEAD


def _reached(graph: onnx.GraphProto) -> set[str]:
    """The values that depend on the input."""
    reached = {INPUT}
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
    return reached
