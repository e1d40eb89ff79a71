"""What SubRip and WebVTT share: cues found in a text, cues of people that go back as they stood, cues of
ours.

An event read from a subtitle carries its raw text as `extra["srt"]` or `extra["vtt"]`, and its label is that
text without markup. As long as the label still fits, it is written with the raw text and its own times; every
other event becomes a cue by the rules of `vbannotate.cues`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from html import unescape

from vbannotate import cues
from vbannotate.cues import Cue
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event
from vbannotate.formats.base import LIMIT_US, Line, WriteOptions
from vbannotate.times import format_clock

_SRT_TAG = re.compile(r"</?(?:b|i|u|s|font)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)
_VTT_TAG = re.compile(r"<[^>]*>?")
_PLAIN_TAG = re.compile(r"</?[biu]>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """A cue in a file. `first`, `last` (exclusive) and `timing`, its line of times, number lines from 0."""

    start_us: int
    end_us: int
    text: str
    first: int
    timing: int
    last: int
    ident: str = ""
    rest: str = ""  # what follows the times: settings, coordinates


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the two."""

    name: str  # of the key in `extra`
    separator: str  # before the milliseconds
    numbered: bool
    parse: Callable[[list[Line], str], tuple[list[Found], list[str]]]
    escape: Callable[[str], str]

    def timing(self, start_us: int, end_us: int) -> str:
        """The line of times."""
        return f"{format_clock(start_us, self.separator)} --> {format_clock(end_us, self.separator)}"


def plain_srt(raw: str) -> str:
    """The text of a SubRip cue without tags, on one line."""
    return " ".join(_SRT_TAG.sub("", raw).split("\n"))


def plain_vtt(raw: str) -> str:
    """The text of a WebVTT cue without tags and entities, on one line."""
    return " ".join(unescape(_VTT_TAG.sub("", raw)).split("\n"))


def escape_vtt(text: str) -> str:
    """Text for a WebVTT cue."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escape_srt(text: str) -> str:
    """Text for a SubRip cue, which has no escapes."""
    return text.replace("-->", "->")


def raw_text(event: Event, dialect: str, texts: Mapping[str, str]) -> str | None:
    """What a person's subtitle says in this place, in the markup of `dialect`; None for an event of ours."""
    for key, plain in (("srt", plain_srt), ("vtt", plain_vtt)):
        raw = event.extra.get(key)
        if not isinstance(raw, str) or cues.label_of(plain(raw), texts) != event.label:
            continue
        if key == dialect:
            return raw
        if dialect == "srt":
            tags = [tag for tag in _VTT_TAG.findall(raw) if not _PLAIN_TAG.fullmatch(tag)]
            for tag in tags:
                raw = raw.replace(tag, "")
            return escape_srt(unescape(raw))
        parts = re.split(r"(</?[biu]>)", re.sub(r"</?(?:s|font)\b[^<>]*>|\{\\[^{}]*\}", "", raw))
        return "".join(part if number % 2 else escape_vtt(part) for number, part in enumerate(parts))
    return None


def to_event(found: Found, dialect: str, extra: Mapping[str, object]) -> Event:
    """A cue of a file as an event."""
    plain = plain_srt if dialect == "srt" else plain_vtt
    label = cues.label_of(plain(found.text))
    return Event.from_us(found.start_us, found.end_us, label, None, {dialect: found.text, **extra})


def shown(annotation: Annotation, options: WriteOptions) -> list[Cue]:
    """The cues of our events as they are written, in order of time."""
    ours = [e for e in annotation.events if raw_text(e, "srt", options.texts) is None]
    return _ours(ours, annotation, options)


def all_cues(
    annotation: Annotation, dialect: Dialect, options: WriteOptions
) -> list[tuple[Cue, Event | None]]:
    """Every cue in order of time: ours with None, a person's with its event and its raw text.

    Raises FormatError that names an event that cannot be a cue.
    """
    rows: list[tuple[Cue, Event | None]] = []
    ours = []
    for event in (event for tier in annotation.tiers for event in tier.events):
        raw = raw_text(event, dialect.name, options.texts)
        problem = event.problem() if raw is None or event.onset_us < 0 else None
        if problem or event.offset_us > LIMIT_US:
            raise FormatError(
                f"event {event.label!r}: {problem or 'time out of range'}", "correct or remove the event"
            )
        if raw is None:
            ours.append(event)
        else:
            start, end = event.onset_us // 1000 * 1000, -(-event.offset_us // 1000) * 1000
            rows.append((Cue(start, end, raw, (event,)), event))
    for cue in _ours(ours, annotation, options):
        text = dialect.escape("\n".join(line for line in cue.text.splitlines() if line.strip()))
        rows.append((Cue(cue.start_us, cue.end_us, text, cue.events), None))
    return sorted(rows, key=lambda row: row[0].start_us)


def _ours(events: Iterable[Event], annotation: Annotation, options: WriteOptions) -> list[Cue]:
    if options.exact:
        return cues.exact(events, options.texts)
    return cues.readable(events, options.texts, cues.style(options.style), annotation.duration_us)
