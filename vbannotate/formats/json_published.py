"""The JSON of the published script: ``{"file", "events": [{"start", "end", "confidence", "duration"}]}``.

Seconds as numbers. A label stands as ``label`` where there is one; other keys are kept. Read as well: a bare
list of events, and several objects one a line (as `detect --json` prints for several files); the events then
carry their file as `extra["file"]`.
"""

from __future__ import annotations

from typing import Any

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import BURST, TIER, Annotation, Event, Tier
from vbannotate.formats import native
from vbannotate.formats.base import Keeps, WriteOptions, check
from vbannotate.times import from_us

NAME = "json"
TITLE = "JSON as the published script prints it"
SUFFIXES = (".json", ".jsonl")
KEEPS = Keeps(resolution_us=1, confidence=True, points=True, overlap=True, files=True)

_KNOWN = ("start", "end", "confidence", "duration", "label")


def guess(data: bytes, name: str) -> bool:
    """An object or list with events that have a start."""
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return head[:1] in (b"{", b"[") and (b'"events"' in data or b'"start"' in data) and b'"tiers"' not in data


def read(data: bytes, name: str) -> Annotation:
    """One tier with the events of all objects."""
    objects = _objects(data, name)
    several = len(objects) > 1
    events, media, extra = [], None, {}
    for number, top in enumerate(objects, 1):
        if isinstance(top, list):
            top = {"events": top}
        if not isinstance(top, dict) or not isinstance(top.get("events"), list):
            raise FormatError(f"{name}: no list of events", 'expected {"file", "events": [...]}')
        file = top.get("file")
        media = file if isinstance(file, str) else None
        extra = {key: value for key, value in top.items() if key not in ("file", "events")}
        for k, value in enumerate(top["events"], 1):
            where = f"{name}, object {number}, event {k}" if several else f"{name}, event {k}"
            events.append(_event(value, where, media if several else None))
    if several:
        media, extra = None, {}
    return Annotation(tiers=(Tier(TIER, tuple(events)),), media=media, extra=extra)


def _objects(data: bytes, name: str) -> list[Any]:
    """The value of the file, or one for each line."""
    text = files.decode(data, name).text
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1 and lines[0].lstrip().startswith("{") and lines[0].rstrip().endswith("}"):
        try:
            return [native.loads(line) for line in lines]
        except (ValueError, RecursionError):
            pass  # one object laid out over lines; its own error is the better one
    return [native.load(data, name)]


def _event(value: Any, where: str, file: str | None) -> Event:
    if not isinstance(value, dict):
        raise FormatError(f"{where}: not an object", "expected start and end in seconds")
    try:
        label, confidence = value.get("label"), value.get("confidence")
        if not isinstance(label, str | None) or isinstance(confidence, str | bool | list | dict):
            raise TypeError("the label is no text or the confidence no number")
        extra = {key: item for key, item in value.items() if key not in _KNOWN}
        if file is not None:
            extra["file"] = file
        start, end = native.time_us(value["start"]), native.time_us(value["end"])
        return Event.from_us(start, end, BURST if label is None else label, confidence, extra)
    except KeyError as error:
        raise FormatError(f"{where}: {error} is missing", "expected start and end in seconds") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{where}: {error}", "correct the value") from error


def published(annotation: Annotation) -> dict[str, Any]:
    """The published object for an annotation, events of all tiers in order of time."""
    events = []
    for event in annotation.events:
        row: dict[str, Any] = {"start": event.onset, "end": event.offset, "confidence": event.confidence}
        row["duration"] = from_us(event.duration_us)
        if event.label != BURST:
            row["label"] = event.label
        events.append(row | {key: value for key, value in event.extra.items() if key not in _KNOWN})
    return {"file": annotation.media, "events": events}


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """One object."""
    check(annotation, TITLE)
    return (native.dump(published(annotation)) + "\n").encode()
