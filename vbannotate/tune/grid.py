"""Counts of every setting of a grid on kept curves, exact, thousands of settings a second.

A threshold and a merge gap give the events; min_dur and peak only choose among them. So the pairs that fit
are found once for each threshold and gap. A pair whose ends fit nobody else is a hit wherever its estimate
is chosen: that is a 2-D histogram and two cumulative sums. The few that compete are matched once for each
set of them that some setting chooses. Counts stay apart by file, so any fold or resample is a sum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vbannotate.decode import Settings, decode
from vbannotate.events import Event, Span
from vbannotate.match import Criterion, candidates, intervals, match_intervals
from vbannotate.score.ranking import augmentations
from vbannotate.score.tables import joined
from vbannotate.times import to_us


@dataclass(frozen=True, slots=True)
class Recording:
    """A curve of one label, float32 [frames], and what a person says is there.

    `examined` None: everywhere. Frame k covers [k, k + 1) x `frame_us` from `start_us` on.
    """

    name: str
    curve: np.ndarray
    reference: tuple[Event, ...]
    frame_us: int
    start_us: int = 0
    duration_us: int | None = None
    examined: tuple[Span, ...] | None = None

    def judges(self, event: Event) -> bool:
        """Whether an event lies wholly in what was examined."""
        return self.examined is None or any(
            span.start_us <= event.onset_us and event.offset_us <= span.end_us
            for span in joined(self.examined)
        )

    @property
    def judged_us(self) -> int:
        """Length of what was examined."""
        end = self.duration_us or len(self.curve) * self.frame_us
        if self.examined is None:
            return end
        spans = joined(self.examined)
        return sum(max(0, min(span.end_us, end) - span.start_us) for span in spans)


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that are tried. A peak of 0 asks for nothing. `base` holds what is not tuned."""

    thresholds: tuple[float, ...]
    merge_gaps: tuple[float, ...]
    min_durs: tuple[float, ...]
    peaks: tuple[float, ...]
    base: Settings

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """How many values each setting has."""
        return len(self.thresholds), len(self.merge_gaps), len(self.min_durs), len(self.peaks)

    def at(self, place: int) -> Settings:
        """The setting at a place in the order of the counts."""
        t, g, d, p = (int(k) for k in np.unravel_index(place, self.shape))
        return with_values(self.base, self.thresholds[t], self.merge_gaps[g], self.min_durs[d], self.peaks[p])

    def all(self) -> Iterator[Settings]:
        """Every setting, in the order of the counts."""
        return map(self.at, range(math.prod(self.shape)))


def with_values(base: Settings, threshold: float, merge_gap: float, min_dur: float, peak: float) -> Settings:
    """`base` with the four tuned settings; a release above the threshold falls to it."""
    release = None if base.release is None else min(base.release, threshold)
    return replace(
        base,
        threshold=threshold,
        merge_gap=merge_gap,
        min_dur=min_dur,
        release=release,
        peak=peak or None,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """`tp` and `estimates`, int32 [files, settings], and `references` and `judged_us`, int64 [files]."""

    tp: np.ndarray
    estimates: np.ndarray
    references: np.ndarray
    judged_us: np.ndarray

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.tp + other.tp,
            self.estimates + other.estimates,
            self.references + other.references,
            self.judged_us,
        )


def tally(recordings: Sequence[Recording], grid: Grid, criterion: Criterion) -> Tally:
    """The counts of every setting of the grid on every recording."""
    if grid.base.pad or grid.base.smooth > 1:
        if grid.base.pad:  # padding depends on which neighbours are kept
            return tally_each(recordings, list(grid.all()), criterion)
        recordings = [replace(one, curve=_smoothed(one.curve, grid.base.smooth)) for one in recordings]
    side = _Side(recordings)
    shape = len(recordings), *grid.shape
    tp, estimates = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for t, threshold in enumerate(grid.thresholds):
        release = None if grid.base.release is None else min(grid.base.release, threshold)
        runs = side.runs(threshold, release)
        for g, gap in enumerate(grid.merge_gaps):
            found = side.events(runs, to_us(gap))
            tp[:, t, g], estimates[:, t, g] = _chosen(side, found, grid, criterion)
    flat = len(recordings), -1
    return Tally(tp.reshape(flat), estimates.reshape(flat), side.references, side.judged_us)


def tally_each(recordings: Sequence[Recording], settings: Sequence[Settings], criterion: Criterion) -> Tally:
    """The counts of any settings, by decoding with each."""
    side = _Side(recordings)
    tp = np.zeros((len(recordings), len(settings)), np.int32)
    estimates = np.zeros_like(tp)
    for k, setting in enumerate(settings):
        events, files = decoded(recordings, setting)
        est = intervals(events, files)
        _, e = match_intervals(side.table[side.judged], est, criterion)
        counted = side.inside(est)
        counted[e] = True
        np.add.at(tp[:, k], est[e, 0], 1)
        np.add.at(estimates[:, k], est[counted, 0], 1)
    return Tally(tp, estimates, side.references, side.judged_us)


def decoded(recordings: Sequence[Recording], settings: Settings) -> tuple[list[Event], np.ndarray]:
    """All events of a setting, and the number of the recording that each is from."""
    events: list[Event] = []
    files: list[int] = []
    for number, one in enumerate(recordings):
        here = decode(one.curve, settings, one.frame_us, one.duration_us)
        shift = one.start_us
        events += [e.with_(onset_us=e.onset_us + shift, offset_us=e.offset_us + shift) for e in here]
        files += [number] * len(here)
    return events, np.array(files, np.int64)


def _smoothed(curve: np.ndarray, width: int) -> np.ndarray:
    """The running median as `decode` takes it."""
    if not len(curve):
        return curve
    half = width // 2
    raw = np.concatenate([np.repeat(curve[:1], half), curve, np.repeat(curve[-1:], half)])
    return np.median(np.lib.stride_tricks.sliding_window_view(raw, width), axis=1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Events:
    """Events of all recordings: table as of `intervals`, length before the media ends, highest frame."""

    table: np.ndarray
    length_us: np.ndarray
    peak: np.ndarray


class _Side:
    """All curves on one axis with a frame of -1 between them, and all references."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        curves, starts, place = [np.full(1, -1, np.float32)], [], 1
        for one in recordings:
            frames = len(one.curve)
            if one.duration_us is not None:
                frames = min(frames, -(-one.duration_us // one.frame_us))
            starts.append(place)
            curves += [np.asarray(one.curve[:frames], np.float32), np.full(1, -1, np.float32)]
            place += frames + 1
        self._recordings = recordings
        self._curve = np.concatenate(curves)
        self._starts = np.array(starts, np.int64)
        self._frame_us = np.array([one.frame_us for one in recordings], np.int64)
        self._zero_us = np.array([one.start_us for one in recordings], np.int64)
        ends = [2**50 if one.duration_us is None else one.duration_us for one in recordings]
        self._end_us = np.array(ends, np.int64)
        events = [event for one in recordings for event in one.reference]
        files = np.repeat(np.arange(len(recordings)), [len(one.reference) for one in recordings])
        self.table = intervals(events, files)
        self.judged = self.inside(self.table)
        self.references = np.bincount(files[self.judged], minlength=len(recordings))
        self.judged_us = np.array([one.judged_us for one in recordings], np.int64)

    def inside(self, table: np.ndarray) -> np.ndarray:
        """Which rows lie wholly in what was examined of their recording."""
        good = np.ones(len(table), bool)
        for number, one in enumerate(self._recordings):
            if one.examined is not None:
                rows = np.flatnonzero(table[:, 0] == number)
                fits = np.zeros(len(rows), bool)
                for span in joined(one.examined):
                    fits |= (table[rows, 1] >= span.start_us) & (table[rows, 2] <= span.end_us)
                good[rows] = fits
        return good

    def runs(self, threshold: float, release: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First frame, end and highest frame of the stretches above the threshold."""
        on = self._curve > np.float32(threshold)
        if release is not None:
            index = np.arange(1, len(on) + 1)
            last_on = np.maximum.accumulate(np.where(on, index, 0))
            last_off = np.maximum.accumulate(np.where(self._curve <= np.float32(release), index, 0))
            on = last_on > last_off
        change = np.flatnonzero(on[1:] != on[:-1]) + 1
        first, end = change[0::2], change[1::2]
        if not len(first):
            return first, end, np.empty(0, np.float32)
        return first, end, np.maximum.reduceat(self._curve, change)[::2]

    def events(self, runs: tuple[np.ndarray, np.ndarray, np.ndarray], gap_us: int) -> _Events:
        """The runs with the gaps up to `gap_us` closed."""
        first, end, highest = runs
        if not len(first):
            return _Events(np.empty((0, 4), np.int64), first, highest)
        file = np.searchsorted(self._starts, first, "right") - 1
        open_ = np.ones(len(first), bool)
        near = first[1:] - end[:-1] <= gap_us // self._frame_us[file[1:]]
        open_[1:] = ~(near & (file[1:] == file[:-1]))
        begin = np.flatnonzero(open_)
        last = np.append(begin[1:], len(first)) - 1
        file, first, end = file[begin], first[begin], end[last]
        frame, zero = self._frame_us[file], self._starts[file]
        onset, offset = (first - zero) * frame, (end - zero) * frame
        table = np.column_stack([file, onset, np.minimum(offset, self._end_us[file]), np.zeros_like(file)])
        table[:, 1:3] += self._zero_us[file][:, None]
        return _Events(table, offset - onset, np.maximum.reduceat(highest, begin))


def _chosen(side: _Side, found: _Events, grid: Grid, criterion: Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Hits and estimates for every min_dur and peak: two int64 [files, min_durs, peaks]."""
    r, e = candidates(side.table, found.table, criterion)
    kept = side.judged[r]
    r, e = r[kept], e[kept]
    least = np.array([to_us(value) for value in grid.min_durs], np.int64)
    duration = np.searchsorted(least, found.length_us, "right") - 1
    peak = np.searchsorted(np.array(grid.peaks, np.float32), found.peak, "right") - 1
    counted = side.inside(found.table)
    counted[e] = True
    shape = len(side.references), len(grid.min_durs), len(grid.peaks)
    alone = (np.bincount(r, minlength=1)[r] == 1) & (np.bincount(e, minlength=1)[e] == 1)
    file = found.table[:, 0]
    estimates = _passing(file[counted], duration[counted], peak[counted], shape)
    single = e[alone]
    hits = _passing(file[single], duration[single], peak[single], shape)
    for rows, columns in _contests(r[~alone], e[~alone]):
        members = sorted(columns)
        passes = (duration[members, None, None] >= np.arange(shape[1])[:, None]) & (
            peak[members, None, None] >= np.arange(shape[2])
        )
        hits[file[members[0]]] += _matched(rows, columns, members, passes)
    return hits, estimates


def _passing(
    file: np.ndarray, duration: np.ndarray, peak: np.ndarray, shape: tuple[int, int, int]
) -> np.ndarray:
    """How many events each file has that reach each min_dur and each peak."""
    table = np.zeros(shape, np.int64)
    good = (duration >= 0) & (peak >= 0)
    np.add.at(table, (file[good], duration[good], peak[good]), 1)
    return table[:, ::-1, ::-1].cumsum(axis=1).cumsum(axis=2)[:, ::-1, ::-1]


def _contests(r: np.ndarray, e: np.ndarray) -> Iterator[tuple[dict[int, list[int]], dict[int, list[int]]]]:
    """Pairs that hang together, as partners by reference and by estimate."""
    by_row: dict[int, list[int]] = {}
    by_column: dict[int, list[int]] = {}
    for i, j in zip(r.tolist(), e.tolist(), strict=True):
        by_row.setdefault(i, []).append(j)
        by_column.setdefault(j, []).append(i)
    seen: set[int] = set()
    for start in by_row:
        if start in seen:
            continue
        rows: dict[int, list[int]] = {}
        columns: dict[int, list[int]] = {}
        stack = [start]
        while stack:
            i = stack.pop()
            if i in rows:
                continue
            rows[i] = by_row[i]
            for j in by_row[i]:
                columns[j] = by_column[j]
                stack += by_column[j]
        seen.update(rows)
        yield rows, columns


def _matched(
    rows: dict[int, list[int]], columns: dict[int, list[int]], members: list[int], passes: np.ndarray
) -> np.ndarray:
    """Size of the maximum matching for every setting, given which members each setting lets pass."""
    number = {i: k for k, i in enumerate(rows)}
    patterns, inverse = np.unique(passes.reshape(len(members), -1).T, axis=0, return_inverse=True)
    sizes = []
    for pattern in patterns:
        adjacency = [[number[i] for i in columns[j]] for j, on in zip(members, pattern, strict=True) if on]
        sizes.append(sum(augmentations(adjacency, len(number))))
    return np.array(sizes, np.int64)[inverse.ravel()].reshape(passes.shape[1:])
