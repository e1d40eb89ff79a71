"""Our own format, ``.vb.json``: everything an Annotation holds, and whatever else stands in the file.

``{"tiers": [{"name", "events": [{"onset", "offset", "label", "confidence", ...}], ...}], "media", "duration",
"examined": [[start, end]], "provenance", ...}``; times in seconds, UTF-8. Keys that are not named here are
kept as `extra` of the event, the tier or the annotation. Schema: docs/formats/vb.schema.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import BURST, Annotation, Event, Span, Tier
from vbannotate.formats.base import LIMIT_US, Keeps, WriteOptions, check
from vbannotate.times import from_us, to_us

NAME = "native"
TITLE = "vbannotate's own, with everything it knows"
SUFFIXES = (".vb.json",)
KEEPS = Keeps(resolution_us=1, confidence=True, tiers=True, points=True, overlap=True, extra=True, files=True)

_EVENT = ("onset", "offset", "label", "confidence")
_TIER = ("name", "events", "points")
_TOP = ("tiers", "media", "duration", "examined", "provenance")


def guess(data: bytes, name: str) -> bool:
    """An object with tiers."""
    head = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith(b"{") and b'"tiers"' in data


def read(data: bytes, name: str) -> Annotation:
    """The annotation as it was written."""
    top = load(data, name)
    if not isinstance(top, dict) or not isinstance(top.get("tiers"), list):
        raise FormatError(f"{name}: no list of tiers", "this is not a .vb.json file of vbannotate")
    try:
        examined = top.get("examined")
        return Annotation(
            tiers=tuple(_tier(tier, number) for number, tier in enumerate(top["tiers"], 1)),
            media=_typed(top, "media", str),
            duration_us=_time(top, "duration") if top.get("duration") is not None else None,
            examined=None if examined is None else tuple(_span(span) for span in examined),
            provenance=_typed(top, "provenance", dict) or {},
            extra={key: value for key, value in top.items() if key not in _TOP},
        )
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FormatError(f"{name}: {what}", "correct it, or write the file anew") from error


def load(data: bytes, name: str) -> Any:
    """The value in a JSON file. Raises FormatError that names the line."""
    try:
        return loads(files.decode(data, name).text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{name}, line {error.lineno}: {error.msg}", "this is not valid JSON") from error
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: {error}", "this is not valid JSON") from error


def loads(text: str) -> Any:
    """The value in JSON text; NaN and infinities are refused. Raises ValueError and RecursionError."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _tier(value: Any, number: int) -> Tier:
    if not isinstance(value, dict):
        raise TypeError(f"tier {number} is not an object")
    name = value.get("name")
    where = f"tier {name!r}"
    if not isinstance(name, str) or not isinstance(value.get("events"), list):
        raise TypeError(f"tier {number} lacks a name or a list of events")
    events = tuple(_event(event, f"{where}, event {k}") for k, event in enumerate(value["events"], 1))
    extra = {key: item for key, item in value.items() if key not in _TIER}
    return Tier(name, events, bool(value.get("points", False)), extra)


def _event(value: Any, where: str) -> Event:
    if not isinstance(value, dict):
        raise TypeError(f"{where} is not an object")
    try:
        label, confidence = value.get("label", BURST), value.get("confidence")
        if not isinstance(label, str) or isinstance(confidence, str | bool | list | dict):
            raise TypeError("the label is no text or the confidence no number")
        extra = {key: item for key, item in value.items() if key not in _EVENT}
        return Event.from_us(_time(value, "onset"), _time(value, "offset"), label, confidence, extra)
    except KeyError as error:
        raise ValueError(f"{where}: {error} is missing") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: {error}") from error


def _time(value: Mapping[str, Any], key: str) -> int:
    return time_us(value[key])


def time_us(seconds: Any) -> int:
    """Microseconds of a JSON number of seconds. Raises TypeError and ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{seconds!r} is no time in seconds")
    if not abs(seconds) <= from_us(LIMIT_US):
        raise ValueError(f"time out of range: {seconds!r}"[:80])
    return to_us(seconds)


def _span(value: Any) -> Span:
    if not isinstance(value, list) or len(value) != 2:
        raise TypeError("an examined span is not [start, end]")
    return Span(time_us(value[0]), time_us(value[1]))


def _typed(value: Mapping[str, Any], key: str, kind: type) -> Any:
    found = value.get(key)
    if found is not None and not isinstance(found, kind):
        raise TypeError(f"{key} has the wrong type")
    return found


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """JSON with one event a line, so that it can be read and compared by eye."""
    check(annotation, TITLE)
    return ("".join(_lines(annotation)) + "\n").encode()


def _lines(annotation: Annotation) -> Iterator[str]:
    top: dict[str, Any] = {"media": annotation.media}
    top["duration"] = None if annotation.duration_us is None else from_us(annotation.duration_us)
    if annotation.examined is not None:
        top["examined"] = [[from_us(span.start_us), from_us(span.end_us)] for span in annotation.examined]
    top["provenance"] = annotation.provenance
    top |= _others(annotation.extra, _TOP, "the file")
    yield '{\n "tiers": ['
    for number, tier in enumerate(annotation.tiers):
        yield "," if number else ""
        yield f'\n  {{"name": {dump(tier.name)}, '
        if tier.points:
            yield '"points": true, '
        for key, value in _others(tier.extra, _TIER, f"tier {tier.name!r}").items():
            yield f"{dump(key)}: {dump(value)}, "
        events = ",\n    ".join(dump(_plain(event)) for event in tier.events)
        yield f'"events": [\n    {events}\n  ]}}' if events else '"events": []}'
    yield "\n ]" if annotation.tiers else "]"
    for key, value in top.items():
        yield f",\n {dump(key)}: {dump(value)}"
    yield "\n}"


def _plain(event: Event) -> dict[str, Any]:
    values = {
        "onset": event.onset,
        "offset": event.offset,
        "label": event.label,
        "confidence": event.confidence,
    }
    return values | _others(event.extra, _EVENT, f"event {event.label!r} at {event.onset} s")


def _others(extra: Mapping[str, Any], taken: tuple[str, ...], where: str) -> dict[str, Any]:
    if clash := [key for key in taken if key in extra]:
        raise FormatError(f"{where}: extra value named {clash[0]!r}", "give it another name")
    return dict(extra)


def dump(value: Any) -> str:
    """A value as JSON on one line. Raises FormatError for what JSON cannot hold (NaN, objects)."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_mapping)
    except (TypeError, ValueError) as error:
        raise FormatError(f"value that JSON cannot hold: {error}", "remove it") from error


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")
