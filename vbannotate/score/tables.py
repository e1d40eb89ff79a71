"""The events of all files as one table a side, numbered so that whole corpora are judged at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vbannotate.errors import VbannotateError
from vbannotate.events import Event, Span
from vbannotate.match import intervals


@dataclass(frozen=True, slots=True)
class Table:
    """Events of one side. All arrays are [events], in order of file and then as given.

    `file`, `label` and `row` (place in the file) are numbers, `onset` and `offset` int64 microseconds, `rank`
    orders by falling confidence, `confidence` is float64 with NaN for none.
    """

    file: np.ndarray
    label: np.ndarray
    row: np.ndarray
    onset: np.ndarray
    offset: np.ndarray
    rank: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.file)

    def take(self, index: np.ndarray) -> Table:
        """The events at `index`."""
        return Table(*(getattr(self, name)[index] for name in self.__slots__))

    def grouped(self, labels: int, by_label: bool) -> np.ndarray:
        """The table as `match_intervals` takes it; a group is a file, or a file and label."""
        group = self.file * labels + self.label if by_label else self.file
        return np.stack([group, self.onset, self.offset, self.rank], axis=1)


def table_of(files: Sequence[Sequence[Event]], labels: Mapping[str, int]) -> Table:
    """The events of all files, in the order of `files`."""
    events = [event for part in files for event in part]
    sizes = np.array([len(part) for part in files], np.int64)
    file = np.repeat(np.arange(len(files)), sizes)
    row = np.arange(len(events)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    label = np.array([labels[event.label] for event in events], np.int64)
    times = intervals(events, file)
    confidence = np.array([np.nan if e.confidence is None else e.confidence for e in events], np.float64)
    return Table(file, label, row, times[:, 1], times[:, 2], times[:, 3], confidence)


def joined(spans: Sequence[Span]) -> list[Span]:
    """The spans in order, those that touch or overlap made one. Raises VbannotateError for a reversed one."""
    result: list[Span] = []
    for span in sorted(spans):
        if span.end_us < span.start_us:
            raise VbannotateError(
                f"examined span ends at {span.end_us / 1e6} s before it starts", "exchange its times"
            )
        if result and span.start_us <= result[-1].end_us:
            result[-1] = Span(result[-1].start_us, max(result[-1].end_us, span.end_us))
        else:
            result.append(span)
    return result


def common(first: Sequence[Span] | None, second: Sequence[Span] | None) -> list[Span] | None:
    """The time that lies in both; None means everywhere."""
    if first is None or second is None:
        given = second if first is None else first
        return None if given is None else joined(given)
    result, a, b = [], joined(first), joined(second)
    i = j = 0
    while i < len(a) and j < len(b):
        start, end = max(a[i].start_us, b[j].start_us), min(a[i].end_us, b[j].end_us)
        if start < end:
            result.append(Span(start, end))
        if a[i].end_us < b[j].end_us:
            i += 1
        else:
            j += 1
    return result


def inside(table: Table, spans: Sequence[Sequence[Span] | None]) -> np.ndarray:
    """Which events lie wholly in the examined spans of their file: bool [events]."""
    good = np.ones(len(table), bool)
    for file, examined in enumerate(spans):
        if examined is not None:
            here = slice(*np.searchsorted(table.file, [file, file + 1]))
            starts = np.array([span.start_us for span in examined], np.int64)
            ends = np.array([span.end_us for span in examined], np.int64)
            place = np.searchsorted(starts, table.onset[here], "right") - 1
            fits = place >= 0
            if len(ends):
                fits &= table.offset[here] <= ends[place]
            good[here] = fits
    return good


def clipped(table: Table, spans: Sequence[Sequence[Span] | None]) -> Table:
    """The events cut to the examined spans; an event over a gap becomes several."""
    if all(examined is None for examined in spans):
        return table
    pieces = []
    for k, (file, onset, offset) in enumerate(
        zip(table.file.tolist(), table.onset.tolist(), table.offset.tolist(), strict=True)
    ):
        examined = spans[file]
        for span in (Span(onset, offset),) if examined is None else examined:
            start, end = max(onset, span.start_us), min(offset, span.end_us)
            if start < end or start == end == onset == offset:
                pieces.append((k, start, end))
    index, onsets, offsets = np.array(pieces, np.int64).reshape(-1, 3).T
    return replace(table.take(index), onset=onsets, offset=offsets)
