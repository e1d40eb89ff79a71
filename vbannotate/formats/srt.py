"""SubRip subtitles: number, ``HH:MM:SS,mmm --> HH:MM:SS,mmm``, text, blank line.

There is no standard. Read tolerantly: numbers missing, a point for the comma, a fraction of any length (as a
decimal fraction) or none, hours missing, coordinates after the times, a blank line inside a text. Written
strictly: numbers from 1, comma, three digits, UTF-8 without mark, LF.
"""

from __future__ import annotations

import re

from vbannotate import cues, files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Tier
from vbannotate.formats import subtitle_merge, subtitles
from vbannotate.formats.base import Keeps, Line, Merged, WriteOptions, lines
from vbannotate.formats.subtitles import Dialect, Found

NAME = "srt"
TITLE = "SubRip subtitles"
SUFFIXES = (".srt",)
KEEPS = Keeps(resolution_us=1000, overlap=True)

_TIME = r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})(?:([,.:]) ?([0-9]{1,12}))?"
_TIMING = re.compile(rf"[ \t]*{_TIME}[ \t]*--?>[ \t]*{_TIME}(?![0-9])(.*)", re.DOTALL)
_BLANK = " \t"


def guess(data: bytes, name: str) -> bool:
    """A line of times among the first lines, and no WebVTT signature."""
    try:
        text = files.decode(data[:4000], name).text
    except FormatError:
        return False
    return not text.startswith("WEBVTT") and any(_TIMING.fullmatch(line.text) for line in lines(text))


def read(data: bytes, name: str) -> Annotation:
    """One tier called "cues" with every cue in file order."""
    text = files.decode(data, name)
    found, warnings = parse(list(lines(text.text)), name)
    if not found and text.text.strip():
        raise FormatError(
            f"{name}, line 1: no cue (a line HH:MM:SS,mmm --> HH:MM:SS,mmm)", "is it a SubRip file?"
        )
    events = tuple(
        subtitles.to_event(cue, NAME, {"position": cue.rest.strip()} if cue.rest.strip() else {})
        for cue in found
    )
    first = [text.warning] if text.warning else []
    return Annotation(tiers=(Tier("cues", events),), warnings=(*first, *warnings))


def parse(all_lines: list[Line], name: str) -> tuple[list[Found], list[str]]:
    """The cues of a file, and a warning for each line that is none or was guessed."""
    found: list[Found] = []
    warnings: list[str] = []
    at = 0
    while at < len(all_lines):
        line = all_lines[at]
        first = at
        if _is_number(line.text) and at + 1 < len(all_lines) and _TIMING.fullmatch(all_lines[at + 1].text):
            at += 1
        if match := _TIMING.fullmatch(all_lines[at].text):
            last = _text_end(all_lines, at + 1)
            text = "\n".join(part.text for part in all_lines[at + 1 : last])
            start, end = _us(match, 1), _us(match, 6)
            ident = all_lines[first].text.strip() if first < at else ""
            found.append(Found(start, end, text, first, at, last, ident, match.group(11)))
            warnings += _oddities(match, f"{name}, line {all_lines[at].number}")
            at = last
        else:
            if line.text.strip(_BLANK):
                warnings.append(f"{name}, line {line.number}: no part of a cue, skipped: {line.text[:60]!r}")
            at += 1
    return found, warnings


def _text_end(all_lines: list[Line], at: int) -> int:
    """The line after the text that begins at `at`.

    A text ends at a blank line; but lines after it that begin neither with a number nor with times go on with
    it, as nothing else can be meant.
    """
    last, blank = at, False
    while at < len(all_lines):
        text = all_lines[at].text
        if not text.strip(_BLANK):
            blank = True
        elif _TIMING.fullmatch(text) or (_is_number(text) and (blank or _times_follow(all_lines, at))):
            break
        else:
            last, blank = at + 1, False
        at += 1
    return last


def _times_follow(all_lines: list[Line], at: int) -> bool:
    return at + 1 < len(all_lines) and _TIMING.fullmatch(all_lines[at + 1].text) is not None


def _is_number(text: str) -> bool:
    text = text.strip(_BLANK)
    return text.isascii() and text.isdigit()


def _us(match: re.Match[str], group: int) -> int:
    hours, minutes, seconds, _, fraction = (match.group(group + k) for k in range(5))
    whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + int((fraction or "0")[:6].ljust(6, "0"))


def _oddities(match: re.Match[str], where: str) -> list[str]:
    """What was guessed in a line of times."""
    start, end = _us(match, 1), _us(match, 6)
    odd = [f"{where}: end before start, kept as it stands"] if end < start else []
    for group in (4, 9):
        fraction = match.group(group + 1)
        if fraction is None or len(fraction) != 3:
            taken = _us(match, group - 3) % 1_000_000 // 1000
            odd.append(f"{where}: fraction of a second {fraction or 'missing'}, taken as {taken} ms")
    return odd


DIALECT = Dialect(NAME, ",", True, parse, subtitles.escape_srt)


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """The cues, numbered, in order of time."""
    blocks = []
    for number, (cue, event) in enumerate(subtitles.all_cues(annotation, DIALECT, options), 1):
        position = event.extra.get("position") if event else None
        after = f" {position}" if isinstance(position, str) and not re.search(r"[\r\n]", position) else ""
        text = f"{cue.text}\n" if cue.text else ""
        blocks.append(f"{number}\n{DIALECT.timing(cue.start_us, cue.end_us)}{after}\n{text}")
    return "\n".join(blocks).encode()


def shifts(annotation: Annotation, options: WriteOptions) -> list[dict[str, object]]:
    """The cues that do not lie exactly on their one event; see `cues.shifts`."""
    return cues.shifts(subtitles.shown(annotation, options))


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: list | None) -> Merged:
    """The person's cues as they are, ours between them or as a line of one of them; see `subtitle_merge`."""
    return subtitle_merge.merge(DIALECT, data, annotation, options, name, part)
