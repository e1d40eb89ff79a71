"""The locator family in torch, on CPU and CUDA: the reference for every other way to run it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from vbannotate.errors import ModelError
from vbannotate.models.locator import Weights
from vbannotate.models.whisper import Encoder


class Segmenter(nn.Module):
    """Log-mel float32 [batch, 80, 3000] -> logits float32 [batch, 1500, labels]."""

    def __init__(self, encoder: Encoder, hidden: int, labels: int, kernel: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.proj = nn.Sequential(nn.Linear(encoder.width, hidden), nn.GELU())
        self.temporal = nn.Sequential(
            nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2),
            nn.GELU(),
        )
        self.out = nn.Linear(hidden, labels)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.proj(self.encoder(mel))
        return self.out(self.temporal(x.transpose(1, 2)).transpose(1, 2))


def build(weights: Weights) -> Segmenter:
    """The network around the tensors of `weights`, which stay mapped from their file."""
    tensors = {name: torch.from_numpy(array).float() for name, array in weights.tensors.items()}
    encoder = Encoder.from_tensors(tensors)
    with torch.device("meta"):
        kernel = weights.tensors["temporal.0.weight"].shape[2]
        model = Segmenter(encoder, weights.hidden, weights.labels, kernel)
    head = {name: tensor for name, tensor in tensors.items() if not name.startswith("encoder.")}
    try:
        model.load_state_dict(head, strict=False, assign=True)
    except RuntimeError as error:
        what = " ".join(str(error).split())
        raise ModelError(f"the head's tensors do not fit: {what}", "check that the file is whole") from error
    return model.eval().requires_grad_(False)


def network(
    weights: Weights, device: str = "cpu", threads: int | None = None, bf16: bool = False
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from log-mel to probabilities. `threads` is set for the whole process, as torch has it.

    `bf16` computes under bfloat16 autocast, as the published script does on CUDA.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    model = build(weights).to(device)

    def run(mel: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            return torch.sigmoid(model(torch.from_numpy(mel).to(device))).float().cpu().numpy()

    return run
