"""The locator family: a Whisper encoder of any size and the head published with laion/vocalburst-locator.

The published files (``model.pt``, ``model_v2.pt``) hold a whole `WhisperModel` under ``whisper.`` and the
head without a prefix; ``head_only.pt`` holds the head alone, to be joined with an encoder's file. The head
is Linear - GELU - Conv1d over time - GELU - Linear to one logit a label and 20 ms frame. All sizes follow
from the tensors. The decoder is never read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vbannotate.errors import ModelError
from vbannotate.models.checkpoint import Tensors

HEAD = ("proj.0.weight", "proj.0.bias", "temporal.0.weight", "temporal.0.bias", "out.weight", "out.bias")
HEAD_WIDTH = 64  # dimensions an attention head, true of every published Whisper size

_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")
_OF_A_LAYER = [
    "self_attn.q_proj.weight",
    "self_attn.q_proj.bias",
    "self_attn.k_proj.weight",
    "self_attn.v_proj.weight",
    "self_attn.v_proj.bias",
    "self_attn.out_proj.weight",
    "self_attn.out_proj.bias",
    "self_attn_layer_norm.weight",
    "self_attn_layer_norm.bias",
    "fc1.weight",
    "fc1.bias",
    "fc2.weight",
    "fc2.bias",
    "final_layer_norm.weight",
    "final_layer_norm.bias",
]
_OUTSIDE = [
    "conv1.weight",
    "conv1.bias",
    "conv2.weight",
    "conv2.bias",
    "embed_positions.weight",
    "layer_norm.weight",
    "layer_norm.bias",
]


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors that are run, as ``encoder.*`` and the six of `HEAD`, with the sizes read from them."""

    tensors: Mapping[str, np.ndarray]
    width: int
    layers: int
    inner: int
    hidden: int
    labels: int

    @property
    def bands(self) -> int:
        """Mel bands that the encoder listens to."""
        return self.tensors["encoder.conv1.weight"].shape[1]

    @property
    def heads(self) -> int:
        """Attention heads of a layer."""
        return self.width // HEAD_WIDTH


def arrange(tensors: Tensors, name: str, encoder: Tensors | None = None) -> Weights:
    """Pick encoder and head out of the tensors of a file, or of a head's file and an encoder's.

    `name` is for messages. Raises ModelError where something is missing or does not fit.
    """
    if any(".lora_A." in tensor for tensor in tensors):
        raise ModelError(
            f"{name} holds adapters that are not merged",
            "merge them: vbannotate models export FOLDER -o DIR --merge-lora",
        )
    missing = [tensor for tensor in HEAD if tensor not in tensors]
    if missing:
        raise ModelError(
            f"{name} has no locator head ({', '.join(missing)} missing)",
            "give a checkpoint in the layout of laion/vocalburst-locator",
        )
    prefix = encoder_prefix(tensors if encoder is None else encoder)
    if prefix is None:
        raise ModelError(
            f"{name} holds a head without a Whisper encoder",
            "put the encoder's safetensors file in one folder with it and give the folder",
        )
    whole = tensors if encoder is None else encoder
    kept = {tensor: tensors[tensor] for tensor in HEAD}
    kept |= {"encoder." + key[len(prefix) :]: value for key, value in whole.items() if key.startswith(prefix)}
    return _checked(kept, name)


def encoder_prefix(tensors: Mapping[str, np.ndarray]) -> str | None:
    """What stands before ``conv1.weight``: "whisper.encoder." as published, "encoder.", ..."""
    for key in tensors:
        if key.endswith("conv1.weight") and key[: -len("conv1.weight")] + "embed_positions.weight" in tensors:
            return key[: -len("conv1.weight")]
    return None


def _checked(kept: Tensors, name: str) -> Weights:
    layers = 1 + max((int(m[1]) for key in kept if (m := _LAYER.match(key))), default=-1)
    expected = {f"encoder.layers.{n}.{part}" for n in range(layers) for part in _OF_A_LAYER}
    expected |= {f"encoder.{part}" for part in _OUTSIDE} | set(HEAD)
    if not layers or set(kept) != expected:
        odd = sorted(set(kept) ^ expected) or ["layers"]
        raise ModelError(
            f"{name}: not the tensors of a locator ({odd[0]} ...)", "check that the file is whole"
        )
    width = kept["encoder.conv1.weight"].shape[0]
    inner, hidden = kept["encoder.layers.0.fc1.weight"].shape[0], kept["proj.0.weight"].shape[0]
    labels = kept["out.weight"].shape[0]
    if kept["proj.0.weight"].shape[1] != width:
        what = f"{name}: a head for an encoder of width {kept['proj.0.weight'].shape[1]}, not {width}"
        raise ModelError(what, "give the encoder that the head was trained on (whisper-small has width 768)")
    if width % HEAD_WIDTH:
        raise ModelError(f"{name}: width {width} is no multiple of {HEAD_WIDTH}", "give a Whisper encoder")
    return Weights(kept, width, layers, inner, hidden, labels)
