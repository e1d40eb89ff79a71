"""Audacity label tracks: ``onset TAB offset TAB text`` a line, seconds, UTF-8, no header.

Grammar: what Audacity 3.2 takes on import (docs/formats/audacity.md): a time alone or before a text is a
point label, a decimal comma is a point, a line that begins with a backslash gives the frequency range of the
label above. Read as well: times as h:m:s. The text ends at a third tab, as in Audacity; what follows it is
kept. A confidence written as suffix `` [0.87]`` is read back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import (
    EditedError,
    Keeps,
    Merged,
    WriteOptions,
    check,
    damaged_record,
    lines,
    time,
)
from vbannotate.times import format_seconds

NAME = "audacity"
TITLE = "Audacity label track"
SUFFIXES = (".txt", ".aud", ".audh", ".labels")
KEEPS = Keeps(resolution_us=1, points=True, overlap=True)

_CONFIDENCE = re.compile(r" \[(0\.[0-9]{2}|1\.00)\]\Z")


def guess(data: bytes, name: str) -> bool:
    """The first line with anything in it is a time, a tab and more, or by the name's ending a time."""
    try:
        text = files.decode(data[:4000], name).text
    except FormatError:
        return False
    for line in lines(text):
        if line.text.strip():
            parts = line.text.split("\t")
            least = 1 if name.endswith(SUFFIXES) and "-->" not in text else 2
            return time(parts[0]) is not None and least <= len(parts) <= 3
    return name.endswith(SUFFIXES)


def read(data: bytes, name: str) -> Annotation:
    """One tier called "labels" with the labels in file order."""
    text = files.decode(data, name)
    warnings = [text.warning] if text.warning else []
    events: list[Event] = []
    for line in lines(text.text):
        if line.text.startswith("\\") and events and (spectrum := _spectrum(line.text)):
            events[-1] = events[-1].with_(extra={**events[-1].extra, **spectrum})
        elif event := _label(line.text):
            events.append(event)
            if problem := event.problem():
                warnings.append(f"{name}, line {line.number}: {problem}, kept as it stands")
        elif line.text.strip():
            warnings.append(f"{name}, line {line.number}: no label, skipped: {line.text[:60]!r}")
    if not events and text.text.strip():
        mend = "export the track again with File > Export Other > Export Labels"
        raise FormatError(f"{name}, line 1: no label track (a time, a tab, a time, a tab, a text)", mend)
    return Annotation(tiers=(Tier("labels", tuple(events)),), warnings=tuple(warnings))


def _label(line: str) -> Event | None:
    """The label of a line, or None."""
    first, *rest = line.split("\t", 3)
    onset = time(first)
    if onset is None:
        return None
    offset = time(rest[0]) if rest else None
    if offset is None:
        offset, rest = onset, ["", *rest]
    label, extra = rest[1] if len(rest) > 1 else "", {}
    if len(rest) > 2:
        extra["rest"] = "\t".join(rest[2:])
    if offset < onset or onset < 0:
        extra["as_written"] = "\t".join((first, rest[0]) if rest[0] else (first, first))
    confidence = None
    if match := _CONFIDENCE.search(label):
        label, confidence = label[: match.start()], float(match.group(1))
    return Event.from_us(onset, offset, label, confidence, extra)


def _spectrum(line: str) -> dict[str, float] | None:
    """Frequencies of a spectral line, in Hz; -1 stands for an open end."""
    parts = line.split("\t")
    try:
        low, high = (float(part.replace(",", ".")) for part in parts[1:3])
    except ValueError:
        return None
    return {"low_hz": low, "high_hz": high} if math.isfinite(low) and math.isfinite(high) else None


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """The labels of all tiers in order of time. Tabs and line ends in texts become blanks."""
    return "".join(f"{line}\n" for line in _printed_all(annotation, options)).encode()


def _printed_all(annotation: Annotation, options: WriteOptions) -> list[str]:
    check(Annotation(tiers=tuple(_sound(tier) for tier in annotation.tiers)), TITLE)
    return [line for event in annotation.events for line in _printed(event, options.confidence)]


def _sound(tier: Tier) -> Tier:
    """The tier without labels that were wrong in the file they came from and go back as they stood there."""
    return Tier(tier.name, tuple(event for event in tier.events if _as_written(event) is None))


def _as_written(event: Event) -> str | None:
    """The times as a person's file has them, where they still are those of the event."""
    text = event.extra.get("as_written")
    if isinstance(text, str) and [time(part) for part in text.split("\t")] == [
        event.onset_us,
        event.offset_us,
    ]:
        return text
    return None


def _printed(event: Event, confidence: bool) -> Iterator[str]:
    """The line of an event, and its spectral line if it has one."""
    times = _as_written(event) or f"{format_seconds(event.onset_us)}\t{format_seconds(event.offset_us)}"
    text = re.sub(r"\r\n|[\t\r\n]", " ", event.label)
    if confidence and event.confidence is not None:
        text += f" [{event.confidence:.2f}]"
    rest = event.extra.get("rest")
    yield f"{times}\t{text}" + (
        f"\t{rest}" if isinstance(rest, str) and not re.search(r"[\r\n]", rest) else ""
    )
    low, high = event.extra.get("low_hz"), event.extra.get("high_hz")
    if isinstance(low, int | float) and isinstance(high, int | float):
        yield f"\\\t{low:.6f}\t{high:.6f}"


def merge(
    data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: list[str] | None
) -> Merged:
    """The person's lines as they are, ours after them. `part` lists our lines, each with its line end.

    A first element that is a bare line end stands for one that the person's last line did not have.
    """
    text = files.decode(data, name)
    body, notes = _without(text.text, part or [], name, options.replace_edited)
    labels = _printed_all(annotation, options)
    end = next((line.end for line in lines(body) if line.end), "\n")
    ours = [f"{line}{end}" for line in labels]
    if labels and body and not body.endswith(("\n", "\r")):
        ours.insert(0, end)
    return Merged(text.encode(body + "".join(ours)), ours, notes)


def _without(text: str, part: list[str], name: str, replace_edited: bool) -> tuple[str, tuple[str, ...]]:
    """The text without our lines, wherever they now stand, and notes on those that were changed."""
    if not part:
        return text, ()
    if not isinstance(part, list) or not all(isinstance(line, str) for line in part):
        raise damaged_record(name)
    whole = "".join(part)
    if text.endswith(whole):
        return text[: len(text) - len(whole)], ()
    kept = [line.text + line.end for line in lines(text)]
    where = _places(kept)
    missing = 0
    for line in reversed([line for line in part if line.strip("\r\n")]):
        if places := where.get(line.rstrip("\r\n")):
            kept[places.pop()] = ""
        else:
            missing += 1
    if missing and not replace_edited:
        raise EditedError(
            f"{name}: {missing} of our {len(part)} labels have been changed or removed by hand",
            "give --replace-edited to write new ones all the same; the changed ones stay",
        )
    notes = (f"{name}: {missing} of our labels had been changed or removed by hand",) if missing else ()
    return "".join(kept), notes


def _places(kept: Iterable[str]) -> dict[str, list[int]]:
    """Where each line stands."""
    where: dict[str, list[int]] = {}
    for number, line in enumerate(kept):
        where.setdefault(line.rstrip("\r\n"), []).append(number)
    return where
