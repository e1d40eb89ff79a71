"""Recordings with references to judge a detector by: soundscapes in the published layout, or anybody's
recordings with annotations in any of our formats.

The published layout is a JSON file beside each recording: ``{"events": [{"start_time", "end_time", "class",
"snr", "source"}], "duration_sec", "bg_type", "n_vocal_bursts"}``; only the two times are needed. We know two
keys more, ``"negatives": [{"start_time", "end_time", "class"}]``: sounds that are no bursts and are easily
taken for one (in other formats they stand in a tier called ``negatives``), and ``"bg_files"``: names of the
sound files underneath.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbannotate import audio, files, formats
from vbannotate.errors import FormatError, UsageError
from vbannotate.events import BURST, Annotation, Event, Span
from vbannotate.score import reading
from vbannotate.times import to_us

NEGATIVES = "negatives"
UNKNOWN = "unknown"  # the background of a recording about which nobody said anything


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording and what a person, or the maker of a soundscape, says is in it.

    `details` has class, snr and source of each event, `negatives` are labelled sounds that are no bursts,
    `grounds` the sound files that the background was made of, where they are known.
    `examined` None: everywhere. `seconds` is 0 until the recording was decoded where no file tells it.
    """

    path: Path
    seconds: float
    background: str
    events: tuple[Event, ...]
    details: tuple[dict[str, Any], ...]
    negatives: tuple[Event, ...] = ()
    examined: tuple[Span, ...] | None = None
    grounds: tuple[str, ...] = ()


def read_sets(folder: Path) -> tuple[dict[str, list[Recording]], list[str]]:
    """The sets of `folder` by name, and notes: those in its folders, or `folder` itself as the only one.

    Raises UsageError where there are no recordings with references.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "give a folder of recordings with their annotations")
    if _holds_recordings(folder):
        recordings, notes = read(folder)
        return {folder.resolve().name: recordings}, notes
    sets, notes = {}, []
    for path in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if _holds_recordings(path):
            sets[path.name], more = read(path)
            notes += more
    if not sets:
        raise UsageError(
            f"{folder} holds no recordings with references",
            "put annotations beside the recordings; soundscapes are made by: vbannotate synth",
        )
    return sets, notes


def _holds_recordings(folder: Path) -> bool:
    return any(p.is_file() and audio.is_media(p) for p in folder.iterdir())


def read(folder: Path) -> tuple[list[Recording], list[str]]:
    """The recordings of one folder in order of their names, and notes on what looks wrong."""
    media = {p.stem: p for p in sorted(folder.iterdir()) if p.is_file() and audio.is_media(p)}
    scenes = {path: about for path in sorted(folder.glob("*.json")) if (about := published(path)) is not None}
    if scenes:
        missing = [path.stem for path in scenes if path.stem not in media]
        found = [of_scene(media[p.stem], p, about) for p, about in scenes.items() if p.stem in media]
        if not found:
            raise UsageError(f"{folder}: no recording beside {missing[0]}.json", "they are matched by name")
        return found, [f"{name}: no recording of this name beside its JSON file" for name in missing]
    annotations, notes = annotated(folder)
    recordings = [of_annotation(media[name], annotations[name]) for name in annotations if name in media]
    if not recordings:
        raise UsageError(f"{folder}: no recording of an annotated name", "they are matched by name")
    missing = [f"{name}: no recording of this name in {folder}" for name in annotations if name not in media]
    return recordings, [*notes, *missing]


def annotated(folder: Path) -> tuple[dict[str, Annotation], list[str]]:
    """The annotations of a folder by stem as `score` reads them, with the tier ``negatives`` where there is
    one; and notes.
    """
    found = reading.read(folder, reading.Choice())
    result = {}
    for name, annotation in found.annotations.items():
        tiers = [tier for tier in annotation.tiers if tier.name != NEGATIVES]
        more = [tier for tier in formats.read(found.paths[name]).tiers if tier.name == NEGATIVES]
        result[name] = annotation.with_(tiers=(*tiers, *more))
    return result, found.notes


def published(path: Path) -> dict[str, Any] | None:
    """What a JSON file in the published layout says; None for any other file."""
    if path.suffix != ".json":
        return None
    try:
        about = json.loads(files.read(path))
    except ValueError as error:
        raise FormatError(f"{path}: {error}", "correct it, or take it out of the folder") from error
    if not isinstance(about, dict) or not isinstance(about.get("events"), list) or "tiers" in about:
        return None
    rows = about["events"]
    timed = all(isinstance(row, dict) and "start_time" in row for row in rows)
    return about if timed and (rows or "duration_sec" in about) else None


def of_scene(media: Path, path: Path, about: dict[str, Any]) -> Recording:
    """A recording with what `published` read from the JSON file at `path`."""
    events = _events(about["events"], path)
    details = tuple(
        {"class": event.label, "snr": row.get("snr"), "source": str(row.get("source", UNKNOWN))}
        for event, row in zip(events, about["events"], strict=True)
    )
    return Recording(
        media,
        float(about.get("duration_sec") or 0),
        str(about.get("bg_type") or UNKNOWN),
        events,
        details,
        _events(about.get(NEGATIVES, []), path),
        grounds=tuple(map(str, about.get("bg_files", ()))),
    )


def _events(rows: Sequence[dict[str, Any]], path: Path) -> tuple[Event, ...]:
    """Events with their classes as labels."""
    events = []
    for number, row in enumerate(rows, 1):
        try:
            label = str(row.get("class") or BURST)
            event = Event(float(row["start_time"]), float(row["end_time"]), label)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            mend = "give start_time and end_time in seconds"
            raise FormatError(f"{path}, event {number}: {error}", mend) from error
        if problem := event.problem():
            raise FormatError(f"{path}, event {number}: {problem}", "correct its times")
        events.append(event)
    return tuple(events)


def annotation_of(recording: Recording) -> Annotation:
    """The events of a recording."""
    length = to_us(recording.seconds) or None
    return Annotation.of(recording.events, duration_us=length, examined=recording.examined)


def of_annotation(path: Path, annotation: Annotation) -> Recording:
    """A recording with an annotation; a tier called ``negatives`` holds what is no burst."""
    tiers = [tier for tier in annotation.tiers if tier.name != NEGATIVES]
    events = tuple(sorted((event for tier in tiers for event in tier.events), key=Event.key))
    negatives = [event for tier in annotation.tiers if tier.name == NEGATIVES for event in tier.events]
    details = tuple({"class": event.label, "snr": None, "source": UNKNOWN} for event in events)
    length = (annotation.duration_us or 0) / 1e6
    return Recording(path, length, UNKNOWN, events, details, tuple(negatives), annotation.examined)
