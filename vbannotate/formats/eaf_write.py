"""A new EAF 3.0 document with media links, types, vocabulary, tiers and, in the header, how it was made."""

from __future__ import annotations

import json
import ntpath
import os
import posixpath
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import WriteOptions, check
from vbannotate.formats.eaf_insert import CONSTRAINTS, LAST_ID, clean, insert
from vbannotate.formats.eaf_tree import PROPERTY, Element, add, place, serialise, set_property
from vbannotate.formats.rows import Row, free_name, rows

_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMA = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"
_TITLE = "ELAN annotation file"
# The types that ELAN 6.9 gives to media it knows; others go by their kind.
_MIME = {
    ".wav": "audio/x-wav",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mkv": "video/*",
    ".webm": "video/*",
    ".avi": "video/*",
    ".ts": "video/*",
    ".wmv": "video/*",
}


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """The bytes of an EAF 3.0 document. Raises FormatError for times that it cannot hold."""
    from lxml import etree

    check(annotation, _TITLE)
    root = etree.Element(
        "ANNOTATION_DOCUMENT",
        {"AUTHOR": "vbannotate", "DATE": _now(), "FORMAT": "3.0", "VERSION": "3.0"},
        nsmap={"xsi": _XSI},
    )
    root.set(f"{{{_XSI}}}noNamespaceSchemaLocation", _SCHEMA)
    add(root, _header(annotation, options), place(root, "HEADER"))
    add(root, etree.Element("TIME_ORDER"), place(root, "TIME_ORDER"))
    for stereotype, description in CONSTRAINTS.items():
        constraint = etree.Element("CONSTRAINT", DESCRIPTION=description, STEREOTYPE=stereotype)
        add(root, constraint, place(root, "CONSTRAINT"))
    set_property(root, LAST_ID, "0")
    insert(root, rows_of(annotation.tiers), confidence=options.confidence, scheme=options.labels)
    if said := made(annotation):
        set_property(root, PROPERTY, plain_json(said))
    return serialise(etree.ElementTree(root))


def rows_of(tiers: Sequence[Tier], taken: Sequence[str] = (), origin_ms: int = 0) -> list[Row]:
    """The rows of `tiers` in milliseconds, without overlap; tiers from an EAF keep theirs."""

    def span(event: Event) -> tuple[int, int]:
        start, end = _ms(event.onset_us), _ms(event.offset_us)
        return start - origin_ms, max(end, start + 1) - origin_ms

    result: list[Row] = []
    wanted = {clean(tier.name) for tier in tiers}
    for tier in tiers:
        used = {*taken, *(row.name for row in result)}
        if "eaf" in tier.extra:
            name = free_name(clean(tier.name) or "tier", used)
            spans = tuple((*span(event), event) for event in tier.events)
            result.append(Row(name, tier, False, spans))
            continue
        named = Tier(clean(tier.name) or "tier", tier.events, extra=tier.extra)
        result += rows([named], span, used | (wanted - {named.name}))
    return result


def made(annotation: Annotation) -> dict[str, Any]:
    """What the header says about the annotation, as JSON."""
    result: dict[str, Any] = {}
    if annotation.duration_us is not None:
        result["duration_us"] = annotation.duration_us
    if annotation.examined is not None:
        result["examined_us"] = [[span.start_us, span.end_us] for span in annotation.examined]
    if annotation.provenance:
        result["provenance"] = annotation.provenance
    return result


def plain_json(value: Any) -> str:
    """`value` as JSON that XML can hold."""
    return json.dumps(_plain(value), ensure_ascii=False, sort_keys=True, default=str)


def _plain(value: Any) -> Any:
    """`value` as JSON can hold it in an XML text."""
    if isinstance(value, Mapping):
        return {clean(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return clean(value) if isinstance(value, str) else value


def media_links(path: str, target: str | None) -> dict[str, str]:
    """MEDIA_URL, RELATIVE_MEDIA_URL and MIME_TYPE for a recording.

    The paths stand there as ELAN writes and reads them, without percent-encoding: ELAN looks for a file of
    exactly the name that follows ``file:``.
    """
    flat = path.replace("\\", "/") if ntpath.splitdrive(path)[0] else path
    absolute = posixpath.isabs(flat) or bool(ntpath.splitdrive(flat)[0])
    suffix = posixpath.splitext(flat)[1].lower()
    links = {"MEDIA_URL": clean(_url(flat) if absolute else flat), "MIME_TYPE": _MIME.get(suffix, "audio/*")}
    if target is not None and absolute:
        folder = Path(target).absolute().parent
        try:
            relative = os.path.relpath(path, folder).replace(os.sep, "/")
        except ValueError:  # another drive
            return links
        links["RELATIVE_MEDIA_URL"] = clean(relative if relative.startswith("../") else f"./{relative}")
    elif not absolute:
        links["RELATIVE_MEDIA_URL"] = clean(f"./{posixpath.normpath(flat)}")
    return links


def _url(path: str) -> str:
    return f"file:{path}" if path.startswith("//") else f"file:///{path.lstrip('/')}"


def _header(annotation: Annotation, options: WriteOptions) -> Element:
    from lxml import etree

    header = etree.Element("HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    path = options.media_path or annotation.media
    if path:
        if options.target is not None and Path(path).is_file():
            path = str(Path(path).absolute())
        etree.SubElement(header, "MEDIA_DESCRIPTOR", media_links(path, options.target))
    return header


def _ms(us: int) -> int:
    """Milliseconds, halves up."""
    return (us + 500) // 1000


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
