"""What a format module is, and the values that pass between it and the registry.

A format is one module of this package. It imports heavy packages (lxml, sqlite3) inside its functions and has

    NAME: str                 the name in commands, e.g. "srt"
    TITLE: str                a line for people
    SUFFIXES: tuple[str, ...] endings in lower case with their dots, the usual one first, e.g. (".vb.json",)
    KEEPS: Keeps              what survives write and read
    guess(data: bytes, name: str) -> bool
                              whether the content looks like this format; never raises
    read(data: bytes, name: str) -> Annotation
                              tolerant: what it skips or guesses stands in `Annotation.warnings`, with the
                              line; FormatError ("name, line 3: what; mend") where nothing can be made of it
    write(annotation: Annotation, options: WriteOptions) -> bytes
                              strict: FormatError names the event that cannot be written; `check` does most
    merge(data, annotation, options, name, part) -> Merged
                              only formats that can go into a person's file; see `Merged`

    read_path(path: Path) -> Annotation
                              only where files are too large to be read whole (aup3)

A format that is only read has no `write`. Its functions are pure: bytes and values in and out, no files.
To add a format: write the module, put it into `formats.FORMATS`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from vbannotate.errors import FormatError
from vbannotate.events import Annotation
from vbannotate.times import from_us, parse_seconds

# 31 years: a float of seconds holds every microsecond of them, and no number in a damaged file costs memory.
LIMIT_US = 10**15

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_CLOCK = re.compile(r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2}(?:[.,][0-9]*)?)")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,2})?")


@dataclass(frozen=True, slots=True)
class Keeps:
    """What survives write and read in a format; times within `resolution_us`."""

    resolution_us: int
    labels: bool = True  # any text, but for the signs that the format's page names
    confidence: bool = False
    tiers: bool = False
    points: bool = False
    overlap: bool = False  # events of one tier may overlap
    extra: bool = False  # unknown keys, provenance, examined spans
    files: bool = False  # events of several recordings, as `extra["file"]`


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How an annotation is written. A format ignores what it has no place for."""

    confidence: bool = False  # audacity: as a suffix of the label
    tiers: str = "one"  # or "per-label"; the registry has split the tiers before a module sees them
    exact: bool = False  # subtitles: the events' own times
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # label -> cue text
    style: str = "default"  # subtitles: the preset of display times (`cues.STYLES`)
    media_path: str | None = None  # the recording, absolute where known
    target: str | None = None  # the path that is written, for relative links
    labels: tuple[str, ...] = ()  # the label scheme (ELAN's controlled vocabulary)
    replace_edited: bool = False  # merging: replace our part although a person has changed it


@dataclass(frozen=True, slots=True)
class Merged:
    """A person's file with our part in it.

    `part` is plain JSON that says what in `data` is ours, enough to find it again and to see whether somebody
    changed it. It is kept beside the file and handed back as the argument `part` of the next merge (None: the
    file holds nothing of ours), which then replaces that part. Where a person has changed it, `merge` raises
    EditedError, or with `options.replace_edited` replaces what it still finds and leaves the rest.
    """

    data: bytes
    part: Any
    notes: tuple[str, ...] = ()  # one line each: what a person should know


class EditedError(FormatError):
    """Our part of a person's file has been changed by hand since it was written."""


def damaged_record(name: str) -> FormatError:
    """The error for a `part` that no merge has written."""
    return FormatError(f"{name}: the record of the last merge is damaged", "move the .vb.json beside it away")


class Line(NamedTuple):
    """One line of a file with its own line end."""

    number: int
    text: str
    end: str


def lines(text: str) -> Iterator[Line]:
    """The lines of a text; LF, CRLF and CR end a line, nothing else does."""
    for number, match in enumerate(_LINE.finditer(text), 1):
        line = match.group()
        if line:
            body = line.rstrip("\r\n")
            yield Line(number, body, line[len(body) :])


def seconds(text: str) -> int:
    """Microseconds of a decimal number as files hold it: sign, point or comma, exponent, blanks around it.

    Raises ValueError for anything else and for times beyond `LIMIT_US`.
    """
    if len(text) > 60 or not _NUMBER.fullmatch(text.strip(" ")):
        raise ValueError(f"not a time: {text[:40]!r}")
    us = parse_seconds(text)
    if abs(us) > LIMIT_US:
        raise ValueError(f"time out of range: {text[:40]!r}")
    return us


def time(text: str) -> int | None:
    """Microseconds of a number of seconds or of h:m:s or m:s; None where the text is neither."""
    try:
        if match := _CLOCK.fullmatch(text.strip(" ")):
            hours, minutes, rest = match.groups()
            return (int(hours or 0) * 60 + int(minutes)) * 60_000_000 + seconds(rest)
        return seconds(text)
    except ValueError:
        return None


def check(annotation: Annotation, what: str, *, points: bool = True) -> None:
    """Raise FormatError for the first event whose times cannot be written in a file of `what`.

    These are negative and reversed times, and events without length where the format has no points.
    """
    for tier in annotation.tiers:
        for event in tier.events:
            problem = event.problem()
            if problem is None and event.offset_us > LIMIT_US:
                problem = f"offset beyond {from_us(LIMIT_US):.0f} s"
            if problem is None and not points and event.onset_us == event.offset_us:
                problem = f"no length at {event.onset} s, which {what} cannot hold"
            if problem:
                raise FormatError(
                    f"event {event.label!r} in tier {tier.name!r}: {problem}", "correct or remove the event"
                )
