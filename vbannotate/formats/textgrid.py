"""Praat TextGrid: read in all forms of Praat but Collections, written in the long or short text form.

Reading: an interval with a text is an event, an interval without one (or with white space only) is the
absence of one; every point is an event. A tier ``NAME-confidence`` with the times of NAME gives the
confidences.

Writing: every tier covers the whole recording, with empty intervals between the events, because Praat's
editor needs that. Times are exact decimals. Overlapping events go to further tiers (see `rows`), events
without length to point tiers. An event without a label is written as ``burst``: an empty text would mean
that there is none.

What an event cannot say is kept in `extra["textgrid"]`: of the file, its form, encoding and line ends; of a
tier that our own way of writing would change (gaps, overlaps, blanks, numbers finer than a microsecond),
all its numbers and texts. Such a tier is written as it stood as long as its events are unchanged.

Source: Praat manual, "TextGrid file formats", and the behaviour of Praat 6.3.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import textgrid_binary, textgrid_parse
from vbannotate.formats.base import Keeps, Merged, WriteOptions, check
from vbannotate.formats.rows import (
    CONFIDENCE,
    Row,
    confidence_text,
    fold_confidence,
    free_name,
    lanes,
    rows,
    shown,
)
from vbannotate.formats.textgrid_parse import LONG, SHORT, Grid, Item, RawTier, is_number
from vbannotate.formats.textgrid_text import cleaned, grid_text
from vbannotate.times import SECOND_US, format_seconds, parse_seconds

NAME = "textgrid"
TITLE = "Praat TextGrid"
SUFFIXES = (".textgrid",)
KEEPS = Keeps(resolution_us=1, confidence=True, tiers=True, points=True)

_BOMS = {"utf-8": codecs.BOM_UTF8, "utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}


def guess(data: bytes, name: str) -> bool:
    """Whether this looks like a TextGrid in any form (or a Collection, which `read` refuses by name)."""
    head = data[:400].replace(b"\0", b"")
    if b"ooTextFile" in head:
        return b'"TextGrid' in head or b'"Collection"' in head
    return b"chronological TextGrid" in head or head.startswith(textgrid_binary.MAGIC + b"\x08TextGrid")


def read(data: bytes, name: str = "textgrid") -> Annotation:
    """The events of a TextGrid. Raises FormatError with the line number for what Praat refuses."""
    text = decode(data, name)
    grid = textgrid_parse.parse(text.text, name) if text else textgrid_binary.parse(data, name)
    bounds = Bounds(grid.xmin, grid.xmax, parse_seconds(grid.xmin), parse_seconds(grid.xmax))
    tiers = [_tier(raw, bounds) for raw in grid.tiers]
    return Annotation(
        tiers=tuple(fold_confidence(tiers)),
        duration_us=max(bounds.end_us, 0),
        extra=_file_extra(grid, bounds, text),
        warnings=(text.warning,) if text and text.warning else (),
    )


def decode(data: bytes, name: str) -> files.Text | None:
    """The text of a TextGrid, None for the binary form. 8-bit text is cp1252, or Latin-1 where that fails."""
    if data.startswith(textgrid_binary.MAGIC):
        return None
    text = files.decode(data, name)
    if text.warning and "\ufffd" in text.text:
        text = files.decode(data, name, "latin-1")
    return text


@dataclass(frozen=True, slots=True)
class Bounds:
    """Start and end of a grid: as the file says and in microseconds."""

    xmin: str
    xmax: str
    start_us: int
    end_us: int

    def text(self, us: int) -> str:
        """A time in the file; at the bounds their own text, so that the last interval ends with the grid."""
        if us == self.end_us:
            return self.xmax
        return self.xmin if us == self.start_us else number(us)

    def value(self, us: int) -> float:
        """The number that `text` gives."""
        if us in (self.start_us, self.end_us):
            return float(self.text(us))
        return us / SECOND_US


def number(us: int) -> str:
    """Exact seconds without trailing zeros."""
    return format_seconds(us).rstrip("0").rstrip(".")


def _tier(raw: RawTier, bounds: Bounds) -> Tier:
    """The events of one tier; its items in `extra` where writing the events would not give them back."""
    events = tuple(events_of(raw.points, raw.items))
    spans = tuple((event.onset_us, event.offset_us, event) for event in events)
    again = items(Row(raw.name, Tier(raw.name), raw.points, spans), bounds, bounds.value)
    tidy = len(lanes(spans)) == 1 and (raw.points or all(start < end for start, end, _ in spans))
    same_bounds = float(raw.xmin) == bounds.value(bounds.start_us) and float(raw.xmax) == float(bounds.xmax)
    if tidy and same_bounds and again == [(*map(float, item[:-1]), item[-1]) for item in raw.items]:
        return Tier(raw.name, events, raw.points)
    kept = {"xmin": raw.xmin, "xmax": raw.xmax, "items": [list(item) for item in raw.items]}
    return Tier(raw.name, events, raw.points, {"textgrid": kept})


def events_of(points: bool, raw_items: Iterable[Item]) -> Iterable[Event]:
    """The events among the items of a tier."""
    for *times, label in raw_items:
        if points or label.strip():
            onset_us, offset_us = parse_seconds(times[0]), parse_seconds(times[-1])
            yield Event.from_us(onset_us, offset_us, label)


def _file_extra(grid: Grid, bounds: Bounds, text: files.Text | None) -> Mapping[str, Any]:
    """What of the file differs from how we write by default."""
    kept: dict[str, str] = {}
    if grid.form == SHORT:
        kept["form"] = SHORT
    if text and text.encoding != "utf-8":
        kept["encoding"] = text.encoding
    if text and text.bom:
        kept["bom"] = "yes"
    if text and "\r" in text.text:
        kept["newline"] = newline_of(text.text)
    if float(grid.xmin) != 0:
        kept["xmin"] = grid.xmin
    if float(grid.xmax) != float(number(bounds.end_us)) or bounds.end_us < 0:
        kept["xmax"] = grid.xmax
    return {"textgrid": kept} if kept else {}


def newline_of(text: str) -> str:
    """How the lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n" if "\n" in text or "\r" not in text else "\r"


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """The bytes of a TextGrid that Praat reads as meant. FormatError for events that it cannot hold."""
    return _encode(grid_text(grid_of(annotation, options.confidence)), _kept(annotation))


def grid_of(annotation: Annotation, confidence: bool) -> Grid:
    """The annotation as a TextGrid has it. Raises FormatError for events that it cannot hold."""
    kept = _kept(annotation)
    raws = [unchanged(tier) for tier in annotation.tiers]
    fresh = tuple(tier for tier, raw in zip(annotation.tiers, raws, strict=True) if raw is None)
    check(annotation.with_(tiers=fresh), TITLE)
    bounds = _bounds(annotation, fresh, kept)
    grid = Grid(SHORT if kept.get("form") == SHORT else LONG, bounds.xmin, bounds.xmax, [])
    names = [tier.name for tier in annotation.tiers]
    for index, (tier, raw) in enumerate(zip(annotation.tiers, raws, strict=True)):
        others = {*names[:index], *names[index + 1 :], *(made.name for made in grid.tiers)}
        grid.tiers += raw_tiers(tier, raw, bounds, confidence, others - {tier.name})
    return grid


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: Any = None) -> Merged:
    """A person's TextGrid with our tiers in it; see `textgrid_merge`."""
    from vbannotate.formats import textgrid_merge

    return textgrid_merge.merge(data, annotation, options, name, part)


def raw_tiers(
    tier: Tier, raw: RawTier | None, bounds: Bounds, confidence: bool, taken: Iterable[str]
) -> list[RawTier]:
    """`tier` as it stands in a file: `raw` or its rows; with `confidence` the tiers of their confidences."""
    result = [] if raw is None else [raw]
    tier = Tier(cleaned(tier.name), tier.events, tier.points)
    for row in rows([tier], _span, taken):
        if raw is None:
            result.append(
                RawTier(row.points, row.name, bounds.xmin, bounds.xmax, items(row, bounds, bounds.text))
            )
        if confidence and row.rated:
            rated = tuple((s, e, event) for s, e, event in row.spans if event.confidence is not None)
            texts = tuple(
                (s, e, event.with_(label=confidence_text(event.confidence))) for s, e, event in rated
            )
            twin = Row(free_name(row.name + CONFIDENCE, taken), tier, row.points, texts)
            result.append(
                RawTier(twin.points, twin.name, bounds.xmin, bounds.xmax, items(twin, bounds, bounds.text))
            )
    return result


def items(row: Row, bounds: Bounds, time: Callable[[int], Any]) -> list[tuple[Any, ...]]:
    """The items of a tier: points as they are; intervals with empty ones between them, over all the grid.

    `time` makes a number of the file of microseconds.
    """
    if row.points:
        return [(time(start), cleaned(event.label)) for start, _, event in row.spans]
    result: list[tuple[Any, ...]] = []
    done = bounds.start_us
    for start, end, event in row.spans:
        if start > done:
            result.append((time(done), time(start), ""))
        result.append((time(start), time(end), cleaned(shown(event.label))))
        done = end
    if done < bounds.end_us or not result:
        result.append((time(done), time(bounds.end_us), ""))
    return result


def _span(event: Event) -> tuple[int, int]:
    return event.onset_us, event.offset_us


def unchanged(tier: Tier) -> RawTier | None:
    """The tier as it stood in the file it was read from, if that was kept and its events are the same."""
    kept = tier.extra.get("textgrid")
    if not isinstance(kept, Mapping):
        return None
    try:
        found = [tuple(item) for item in kept["items"]]
        raw = RawTier(tier.points, cleaned(tier.name), kept["xmin"], kept["xmax"], found)
        whole = all(is_number(n) for n in (raw.xmin, raw.xmax, *(n for item in found for n in item[:-1])))
        whole = whole and all(len(item) == (2 if tier.points else 3) for item in found)
        if not whole or [e.key() for e in tier.events] != [e.key() for e in events_of(raw.points, found)]:
            return None
    except (KeyError, TypeError, AttributeError):  # the .vb.json that it came through was edited
        return None
    return raw


def _kept(annotation: Annotation) -> dict[str, str]:
    """What is known of the file that the annotation was read from; see `_file_extra`."""
    kept = annotation.extra.get("textgrid")
    return {k: v for k, v in kept.items() if isinstance(v, str)} if isinstance(kept, Mapping) else {}


def _bounds(annotation: Annotation, fresh: Sequence[Tier], kept: Mapping[str, str]) -> Bounds:
    """The range of the grid: the recording's, wider where `fresh` events need it."""
    loose = annotation.tiers if annotation.duration_us is None else fresh
    ends = [event.offset_us for tier in loose for event in tier.events]
    if annotation.duration_us is not None:
        ends.append(annotation.duration_us)
    if not ends:
        what = "a TextGrid needs the length of the recording, and the annotation has neither that nor events"
        raise FormatError(what, "name the recording")
    end_us = max(ends)
    xmin, xmax = kept.get("xmin", ""), kept.get("xmax", "")
    if not (
        is_number(xmin)
        and parse_seconds(xmin) <= min((e.onset_us for e in annotation.events), default=end_us)
    ):
        xmin = "0"
    if not (is_number(xmax) and (parse_seconds(xmax) == end_us or parse_seconds(xmax) < 0 == end_us)):
        xmax = number(end_us)
    return Bounds(xmin, xmax, parse_seconds(xmin), parse_seconds(xmax))


def _encode(text: str, kept: Mapping[str, str]) -> bytes:
    """The text in the encoding and with the line ends of the file it was read from, else UTF-8 and LF."""
    if (newline := kept.get("newline")) in ("\r", "\r\n"):
        text = text.replace("\n", newline)
    encoding = kept.get("encoding", "utf-8")
    bom = _BOMS.get(encoding, b"") if kept.get("bom") else b""
    try:
        return bom + text.encode(encoding)
    except (UnicodeError, LookupError):
        return text.encode("utf-8")
