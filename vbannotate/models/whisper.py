"""Whisper's audio encoder in torch, built from the tensors of a checkpoint.

Architecture: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision" (2212.04356),
with the tensor names of Hugging Face `WhisperModel`. Everything but the number of heads is read from the
shapes; heads have 64 dimensions in every Whisper size. Results equal those of transformers with SDPA bit for
bit.

Beyond the original, the encoder may be cut to its first layers and run on windows shorter than 30 s (a slice
of the position table); a network trained on one length must be run on that length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vbannotate.errors import ModelError

HEAD_WIDTH = 64  # dimensions a head, true of every published Whisper size
POSITIONS = 1500  # encoder frames of 20 ms in 30 s

_LAYER = re.compile(r"layers\.(\d+)\.")


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, frames, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(batch, frames, self.heads, HEAD_WIDTH).transpose(1, 2)

        # Scaled here and not inside the attention: the order of roundings is transformers'.
        q = split(self.q_proj(x) * HEAD_WIDTH**-0.5)
        mixed = F.scaled_dot_product_attention(q, split(self.k_proj(x)), split(self.v_proj(x)), scale=1.0)
        return self.out_proj(mixed.transpose(1, 2).reshape(batch, frames, width))


class _Layer(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.self_attn = _Attention(width)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.self_attn_layer_norm(x))
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class Encoder(nn.Module):
    """Log-mel float32 [batch, 80, 2 * frames] -> states float32 [batch, frames, width], one per 20 ms."""

    def __init__(
        self, width: int, layers: int, inner: int, bands: int = 80, positions: int = POSITIONS
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(bands, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(positions, width)
        self.layers = nn.ModuleList(_Layer(width, inner) for _ in range(layers))
        self.layer_norm = nn.LayerNorm(width)

    @property
    def width(self) -> int:
        """Dimensions of a state."""
        return self.embed_positions.embedding_dim

    def forward(self, mel: Tensor) -> Tensor:
        """The last layer's states after the final layer norm."""
        return self.layer_norm(self.states(mel, [len(self.layers)])[0])

    def states(self, mel: Tensor, after: Sequence[int]) -> list[Tensor]:
        """States after so many layers (0: convolutions and positions), each without the final norm."""
        x = F.gelu(self.conv2(F.gelu(self.conv1(mel)))).transpose(1, 2)
        x = x + self.embed_positions.weight[: x.shape[1]]
        found = {0: x} if 0 in after else {}
        for number, layer in enumerate(self.layers[: max(after)], 1):
            x = layer(x)
            if number in after:
                found[number] = x
        return [found[number] for number in after]

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], prefix: str = "encoder.", layers: int | None = None
    ) -> Encoder:
        """Build from the tensors whose names begin with `prefix`; keep only the first `layers` layers if
        given.

        Tensors are used as they are (no copy: memory-mapped ones stay so), half precision is widened to
        float32. Raises ModelError where tensors are missing or do not fit.
        """
        own = {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        present = 1 + max((int(m[1]) for name in own if (m := _LAYER.match(name))), default=-1)
        layers = present if layers is None else layers
        if (
            not 0 < layers <= present
            or "layers.0.fc1.weight" not in own
            or "embed_positions.weight" not in own
        ):
            raise ModelError(
                f"{present} Whisper encoder layers under {prefix!r}, {layers or 'some'} wanted",
                "give a file with the tensors conv1, conv2, embed_positions, layers.N and layer_norm",
            )
        kept = {
            name: t.float() for name, t in own.items() if not (m := _LAYER.match(name)) or int(m[1]) < layers
        }
        positions, width = own["embed_positions.weight"].shape
        with torch.device("meta"):
            encoder = cls(
                width, layers, len(own["layers.0.fc1.weight"]), own["conv1.weight"].shape[1], positions
            )
        try:
            encoder.load_state_dict(kept, strict=True, assign=True)
        except RuntimeError as error:
            what = " ".join(str(error).split())
            raise ModelError(
                f"the encoder's tensors do not fit: {what}", "check that the file is whole"
            ) from error
        return encoder

    @classmethod
    def from_file(cls, path: Path | str, prefix: str = "encoder.", layers: int | None = None) -> Encoder:
        """Build from a safetensors file."""
        from safetensors.torch import load_file

        return cls.from_tensors(load_file(path), prefix, layers)
