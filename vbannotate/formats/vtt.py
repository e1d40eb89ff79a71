"""WebVTT subtitles, read by the W3C's parsing rules (WebVTT: The Web Video Text Tracks Format, section 6).

Signature, header, blocks between blank lines. Kept as they stand: cue identifiers, settings and raw text, the
header and every NOTE, STYLE and REGION. Beyond the rules a file without signature is read, with a warning.
"""

from __future__ import annotations

import re

from vbannotate import cues, files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import subtitle_merge, subtitles
from vbannotate.formats.base import Keeps, Line, Merged, WriteOptions, lines
from vbannotate.formats.subtitles import Dialect, Found

NAME = "vtt"
TITLE = "WebVTT subtitles"
SUFFIXES = (".vtt",)
KEEPS = Keeps(resolution_us=1000, overlap=True)

_TIME = r"(?:([0-9]{1,9}):([0-5][0-9])|([0-5][0-9])):([0-5][0-9])\.([0-9]{3})(?![0-9])"
_SPACE = r"[ \t\f]*"
_TIMING = re.compile(rf"{_SPACE}{_TIME}{_SPACE}-->{_SPACE}{_TIME}(.*)", re.DOTALL)
_SIGNATURE = re.compile(r"WEBVTT(?:[ \t].*)?", re.DOTALL)


def guess(data: bytes, name: str) -> bool:
    """The signature; where the name says so, an arrow is enough."""
    try:
        text = files.decode(data[:4000], name).text
    except FormatError:
        return False
    return text.startswith("WEBVTT") or (name.endswith(SUFFIXES) and "-->" in text)


def read(data: bytes, name: str) -> Annotation:
    """One tier called "cues" with every cue in file order."""
    text = files.decode(data, name)
    all_lines = list(lines(text.text))
    found, warnings = parse(all_lines, name)
    signed = bool(all_lines) and _SIGNATURE.fullmatch(all_lines[0].text) is not None
    if not found and not signed:
        raise FormatError(f"{name}, line 1: no WEBVTT signature and no cue", "is it a WebVTT file?")
    events, after = [], 1 if signed else 0
    extra: dict[str, str] = {}
    if signed and all_lines[0].text != "WEBVTT":
        extra["vtt_signature"] = all_lines[0].text
    for cue in found:
        event = subtitles.to_event(cue, NAME, _kept(cue, all_lines[after : cue.first]))
        events.append(event)
        after = cue.last
    if tail := _blocks(all_lines[after:]):
        extra["vtt_after"] = tail
    first = [text.warning] if text.warning else []
    return Annotation(tiers=(Tier("cues", tuple(events)),), extra=extra, warnings=(*first, *warnings))


def _kept(cue: Found, before: list[Line]) -> dict[str, str]:
    """What stands with and before a cue besides times and text."""
    values = {"vtt_id": cue.ident, "vtt_settings": cue.rest.strip(" \t\f"), "vtt_before": _blocks(before)}
    return {key: value for key, value in values.items() if value}


def _blocks(between: list[Line]) -> str:
    """The lines between two cues as they stand, without blank lines around them."""
    return "\n".join(line.text for line in between).strip("\n")


def parse(all_lines: list[Line], name: str) -> tuple[list[Found], list[str]]:
    """The cues of a file, and a warning for each block that was meant as a cue and is none."""
    found: list[Found] = []
    warnings: list[str] = []
    at = 0
    if all_lines and _SIGNATURE.fullmatch(all_lines[0].text):
        at = 1
        while at < len(all_lines) and all_lines[at].text and "-->" not in all_lines[at].text:
            at += 1
    elif all_lines:
        warnings.append(f"{name}, line 1: no WEBVTT signature; players refuse the file")
    while at < len(all_lines):
        if not all_lines[at].text:
            at += 1
            continue
        at, cue, problem = _block(all_lines, at)
        if cue:
            found.append(cue)
            if cue.end_us <= cue.start_us:
                warnings.append(f"{name}, line {all_lines[cue.timing].number}: the cue ends before it starts")
        elif problem:
            warnings.append(f"{name}, line {problem.number}: no cue, skipped: {problem.text[:60]!r}")
    return found, warnings


def _block(all_lines: list[Line], first: int) -> tuple[int, Found | None, Line | None]:
    """Collect a WebVTT block: the line after it, its cue, and the line that a skipped one begins with."""
    at, timing, match = first, None, None
    while at < len(all_lines) and all_lines[at].text:
        if "-->" in all_lines[at].text:
            if timing is not None or at - first > 1:
                break
            timing, match = at, _TIMING.fullmatch(all_lines[at].text)
        at += 1
    if timing is None or match is None:
        comment = re.match(r"(NOTE|STYLE|REGION)(?:[ \t:]|\Z)", all_lines[first].text)
        return at, None, None if comment and timing is None else all_lines[first]
    text = "\n".join(line.text for line in all_lines[timing + 1 : at]).replace("\0", "\ufffd")
    ident = all_lines[first].text.replace("\0", "\ufffd") if first < timing else ""
    return at, Found(_us(match, 1), _us(match, 6), text, first, timing, at, ident, match.group(11)), None


def _us(match: re.Match[str], group: int) -> int:
    hours, minutes, only_minutes, seconds, ms = (match.group(group + k) for k in range(5))
    whole = (int(hours or 0) * 60 + int(minutes or only_minutes)) * 60 + int(seconds)
    return whole * 1_000_000 + int(ms) * 1000


DIALECT = Dialect(NAME, ".", False, parse, subtitles.escape_vtt)


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """Signature, then the cues in order of time with what stood with them."""
    signature = annotation.extra.get("vtt_signature")
    fits = (
        isinstance(signature, str) and _SIGNATURE.fullmatch(signature) and not re.search(r"[\r\n]", signature)
    )
    blocks = [str(signature) if fits else "WEBVTT"]
    for cue, event in subtitles.all_cues(annotation, DIALECT, options):
        before, ident, settings = (_text(event, key) for key in ("vtt_before", "vtt_id", "vtt_settings"))
        timing = DIALECT.timing(cue.start_us, cue.end_us) + (f" {settings}" if settings else "")
        if before:
            blocks.append(before)
        blocks.append("\n".join(part for part in (ident, timing, cue.text) if part))
    after = annotation.extra.get("vtt_after")
    if isinstance(after, str) and after:
        blocks.append(after)
    return ("\n\n".join(blocks) + "\n").encode()


def _text(event: Event | None, key: str) -> str:
    value = event.extra.get(key) if event else None
    return value if isinstance(value, str) else ""


def shifts(annotation: Annotation, options: WriteOptions) -> list[dict[str, object]]:
    """The cues that do not lie exactly on their one event; see `cues.shifts`."""
    return cues.shifts(subtitles.shown(annotation, options))


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: list | None) -> Merged:
    """The person's cues as they are, ours between them or as a line of one of them; see `subtitle_merge`."""
    return subtitle_merge.merge(DIALECT, data, annotation, options, name, part)
