"""The published way to run the locator, rendered literally with transformers, as the measure for ours.

Written from the description of laion/vocalburst-locator: the whole WhisperModel and a head, fp32, one window
of 30 s, `WhisperFeatureExtractor`, soundfile and librosa, events by index * (30 / 1500). Nothing here is
imported from vbannotate, and nothing in vbannotate imports this.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

SMALL = {"d_model": 768, "layers": 12, "inner": 3072}
TINY = {"d_model": 128, "layers": 2, "inner": 512}


def config(size: dict[str, int]) -> Any:
    """The shape of a `WhisperModel`."""
    from transformers import WhisperConfig

    return WhisperConfig(
        d_model=size["d_model"],
        encoder_layers=size["layers"],
        decoder_layers=size["layers"],
        encoder_attention_heads=size["d_model"] // 64,
        decoder_attention_heads=size["d_model"] // 64,
        encoder_ffn_dim=size["inner"],
        decoder_ffn_dim=size["inner"],
    )


def build(whisper: Any) -> Any:
    """The published network around a `WhisperModel`, head at random."""
    from torch import Tensor, nn

    d_model = whisper.config.d_model
    hidden = max(256, d_model // 2)

    class Segmenter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.whisper = whisper
            self.proj = nn.Sequential(nn.Linear(d_model, hidden), nn.GELU(), nn.Dropout(0.1))
            self.temporal = nn.Sequential(
                nn.Conv1d(hidden, hidden, kernel_size=7, padding=3), nn.GELU(), nn.Dropout(0.1)
            )
            self.out = nn.Linear(hidden, 1)

        def forward(self, features: Tensor) -> Tensor:
            states = self.whisper.encoder(input_features=features).last_hidden_state
            x = self.proj(states)
            x = self.temporal(x.transpose(1, 2)).transpose(1, 2)
            return self.out(x).squeeze(-1)

    return Segmenter().eval()


def save_random(path: Path, size: dict[str, int] = TINY, seed: int = 0, swing: float = 40.0) -> None:
    """A checkpoint of the published layout, its output scaled so that probabilities swing over 0-1."""
    import torch
    from transformers import WhisperModel

    torch.manual_seed(seed)
    model = build(WhisperModel(config(size)))
    with torch.no_grad():
        model.out.weight *= swing
        model.out.bias -= model(torch.randn(1, 80, 3000)).mean()
    torch.save(model.state_dict(), path)


def save_whisper(folder: Path, size: dict[str, int]) -> None:
    """A Whisper as the hub gives it, with random weights, for `load`."""
    from transformers import WhisperModel

    WhisperModel(config(size)).save_pretrained(folder)


def load(path: Path, size: dict[str, int], pretrained: Path | None = None) -> Any:
    """The published way: load the whole Whisper first, then fill everything from the file."""
    import torch
    from transformers import WhisperModel

    whisper = WhisperModel.from_pretrained(pretrained) if pretrained else WhisperModel(config(size))
    model = build(whisper)
    model.load_state_dict(torch.load(path, map_location="cpu"), strict=True)
    return model.eval()


def audio_16k(path: Path | str) -> np.ndarray:
    """Sound as the published script hears it, float32 [samples]."""
    import soundfile

    audio, rate = soundfile.read(path, dtype="float32")
    if audio.ndim > 1:
        audio = audio.mean(axis=1)
    if rate != 16_000:
        import librosa

        audio = librosa.resample(audio, orig_sr=rate, target_sr=16_000)
    return audio


def audio_30s(path: Path | str) -> np.ndarray:
    """The first 30 s, padded with silence: float32 [480000]."""
    audio = audio_16k(path)[:480_000]
    return np.pad(audio, (0, 480_000 - len(audio)))


def probabilities(model: Any, audio: np.ndarray) -> np.ndarray:
    """float32 [1500] of one padded window."""
    import torch
    from transformers import WhisperFeatureExtractor

    extractor = WhisperFeatureExtractor()  # its defaults are those of openai/whisper-small
    features = extractor(audio, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        return torch.sigmoid(model(features)).squeeze(0).float().numpy()


def published_events(
    probs: np.ndarray, threshold: float = 0.65, merge_gap: float = 0.3, min_dur: float = 0.5
) -> list[dict[str, float]]:
    """The published rule, frame by frame."""
    binary = (probs > threshold).astype(np.float32)
    frame_s = 30.0 / 1500
    runs, inside, start = [], False, 0
    for frame in range(len(binary)):
        if binary[frame] > 0.5 and not inside:
            start, inside = frame, True
        elif binary[frame] <= 0.5 and inside:
            runs.append((start, frame))
            inside = False
    if inside:
        runs.append((start, len(binary)))
    merged: list[tuple[float, float, int, int]] = []
    for first, end in runs:
        if merged and first * frame_s - merged[-1][1] <= merge_gap:
            merged[-1] = (merged[-1][0], end * frame_s, merged[-1][2], end)
        else:
            merged.append((first * frame_s, end * frame_s, first, end))
    events = []
    for onset, offset, first, end in merged:
        if offset - onset >= min_dur:
            on, off = round(onset, 3), round(offset, 3)
            confidence = round(float(probs[first:end].mean()), 3)
            events.append({"start": on, "end": off, "confidence": confidence, "duration": round(off - on, 3)})
    return events


def main() -> None:
    """Print the events of a recording as JSON, as the published script does; see `--help`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("audio")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--whisper", type=Path, required=True, help="folder of a Whisper small")
    parser.add_argument("--all", action="store_true", help="window after window, not only the first 30 s")
    options = parser.parse_args()
    model = load(options.checkpoint, SMALL, options.whisper)
    if options.all:
        audio = audio_16k(options.audio)
        windows = [audio[at : at + 480_000] for at in range(0, len(audio), 480_000)]
        padded = [np.pad(window, (0, 480_000 - len(window))) for window in windows]
        curve = np.concatenate([probabilities(model, window) for window in padded])
    else:
        curve = probabilities(model, audio_30s(options.audio))
    print(json.dumps({"file": options.audio, "events": published_events(curve)}, indent=2))


if __name__ == "__main__":
    main()
