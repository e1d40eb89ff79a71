"""The bundled detectors from their sources, stage by stage. A stage whose result is in the cache is not
repeated.

states      training soundscapes -> states of the encoder            CACHE/features/{PARTS}
validation  soundscapes of the val split                             CACHE/sets/val
first       a head on half of the training states                    CACHE/first.pt
mining      burst-free windows that the first head fires on          CACHE/features/{MINES}
tune        layers 3 and 4 and the head on everything                CACHE/tuned.pt
told        what that network says of the later windows              CACHE/told.npy
again       the same layers on those, hard ones oftener              CACHE/again.pt
cried       the same layers on words cried out among the hard ones   CACHE/cried.pt
whole       all but the lowest layer, between two means of weights   CACHE/whole.pt
tiny        the small detector, taught by the large one              CACHE/tiny.pt
again tiny  the same once more, on the windows of the stage whole    CACHE/tiny-again.pt
draft       each network as a file, tiny in 8 bits                   CACHE/{MODEL}/model.onnx
curves      what the drafts say of the validation soundscapes        CACHE/{MODEL}/*.npz
settings    temperature and settings from those curves               CACHE/{MODEL}/settings.json
export      model.onnx and config.json                               OUTPUT/{MODEL}

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

from vbannotate import models
from vbannotate.decode import Settings, decode
from vbannotate.errors import VbannotateError
from vbannotate.models import onnx_backend
from vbannotate.models.mel import log_mel
from vbannotate.sources import clips
from vbannotate.sources.clips import Sources
from vbannotate.synth import scenes
from vbannotate.train import choose, curves, eightbit, export, features, fit, sets, small, soften, tune, whole
from vbannotate.train.head import EVENT, KINDS_FROM, PULSE, Detector, Ears

SEED = 2026


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the training windows: recipe, seed, number, share cut short, with the further pools, with
    states?
    """

    recipe: scenes.Recipe
    seed: int
    windows: int
    ended: float = 0.12
    more: bool = False
    states: bool = True


PARTS = {
    "train": Part(scenes.TRAINING, SEED, 13_000, ended=0.0),
    "wide": Part(scenes.WIDER, SEED + 2, 4_000),
    "wider": Part(scenes.WIDER, SEED + 3, 6_500, more=True),
    "harder": Part(scenes.HARDER, SEED + 4, 12_000, more=True),
    "cried": Part(scenes.OUTCRY, SEED + 5, 6_000, more=True),
    "varied": Part(scenes.VARIED, SEED + 6, 15_750, more=True, states=False),
}
# Burst-free windows that the first head is tried on.
MINES = {"mined": Part(scenes.MINING, SEED + 1, 6_000, ended=0.0)}

FIRST = fit.Plan(epochs=2)
FIRST_PARTS, FIRST_SHARE = ("train", "wide"), 0.25
TUNED, TUNED_PARTS = tune.TunePlan(), ("train", "wide", "wider")
AGAIN, AGAIN_PARTS = tune.TunePlan(epochs=0.9, seed=14), ("wide", "wider", "harder")
CRIED_PARTS = ("harder", "cried")
CRIED = tune.TunePlan(epochs=0.7, layer_rate=6e-5, head_rate=2e-4, seed=31)
WHOLE, WHOLE_PARTS = whole.WholePlan(), ("varied",)
TINY = small.SmallPlan()
TINY_AGAIN = small.SmallPlan(epochs=1.3, head_rate=5e-4, encoder_rate=1e-4, taught=0, seed=107)

# The file may differ from torch by this much in the mean of all probabilities, and by so many frames in an
# event's ends, on so many recordings: what is nearly a tie when 8-bit numbers are made may be rounded up here
# and down there.
MEAN_DIFFERENCE = 2e-3
FRAMES_MOVED = 5
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
            encoder = taps if part.states else None
            source = features.Source(used, encoder, part.recipe, part.seed, head, part.ended)
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
    if not (cache / "cried.pt").exists():
        words = features.Shards([cache / "features" / name for name in CRIED_PARTS])
        tune.tune(model, head, words, CRIED, report)
        tune.save(model, head, cache / "cried.pt")
    if not (cache / "whole.pt").exists():
        before = []
        for name in ("again.pt", "cried.pt"):
            tune.restore(model, head, cache / name)
            before.append(whole.weights(model, head))
        whole.mean(model, head, before)
        windows = small.Mels([cache / "features" / name for name in WHOLE_PARTS])
        whole.tune(model, head, windows, WHOLE, report)
        whole.mean(model, head, [before[-1], whole.weights(model, head)])
        whole.save(model, head, cache / "whole.pt")
    whole.restore(model, head, cache / "whole.pt")
    tiny = small.make(export.cut_encoder(tiny_encoder, max(small.TAPS)), TINY.hidden)
    if not (cache / "tiny.pt").exists():
        small.train(tiny, later, TINY, said, report)
        torch.save(tiny.state_dict(), cache / "tiny.pt")
    tiny.load_state_dict(torch.load(cache / "tiny.pt", weights_only=True))
    if not (cache / "tiny-again.pt").exists():
        windows = small.Mels([cache / "features" / name for name in WHOLE_PARTS])
        small.train(tiny, windows, TINY_AGAIN, report=report, altered=whole.heard)
        torch.save(tiny.state_dict(), cache / "tiny-again.pt")
    tiny.load_state_dict(torch.load(cache / "tiny-again.pt", weights_only=True))

    eight = eightbit.encoder(tiny.ears.encoder, some_mels(cache / "sets" / "val"))
    _finish("base", Detector(Ears(model, features.TAPS), head), cache, output, report)
    _finish("tiny", Detector(Ears(eight, small.TAPS), tiny.head), cache, output, report)


def _finish(name: str, detector: Detector, cache: Path, output: Path, report: Report) -> None:
    """Calibrate, choose settings, export and check: the same for every model."""
    detector.eval()
    kept, validation = cache / name, cache / "sets" / "val"
    draft = kept / "model.onnx"
    if not draft.exists():
        export.network(detector, draft)
    measured = validation_curves(draft, validation, report)
    for column, curves_of in measured.items():
        divisor = soften.temperature(curves_of)
        soften.cool(detector.head, divisor, column)
        measured[column] = soften.cooled(curves_of, divisor)
        report(f"{name}: logits of column {column} divided by {divisor}")
    chosen = _settings(kept / "settings.json", measured, report)
    export.write(detector, output / name, config(name, chosen))
    _check(detector, output / name, validation / "scenes")
    report(f"written: {output / name}")


def some_mels(folder: Path, share: int = 8) -> np.ndarray:
    """Log-mels float32 [windows, 80, 1000] of each `share`-th recording of all sets in `folder`."""
    items = [item for inner in sorted(folder.glob("*/")) for item in sets.read(inner)[::share]]
    return np.stack([log_mel(window) for item in items for window in curves.windows(curves.read(item))])


def validation_curves(model: Path, folder: Path, report: Report) -> dict[int, choose.Measured]:
    """Curves of all sets in `folder` by column (events, pulses), as the file `model` gives them; they are
    kept beside it.
    """
    network = onnx_backend.network(model)
    measured: dict[int, choose.Measured] = {EVENT: {}, PULSE: {}}
    for inner in sorted(p for p in folder.iterdir() if p.is_dir()):
        items, path = sets.read(inner), model.with_name(f"{inner.name}.npz")
        if not path.exists():
            report(f"validation: {model.parent.name} on {inner.name}")
            found = [curves.by(network, curves.read(item))[:, :KINDS_FROM] for item in items]
            np.savez(path, *found)
        with np.load(path) as kept:
            found = [kept[name] for name in kept.files]
        for column, measured_here in measured.items():
            measured_here[inner.name] = items, [both[:, column] for both in found]
    return measured


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


_VERSIONS = {"base": "5", "tiny": "6"}


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


def _check(detector: Detector, folder: Path, scenes_folder: Path) -> None:
    """Raise VbannotateError where the written file gives other events than torch, or other probabilities."""
    locator = models.load(folder, device="cpu")
    # Without a peak: an event a hair above it, or below, comes or goes by one rounding.
    settings = replace(Settings().updated(locator.card.settings), peak=None)

    def network(mels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return detector(torch.from_numpy(mels)).numpy()

    for item in [item for item in sets.read(scenes_folder) if item.events][:CHECKED]:
        audio = curves.read(item)
        written = curves.of(locator, audio)
        ours = curves.by(network, audio)[:, EVENT]
        difference = float(np.abs(ours - written).mean())
        moved = _moved(_times(ours, settings), _times(written, settings))
        if difference > MEAN_DIFFERENCE or moved > FRAMES_MOVED * locator.frame_us:
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
