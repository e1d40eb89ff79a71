"""Soundscapes on disk, as published with laion/vocalburst-locator: a sound file and a JSON file beside it.

``{"events": [{"start_time", "end_time"}], "duration_sec", "bg_type", "n_vocal_bursts"}``; an event has
`class`, `snr` (dB), `source` and `pulses` (its active stretches) as well. Hard negatives, where there are
some, stand in a list `negatives` of the same kind; the sound files of the background in `bg_files`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Event
from vbannotate.synth.audio import RATE
from vbannotate.synth.placing import Placed
from vbannotate.synth.scenes import Scene

AUDIO = {"mp3": ("MP3", "MPEG_LAYER_III"), "flac": ("FLAC", "PCM_16"), "wav": ("WAV", "PCM_16")}


@dataclass(frozen=True, slots=True)
class Item:
    """One recording of a set with its reference; `details` has class, snr and source of each event."""

    path: Path
    seconds: float
    background: str
    events: tuple[Event, ...]
    details: tuple[dict, ...]


def described(scene: Scene) -> dict[str, Any]:
    """The JSON of a soundscape."""
    about = about_sound(scene.audio, scene.background, [_event(burst) for burst in scene.bursts])
    if scene.negatives:
        about["negatives"] = [_event(sound) for sound in scene.negatives]
    if scene.grounds:
        about["bg_files"] = list(scene.grounds)
    return about


def about_sound(audio: np.ndarray, background: str, events: list[dict]) -> dict[str, Any]:
    """The JSON of any recording at 16 kHz with its events."""
    return {
        "events": events,
        "duration_sec": round(len(audio) / RATE, 3),
        "bg_type": background,
        "n_vocal_bursts": len(events),
    }


def _event(sound: Placed) -> dict[str, Any]:
    return {
        "start_time": sound.onset,
        "end_time": sound.offset,
        "class": sound.label,
        "snr": sound.snr,
        "source": sound.source,
        "pulses": [list(pulse) for pulse in sound.pulses],
    }


def write(stem: Path, audio: np.ndarray, about: dict[str, Any], kind: str = "flac") -> None:
    """Write sound and JSON, the JSON last: a soundscape that has one is whole.

    `stem` is the path without its ending.
    """
    container, subtype = AUDIO[kind]
    with files.replacing(stem.with_name(f"{stem.name}.{kind}"), overwrite=True) as temporary:
        soundfile.write(temporary, np.clip(audio, -1, 1), RATE, format=container, subtype=subtype)
    text = json.dumps(about, indent=1) + "\n"
    files.write(stem.with_name(f"{stem.name}.json"), text.encode(), overwrite=True)


def read(folder: Path) -> list[Item]:
    """The recordings of a set, in order of their names. Raises FormatError for a JSON of another kind."""
    return [_item(path, sound) for path in sorted(folder.glob("*.json")) if (sound := sound_of(path))]


def sound_of(path: Path) -> Path | None:
    """The sound file beside a JSON file, or None."""
    beside = (path.with_name(f"{path.stem}.{kind}") for kind in ("flac", "mp3", "wav"))
    return next((sound for sound in beside if sound.is_file()), None)


def _item(path: Path, sound: Path) -> Item:
    try:
        about = json.loads(files.read(path))
        events = tuple(Event(e["start_time"], e["end_time"]) for e in about["events"])
        return Item(sound, about["duration_sec"], about["bg_type"], events, tuple(about["events"]))
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FormatError(f"{path}: {what}", "expected the JSON of a soundscape: docs/synth.md") from error
