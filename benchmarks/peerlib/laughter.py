"""Laughter detection of Gillick, Deng, Ryokai and Bamman 2021 (github.com/jrgillick/laughter-detection, MIT).

"Robust Laughter Detection in Noisy Environments", Interspeech 2021. A residual network judges windows of 44
frames of a 128-band mel spectrogram (8 kHz, 43 frames a second), one window a frame, and a low-pass smooths
the curve. This is our own rendering of the network from its published description; it reads the published
checkpoints.

Two differences. A window is judged every `STEP` frames, with straight lines in between, since the low-pass
leaves next to nothing faster than that. And beside the published clock, which stretches the windows' first
frames over the file (about 0.5 s early at its start, 0.5 s late at its end), a window's score is also offered
at the window's middle.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from peerlib.base import Curves, need, on_frames
from peerlib.soundscapes import RATE
from vbannotate.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

STEP = 16  # frames from one judged window to the next

_RATE, _HOP = 8_000, 186  # Hz, samples
_WINDOW = 44  # frames
_BATCH = 8  # windows; more only cost memory traffic
_CHECKPOINT = "checkpoints/comparisons/resnet_without_augmentation*/best.pth.tar"


class Laughter:
    """Probability of laughter by each checkpoint below a copy of the repository."""

    name = "laughter-detection"

    def __init__(self, folder: Path) -> None:
        need("torch", "librosa", "scipy", install="vbannotate[train]")
        import torch

        files = sorted(folder.glob(_CHECKPOINT))
        if not files:
            raise ModelError(f"{folder}: no {_CHECKPOINT}", "give a copy of jrgillick/laughter-detection")
        torch.set_num_threads(1)
        self._networks = {file.parent.name: _read(file) for file in files}

    def curves(self, audio: np.ndarray) -> Curves:
        """By checkpoint, smoothed as published or raw, on the published clock or at the windows' middles."""
        import torch

        spectrogram = _features(audio)
        count = max(1, len(spectrogram) - _WINDOW)
        starts = np.arange(0, count, STEP)
        result = {}
        for name, weights in self._networks.items():
            found = []
            for part in np.split(starts, range(_BATCH, len(starts), _BATCH)):
                windows = np.stack([spectrogram[k : k + _WINDOW] for k in part])[:, None]
                with torch.inference_mode():
                    found.append(judge(weights, torch.from_numpy(windows)).numpy())
            raw = np.interp(np.arange(count), starts, np.concatenate(found))
            clocks = {
                "published clock": np.arange(count) * (len(audio) / RATE) / count,
                "middle of window": (np.arange(count) + _WINDOW / 2) * _HOP / _RATE,
            }
            for clock, times in clocks.items():
                result[f"{name}, low-pass, {clock}"] = on_frames(times, _low_pass(raw), len(audio))
                result[f"{name}, raw, {clock}"] = on_frames(times, raw, len(audio))
        return result


def _read(file: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint; beside them it holds its step and loss as numpy scalars."""
    import torch

    scalar = np.float64(0).__reduce__()[0]  # lies in numpy.core or numpy._core, as the version has it
    allowed = [(scalar, "numpy.core.multiarray.scalar"), np.dtype, type(np.dtype(np.float64))]
    with torch.serialization.safe_globals(allowed):
        return torch.load(file, weights_only=True, map_location="cpu")["state_dict"]


def judge(weights: dict[str, Tensor], windows: Tensor) -> Tensor:
    """Probability of laughter of windows [n, 1, 44, 128]; all sizes follow from the tensors."""
    import torch.nn.functional as F

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"]
        return F.conv2d(x, kernel, weights.get(f"{name}.bias"), stride, padding=kernel.shape[-1] // 2)

    def norm(x: Tensor, name: str) -> Tensor:
        parts = [weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *parts)

    def linear(x: Tensor, name: str) -> Tensor:
        return F.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def unit(x: Tensor, name: str, stride: int) -> Tensor:
        y = F.relu(norm(conv(x, f"{name}.conv1", stride), f"{name}.bn1"))
        y = norm(conv(y, f"{name}.conv2"), f"{name}.bn2")
        if f"{name}.shortcut.0.weight" in weights:
            x = norm(conv(x, f"{name}.shortcut.0", stride), f"{name}.shortcut.1")
        return F.relu(x + y)

    x = F.relu(norm(conv(windows, "conv1"), "bn1"))
    for block in (1, 2, 3, 4):
        x = unit(unit(x, f"block{block}.0", 1 if block == 1 else 2), f"block{block}.1", 1)
    x = norm(F.avg_pool2d(x, 4).flatten(1), "bn2")
    x = F.relu(norm(linear(x, "linear1"), "bn3"))
    return linear(x, "linear2").sigmoid()[:, 0]


def _features(audio: np.ndarray) -> np.ndarray:
    """Mel spectrogram in dB under its maximum, power taken for amplitude as published; [frames, 128]."""
    import librosa
    import soxr

    slow = soxr.resample(audio, RATE, _RATE)
    power = librosa.feature.melspectrogram(y=slow, sr=_RATE, hop_length=_HOP, pad_mode="reflect").T
    frames = librosa.amplitude_to_db(power, ref=np.max)
    short = _WINDOW + 1 - len(frames)
    return np.pad(frames, ((0, max(0, short)), (0, 0)), mode="edge").astype(np.float32)


def _low_pass(curve: np.ndarray) -> np.ndarray:
    """The published smoothing: Butterworth, second order, 0.01 of the highest frequency, both ways."""
    from scipy import signal

    return np.clip(signal.filtfilt(*signal.butter(2, 0.01), curve, padlen=min(9, len(curve) - 1)), 0, 1)
