"""Tables of events with a row for each: what `csv` and `tsv` share.

Written: ``onset, offset, label, confidence, tier, file`` in seconds, then the events' own extra values. Read:
any order of columns by their names (`_ALIASES`; those in milliseconds too), pairs ``Start, End, Start.1,
End.1`` of a wide table, and tables without header, where the first two columns of times count (DCASE: onset,
offset, label, with the file before them or not). Rows of several recordings keep theirs as `extra["file"]`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import BURST, TIER, Annotation, Event, Tier
from vbannotate.formats.base import WriteOptions, check, time
from vbannotate.times import format_seconds

COLUMNS = ("onset", "offset", "label", "confidence", "tier", "file")

# Names as other programs write them, in lower case; the first that a header has is taken.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "onset": ("onset", "onset_s", "start", "start_s", "begin", "start_time", "start time", "tmin", "xmin"),
    "offset": ("offset", "offset_s", "end", "end_s", "stop", "end_time", "end time", "tmax", "xmax"),
    "onset_ms": ("onset_ms", "start_ms", "segment_onset"),  # segment_*: ChildProject, whole milliseconds
    "offset_ms": ("offset_ms", "end_ms", "segment_offset"),
    "duration": ("duration", "duration_s"),
    "label": ("label", "labels", "event_label", "class", "event", "annotation", "text", "speaker_type"),
    "confidence": ("confidence", "score", "probability"),
    "tier": ("tier", "track"),
    "file": (
        "file",
        "filename",
        "file_name",
        "audio_filename",
        "raw_filename",
        "fileid",
        "recording",
        "path",
    ),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column (from 0) holds what. `pairs` are the columns of onset and offset; `scale` divides them."""

    pairs: tuple[tuple[int, int], ...]
    named: Mapping[str, int]
    extra: Mapping[int, str] = field(default_factory=dict)
    duration: bool = False  # the second of a pair is a duration
    scale: int = 1


def delimiter(text: str, usual: str) -> str:
    """The sign between the columns, by the first line with anything in it."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    for sign in ("\t", usual, ",", ";"):
        if sign in first:
            return sign
    return " " if len(first.split()) > 1 else usual


def read(data: bytes, name: str, usual: str) -> Annotation:
    """A tier for each value of the tier column, events in file order."""
    text = files.decode(data, name)
    rows, odd = _rows(text.text, delimiter(text.text, usual), name)
    warnings = [line for line in (text.warning, odd) if line]
    if not rows:
        return Annotation()
    header = not any(time(cell) is not None for cell in rows[0][1])
    layout = _by_header(rows[0][1], name) if header else _by_content(rows, name)
    found: dict[str, list[Event]] = {}
    for number, row in rows[1:] if header else rows:
        try:
            for tier, event in _events(row, layout):
                found.setdefault(tier, []).append(event)
                if problem := event.problem():
                    warnings.append(f"{name}, line {number}: {problem}, kept as it stands")
        except ValueError as error:
            warnings.append(f"{name}, line {number}: {error}, skipped")
    return _annotation(found, warnings)


def _rows(text: str, sign: str, name: str) -> tuple[list[tuple[int, list[str]]], str | None]:
    """Rows that are not empty, with their line; quotes that do not match are plain characters."""
    odd = None
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
        source = io.StringIO(text, newline="")
        reader = csv.reader(source, delimiter=sign, skipinitialspace=True, strict=True, quoting=quoting)
        try:
            return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)], odd
        except csv.Error as error:
            odd = f"{name}, line {reader.line_num}: {error}"
            if quoting == csv.QUOTE_NONE:
                raise FormatError(odd, "save the table again as CSV") from error
            odd += "; quotes are read as they stand"
    raise AssertionError("one of the two ways returns or raises")


def _by_header(cells: list[str], name: str) -> Layout:
    names = [cell.strip().lower() for cell in cells]
    named: dict[str, int] = {}
    for meaning, aliases in _ALIASES.items():
        column = next((names.index(alias) for alias in aliases if alias in names), None)
        if column is not None and column not in named.values():
            named[meaning] = column
    onset, offset, scale, duration = "onset", "offset", 1, False
    if onset not in named and "onset_ms" in named:
        onset, offset, scale = "onset_ms", "offset_ms", 1000
    if offset not in named and "duration" in named:
        offset, duration = "duration", True
    if onset not in named or offset not in named:
        listed = " ".join(", ".join(cells)[:80].split())
        raise FormatError(f"{name}, line 1: no columns of onset and offset among: {listed}", "name them so")
    pairs = [(named[onset], named[offset])]
    for k in range(1, len(names)):
        first, second = f"{names[pairs[0][0]]}.{k}", f"{names[pairs[0][1]]}.{k}"
        if first in names and second in names:
            pairs.append((names.index(first), names.index(second)))
    kept = {key: column for key, column in named.items() if key in COLUMNS[2:]}
    used = {*kept.values(), *(column for pair in pairs for column in pair)}
    extra = {k: cell.strip() for k, cell in enumerate(cells) if k not in used and cell.strip()}
    extra = {k: f"{key}.2" if key in COLUMNS else key for k, key in extra.items()}
    return Layout(tuple(pairs), kept, extra, duration, scale)


def _by_content(rows: list[tuple[int, list[str]]], name: str) -> Layout:
    """The layout of a table without header, from its first rows."""
    sample = [row for _, row in rows[:50]]
    width = max(map(len, sample))
    filled = [k for k in range(width) if any(k < len(row) and row[k].strip() for row in sample)]
    enough = 0.8 * len(sample)
    times = {k for k in filled if sum(k < len(row) and time(row[k]) is not None for row in sample) >= enough}
    where = next((n for n in range(len(filled) - 1) if filled[n] in times and filled[n + 1] in times), None)
    if where is None:
        raise FormatError(f"{name}, line {rows[0][0]}: no two columns of times", "give the table a header")
    before, after = filled[:where], filled[where + 2 :]
    named: dict[str, int] = {}
    if words := [k for k in after if k not in times]:
        named["label"] = words[-1]
    elif after:
        named["label"] = after[0]
    if before and all(PurePath(row[before[0]]).suffix for row in sample if before[0] < len(row)):
        named["file"] = before[0]
    extra = {k: f"column {k + 1}" for k in (*before, *after) if k not in named.values()}
    return Layout(((filled[where], filled[where + 1]),), named, extra)


def _events(row: list[str], layout: Layout) -> Iterator[tuple[str, Event]]:
    """The events of a row with their tiers. Raises ValueError for cells that are no times."""

    def cell(column: int | None) -> str:
        return row[column] if column is not None and column < len(row) else ""

    extra = {key: value for column, key in layout.extra.items() if (value := cell(column))}
    if file := cell(layout.named.get("file")):
        extra["file"] = file
    label = cell(layout.named["label"]) if "label" in layout.named else BURST
    confidence = confidence_of(cell(layout.named.get("confidence")))
    for first, second in layout.pairs:
        if not cell(first).strip() and not cell(second).strip():
            continue  # a recording without events, or the unused rest of a wide row
        onset, offset = time(cell(first)), time(cell(second))
        if onset is None or offset is None:
            raise ValueError(f"no times: {cell(first)[:20]!r}, {cell(second)[:20]!r}")
        onset, offset = onset // layout.scale, offset // layout.scale
        offset += onset if layout.duration else 0
        yield cell(layout.named.get("tier")) or TIER, Event.from_us(onset, offset, label, confidence, extra)


def confidence_of(text: str) -> float | None:
    """A number, or None where there is none."""
    if not re.fullmatch(r"[0-9]*\.?[0-9]+(?:[eE]-?[0-9]{1,3})?", text.strip()):
        return None
    return float(text)


def _annotation(found: Mapping[str, Iterable[Event]], warnings: Iterable[str]) -> Annotation:
    """Tiers of the events; one recording for all of them becomes the medium."""
    media = {event.extra.get("file") for events in found.values() for event in events}
    only = next(iter(media)) if len(media) == 1 else None
    tiers = []
    for name, events in found.items():
        if only is not None:
            events = [
                e.with_(extra={key: value for key, value in e.extra.items() if key != "file"}) for e in events
            ]
        tiers.append(Tier(name, tuple(events)))
    return Annotation(tuple(tiers), media=only, warnings=tuple(warnings))


def write(annotation: Annotation, options: WriteOptions, sign: str, title: str) -> bytes:
    """Header and rows, tier by tier in their order."""
    check(annotation, title)
    rows = [(tier, event) for tier in annotation.tiers for event in tier.events]
    keys = dict.fromkeys(key for _, event in rows for key, value in event.extra.items() if _plain(value))
    more = [key for key in keys if key not in COLUMNS]
    table = [[*COLUMNS, *more]]
    for tier, event in rows:
        confidence = "" if event.confidence is None else repr(event.confidence)
        file = event.extra.get("file", annotation.media)
        cells = [
            format_seconds(event.onset_us),
            format_seconds(event.offset_us),
            event.label,
            confidence,
            tier.name,
        ]
        extra = [event.extra.get(key) for key in more]
        table.append([*cells, _text(file), *map(_text, extra)])
    return "".join(sign.join(_quoted(cell, sign) for cell in row) + "\n" for row in table).encode()


def _plain(value: object) -> bool:
    return isinstance(value, str | int | float)


def _text(value: object) -> str:
    return str(value) if _plain(value) else ""


def _quoted(cell: str, sign: str) -> str:
    """RFC 4180; also where blanks at the ends would be lost."""
    if cell != cell.strip() or any(character in cell for character in (sign, '"', "\r", "\n")):
        return '"' + cell.replace('"', '""') + '"'
    return cell
