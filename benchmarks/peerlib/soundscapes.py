"""Labelled soundscapes: a folder of audio files, each with a JSON file of the same name beside it.

The JSON is the layout published with laion/vocalburst-locator, which `vbannotate.train.sets` writes:
``{"events": [{"start_time", "end_time"}], "duration_sec", "bg_type"}``, an event perhaps with its ``class``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vbannotate.errors import MediaError
from vbannotate.events import Event

RATE = 16_000  # Hz, what every detector here is given

_SUFFIXES = (".flac", ".wav", ".ogg", ".opus", ".mp3")


@dataclass(frozen=True, slots=True)
class Soundscape:
    """One recording with its reference events, labelled with their class where the reference names one."""

    path: Path
    duration_us: int
    background: str
    events: tuple[Event, ...]

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.duration_us / 1e6

    def audio(self) -> np.ndarray:
        """The sound, float32 [samples] at `RATE`, mean of the channels."""
        import soundfile
        import soxr

        audio, rate = soundfile.read(self.path, dtype="float32", always_2d=True)
        mono = audio.mean(axis=1)
        return mono if rate == RATE else soxr.resample(mono, rate, RATE)


def read(folder: Path, first: int | None = None) -> list[Soundscape]:
    """The soundscapes of a folder by name, at most `first`. Raises MediaError where there are none."""
    found = []
    for path in sorted(folder.glob("*.json"))[:first]:
        about = json.loads(path.read_text("utf-8"))
        media = next((path.with_suffix(s) for s in _SUFFIXES if path.with_suffix(s).is_file()), None)
        if media is None:
            raise MediaError(f"{path}: no audio beside it", f"put {path.stem}{_SUFFIXES[0]} there")
        events = [Event(e["start_time"], e["end_time"], e.get("class", "burst")) for e in about["events"]]
        duration_us = round(about["duration_sec"] * 1e6)
        found.append(Soundscape(media, duration_us, about.get("bg_type", "unknown"), tuple(events)))
    if not found:
        raise MediaError(f"{folder}: no soundscapes", "make some first: see docs/training.md")
    return found
