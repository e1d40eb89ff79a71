"""Tiers for ELAN: a TIERS document with whole milliseconds.

ELAN splits `columns` at white space, reads integers as milliseconds, and cuts or deletes one of two
annotations that overlap in a tier; so names have no blanks, times no dots, and events that overlap go to
tiers of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

from vbannotate.events import TIER, Event

Row = tuple[int, int, Event]  # onset and offset in milliseconds


def document(events: Iterable[Event], per_label: bool = True, confidence: bool = False) -> bytes:
    """The events as a TIERS document; without events one empty tier. At least 1 ms an event."""
    groups: dict[str, list[Event]] = {}
    for event in sorted(events, key=Event.key):
        groups.setdefault(event.label if per_label else TIER, []).append(event)
    taken: set[str] = set()
    tiers = []
    for label, members in (groups or {TIER: []}).items():
        rows = [_row(event) for event in members]
        for number, lane in enumerate(lanes(rows), 1):
            name = _free(column(label) + (f"-{number}" if number > 1 else ""), taken)
            tiers.append(_tier(name, [(a, b, event.label) for a, b, event in lane]))
            if confidence:
                values = [(a, b, _two_places(event.confidence)) for a, b, event in lane]
                tiers.append(_tier(_free(f"{name}-confidence", taken), values))
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<TIERS>\n' + "".join(tiers) + "</TIERS>\n").encode()


def lanes(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows, in order of onset, shared out to as few lanes as hold them without overlap; at least one."""
    result: list[list[Row]] = [[]]
    for row in rows:
        lane = next((lane for lane in result if not lane or lane[-1][1] <= row[0]), None)
        if lane is None:
            result.append([row])
        else:
            lane.append(row)
    return result


def column(label: str) -> str:
    """A label as a tier name: one word, not beginning with a number sign."""
    return "_".join(_clean(label).lstrip("#").split()) or TIER


def _free(name: str, taken: set[str]) -> str:
    """A name that no other tier has: of two tiers of one name ELAN keeps the last."""
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _row(event: Event) -> Row:
    onset = max(0, _milliseconds(event.onset_us))
    return onset, max(onset + 1, _milliseconds(event.offset_us)), event


def _milliseconds(us: int) -> int:
    """Rounded half up."""
    return (us + 500) // 1000


def _two_places(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.2f}"


def _tier(name: str, values: Iterable[tuple[int, int, str]]) -> str:
    spans = "".join(
        f'  <span start="{start}" end="{end}"><v>{escape(_clean(text))}</v></span>\n'
        for start, end, text in values
    )
    return f" <TIER columns={quoteattr(name)}>\n{spans} </TIER>\n"


def _clean(text: str) -> str:
    """Without what XML 1.0 cannot hold; line ends become blanks."""
    one_line = " ".join(text.split("\n"))
    return "".join(
        c for c in one_line if c >= " " and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff"
    )
