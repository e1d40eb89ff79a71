"""Annotation formats: the registry, and reading and writing files by name.

A format is one module (protocol in `base`), imported when it is used. Merging into a person's file is `into`.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation
from vbannotate.formats.base import EditedError, Keeps, Merged, WriteOptions

if TYPE_CHECKING:
    from vbannotate.formats.into import Result

__all__ = [
    "EditedError",
    "Keeps",
    "Merged",
    "WriteOptions",
    "describe",
    "ending",
    "guess_format",
    "merge_into",
    "module",
    "names",
    "read",
    "shifts",
    "write",
]

# In the order in which contents are looked at where an ending does not settle it: the strictest first.
FORMATS = {
    "native": "vbannotate.formats.native",
    "json": "vbannotate.formats.json_published",
    "textgrid": "vbannotate.formats.textgrid",
    "eaf": "vbannotate.formats.eaf",
    "aup3": "vbannotate.formats.aup3",
    "vtt": "vbannotate.formats.vtt",
    "srt": "vbannotate.formats.srt",
    "raven": "vbannotate.formats.raven",
    "rttm": "vbannotate.formats.rttm",
    "audacity": "vbannotate.formats.audacity",
    "tsv": "vbannotate.formats.tsv",
    "csv": "vbannotate.formats.csv",
}

_SPELLING = {"textgrid": ".TextGrid"}


def names() -> tuple[str, ...]:
    """The names of all formats."""
    return tuple(FORMATS)


def module(name: str) -> ModuleType:
    """The module of the format called `name`. Raises FormatError for an unknown name."""
    try:
        return importlib.import_module(FORMATS[name])
    except KeyError:
        raise FormatError(f"unknown format {name!r}", f"known are {', '.join(FORMATS)}") from None


def suffixes(name: str) -> tuple[str, ...]:
    """The endings of a format in lower case, the usual one first."""
    return module(name).SUFFIXES


def ending(name: str) -> str:
    """The ending that a new file gets, spelt as the format's program spells it."""
    return _SPELLING.get(name, suffixes(name)[0])


def guess_format(path: str | os.PathLike[str], data: bytes | None = None) -> str:
    """The name of the format of a file, by its ending and, where that leaves a choice, by its content.

    Without `data` (a file to be written) the longest ending decides, and among equals the first of `FORMATS`
    that can be written. Raises FormatError that lists what is known.
    """
    low = Path(path).name.lower()
    found = {name: max((len(s) for s in suffixes(name) if low.endswith(s)), default=0) for name in FORMATS}
    candidates = sorted((name for name in FORMATS if found[name]), key=lambda name: -found[name])
    if data is None:
        for name in candidates:
            if hasattr(module(name), "write"):
                return name
    else:
        for name in (*candidates, *FORMATS):
            if module(name).guess(data, low):
                return name
        if len(candidates) == 1:
            return candidates[0]  # its reader says what is wrong with the content
    known = ", ".join(suffix for name in FORMATS for suffix in suffixes(name)[:1])
    raise FormatError(f"{path}: cannot tell the format", f"name it, or use one of the endings {known}")


def parse(data: bytes, name: str, format: str | None = None) -> Annotation:
    """The annotation in the bytes of a file called `name`."""
    return module(format or guess_format(name, data)).read(data, name)


def read(path: str | os.PathLike[str], format: str | None = None) -> Annotation:
    """Read an annotation file of any known format."""
    path = Path(path)
    for name in FORMATS if format is None else (format,):
        chosen = module(name)
        if hasattr(chosen, "read_path") and (format or path.name.lower().endswith(chosen.SUFFIXES)):
            return chosen.read_path(path)
    return parse(files.read(path), str(path), format)


def render(annotation: Annotation, format: str, options: WriteOptions | None = None) -> bytes:
    """An annotation as the bytes of a file."""
    chosen = module(format)
    if not hasattr(chosen, "write"):
        raise FormatError(f"{chosen.TITLE} can be read but not written", "choose another format")
    options = options or WriteOptions()
    try:
        return chosen.write(arrange(annotation, options.tiers), options)
    except UnicodeEncodeError as error:  # half of a surrogate pair, from a damaged file
        broken = error.object[max(0, error.start - 20) : error.end]
        raise FormatError(f"text with a broken character: {broken!a}", "correct the text") from error


def write(
    annotation: Annotation,
    path: str | os.PathLike[str],
    format: str | None = None,
    overwrite: bool = False,
    options: WriteOptions | None = None,
) -> None:
    """Write an annotation to a file, whole or not at all; the ending decides the format if none is named."""
    path = Path(path)
    options = replace(options or WriteOptions(), target=str(path))
    format = format or guess_format(path)
    if format == "native" and overwrite:
        from vbannotate.formats.into import carried

        annotation = carried(path, annotation)
    files.write(path, render(annotation, format, options), overwrite=overwrite)


def merge_into(
    path: str | os.PathLike[str],
    annotation: Annotation,
    format: str | None = None,
    *,
    in_place: bool = False,
    options: WriteOptions | None = None,
) -> Result:
    """Put the events of `annotation` into a person's file or a copy beside it; see `into.merge_into`."""
    from vbannotate.formats import into

    return into.merge_into(path, annotation, format, in_place=in_place, options=options)


def shifts(
    annotation: Annotation, format: str, options: WriteOptions | None = None
) -> list[dict[str, object]]:
    """What a file does not say at its own time, for the provenance: cues of subtitles; else nothing."""
    chosen, options = module(format), options or WriteOptions()
    if not hasattr(chosen, "shifts"):
        return []
    return chosen.shifts(arrange(annotation, options.tiers), options)


def arrange(annotation: Annotation, tiers: str) -> Annotation:
    """The annotation with its tiers as they are ("one") or one tier for each label ("per-label")."""
    if tiers != "per-label":
        return annotation
    split = []
    for tier in annotation.tiers:
        labels = dict.fromkeys(event.label for event in tier.events)
        for label in labels:
            name = label if len(annotation.tiers) == 1 else f"{tier.name}-{label}"
            chosen = tuple(event for event in tier.events if event.label == label)
            split.append(replace(tier, name=name or tier.name, events=chosen))
        if not labels:
            split.append(tier)
    return annotation.with_(tiers=tuple(split))


def describe() -> list[dict[str, Any]]:
    """A row for each format: name, title, suffixes, whether it is written and merged into, what it keeps."""
    rows = []
    for name in FORMATS:
        chosen = module(name)
        rows.append(
            {
                "name": name,
                "title": chosen.TITLE,
                "suffixes": list(chosen.SUFFIXES),
                "write": hasattr(chosen, "write"),
                "merge": hasattr(chosen, "merge"),
                "keeps": asdict(chosen.KEEPS),
            }
        )
    return rows
