"""The head of the bundled detector: two taps of a Whisper encoder to one logit per label and 20 ms frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vbannotate.models.whisper import Encoder

DILATIONS = (1, 2, 4, 8)  # with kernel 5 a frame sees 0.6 s to either side


class Head(nn.Module):
    """States float [batch, frames, taps x width] -> logits float32 [batch, frames, labels].

    A norm for each tap, a projection to `hidden`, residual dilated convolutions, a linear output. `keep` is
    the share of channels that dropout leaves.
    """

    def __init__(
        self, width: int, taps: int, hidden: int = 96, labels: int = 1, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.width = width
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(taps))
        self.project = nn.Linear(width * taps, hidden)
        self.mix = nn.ModuleList(nn.Conv1d(hidden, hidden, 5, padding=2 * d, dilation=d) for d in DILATIONS)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, labels)

    def forward(self, states: Tensor) -> Tensor:
        parts = states.chunk(len(self.norms), dim=2)
        x = torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=2)
        x = nn.functional.gelu(self.project(self.dropout(x))).transpose(1, 2)
        for convolution in self.mix:
            x = x + self.dropout(nn.functional.gelu(convolution(x)))
        return self.out(x.transpose(1, 2))


class Detector(nn.Module):
    """Encoder and head as they are run: log-mel float32 [batch, 80, 1000] -> probabilities [batch, 500,
    labels].
    """

    def __init__(self, encoder: Encoder, head: Head, taps: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.head, self.taps = encoder, head, tuple(taps)

    def forward(self, mel: Tensor) -> Tensor:
        return torch.sigmoid(self.head(torch.cat(self.encoder.states(mel, self.taps), dim=2)))
