"""RTTM, the Rich Transcription Time Marked format: ten fields a line, separated by blanks.

Source: NIST RT-09 evaluation plan, appendix A: ``type file channel onset duration ortho subtype name
confidence lookahead``, ``<NA>`` where there is none. Events are written as SPEAKER lines, which every reader
takes, with the label as name; of NON-LEX lines (laugh, cough, breath ...) the label is the subtype. Blanks in
a label become ``_``.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import Keeps, WriteOptions, check, lines, time
from vbannotate.formats.table import confidence_of
from vbannotate.times import format_seconds

NAME = "rttm"
TITLE = "Rich Transcription Time Marked"
SUFFIXES = (".rttm",)
KEEPS = Keeps(resolution_us=1, confidence=True, points=True, overlap=True, files=True)

NONE = "<NA>"
_TYPES = "SEGMENT|NOSCORE|NO_RT_METADATA|LEXEME|NON-LEX|NON-SPEECH|FILLER|EDIT|IP|SU|CB|A/P|SPEAKER|SPKR-INFO"
_LINE = re.compile(rf"(?:{_TYPES})[ \t]+\S+[ \t]+\S+[ \t]+[0-9.<]")
_PLAIN = ["SPEAKER", "1", NONE, NONE, NONE]


def guess(data: bytes, name: str) -> bool:
    """The first line that is no comment has a type of RTTM and its fields."""
    try:
        text = files.decode(data[:4000], name).text
    except FormatError:
        return False
    first = (line.text for line in lines(text) if line.text.strip() and not line.text.startswith(";;"))
    return _LINE.match(next(first, "")) is not None


def read(data: bytes, name: str) -> Annotation:
    """One tier called "rttm" in file order."""
    text = files.decode(data, name)
    warnings = [text.warning] if text.warning else []
    found: list[Event] = []
    empty = True
    for line in lines(text.text):
        if not line.text.strip() or line.text.startswith(";;"):
            continue
        empty = False
        event = _event(line.text.split())
        if event is not None:
            found.append(event)
            if problem := event.problem():
                warnings.append(f"{name}, line {line.number}: {problem}, kept as it stands")
        elif not line.text.startswith("SPKR-INFO"):
            warnings.append(f"{name}, line {line.number}: no onset and duration, skipped: {line.text[:60]!r}")
    if not found and not empty:
        raise FormatError(
            f"{name}, line 1: no RTTM (SPEAKER file 1 onset duration ...)", "is it an RTTM file?"
        )
    media = {event.extra["file"] for event in found}
    only = str(next(iter(media))) if len(media) == 1 else None
    if only:
        found = [e.with_(extra={k: v for k, v in e.extra.items() if k != "file"}) for e in found]
    return Annotation(tiers=(Tier("rttm", tuple(found)),), media=only, warnings=tuple(warnings))


def _event(fields: list[str]) -> Event | None:
    """The event of a line, or None."""
    if len(fields) < 8:
        return None
    kind, file, channel, begin, length, ortho, subtype, name = fields[:8]
    onset, duration = time(begin), time(length)
    if onset is None or duration is None:
        return None
    confidence, ahead = (*fields[8:10], NONE, NONE)[:2]
    label = subtype if kind == "NON-LEX" and subtype != NONE else name
    rest = [kind, channel, ortho, name if label is subtype else subtype, ahead]
    extra: dict[str, object] = {"file": file} | ({"rttm": rest} if rest != _PLAIN else {})
    return Event.from_us(
        onset, onset + duration, "" if label == NONE else label, confidence_of(confidence), extra
    )


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """A line for each event in order of time; the file is the recording's name without ending."""
    check(annotation, TITLE)
    media = annotation.media and PurePath(annotation.media.replace("\\", "/")).name
    rows = []
    for event in annotation.events:
        file = event.extra.get("file") or media or "recording"
        rest = event.extra.get("rttm", _PLAIN)
        kind, channel, ortho, other, ahead = rest if isinstance(rest, list) and len(rest) == 5 else _PLAIN
        label = _word(event.label)
        subtype, name = (label, other) if kind == "NON-LEX" else (other, label)
        times = (format_seconds(event.onset_us), format_seconds(event.duration_us))
        confidence = NONE if event.confidence is None else repr(event.confidence)
        fields = (kind, _word(str(file)), channel, *times, ortho, subtype, name, confidence, ahead)
        rows.append(" ".join(map(str, fields)) + "\n")
    return "".join(rows).encode()


def _word(text: str) -> str:
    """Text without blanks."""
    return re.sub(r"\s", "_", text) or NONE
