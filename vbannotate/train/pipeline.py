"""The bundled detector from its sources, stage by stage. A stage whose result is in the cache is not
repeated.

states      training soundscapes -> states of the encoder            CACHE/features/train
validation  soundscapes of the val split and their states            CACHE/sets/val, CACHE/features/val
first       a head on half of the training states                    CACHE/first.pt
mining      burst-free windows that the first head fires on          CACHE/features/mined
tune        layers 3 and 4 and the head on everything                CACHE/tuned.pt
settings    temperature and settings from validation curves          CACHE/settings.json
export      model.onnx and config.json                               OUTPUT

Test soundscapes are no part of this: the commands ``sets`` and ``evaluate`` come after.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from vbannotate import models
from vbannotate.decode import Settings, decode
from vbannotate.errors import VbannotateError
from vbannotate.models.mel import log_mel
from vbannotate.sources import clips
from vbannotate.sources.clips import Sources
from vbannotate.synth import scenes
from vbannotate.train import choose, curves, export, features, fit, sets, soften, tune
from vbannotate.train.head import Detector

SEED = 2026
MINED = 6_000  # burst-free windows that the first head is tried on

FIRST = fit.Plan(epochs=4)
FIRST_SHARE = 0.5  # of the training windows
TUNED = tune.TunePlan()

# Rounding weights to float16 may move a probability by this much, and no event of so many recordings.
LARGEST_DIFFERENCE = 2e-3
CHECKED = 10

Report = Callable[[str], None]


def run(
    sources: Sources, encoder: Path, cache: Path, output: Path, windows: int, jobs: int, report: Report
) -> None:
    """Run all stages that `cache` does not hold yet, and write the model folder `output`."""
    taps = cache / "encoder-taps.onnx"
    if not taps.exists():
        export.write_taps(encoder, taps)
    source = features.Source(sources, taps, scenes.TRAINING, SEED)
    features.extract(source, cache / "features" / "train", windows, jobs, report)
    sets.write_half(clips.load(sources), "val", cache / "sets", report)
    train, mined = cache / "features" / "train", cache / "features" / "mined"
    first = cache / "first.pt"
    if not first.exists():
        fit.save(fit.fit(features.Shards([train], FIRST_SHARE), FIRST, report), FIRST, first)
    mining = replace(source, recipe=scenes.MINING, seed=SEED + 1, head=first)
    features.extract(mining, mined, MINED, jobs, report)
    model, head, tuned = export.cut_encoder(encoder), fit.restore(first), cache / "tuned.pt"
    if not tuned.exists():
        tune.tune(model, head, features.Shards([train, mined, mined]), TUNED, report)
        tune.save(model, head, tuned)
    tune.restore(model, head, tuned)
    measured = validation_curves(tune.Tail(model, head).eval(), taps, cache, report)
    divisor = soften.temperature(measured)
    soften.cool(head, divisor)
    report(f"calibration: logits divided by {divisor}")
    chosen = _settings(cache / "settings.json", soften.cooled(measured, divisor), report)
    detector = export.detector(model, head)
    export.write(detector, output, config(chosen))
    _check(detector, output, cache / "sets" / "val" / "scenes")
    report(f"written: {output}")


def validation_curves(network: nn.Module, taps: Path, cache: Path, report: Report) -> choose.Measured:
    """Curves of all validation sets; their states are cached, so another network costs a minute."""
    encode = features.encoder_session(taps)
    measured: choose.Measured = {}
    for folder in sorted(p for p in (cache / "sets" / "val").iterdir() if p.is_dir()):
        items = sets.read(folder)
        path = cache / "features" / "val" / f"{folder.name}.npy"
        if not path.exists():
            report(f"validation: states of {folder.name}")
            states = [encode(window) for item in items for window in curves.windows(curves.read(item))]
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.stack(states))
        lengths = [round(item.seconds * features.RATE) for item in items]
        measured[folder.name] = (
            items,
            curves.stitched(lengths, probabilities(network, np.load(path, mmap_mode="r"))),
        )
    return measured


def probabilities(network: nn.Module, states: np.ndarray) -> np.ndarray:
    """A head or tail on states float16 [windows, 500, d] -> float32 [windows, 500]."""
    found = []
    with torch.inference_mode():
        for first in range(0, len(states), 32):
            batch = torch.from_numpy(np.array(states[first : first + 32])).float()
            found.append(torch.sigmoid(network(batch))[..., 0].numpy())
    return np.concatenate(found)


def _settings(path: Path, measured: choose.Measured, report: Report) -> dict[str, dict[str, Any]]:
    if not path.exists():
        report("settings: search on validation")
        chosen = {name: settings.to_dict() for name, settings in choose.presets(measured).items()}
        path.write_text(json.dumps(chosen, indent=1) + "\n", "utf-8")
    return json.loads(path.read_text("utf-8"))


def config(presets: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The model's config.json: what it is, how it is run, how its curve is decoded."""
    used = {name: {k: v for k, v in values.items() if k in _WRITTEN} for name, values in presets.items()}
    return {
        "family": "locator",
        "name": "base",
        "title": "vbannotate base: vocal bursts, Whisper base cut after layer 4",
        "version": "1",
        "licence": "MIT (Whisper encoder, Copyright (c) 2022 OpenAI), Apache-2.0 (head)",
        "source": "trained by python -m vbannotate.train detector; see README.md beside this file",
        "sample_rate": 16_000,
        "frame_us": 20_000,
        "window_s": curves.WINDOW_S,
        "overlap_s": curves.OVERLAP_S,
        "labels": ["burst"],
        "settings": used["balanced"],
        "presets": used,
    }


_WRITTEN = ("threshold", "merge_gap", "min_dur", "peak", "smooth")


def _check(detector: Detector, folder: Path, scenes_folder: Path) -> None:
    """Raise VbannotateError where the written file gives other events than torch, or other probabilities."""
    locator = models.load(folder, device="cpu")
    settings = Settings().updated(locator.card.settings)
    items = [item for item in sets.read(scenes_folder) if item.events][:CHECKED]
    for item in items:
        audio = curves.read(item)
        written = curves.of(locator, audio)
        with torch.inference_mode():
            parts = [
                detector(torch.from_numpy(log_mel(window))[None])[0, :, 0] for window in curves.windows(audio)
            ]
        (ours,) = curves.stitched([len(audio)], torch.stack(parts).numpy())
        difference = float(np.abs(ours - written).max())
        if difference > LARGEST_DIFFERENCE or _times(ours, settings) != _times(written, settings):
            raise VbannotateError(
                f"{folder}: {item.path.name} differs from torch by {difference:.4f} in probability",
                "report this with the versions of torch, onnx and onnxruntime",
            )


def _times(curve: np.ndarray, settings: Settings) -> list[tuple[int, int]]:
    return [(event.onset_us, event.offset_us) for event in decode(curve, settings)]
