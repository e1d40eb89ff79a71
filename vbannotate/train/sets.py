"""Folders of recordings with references, for choosing settings and for judging: ours and anybody else's
detector.

A set is a folder of FLAC files, each with a JSON file beside it in the layout published with
laion/vocalburst-locator: ``{"events": [{"start_time", "end_time", "class", "snr", "source"}], "duration_sec",
"bg_type", "n_vocal_bursts"}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from vbannotate.events import Event
from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, scenes
from vbannotate.synth.audio import RATE, Reader

PLAIN = {
    kind: replace(scenes.PUBLISHED, empty=1.0, backgrounds={kind: 1.0}) for kind in ("speech", "music", "env")
}
DENSE = replace(scenes.PUBLISHED, empty=0.25)

# Name of a set: recipe, number of soundscapes, split of its bursts. Backgrounds come from the half's own
# split.
HALVES: dict[str, dict[str, tuple[scenes.Recipe, int, str]]] = {
    "val": {
        "scenes": (scenes.PUBLISHED, 300, "val"),
        "short": (replace(scenes.SHORT, empty=0.25), 100, "val"),
        "speech": (PLAIN["speech"], 120, "val"),
        "music": (PLAIN["music"], 80, "val"),
        "env": (PLAIN["env"], 60, "val"),
    },
    "test": {
        "scenes": (scenes.PUBLISHED, 300, "test"),
        "short": (replace(scenes.SHORT, empty=0.25), 100, "test"),
        "unseen-corpus": (DENSE, 120, "test-nc"),
        "speech": (PLAIN["speech"], 120, "test"),
        "music": (PLAIN["music"], 120, "test"),
        "env": (PLAIN["env"], 40, "test"),
    },
}
_SEEDS = {"val": 4711, "test": 300}


@dataclass(frozen=True, slots=True)
class Item:
    """One recording of a set with its reference; `details` has class, snr and source of each event."""

    path: Path
    seconds: float
    background: str
    events: tuple[Event, ...]
    details: tuple[dict, ...]


def write_half(clips: list[Clip], half: str, folder: Path, report: Callable[[str], None] = print) -> None:
    """Write all sets of ``val`` or ``test`` below `folder`; a set that is complete is left alone."""
    for number, (name, (recipe, count, bursts)) in enumerate(HALVES[half].items()):
        target = folder / half / name
        if len(list(target.glob("*.json"))) < count:
            library = scenes.Library(
                c for c in clips
                if c.quality != "unscreened" and c.split == (bursts if c.kind == "burst" else half)
            )  # fmt: skip
            _write_scenes(library, recipe, count, (_SEEDS[half], number), target)
        report(f"sets: {half}/{name}, {count} soundscapes")
    _write_real([c for c in clips if c.kind == "continuous" and c.split == half], folder / half)


def _write_scenes(
    library: scenes.Library, recipe: scenes.Recipe, count: int, seed: tuple[int, int], target: Path
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    reader = Reader()
    for k in range(count):
        scene = scenes.make(library, recipe, (*seed, k), reader)
        events = [
            {"start_time": b.onset, "end_time": b.offset, "class": b.label, "snr": b.snr, "source": b.source}
            for b in scene.bursts
        ]
        _write(target / f"{k:04d}", scene.audio, scene.background, events)


def _write_real(clips: list[Clip], folder: Path) -> None:
    """Real recordings: meetings and series of coughs. Their reference events are the pulses that people
    stamped.
    """
    reader = Reader()
    for clip in clips:
        name = "meetings" if clip.source == "AMI corpus" else "coughs"
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        events = [
            {"start_time": a, "end_time": b, "class": clip.label, "snr": None, "source": clip.source}
            for a, b in clip.pulses or ()
        ]
        _write(target / clip.path.stem, reader.whole(clip), name, events)


def _write(stem: Path, audio: np.ndarray, background: str, events: list[dict]) -> None:
    soundfile.write(stem.with_suffix(".flac"), audio, RATE, subtype="PCM_16")
    about = {
        "events": events,
        "duration_sec": round(len(audio) / RATE, 3),
        "bg_type": background,
        "n_vocal_bursts": len(events),
    }
    stem.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


def read(folder: Path) -> list[Item]:
    """The recordings of a set, in order of their names."""
    items = []
    for path in sorted(folder.glob("*.json")):
        about = json.loads(path.read_text("utf-8"))
        events = tuple(Event(e["start_time"], e["end_time"]) for e in about["events"])
        items.append(
            Item(
                path.with_suffix(".flac"),
                about["duration_sec"],
                about["bg_type"],
                events,
                tuple(about["events"]),
            )
        )
    return items


def joined(events: tuple[Event, ...], gap: float = activity.BOUT_GAP) -> tuple[Event, ...]:
    """Events with pauses under `gap` seconds joined: the bouts of a recording whose reference is single
    pulses.
    """
    spans = activity.join([(e.onset, e.offset) for e in events], gap)
    return tuple(Event(a, b) for a, b in spans)
