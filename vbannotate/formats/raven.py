"""Selection tables of Raven Pro and Raven Lite: tabs, a header, a row for each selection.

Source: Raven Pro User's Manual, "Selection tables". The label stands in the column Annotation, Species or
Label, or in the first column of the user's own; every other column is kept and written again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import Keeps, WriteOptions, check, lines, time
from vbannotate.times import format_seconds

NAME = "raven"
TITLE = "Raven selection table"
SUFFIXES = (".selections.txt",)
KEEPS = Keeps(resolution_us=1, confidence=True, points=True, overlap=True)

BEGIN, END, LOW, HIGH = "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)"
_FIXED = ("Selection", "View", "Channel", BEGIN, END, LOW, HIGH)
_LABELS = ("Annotation", "Species", "Label", "Class", "Common Name", "Type")
_CONFIDENCE = "Confidence"
BAND_HZ = (0.0, 8000.0)  # of an event without frequencies: what a detector at 16 kHz hears


def guess(data: bytes, name: str) -> bool:
    """A header with the column of begin times."""
    try:
        return BEGIN in files.decode(data[:4000], name).text.split("\n", 1)[0].split("\t")
    except FormatError:
        return False


def read(data: bytes, name: str) -> Annotation:
    """One tier called "selections" in file order; a table without rows is a result too."""
    text = files.decode(data, name)
    rows = [(line.number, line.text.split("\t")) for line in lines(text.text) if line.text.strip()]
    header = rows[0][1] if rows else []
    if BEGIN not in header or END not in header:
        raise FormatError(
            f"{name}, line 1: no columns {BEGIN!r} and {END!r}", "save the table again in Raven"
        )
    label = _label_column(header)
    warnings = [text.warning] if text.warning else []
    events, seen = [], set()
    for number, row in rows[1:]:
        cells = dict.fromkeys(header, "") | dict(zip(header, row, strict=False))
        key = (cells.get("Selection"), cells[BEGIN], cells[END])
        if key in seen and cells.get("View", "").startswith("Waveform"):
            continue  # the same selection, seen in another view
        seen.add(key)
        event = _event(cells, label)
        if event is None:
            warnings.append(f"{name}, line {number}: no times, skipped")
            continue
        events.append(event)
        if problem := event.problem():
            warnings.append(f"{name}, line {number}: {problem}, kept as it stands")
    extra = {"raven_columns": header, "raven_label": label}
    return Annotation(tiers=(Tier("selections", tuple(events), extra=extra),), warnings=tuple(warnings))


def _label_column(header: Sequence[str]) -> str | None:
    """The column that holds the labels."""
    named = [column for column in _LABELS if column in header]
    others = [c for c in header if c.strip() and c not in (*_FIXED, _CONFIDENCE) and "(" not in c]
    return next(iter((*named, *others)), None)


def _event(cells: dict[str, str], label: str | None) -> Event | None:
    onset, offset = time(cells[BEGIN]), time(cells[END])
    if onset is None or offset is None:
        return None
    extra: dict[str, object] = {}
    for key, value in cells.items():
        if key in (LOW, HIGH) and _number(value) is not None:
            extra["low_hz" if key == LOW else "high_hz"] = _number(value)
        elif key not in (BEGIN, END, label, _CONFIDENCE) and value and key:
            extra[key] = value
    confidence = _number(cells.get(_CONFIDENCE, ""))
    return Event.from_us(onset, offset, cells.get(label, "") if label else "", confidence, extra)


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """All events in order of time, with the columns of the table they came from if there was one."""
    check(annotation, TITLE)
    kept = next((tier.extra for tier in annotation.tiers if "raven_columns" in tier.extra), {})
    label = kept.get("raven_label") or _LABELS[0]
    columns = [str(column) for column in kept.get("raven_columns", _FIXED)]
    columns += [c for c in (label,) if c not in columns]
    if any(event.confidence is not None for event in annotation.events) and _CONFIDENCE not in columns:
        columns.append(_CONFIDENCE)
    table = [columns]
    for number, event in enumerate(annotation.events, 1):
        values = _values(event, number, label)
        table.append([values.get(column, _text(event.extra.get(column))) for column in columns])
    return "".join("\t".join(" ".join(cell.splitlines()) for cell in row) + "\n" for row in table).encode()


def _values(event: Event, number: int, label: str) -> dict[str, str]:
    low, high = (
        event.extra.get(key, usual) for key, usual in zip(("low_hz", "high_hz"), BAND_HZ, strict=True)
    )
    return {
        "Selection": _text(event.extra.get("Selection")) or str(number),
        "View": _text(event.extra.get("View")) or "Spectrogram 1",
        "Channel": _text(event.extra.get("Channel")) or "1",
        BEGIN: format_seconds(event.onset_us),
        END: format_seconds(event.offset_us),
        LOW: _text(low),
        HIGH: _text(high),
        label: event.label.replace("\t", " "),
        _CONFIDENCE: "" if event.confidence is None else repr(event.confidence),
    }


def _text(value: object) -> str:
    return str(value).replace("\t", " ") if isinstance(value, str | int | float) else ""
