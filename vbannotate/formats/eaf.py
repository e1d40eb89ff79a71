"""ELAN annotation files (EAF): read in versions 2.1 to 3.0, written as 3.0, merged into a person's file.

Reading: every annotation of every tier is an event on the media clock (TIME_ORIGIN is added). Times that do
not stand in the file are resolved as ELAN shows them (see `eaf_times`). A dependent tier
``NAME-confidence`` gives the confidences of NAME. What else a tier says (type, participant, annotator,
parent, language) stands in its `extra["eaf"]`.

Writing: whole milliseconds, an event is at least 1 ms long. Overlapping events go to further tiers
``NAME-2`` ...; tiers that came from an EAF keep their overlaps, as ELAN does. Dependent tiers become
independent ones: to keep a person's file as it is, merge into it.

Entities, DTDs and network references are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from vbannotate.events import Annotation, Event, Span, Tier
from vbannotate.formats import eaf_times, eaf_tree
from vbannotate.formats.base import Keeps, Merged, WriteOptions
from vbannotate.formats.eaf_insert import TYPE
from vbannotate.formats.rows import CONFIDENCE, parse_confidence

if TYPE_CHECKING:
    from vbannotate.formats.eaf_times import Layer, Note

NAME = "eaf"
TITLE = "ELAN annotation file"
SUFFIXES = (".eaf", ".etf")
KEEPS = Keeps(resolution_us=1000, confidence=True, tiers=True)

_TIER_FIELDS = {
    "type": "LINGUISTIC_TYPE_REF",
    "participant": "PARTICIPANT",
    "annotator": "ANNOTATOR",
    "parent": "PARENT_REF",
    "language": "LANG_REF",
}
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_BARE = re.compile(r"[^\x21-\x7e]")  # what percent-encoding would not have left as it is


def guess(data: bytes, name: str) -> bool:
    """Whether the content looks like an EAF document."""
    return b"<ANNOTATION_DOCUMENT" in data[:4000].replace(b"\0", b"")


def read(data: bytes, name: str = "eaf") -> Annotation:
    """The annotations of an EAF document. Raises FormatError in one line for what cannot be read."""
    root = eaf_tree.parse(data, name).getroot()
    units = root.find("HEADER").get("TIME_UNITS") if root.find("HEADER") is not None else None
    warnings = []
    if units not in (None, "", "milliseconds"):
        warnings.append(f"{name}: TIME_UNITS {units!r} was read as milliseconds, as ELAN does")
    found = eaf_times.layers(root, name)
    warnings += warnings_of(found, name)
    origin_us = 1000 * origin_of(root.find("HEADER/MEDIA_DESCRIPTOR"))
    own = eaf_tree.own_property(root)
    return Annotation(
        tiers=tuple(tiers_of(found, origin_us)),
        media=first_path(root.iterfind("HEADER/MEDIA_DESCRIPTOR")),
        duration_us=_whole(own.get("duration_us")),
        examined=_spans(own.get("examined_us")),
        provenance=own["provenance"] if isinstance(own.get("provenance"), dict) else {},
        warnings=tuple(warnings),
    )


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """The bytes of an EAF 3.0 document. Raises FormatError for times that it cannot hold."""
    from vbannotate.formats import eaf_write

    return eaf_write.write(annotation, options)


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: Any = None) -> Merged:
    """A person's document with our tiers in it; see `eaf_merge`."""
    from vbannotate.formats import eaf_merge

    return eaf_merge.merge(data, annotation, options, name, part)


def first_path(descriptors: Iterable[eaf_tree.Element]) -> str | None:
    """The first path that media descriptors (elements or mappings of attributes) name."""
    for descriptor in descriptors:
        for attribute in ("MEDIA_URL", "RELATIVE_MEDIA_URL"):
            if path := path_of(descriptor.get(attribute, "")):
                return path
    return None


def path_of(url: str) -> str | None:
    """The path that a MEDIA_URL means. ELAN writes paths bare; only what is surely encoded is decoded."""
    if not url.startswith("file:"):
        return url or None
    path = url[5:]
    if path.startswith("///"):
        path = path[2:]
    if _ENCODED.search(path) and not _BARE.search(path):
        path = unquote(path)
    if re.match(r"/[A-Za-z]:[/\\]", path):
        path = path[1:]
    return path or None


def origin_of(descriptor: eaf_tree.Element | None) -> int:
    """TIME_ORIGIN of a medium in milliseconds: media time = annotation time + origin."""
    text = descriptor.get("TIME_ORIGIN", "") if descriptor is not None else ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else 0


def tiers_of(found: Iterable[Layer], origin_us: int) -> list[Tier]:
    """The events of all tiers on the media clock, confidences put to their events."""
    result: list[Tier] = []
    notes: dict[str, tuple[int, Layer]] = {}
    for layer in found:
        base = layer.name.removesuffix(CONFIDENCE)
        if layer.parent == base != layer.name and base in notes:
            index, above = notes[base]
            if (values := _confidences(above, layer)) is not None:
                result[index] = _tier(above, origin_us, values)
                continue
        notes.setdefault(layer.name, (len(result), layer))
        result.append(_tier(layer, origin_us, {}))
    return result


def _tier(layer: Layer, origin_us: int, confidences: Mapping[tuple[int, int], float]) -> Tier:
    events = tuple(
        Event.from_us(
            1000 * note.start + origin_us,
            1000 * note.end + origin_us,
            note.text,
            confidences.get((note.start, note.end)),
        )
        for note in layer.notes
        if note.start is not None and note.end is not None
    )
    kept = {key: value for key, name in _TIER_FIELDS.items() if (value := layer.attributes.get(name))}
    if layer.stereotype:
        kept["stereotype"] = layer.stereotype
    if kept == {"type": TYPE}:
        kept = {}  # ours
    return Tier(layer.name, events, extra={"eaf": kept} if kept else {})


def _confidences(above: Layer, layer: Layer) -> dict[tuple[int, int], float] | None:
    """The values of a confidence tier by the times of their parents; None where one does not fit."""
    spans = {_span(note) for note in above.notes}
    values: dict[tuple[int, int], float] = {}
    for note in layer.notes:
        value, span = parse_confidence(note.text), _span(note)
        if value is None or span is None or span not in spans or span in values:
            return None
        values[span] = value
    return values or None


def _span(note: Note) -> tuple[int, int] | None:
    return None if note.start is None or note.end is None else (note.start, note.end)


def warnings_of(found: Iterable[Layer], name: str) -> Iterable[str]:
    """A line for each tier with times that were guessed, and with annotations that were skipped."""
    for layer in found:
        if layer.interpolated:
            what = f"{layer.interpolated} borders without a time were spread evenly"
            yield f"{name}: tier {layer.name!r}: {what}"
        lost = sum(_span(note) is None for note in layer.notes)
        if lost:
            what = f"{lost} annotations without a time or a parent were skipped"
            yield f"{name}: tier {layer.name!r}: {what}"


def _whole(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 10**18 else None


def _spans(value: Any) -> tuple[Span, ...] | None:
    try:
        return None if value is None else tuple(Span(int(start), int(end)) for start, end in value)
    except (TypeError, ValueError):
        return None
