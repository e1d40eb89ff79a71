"""Our cues in a person's subtitles: a cue of its own where there is room, else a line of the cue that is
there.

The text of the file stays as it is, character for character, but for what is put in; numbers of other cues
are not changed, so that an own cue has the next number that nobody uses.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from vbannotate import cues, files
from vbannotate.cues import Cue
from vbannotate.events import Annotation
from vbannotate.formats.base import EditedError, Merged, WriteOptions, check, damaged_record, lines
from vbannotate.formats.subtitles import Dialect, Found
from vbannotate.formats.subtitles import shown as our_cues

NEAR_US = 1_500_000  # how far from its sound a text may stand (BBC Subtitle Guidelines)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text to put in at a character of the file, and the record that finds it again."""

    at: int
    record: dict[str, Any]


def merge(
    dialect: Dialect, data: bytes, annotation: Annotation, options: WriteOptions, name: str, part: list | None
) -> Merged:
    """See `base.Merged`; `part` is a list of records, one for each cue or line of ours."""
    check(annotation, "subtitles")
    text = files.decode(data, name)
    body, notes = _without(dialect, text.text, part or [], name, options.replace_edited)
    found, _ = dialect.parse(list(lines(body)), name)
    pieces = _pieces(dialect, body, found, _place(our_cues(annotation, options), found, options))
    inside = sum(piece.record["kind"] == "line" for piece in pieces)
    if inside:
        notes.append(f"{name}: {inside} of {len(pieces)} texts stand in cues of the file, for want of room")
    return Merged(text.encode(_put(body, pieces)), [piece.record for piece in pieces], tuple(notes))


def _place(wanted: list[Cue], found: list[Found], options: WriteOptions) -> tuple[list[Cue], dict[int, Cue]]:
    """The cues that stand alone, and by number of the person's cue those that become a line of it."""
    taken = _union(found)
    starts = [span[0] for span in taken]
    by_start = sorted(range(len(found)), key=lambda k: found[k].start_us)
    times = cues.style(options.style)
    alone: list[Cue] = []
    inside: dict[int, Cue] = {}
    for cue in wanted:
        own = _room(cue, taken, starts, times, options.exact)
        host = None if own else _host(cue, found, by_start)
        if host is not None:
            inside[host] = cues.both(inside[host], cue) if host in inside else cue
            continue
        own = own or _cut(cue, taken, starts)
        if alone and not options.exact and own.start_us < alone[-1].end_us + times.gap_us:
            text = cues.both(alone[-1], own).text  # moved behind the same dialogue
            alone[-1] = Cue(alone[-1].start_us, alone[-1].end_us, text, alone[-1].events + own.events)
        else:
            alone.append(own)
    return alone, inside


def _union(found: list[Found]) -> list[tuple[int, int]]:
    """The times that dialogue takes, sorted and without overlap."""
    spans: list[tuple[int, int]] = []
    for cue in sorted(found, key=lambda cue: cue.start_us):
        if spans and cue.start_us <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], cue.end_us))
        elif cue.end_us > cue.start_us:
            spans.append((cue.start_us, cue.end_us))
    return spans


def _room(
    cue: Cue, taken: list[tuple[int, int]], starts: list[int], times: cues.Style, exact: bool
) -> Cue | None:
    """The first stretch of the cue that is free for long enough and begins while the sound lasts."""
    gap = 0 if exact else times.gap_us
    need = cue.end_us - cue.start_us if exact else min(times.least_us, cue.end_us - cue.start_us)
    sound_end = max((event.offset_us for event in cue.events), default=cue.end_us)
    at = cue.start_us
    k = max(0, bisect_right(starts, at) - 1)
    while at <= max(cue.start_us, sound_end - 1):
        while k < len(taken) and taken[k][1] + gap <= at:
            k += 1
        end = taken[k][0] - gap if k < len(taken) else cue.end_us
        if min(end, cue.end_us) - at >= need:
            return Cue(at, min(end, cue.end_us), cue.text, cue.events)
        if exact or k >= len(taken):
            return None
        at = -(-(taken[k][1] + gap) // 1000) * 1000
    return None


def _host(cue: Cue, found: list[Found], by_start: list[int]) -> int | None:
    """Number of the person's cue that the sound overlaps most, else of the nearest; None if none is near."""
    onset = min((event.onset_us for event in cue.events), default=cue.start_us)
    offset = max((event.offset_us for event in cue.events), default=cue.end_us)
    k = bisect_right(by_start, offset + NEAR_US, key=lambda number: found[number].start_us)
    near = [n for n in by_start[max(0, k - 50) : k] if found[n].end_us > found[n].start_us]

    def closeness(number: int) -> int:
        other = found[number]
        return min(offset, other.end_us) - max(onset, other.start_us)  # negative: how far apart

    best = max(near, key=closeness, default=None)
    return best if best is not None and closeness(best) > -NEAR_US else None


def _cut(cue: Cue, taken: list[tuple[int, int]], starts: list[int]) -> Cue:
    """The cue as long as it can be before the next dialogue."""
    k = bisect_right(starts, cue.start_us)
    end = min(cue.end_us, taken[k][0]) if k < len(taken) else cue.end_us
    return Cue(cue.start_us, end, cue.text, cue.events)


def _pieces(
    dialect: Dialect, body: str, found: list[Found], placed: tuple[list[Cue], dict[int, Cue]]
) -> list[Piece]:
    """What is put in where, in order of place."""
    alone, inside = placed
    all_lines = list(lines(body))
    offsets = [0, *accumulate(len(line.text) + len(line.end) for line in all_lines)]
    end = next((line.end for line in all_lines if line.end), "\n")
    numbers = [int(cue.ident) for cue in found if dialect.numbered and cue.ident]
    number = max(numbers, default=0) if numbers or not found else None
    latest = list(accumulate((cue.start_us for cue in found), max))
    pieces: list[Piece] = []
    for cue in alone:
        if dialect.numbered and number is not None:
            number += 1
        text = dialect.escape(cue.text)
        rows = [str(number)] if dialect.numbered and number is not None else []
        rows += [dialect.timing(cue.start_us, cue.end_us), *text.split("\n")]
        block = "".join(f"{row}{end}" for row in rows)
        k = bisect_right(latest, cue.start_us)
        if found and not k:
            at, insert = offsets[found[0].first], block + end
        else:
            line = found[k - 1].last if found else len(all_lines)
            at = offsets[line]
            new = not pieces or pieces[-1].at != at
            before = end if new and line and not all_lines[line - 1].end else ""
            blank = end if (line and (found or all_lines[line - 1].text)) or not new else ""
            tight = line < len(all_lines) and all_lines[line].text.strip(" \t")
            insert = before + blank + block + (end if tight else "")
        record = {
            "kind": "cue",
            "insert": insert,
            "start_us": cue.start_us,
            "end_us": cue.end_us,
            "text": text,
        }
        pieces.append(Piece(at, record))
    for host, cue in inside.items():
        pieces.append(_line(dialect, cue, found[host], all_lines, offsets, end))
    return sorted(pieces, key=lambda piece: (piece.at, piece.record["kind"] == "cue"))


def _line(
    dialect: Dialect, cue: Cue, host: Found, all_lines: list[Any], offsets: list[int], end: str
) -> Piece:
    """Our text as first line of the person's cue, or as last if the sound comes in its second half."""
    text = dialect.escape(" ".join(cue.text.split("\n")))
    onset = min((event.onset_us for event in cue.events), default=cue.start_us)
    late = onset > (host.start_us + host.end_us) // 2 or host.text.startswith("{\\")
    line = host.last if late else host.timing + 1
    insert = text + end if all_lines[line - 1].end else end + text
    record = {"kind": "line", "insert": insert, "timing": all_lines[host.timing].text, "text": text}
    return Piece(offsets[line], record)


def _put(body: str, pieces: list[Piece]) -> str:
    parts, done = [], 0
    for piece in pieces:
        parts += [body[done : piece.at], piece.record["insert"]]
        done = piece.at
    return "".join([*parts, body[done:]])


def _without(
    dialect: Dialect, body: str, part: list[dict[str, Any]], name: str, replace_edited: bool
) -> tuple[str, list[str]]:
    """The text without our cues and lines, and a note if some were changed by hand."""
    if not part:
        return body, []
    if not isinstance(part, list) or not all(map(_is_record, part)):
        raise damaged_record(name)
    cuts, missing = _cuts(dialect, body, part, name)
    if missing and not replace_edited:
        raise EditedError(
            f"{name}: {missing} of our {len(part)} texts have been changed or removed by hand",
            "give --replace-edited to write new ones all the same; the changed ones stay",
        )
    parts, done = [], 0
    for start, stop in sorted(cuts):
        parts.append(body[done:start])
        done = max(done, stop)
    note = f"{name}: {missing} of our texts had been changed or removed by hand"
    return "".join([*parts, body[done:]]), [note] if missing else []


def _is_record(value: Any) -> bool:
    """Whether a value is a record of `_pieces`."""
    if not isinstance(value, dict):
        return False
    times = {"start_us": int, "end_us": int} if value.get("kind") == "cue" else {"timing": str}
    return all(
        isinstance(value.get(key), kind) for key, kind in {"insert": str, "text": str, **times}.items()
    )


def _cuts(
    dialect: Dialect, body: str, part: list[dict[str, Any]], name: str
) -> tuple[list[tuple[int, int]], int]:
    """The stretches of text that are ours, and how many records were not found."""
    all_lines = list(lines(body))
    offsets = [0, *accumulate(len(line.text) + len(line.end) for line in all_lines)]
    found, _ = dialect.parse(all_lines, name)
    by_timing: dict[str, list[int]] = {}  # the text lines of all cues with these times
    for other in found:
        by_timing.setdefault(all_lines[other.timing].text, []).extend(range(other.timing + 1, other.last))
    by_content = {(cue.start_us, cue.end_us, cue.text): cue for cue in found}
    cuts: list[tuple[int, int]] = []
    missing = at = 0
    for record in part:
        insert, text = record["insert"], record["text"]
        if record["kind"] == "cue":
            start = body.find(insert, at)
            cue = by_content.get((record["start_us"], record["end_us"], text))
            if start >= 0 and cue is not None:
                cuts.append((start, start + len(insert)))
                at = start + len(insert)
            elif cue is not None:  # renumbered or set anew by a program
                last = cue.last + 1 if cue.last < len(all_lines) else cue.last
                cuts.append((offsets[cue.first], offsets[last]))
            else:
                missing += 1
            continue
        texts = by_timing.get(record["timing"], [])
        line = next((n for n in texts if all_lines[n].text == text), None)
        if line is None:
            missing += 1
            continue
        texts.remove(line)
        if insert.startswith(text):
            cuts.append((offsets[line], offsets[line + 1]))
        else:
            cuts.append((offsets[line] - len(insert) + len(text), offsets[line] + len(text)))
    return cuts, missing
