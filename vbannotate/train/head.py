"""The head of the bundled detector and what it hears: two taps of a Whisper encoder to the logits of each
20 ms frame.

The columns are: 0, an event (one bout, its short pauses included); 1, a pulse (a single cough, a beat of a
series); then, where they are learnt, the kinds of burst, which exclude one another.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vbannotate.models.whisper import Encoder

DILATIONS = (1, 2, 4, 8, 16)  # with kernel 5 a frame sees 1.2 s to either side
EVENT, PULSE, KINDS_FROM = 0, 1, 2  # columns


class Head(nn.Module):
    """States float [batch, frames, taps x width] -> logits float32 [batch, frames, 2 + kinds].

    A norm for each tap, a projection to `hidden`, residual dilated convolutions, a linear output.
    """

    def __init__(
        self,
        width: int,
        taps: int,
        hidden: int = 128,
        kinds: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width = width
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(taps))
        self.project = nn.Linear(width * taps, hidden)
        self.mix = nn.ModuleList(nn.Conv1d(hidden, hidden, 5, padding=2 * d, dilation=d) for d in DILATIONS)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, KINDS_FROM + kinds)

    def forward(self, states: Tensor) -> Tensor:
        parts = states.chunk(len(self.norms), dim=2)
        x = torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=2)
        x = nn.functional.gelu(self.project(self.dropout(x))).transpose(1, 2)
        for convolution in self.mix:
            x = x + self.dropout(nn.functional.gelu(convolution(x)))
        return self.out(x.transpose(1, 2))


class Ears(nn.Module):
    """What the head hears: log-mel float32 [batch, 80, 1000] -> states float32 [batch, 500, taps x width] of
    a Whisper encoder after some of its layers.
    """

    def __init__(self, encoder: Encoder, taps: Sequence[int]) -> None:
        super().__init__()
        self.encoder, self.taps = encoder, tuple(taps)

    def forward(self, mel: Tensor) -> Tensor:
        return torch.cat(self.encoder.states(mel, self.taps), dim=2)


class Detector(nn.Module):
    """Ears and head as they are run: log-mel float32 [batch, 80, 1000] -> probabilities [batch, 500,
    2 + kinds].
    """

    def __init__(self, ears: Ears, head: Head) -> None:
        super().__init__()
        self.ears, self.head = ears, head

    def logits(self, mel: Tensor) -> Tensor:
        """What is trained: float32 [batch, 500, 2 + kinds]."""
        return self.head(self.ears(mel))

    def forward(self, mel: Tensor) -> Tensor:
        return probabilities(self.logits(mel))


def probabilities(logits: Tensor) -> Tensor:
    """Logits [batch, frames, 2 + kinds] -> probabilities: each kind's is its share among the kinds."""
    curves = torch.sigmoid(logits[..., :KINDS_FROM])
    if logits.shape[-1] == KINDS_FROM:
        return curves
    return torch.cat([curves, torch.softmax(logits[..., KINDS_FROM:], dim=-1)], dim=-1)
