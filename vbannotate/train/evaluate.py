"""All figures of a detector on sets of recordings with references."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vbannotate import files
from vbannotate.decode import PULSE
from vbannotate.detection import Detector
from vbannotate.events import Event
from vbannotate.synth import activity
from vbannotate.train import figures, judge
from vbannotate.train.listing import draw, listing
from vbannotate.train.references import read_sets

if TYPE_CHECKING:
    from vbannotate.settings import SettingsFile

__all__ = ["How", "draw", "evaluate", "joined", "listing", "save"]

REAL = ("meetings", "coughs")  # their references are single pulses

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class How:
    """How the detector is run, as the options of `detect`."""

    preset: str | None = None
    file: SettingsFile | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    compat: str | None = None
    device: str = "cpu"
    backend: str = "auto"
    granularity: str | None = None
    kinds: bool = False


def evaluate(
    model: str | Path,
    folder: Path,
    preset: str | None = None,
    report: Callable[[str], None] = print,
    how: How | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures by set of `folder` (see `references.read_sets`) for plain JSON.

    `preset` replaces that of `how`. `report` takes a line when a set is done, `progress` the seconds done and
    in all. Raises UsageError for a preset that the model does not have, and for a folder without recordings.
    """
    how = how or How()
    sets, notes = read_sets(folder)
    detector = Detector.load(
        model,
        preset or how.preset,
        how.file,
        how.options,
        how.compat,
        how.device,
        how.backend,
        granularity=how.granularity,
        kinds=how.kinds,
    )
    card, settings = detector.locator.card, detector.settings.default
    result: dict[str, Any] = {"model": card.name, "version": card.version, "settings": settings.to_dict()}
    result |= {
        "granularity": card.granularity,
        "preset": detector.settings.preset,
        "compat": how.compat,
        "notes": notes,
        "sets": {},
    }
    if card.granularity == PULSE:
        sets = {name: [judge.pulses(item) for item in items] for name, items in sets.items()}
    lengths = [item.seconds for items in sets.values() for item in items]
    total = sum(lengths) if all(lengths) else None
    done = 0.0
    for name, items in sets.items():
        found, curves = [], []
        for k, item in enumerate(items):
            events, curve, seconds = _run(detector, item.path)
            items[k] = replace(item, seconds=seconds)
            found.append(events)
            curves.append(curve)
            done += seconds
            if progress is not None:
                progress(done, total)
        frame_us = detector.locator.frame_us
        result["sets"][name] = figures.of_set(items, found, curves, settings.threshold, frame_us)
        if name in REAL:
            bouts = [replace(item, events=joined(item.events)) for item in items]
            result["sets"][name]["as_bouts"] = sum(judge.count_all(bouts, found), judge.Counts()).table()
        report(f"{name}: {len(items)} recordings")
    return result


def _run(detector: Detector, path: Path) -> tuple[tuple[Event, ...], np.ndarray, float]:
    """Events, the highest probability of each frame float32 [frames], and the length in seconds."""
    done = detector.run(path, keep_scores=True)
    duration_us = done.annotation.duration_us
    assert duration_us is not None  # the recording was decoded to its end
    return done.annotation.events, done.scores[0].scores.max(axis=1), duration_us / 1e6


def joined(events: tuple[Event, ...], gap: float = activity.BOUT_GAP) -> tuple[Event, ...]:
    """Events with pauses under `gap` seconds joined: the bouts of a recording whose references are pulses."""
    spans = activity.join([(e.onset, e.offset) for e in events], gap)
    return tuple(Event(a, b) for a, b in spans)


def save(result: Mapping[str, Any], path: Path, overwrite: bool = True) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, (json.dumps(result, indent=1) + "\n").encode(), overwrite=overwrite)
