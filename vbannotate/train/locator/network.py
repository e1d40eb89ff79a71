"""The published architecture for training: a Whisper encoder, frozen, adapted by LoRA or tuned, and the head.

The head has the published widths (hidden = max(256, width // 2), kernel 7) and dropout 0.1; tensors bear the
published names. Adapters are peft's, on ``q_proj`` and ``v_proj`` of every layer; `tensors` gives them merged
into the weights, so that nothing but the published layout leaves this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vbannotate.errors import MissingDependencyError, ModelError
from vbannotate.models.locator import HEAD
from vbannotate.models.whisper import Encoder
from vbannotate.train.locator.encoder import Source

ADAPTED = ("q_proj", "v_proj")
DROPOUT = 0.1
KERNEL = 7
PUBLISHED_PREFIX = "whisper."  # what stands before ``encoder.`` in the published files


class Locator(nn.Module):
    """Log-mel float32 [batch, bands, 2 * frames], or an encoder's states [batch, frames, width], to logits
    float32 [batch, frames, labels], and to the loss where `target` [batch, frames, labels] is given.

    `encoder` None: a head alone, on states. Burst frames count `positive` times.
    """

    def __init__(self, encoder: nn.Module | None, width: int, labels: int, positive: float) -> None:
        super().__init__()
        hidden = max(256, width // 2)
        self.encoder = encoder
        self.proj = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(DROPOUT))
        self.temporal = nn.Sequential(
            nn.Conv1d(hidden, hidden, KERNEL, padding=KERNEL // 2), nn.GELU(), nn.Dropout(DROPOUT)
        )
        self.out = nn.Linear(hidden, labels)
        self._positive = positive

    def forward(
        self, mel: Tensor | None = None, states: Tensor | None = None, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        if states is None:
            assert self.encoder is not None and mel is not None
            states = self.encoder(mel)
        x = self.proj(states.float())
        logits = self.out(self.temporal(x.transpose(1, 2)).transpose(1, 2)).float()
        if target is None:
            return {"logits": logits}
        weight = torch.tensor(self._positive, device=logits.device)
        loss = F.binary_cross_entropy_with_logits(logits, target.float(), pos_weight=weight)
        return {"loss": loss, "logits": logits}

    def head(self) -> dict[str, Tensor]:
        """The six tensors of the published head."""
        own = self.state_dict()
        return {name: own[name] for name in HEAD}

    def load_head(self, head: Mapping[str, np.ndarray]) -> None:
        """Take a head's values. Raises ModelError for one of another shape."""
        mine = self.head()
        for name in HEAD:
            if tuple(mine[name].shape) != head[name].shape:
                raise ModelError(
                    f"a head with {name} {list(head[name].shape)} where {list(mine[name].shape)} is trained",
                    "start from a head for the same Whisper size and the same number of labels",
                )
            mine[name].copy_(torch.from_numpy(head[name]))


def build(
    source: Source,
    mode: str,
    labels: int,
    positive: float = 1.0,
    rank: int = 0,
    alpha: float = 0.0,
    with_encoder: bool = True,
) -> Locator:
    """A network whose trainable parameters are those of `mode`; the head (and LoRA's A) are drawn at random.

    Without `with_encoder` it is a head for cached states, of the same random numbers.
    """
    network = Locator(None, source.width, labels, positive)
    if with_encoder:
        network.encoder = encoder_of(source).requires_grad_(mode == "full")
    if mode == "lora":
        assert network.encoder is not None
        network.encoder = _adapted(network.encoder, rank, alpha)
    return network


def encoder_of(source: Source) -> Encoder:
    """The encoder with its own copy of the weights, float32."""
    return Encoder.from_tensors(
        {name: torch.from_numpy(np.array(tensor, np.float32)) for name, tensor in source.tensors.items()}
    )


def _adapted(encoder: nn.Module, rank: int, alpha: float) -> nn.Module:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise MissingDependencyError("peft", "train", "training with adapters") from error
    config = LoraConfig(r=rank, lora_alpha=alpha, target_modules=list(ADAPTED))  # type: ignore[arg-type]
    return get_peft_model(encoder, config)


def groups(network: Locator, rate: float, encoder_rate: float) -> list[dict[str, Any]]:
    """Parameter groups for AdamW: head and encoder with their own rates; norms, biases and positions without
    decay.
    """
    found = []
    for own, learning in ((False, rate), (True, encoder_rate)):
        for decayed in (True, False):
            chosen = [
                p
                for name, p in _trainable(network)
                if name.startswith("encoder.") is own and (p.ndim > 1 and "embed" not in name) is decayed
            ]
            if chosen:
                found.append({"params": chosen, "lr": learning, "weight_decay": 0.01 if decayed else 0.0})
    return found


def _trainable(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in network.named_parameters() if p.requires_grad)


def trainable(network: nn.Module) -> int:
    """How many parameters training changes."""
    return sum(p.numel() for _, p in _trainable(network))


def tensors(network: Locator, source: Source) -> dict[str, np.ndarray]:
    """The whole trained model in the published names, adapters merged, float32: what is written.

    `source` is the encoder it was built on, whose weights a head for cached states leaves as they are.
    """
    result = {name: value.detach().cpu().numpy() for name, value in network.head().items()}
    if network.encoder is None:
        encoder = {name: np.array(t, np.float32) for name, t in source.tensors.items()}
    else:
        encoder = {f"encoder.{name}": t for name, t in merged(network.encoder).items()}
    return result | {PUBLISHED_PREFIX + name: value for name, value in encoder.items()}


def merged(encoder: nn.Module) -> dict[str, np.ndarray]:
    """The tensors of an encoder, its adapters added to the weights that they adapt; it is left as it is."""
    found: dict[str, np.ndarray] = {}
    for path, module in _plain(encoder).named_modules():
        if any(part in path.split(".") for part in ("base_layer", "lora_A", "lora_B", "lora_dropout")):
            continue
        base, prefix = getattr(module, "base_layer", module), f"{path}." if path else ""
        for name, value in base.named_parameters(recurse=False):
            if hasattr(module, "base_layer") and name == "weight":
                value = value + module.get_delta_weight("default")
            found[prefix + name] = value.detach().float().cpu().numpy()
    return found


def _plain(encoder: nn.Module) -> nn.Module:
    """The encoder inside peft's wrapping."""
    return encoder.get_base_model() if hasattr(encoder, "get_base_model") else encoder  # type: ignore[operator]


def write_adapter(network: Locator, folder: Path) -> None:
    """Write the adapters unmerged, as peft does: ``adapter_config.json`` and
    ``adapter_model.safetensors``.
    """
    network.encoder.save_pretrained(folder)  # type: ignore[union-attr,operator]
    (folder / "README.md").unlink(missing_ok=True)  # peft's template of a card says nothing true
