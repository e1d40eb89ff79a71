"""YAMNet beside the Whisper encoder: what two million clips of all kinds of sound have taught, which speech
has not.

Network: Google's YAMNet (https://github.com/tensorflow/models/tree/master/research/audioset/yamnet,
Apache-2.0), a MobileNet v1 (Howard et al. 2017, 1704.04861) that names 521 sounds of AudioSet, without its
last layer. It is run over a whole window at once instead of patches of 0.96 s, and what its layers give every
40, 80, 160 and 320 ms is read side by side: the late ones know what is heard, the early ones when.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vbannotate.errors import StartError, UsageError
from vbannotate.models.mel import BANDS, FFT, HOP, log_mel
from vbannotate.provenance import file_hash
from vbannotate.train.features import FRAMES

FILE_SHA256 = "469be6a3421cbc52cf97e9f2f966cba984198e8e7af9854d68b3e3ebb1e04194"  # of yamnet.tflite
# Channels and stride of the layers from the second on, numbered as their authors do.
LAYERS = {
    2: (64, 1), 3: (128, 2), 4: (128, 1), 5: (256, 2), 6: (256, 1), 7: (512, 2), 8: (512, 1),
    9: (512, 1), 10: (512, 1), 11: (512, 1), 12: (512, 1), 13: (1024, 2), 14: (1024, 1),
}  # fmt: skip
READ = {4: 16, 6: 8, 12: 4, 14: 2}  # layers that are read: the last before each stride; the bands left there

_BANDS, _FFT = 64, 512  # YAMNet's own spectrogram: as many bands, of as many samples
_OFFSET = 0.001  # that YAMNet adds before the logarithm
_LENGTH = 1024  # frames of 10 ms: a window, padded to what halves five times


class Layer(nn.Module):
    """A depthwise convolution and one across channels, each with its norm folded in."""

    def __init__(self, channels: int, wanted: int, stride: int) -> None:
        super().__init__()
        # TensorFlow pads what it needs, and what is odd at the end.
        self.padding = (0, 1, 0, 1) if stride == 2 else (0, 0, 0, 0)
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, 2 - stride, groups=channels)
        self.pointwise = nn.Conv2d(channels, wanted, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(F.relu(self.depthwise(F.pad(x, self.padding)))))


class Yamnet(nn.Module):
    """Whisper's log-mel float32 [batch, 80, 1000] -> states float32 [batch, 500, width], one per 20 ms."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bands = nn.Parameter(torch.zeros(BANDS, _BANDS))  # logarithms
        self.first = nn.Conv2d(1, 32, 3, 2)
        inputs = (32, *(channels for channels, _ in LAYERS.values()))
        self.layers = nn.ModuleList(
            Layer(before, *layer) for before, layer in zip(inputs, LAYERS.values(), strict=False)
        )
        each = width // len(READ)
        self.read = nn.ModuleList(nn.Conv2d(LAYERS[n][0], each, (1, bands)) for n, bands in READ.items())

    def spectrum(self, mel: Tensor) -> Tensor:
        """YAMNet's log-mel [batch, frames, 64], or nearly: of magnitudes, in other bands, without Whisper's
        floor where there is more below it."""
        magnitude = torch.exp((2 * mel - 2) * math.log(10))
        return torch.log(magnitude.transpose(1, 2) @ self.bands.exp() + _OFFSET)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.spectrum(mel)
        x = F.pad(x, (0, 0, 0, _LENGTH - x.shape[1]), value=math.log(_OFFSET))[:, None]
        x = F.relu(self.first(F.pad(x, (0, 1, 0, 1))))
        found, read = [], iter(self.read)
        for number, layer in zip(LAYERS, self.layers, strict=True):
            x = layer(x)
            if number in READ:
                # Tensors of four axes: ONNX Runtime is fast on those alone.
                size = (_LENGTH // 2, 1)
                found.append(F.interpolate(next(read)(x), size, mode="bilinear", align_corners=False))
        return torch.cat(found, 1).flatten(2)[:, :, :FRAMES].transpose(1, 2)


def from_file(
    path: Path, sounds: Sequence[np.ndarray], width: int, report: Callable[[str], None] = print
) -> Yamnet:
    """YAMNet from its TensorFlow Lite file. What reads its last layer begins with its own answers, what reads
    the others is new; each channel has mean 0 and deviation 1 on `sounds`, float32 [samples] at 16 kHz. The
    way from Whisper's bands to its own is fitted on them, too. Raises StartError, UsageError.
    """
    made, stored = Yamnet(width), _tensors(path)
    parts: list[tuple[str, nn.Conv2d]] = [("layer1/conv", made.first)]
    for number, layer in zip(LAYERS, made.layers, strict=True):
        parts += [(f"layer{number}/depthwise_conv", layer.depthwise)]
        parts += [(f"layer{number}/pointwise_conv", layer.pointwise)]
    for name, part in parts:
        found = [tensor for key, tensor in stored if key.startswith(f"yamnet_frames/{name}/")]
        weight = next(t for t in found if t.ndim == 4)
        order = (3, 0, 1, 2) if part.groups > 1 else (0, 3, 1, 2)  # its channels come last
        part.weight.data = torch.from_numpy(weight.transpose(order).copy())
        part.bias.data = torch.from_numpy(next(t for t in found if t.ndim == 1).copy())
    filters = next(t for _, t in stored if t.shape == (_BANDS, _FFT // 2 + 1))
    made.bands.data = fitted(filters, sounds, report)
    # The first sounds that it names are those of people, then of animals: bursts, and what passes for one.
    answers = next(t for key, t in stored if t.ndim == 2 and key.startswith("yamnet_frames/dense/"))
    last, bands = made.read[-1], READ[max(READ)]
    answers = torch.from_numpy(answers[: len(last.weight)])
    last.weight.data[: len(answers)] = (answers / bands)[:, :, None, None].expand(-1, -1, 1, bands)
    _level(made, [log_mel(sound) for sound in sounds])
    return made


@torch.no_grad()
def _level(yamnet: Yamnet, mels: Sequence[np.ndarray]) -> None:
    states = torch.cat([yamnet(torch.from_numpy(mel)[None])[0, : mel.shape[1] // 2] for mel in mels])
    each = len(yamnet.read[0].weight)
    for read, part in zip(yamnet.read, states.split(each, dim=1), strict=True):
        deviation, mean = torch.std_mean(part, dim=0)
        deviation = deviation.clamp(min=1e-3)
        read.weight.data /= deviation[:, None, None, None]
        read.bias.data = (read.bias.data - mean) / deviation


def fitted(
    filters: np.ndarray, sounds: Sequence[np.ndarray], report: Callable[[str], None] = print, steps: int = 400
) -> Tensor:
    """Logarithms float32 [80, 64] of the weights that turn Whisper's bands into YAMNet's, whose `filters` are
    [64, 257], with the least squared error of the logarithms on `sounds`."""
    ours = torch.from_numpy(np.concatenate([log_mel(sound) for sound in sounds], 1).T)
    theirs = torch.from_numpy(np.concatenate([_spectrum(sound, filters) for sound in sounds]))
    magnitude = torch.exp((2 * ours - 2) * math.log(10))
    weights = torch.full((BANDS, _BANDS), -3.0, requires_grad=True)
    optimiser = torch.optim.Adam([weights], 0.1)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps)
    for _ in range(steps):
        loss = F.mse_loss(torch.log(magnitude @ weights.exp() + _OFFSET), theirs)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        cycle.step()
    report(f"yamnet: its spectrogram from Whisper's, squared error {loss.item():.3f}")
    return weights.detach()


def _spectrum(sound: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """YAMNet's own log-mel [frames, 64], its frames centred as Whisper's are."""
    padded = np.pad(sound, FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][: len(sound) // HOP]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)
    magnitude = np.abs(np.fft.rfft(frames * hann, _FFT, axis=1))
    return np.log(magnitude @ filters.T + _OFFSET).astype(np.float32)


def _tensors(path: Path) -> list[tuple[str, np.ndarray]]:
    """The constants of a TensorFlow Lite file by name, float32; 8-bit ones are multiplied by their steps."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise StartError("ai-edge-litert is not installed", "pip install ai-edge-litert") from error
    if not path.is_file() or file_hash(path) != FILE_SHA256:
        raise UsageError(f"{path} is not the yamnet.tflite that base begins with", "see docs/training.md")
    network = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    network.allocate_tensors()
    found = []
    for detail in network.get_tensor_details():
        try:
            tensor = network.get_tensor(detail["index"])
        except ValueError:  # what is only there while it runs
            continue
        about = detail["quantization_parameters"]
        if tensor.dtype == np.int8 and len(about["scales"]):
            shape = [1] * tensor.ndim
            shape[about["quantized_dimension"]] = -1
            tensor = tensor * about["scales"].reshape(shape)
        kernel = tensor.ndim == 4 and tensor.shape[1:3] in {(1, 1), (3, 3)}
        if tensor.ndim in {1, 2} or kernel:
            found.append((detail["name"], tensor.astype(np.float32)))
    return found
