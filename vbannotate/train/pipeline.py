"""The bundled detectors from their sources, stage by stage. A stage whose result is in the cache is not
repeated.

states      training soundscapes -> states of the encoder            CACHE/features/{PARTS}
validation  soundscapes of the val split and their states            CACHE/sets/val, CACHE/features/val
first       a head on half of the training states                    CACHE/first.pt
mining      burst-free windows that the first head fires on          CACHE/features/{MINES}
tune        layers 3 and 4 and the head on everything                CACHE/tuned.pt
told        what that network says of the later windows              CACHE/told.npy
again       the same layers on those, hard ones oftener              CACHE/again.pt
settings    temperature and settings from validation curves          CACHE/base.json, CACHE/tiny.json
export      model.onnx and config.json                               OUTPUT/base
tiny        the small detector, taught by the large one, in 8 bits   CACHE/tiny.pt, OUTPUT/tiny

Test soundscapes are no part of this: the commands ``sets`` and ``evaluate`` come after.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from vbannotate.train import choose, curves, eightbit, export, features, fit, sets, small, soften, tune
from vbannotate.train.head import EVENT, PULSE, Detector
from vbannotate.train.head import probabilities as head_probabilities

SEED = 2026


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the training windows: recipe, seed, number, share cut short, and with the further pools?"""

    recipe: scenes.Recipe
    seed: int
    windows: int
    ended: float = 0.12
    more: bool = False


PARTS = {
    "train": Part(scenes.TRAINING, SEED, 13_000, ended=0.0),
    "wide": Part(scenes.WIDER, SEED + 2, 4_000),
    "wider": Part(scenes.WIDER, SEED + 3, 6_500, more=True),
    "harder": Part(scenes.HARDER, SEED + 4, 12_000, more=True),
}
# Burst-free windows that the first head is tried on.
MINES = {"mined": Part(scenes.MINING, SEED + 1, 6_000, ended=0.0)}

FIRST = fit.Plan(epochs=2)
FIRST_PARTS, FIRST_SHARE = ("train", "wide"), 0.25
TUNED, TUNED_PARTS = tune.TunePlan(), ("train", "wide", "wider")
AGAIN, AGAIN_PARTS = tune.TunePlan(epochs=0.9, seed=14), ("wide", "wider", "harder")
TINY = small.SmallPlan()

# The file may differ from torch by this much in a probability, and by so many frames in an event's ends, on
# so many recordings. In base weights alone are rounded, to float16; in tiny what is nearly a tie when 8-bit
# numbers are made may be rounded up here and down there.
LARGEST_DIFFERENCE = {"base": (2e-3, 0), "tiny": (2e-2, 1)}
CHECKED = 10

PULSES = "pulses"  # beside the presets: the settings of the curve of pulses

Report = Callable[[str], None]


def run(
    sources: Sources,
    encoder: Path,
    tiny_encoder: Path,
    cache: Path,
    output: Path,
    share: float,
    jobs: int,
    report: Report,
) -> None:
    """Run all stages that `cache` does not hold yet, and write the model folders base and tiny in `output`.

    `share` scales the numbers of windows, for a try.
    """
    taps = cache / "encoder-taps.onnx"
    if not taps.exists():
        export.write_taps(encoder, taps)

    def states(parts: dict[str, Part], head: Path | None = None) -> list[Path]:
        folders = [cache / "features" / name for name in parts]
        for folder, part in zip(folders, parts.values(), strict=True):
            used = sources if part.more else replace(sources, more=None)
            source = features.Source(used, taps, part.recipe, part.seed, head, part.ended)
            features.extract(source, folder, round(share * part.windows), jobs, report)
        return folders

    states(PARTS)
    own, more = clips.load(replace(sources, more=None)), clips.pools(sources.more) if sources.more else ()
    sets.write_half(own, "val", cache / "sets", report, [*more])
    first = cache / "first.pt"
    if not first.exists():
        some = [cache / "features" / name for name in FIRST_PARTS]
        fit.save(fit.fit(features.Shards(some, FIRST_SHARE), FIRST, report), FIRST, first)
    mined = states(MINES, first)
    model, head, tuned = export.cut_encoder(encoder), fit.restore(first), cache / "tuned.pt"
    if not tuned.exists():
        parts = [cache / "features" / name for name in TUNED_PARTS]
        tune.tune(model, head, features.Shards([*parts, *mined, *mined]), TUNED, report)
        tune.save(model, head, tuned)
    tune.restore(model, head, tuned)
    tail = tune.Tail(model, head).eval()
    later = small.Mels([cache / "features" / name for name in AGAIN_PARTS])
    if not (cache / "told.npy").exists():
        report("told: what the tuned network says of each window")
        np.save(cache / "told.npy", tune.told(tail, later))
    said = np.load(cache / "told.npy")
    if not (cache / "again.pt").exists():
        tune.tune(model, head, later, AGAIN, report, tune.chances(said, later))
        tune.save(model, head, cache / "again.pt")
    tune.restore(model, head, cache / "again.pt")
    tiny = small.Small(export.cut_encoder(tiny_encoder, max(small.TAPS)), TINY.hidden)
    if not (cache / "tiny.pt").exists():
        small.train(tiny, later, TINY, said, report)
        torch.save(tiny.state_dict(), cache / "tiny.pt")
    tiny.load_state_dict(torch.load(cache / "tiny.pt", weights_only=True))

    measured = validation_curves(tail, taps, cache, report)
    _finish("base", export.detector(model, head), measured, cache, output, report)
    tiny.encoder = eightbit.encoder(tiny.encoder, some_mels(cache / "sets" / "val"))
    measured = small_curves(tiny.eval(), cache, report)
    _finish("tiny", Detector(tiny.encoder, tiny.head, small.TAPS), measured, cache, output, report)


def _finish(
    name: str,
    detector: Detector,
    measured: dict[int, choose.Measured],
    cache: Path,
    output: Path,
    report: Report,
) -> None:
    """Calibrate, choose settings, export and check: the same for every model."""
    for column, curves_of in measured.items():
        divisor = soften.temperature(curves_of)
        soften.cool(detector.head, divisor, column)
        measured[column] = soften.cooled(curves_of, divisor)
        report(f"{name}: logits of column {column} divided by {divisor}")
    chosen = _settings(cache / f"{name}.json", measured, report)
    detector.eval()
    export.write(detector, output / name, config(name, chosen))
    _check(detector, output / name, cache / "sets" / "val" / "scenes", *LARGEST_DIFFERENCE[name])
    report(f"written: {output / name}")


def some_mels(folder: Path, share: int = 8) -> np.ndarray:
    """Log-mels float32 [windows, 80, 1000] of each `share`-th recording of all sets in `folder`."""
    items = [item for inner in sorted(folder.glob("*/")) for item in sets.read(inner)[::share]]
    return np.stack([log_mel(window) for item in items for window in curves.windows(curves.read(item))])


def small_curves(model: small.Small, cache: Path, report: Report) -> dict[int, choose.Measured]:
    """Curves of all validation sets by column, from their sound."""
    measured: dict[int, choose.Measured] = {EVENT: {}, PULSE: {}}
    for folder in sorted(p for p in (cache / "sets" / "val").iterdir() if p.is_dir()):
        report(f"validation: tiny on {folder.name}")
        items, lengths, found = sets.read(folder), [], []
        for item in items:
            audio = curves.read(item)
            lengths.append(len(audio))
            mels = np.stack([log_mel(window) for window in curves.windows(audio)])
            found.append(probabilities(model, mels))
        for column, measured_here in measured.items():
            scores = np.concatenate(found)[..., column]
            measured_here[folder.name] = items, curves.stitched(lengths, scores)
    return measured


def validation_curves(
    network: nn.Module, taps: Path, cache: Path, report: Report
) -> dict[int, choose.Measured]:
    """Curves of all validation sets by column (events, pulses); their states are cached, so another network
    costs a minute.
    """
    encode = features.encoder_session(taps)
    measured: dict[int, choose.Measured] = {EVENT: {}, PULSE: {}}
    for folder in sorted(p for p in (cache / "sets" / "val").iterdir() if p.is_dir()):
        items = sets.read(folder)
        path = cache / "features" / "val" / f"{folder.name}.npy"
        if not path.exists():
            report(f"validation: states of {folder.name}")
            states = [encode(log_mel(w)) for item in items for w in curves.windows(curves.read(item))]
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.stack(states))
        lengths = [round(item.seconds * features.RATE) for item in items]
        found = probabilities(network, np.load(path, mmap_mode="r"))
        for column, measured_here in measured.items():
            measured_here[folder.name] = items, curves.stitched(lengths, found[..., column])
    return measured


def probabilities(network: nn.Module, states: np.ndarray) -> np.ndarray:
    """A network on states [windows, 500, d] or log-mels [windows, 80, 1000] -> float32 [windows, 500, 2 +
    kinds].
    """
    found = []
    with torch.inference_mode():
        for first in range(0, len(states), 32):
            batch = torch.from_numpy(np.array(states[first : first + 32])).float()
            found.append(head_probabilities(network(batch)).numpy())
    return np.concatenate(found)


def _settings(path: Path, measured: dict[int, choose.Measured], report: Report) -> dict[str, dict[str, Any]]:
    if not path.exists():
        report("settings: search on validation")
        chosen = {name: settings.to_dict() for name, settings in choose.presets(measured[EVENT]).items()}
        chosen[PULSES] = choose.pulse(measured[PULSE]).to_dict()
        path.write_text(json.dumps(chosen, indent=1) + "\n", "utf-8")
    return json.loads(path.read_text("utf-8"))


_TITLES = {
    "base": "vbannotate base: vocal bursts, Whisper base cut after layer 4",
    "tiny": "vbannotate tiny: vocal bursts, Whisper tiny.en cut after layer 1, taught by base",
}


_VERSIONS = {"base": "3", "tiny": "4"}


def config(name: str, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The model's config.json: what it is, how it is run, how its curves are decoded."""
    used = {name: {k: v for k, v in values.items() if k in _WRITTEN} for name, values in chosen.items()}
    pulses = used.pop(PULSES)
    return {
        "family": "locator",
        "name": name,
        "title": _TITLES[name],
        "version": _VERSIONS[name],
        "licence": "MIT (Whisper encoder, Copyright (c) 2022 OpenAI), Apache-2.0 (head)",
        "source": "trained by python -m vbannotate.train detector; see README.md beside this file",
        "sample_rate": 16_000,
        "frame_us": 20_000,
        "window_s": curves.WINDOW_S,
        "overlap_s": curves.OVERLAP_S,
        "labels": ["burst"],
        "granularities": ["event", "pulse"],
        "kinds": list(features.KINDS),
        "settings": used["balanced"],
        "pulse": pulses,
        "presets": used,
    }


_WRITTEN = ("threshold", "merge_gap", "min_dur", "peak", "smooth")


def _check(detector: Detector, folder: Path, scenes_folder: Path, largest: float, frames: int) -> None:
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
        moved = _moved(_times(ours, settings), _times(written, settings))
        if difference > largest or moved > frames * locator.frame_us:
            raise VbannotateError(
                f"{folder}: {item.path.name} is off torch by {difference:.4f}, its events by {moved} us",
                "report this with the versions of torch, onnx and onnxruntime",
            )


def _times(curve: np.ndarray, settings: Settings) -> list[tuple[int, int]]:
    return [(event.onset_us, event.offset_us) for event in decode(curve, settings)]


def _moved(ours: list[tuple[int, int]], written: list[tuple[int, int]]) -> float:
    """The largest difference of two lists of onsets and offsets; infinite where one has more."""
    if len(ours) != len(written):
        return float("inf")
    return max(
        (abs(a - b) for pair in zip(ours, written, strict=True) for a, b in zip(*pair, strict=True)),
        default=0,
    )
