"""Put tiers into a person's TextGrid by editing its text: no number and no text of another tier changes.

New tiers go after the last one; the count of tiers grows, and the end of the grid moves only where events
lie far behind it. The file's form, encoding, byte order mark and line ends stay. The next merge puts its
tiers where the earlier ones stand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vbannotate import files
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import textgrid, textgrid_parse
from vbannotate.formats.base import EditedError, Merged, WriteOptions, check
from vbannotate.formats.rows import CONFIDENCE, edited_message, fingerprint, name_notes
from vbannotate.formats.textgrid_parse import CHRONOLOGICAL, SHORT, Grid, RawTier
from vbannotate.formats.textgrid_text import tier_text
from vbannotate.times import format_seconds, parse_seconds

# Events end with a frame of 20 ms, grids with a sample: so much behind the end of the grid is cut off.
_SLACK_US = 50_000
_LIST_HEAD = re.compile(r"\s*item\s*\[\s*\]\s*:")
_SAVE = "save it in Praat as a text file first"


def merge(data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: Any) -> Merged:
    """The TextGrid in `data` with the tiers of `annotation`; those of the earlier `part` are replaced.

    Raises EditedError where a person has changed those, and FormatError for binary and chronological files.
    """
    check(annotation, textgrid.TITLE)
    text = textgrid.decode(data, name)
    if text is None:
        raise FormatError(f"{name}: a binary TextGrid cannot be merged into", _SAVE)
    grid = textgrid_parse.parse(text.text, name)
    if grid.form == CHRONOLOGICAL:
        raise FormatError(f"{name}: a chronological TextGrid cannot be merged into", _SAVE)
    ours = _ours(grid, part, name, options.replace_edited)
    fitted = _fit(grid, annotation)
    taken = [tier.name for index, tier in enumerate(grid.tiers) if index not in ours]
    made: list[RawTier] = []
    for tier in fitted.tiers:
        others = {*taken, *(one.name for one in made)}
        made += textgrid.raw_tiers(tier, None, fitted.bounds, options.confidence, others)
    notes = [*fitted.notes, *name_notes(name, annotation, taken)]
    result = _splice(text, grid, ours, made, fitted.bounds.xmax)
    kept = {"tiers": [{"name": tier.name, "digest": _digest(tier)} for tier in made]}
    return Merged(text.encode(result), kept, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Fitted:
    tiers: tuple[Tier, ...]
    bounds: textgrid.Bounds
    notes: tuple[str, ...]


def _fit(grid: Grid, annotation: Annotation) -> _Fitted:
    """The tiers cut to the range of the grid, or the range widened to the tiers."""
    start_us, end_us, xmax = parse_seconds(grid.xmin), parse_seconds(grid.xmax), grid.xmax
    notes = []
    last_us = max((event.offset_us for event in annotation.events), default=end_us)
    if last_us > end_us + _SLACK_US:
        notes.append(
            f"the end of the TextGrid was moved from {grid.xmax} s to {format_seconds(last_us, 3)} s"
        )
        end_us, xmax = last_us, textgrid.number(last_us)
    tiers, dropped = [], 0
    for tier in annotation.tiers:
        events = [_cut(event, start_us, end_us) for event in tier.events]
        dropped += events.count(None)
        tiers.append(Tier(tier.name, tuple(event for event in events if event is not None), tier.points))
    if dropped:
        notes.append(f"{dropped} events outside the range of the TextGrid were left out")
    return _Fitted(tuple(tiers), textgrid.Bounds(grid.xmin, xmax, start_us, end_us), tuple(notes))


def _cut(event: Event, start_us: int, end_us: int) -> Event | None:
    """The part of an event from `start_us` to `end_us`; None where nothing of it lies there."""
    onset_us, offset_us = max(event.onset_us, start_us), min(event.offset_us, end_us)
    if offset_us < onset_us or (offset_us == onset_us and event.duration_us > 0):
        return None
    return event.with_(onset_us=onset_us, offset_us=offset_us)


def _ours(grid: Grid, part: Any, name: str, replace_edited: bool) -> list[int]:
    """The places of our tiers of an earlier merge. Raises EditedError where they are not as we left them.

    With `replace_edited` those that a person changed are the person's from now on.
    """
    entries: Sequence[Mapping[str, str]] = part["tiers"] if part else ()
    found: dict[str, int] = {}
    for entry in entries:
        for index, tier in enumerate(grid.tiers):
            if (
                tier.name == entry["name"]
                and index not in found.values()
                and _digest(tier) == entry["digest"]
            ):
                found[tier.name] = index
                break
    edited = [entry["name"] for entry in entries if entry["name"] not in found]
    if edited and not replace_edited:
        raise EditedError(*edited_message(name, edited))
    for tier_name in edited:  # its confidences stay beside it
        found.pop(tier_name + CONFIDENCE, None)
    return sorted(found.values())


def _digest(tier: RawTier) -> str:
    """A fingerprint of what a tier says; it survives opening and saving in Praat."""
    items = [(*map(float, item[:-1]), item[-1]) for item in tier.items if tier.points or item[-1].strip()]
    return fingerprint([tier.points, items])


def _splice(text: files.Text, grid: Grid, ours: Sequence[int], made: Sequence[RawTier], xmax: str) -> str:
    """The text with the tiers `made` at the places `ours` and behind the last tier."""
    source, newline = text.text, textgrid.newline_of(text.text)
    replacements = dict(zip(ours, made))  # noqa: B905 - either may be longer
    surplus = made[len(ours) :]
    size = len(grid.tiers) - len(ours) + len(made)
    pieces, done, number = [], 0, 0
    edits = [(grid.size_at, str(size))] + ([(grid.xmax_at, xmax)] if xmax != grid.xmax else [])
    for (start, end), new in sorted(edits):
        pieces += [source[done:start], new]
        done = end
    for index, tier in enumerate(grid.tiers):
        if index in ours and index not in replacements:
            pieces.append(_list_head(source, done) if index == 0 else "")
            done = tier.end
            continue
        number += 1
        gap = source[done : tier.start]
        pieces.append(gap if number == index + 1 else re.sub(r"(item\s*\[)\d+(\])", rf"\g<1>{number}\2", gap))
        new_tier = replacements.get(index)
        pieces.append(
            source[tier.start : tier.end] if new_tier is None else _core(new_tier, grid.form, newline)
        )
        done = tier.end
    if surplus and not grid.tiers:
        head = _list_head(source, done)
        pieces.append(head)
        done += len(head)
    for tier in surplus:
        number += 1
        lead = "\n" if grid.form == SHORT else f" \n    item [{number}]:\n        class = "
        pieces += [lead.replace("\n", newline), _core(tier, grid.form, newline)]
    return "".join(pieces) + source[done:]


def _list_head(source: str, start: int) -> str:
    """The words ``item []:`` of the long form, which stand before the first tier."""
    match = _LIST_HEAD.match(source, start)
    return match.group() if match else ""


def _core(tier: RawTier, form: str, newline: str) -> str:
    """The text of a tier from its class to its last item."""
    whole = tier_text(tier, 1, form)
    return whole[whole.index('"') :].rstrip().replace("\n", newline)
