"""Frame probabilities to events, in whole frames and as a stream.

The steps, in this order, named as in the published locator (laion/vocalburst-locator, ``inference.py``):

1. smooth     median over an odd number of frames, the first and last frame repeated at the edges
2. threshold  a frame is positive if ``probability > threshold`` (strict, in float32); with `release` an event
              that began above `threshold` lasts until the curve falls to `release` or below
3. merge_gap  runs join when the gap between them is ``<= merge_gap``
4. min_dur    a joined run is kept when it lasts ``>= min_dur``
5. peak       ... and when its curve once reaches ``>= peak``
6. pad        onset and offset move outwards, at most to the middle of the gap to a neighbour

Confidence is the mean over all frames of the joined run, gap frames included, as published. Times differ
from the published arithmetic in one point: frames are counted, never multiplied as floats, so that a length
equal to an option always passes, wherever it lies (`vbannotate.compat` repeats the published floats).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from vbannotate.errors import UsageError
from vbannotate.events import BURST, Event
from vbannotate.times import from_us, to_us

FRAME_US = 20_000  # one Whisper encoder frame
EVENT, PULSE = "event", "pulse"  # granularities: a series is one event, or each of its sounds is
SURE = 0.6  # mean share of a kind over an event's frames from which on it bears its name (chosen on val)
NEAR_MISS = 0.5  # `explain` names stretches that rose above this share of the threshold


@dataclass(frozen=True, slots=True)
class Settings:
    """How probabilities become events. Probabilities 0-1, lengths in seconds, `smooth` in frames."""

    threshold: float = 0.5
    merge_gap: float = 0.3
    min_dur: float = 0.1
    peak: float | None = None
    release: float | None = None
    pad: float = 0.0
    smooth: int = 1

    def __post_init__(self) -> None:
        """Raises UsageError for a value out of its range."""
        for name in ("threshold", "peak", "release"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise UsageError(
                    f"{name} {value:g} is no probability", "give a number from 0 to 1, such as 0.5"
                )
        for name in ("merge_gap", "min_dur", "pad"):
            if not 0 <= getattr(self, name) < 3600:
                raise UsageError(
                    f"{name} {getattr(self, name):g} s is out of range", "give seconds, such as 0.3"
                )
        if self.smooth < 1 or self.smooth % 2 == 0:
            raise UsageError(
                f"smooth {self.smooth} has no middle frame", "give an odd number of frames, such as 5"
            )
        if self.release is not None and self.release > self.threshold:
            raise UsageError(
                f"release {self.release:g} lies above threshold {self.threshold:g}", "give a lower release"
            )

    def updated(self, changes: Mapping[str, Any]) -> Settings:
        """A copy with `changes` applied; keys that are no setting raise UsageError."""
        known = {field.name for field in fields(self)}
        for name in changes:
            if name not in known:
                raise UsageError(f"unknown setting {name!r}", f"known are {', '.join(sorted(known))}")
        return replace(self, **changes)

    def to_dict(self) -> dict[str, float | int | None]:
        """The settings by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why a stretch of the curve is no event of its own. `step` is a setting's name."""

    onset_us: int
    offset_us: int
    step: str
    value: float
    limit: float
    label: str = BURST

    def __str__(self) -> str:
        where = f"{from_us(self.onset_us):.2f}s - {from_us(self.offset_us):.2f}s"
        value, limit = f"{self.value:.3g}", f"{self.limit:g}"
        reason = {
            "threshold": f"probability rises to {value}, not above threshold {limit}",
            "merge_gap": f"gap of {value} s joined (merge_gap {limit} s)",
            "min_dur": f"lasts {value} s, shorter than min_dur {limit} s",
            "peak": f"highest probability {value}, below peak {limit}",
        }[self.step]
        return f"{where}  {reason}"


class Decoder:
    """Turns the probabilities of one label into events that leave as soon as they are settled.

    With `kinds`, the names of columns that tell kinds apart, an event bears the name of its kind where the
    mean share of one reaches `SURE`, else `label`.
    The events are the same however the curve is cut into blocks. With `explain`, `dropped` lists what each
    step took away once `finish` has run.
    """

    def __init__(
        self,
        settings: Settings,
        frame_us: int = FRAME_US,
        label: str = BURST,
        explain: bool = False,
        kinds: Sequence[str] = (),
    ) -> None:
        self.dropped: list[Dropped] = []
        self._settings, self._frame_us, self._label, self._explain = settings, frame_us, label, explain
        self._gap_frames = to_us(settings.merge_gap) // frame_us
        self._min_us, self._pad_us = to_us(settings.min_dur), to_us(settings.pad)
        self._names = tuple(kinds)
        self._kinds = np.zeros((0, len(kinds)), np.float32)  # their shares from frame `_base` on
        self._raw: np.ndarray | None = None  # the last frames before smoothing, half a median window twice
        self._curve = np.zeros(0, np.float32)  # smoothed frames from `_base` on that are still needed
        self._base = 0
        self._active = False  # was the last frame positive?
        self._run: int | None = None  # first frame of the open positive run
        self._joined: tuple[int, int] | None = None  # first frame and end of the runs joined so far
        self._held: Event | None = None  # settled but for the padding towards its right neighbour
        self._left_us: int | None = None  # unpadded offset of the event before the held one
        self._rise: list[float] | None = None  # open stretch above NEAR_MISS: first frame, maximum
        self._kept: list[tuple[int, int]] = []  # only with `explain`

    def feed(self, probabilities: np.ndarray, kinds: np.ndarray | None = None) -> Iterator[Event]:
        """Take the next block, float32 [frames], and the shares of the kinds, float32 [frames, kinds]; yield
        the events that it settles.
        """
        if kinds is not None:
            self._kinds = np.concatenate([self._kinds, kinds])
        yield from self._take(self._smooth(np.asarray(probabilities, np.float32), last=False))

    def finish(self, duration_us: int | None = None) -> Iterator[Event]:
        """Yield the rest. No event ends after `duration_us`, the end of the media."""
        yield from self._take(self._smooth(np.zeros(0, np.float32), last=True))
        end = self._base + len(self._curve)
        self._end_run(end)
        for event in (*self._settle(end, force=True), self._padded(None)):
            if event is not None:
                over = duration_us is not None and event.offset_us > duration_us
                yield event.with_(offset_us=duration_us) if over else event
        if self._explain:
            self._end_rise(end)
            self.dropped = sorted(
                filter(self._outside_kept, self.dropped), key=lambda d: (d.onset_us, d.offset_us)
            )

    def _smooth(self, block: np.ndarray, last: bool) -> np.ndarray:
        half = self._settings.smooth // 2
        if not half or (self._raw is None and not len(block)):
            return block
        before = np.repeat(block[:1], half) if self._raw is None else self._raw
        raw = np.concatenate([before, block])
        if last:
            raw = np.concatenate([raw, np.repeat(raw[-1:], half)])
        self._raw = raw[max(0, len(raw) - 2 * half) :]
        if len(raw) <= 2 * half:
            return raw[:0]
        return np.median(np.lib.stride_tricks.sliding_window_view(raw, 2 * half + 1), axis=1)

    def _take(self, curve: np.ndarray) -> Iterator[Event]:
        start = self._base + len(self._curve)
        end = start + len(curve)
        self._curve = np.concatenate([self._curve, curve])
        if self._explain:
            self._watch_rises(curve, start)
        for frame, on in self._changes(curve, start):
            if on:
                yield from self._settle(frame)
                self._run = frame
            else:
                self._end_run(frame)
        if self._run is None:
            yield from self._settle(end)
        needed = self._needed(end)
        if self._held is not None and needed * self._frame_us - self._held.offset_us >= 2 * self._pad_us:
            yield from filter(None, [self._padded(None)])
        self._kinds = self._kinds[needed - self._base :]
        self._curve, self._base = self._curve[needed - self._base :], needed

    def _needed(self, end: int) -> int:
        """The first frame that an event not yet settled may begin at."""
        if self._joined is not None:
            return self._joined[0]
        return end if self._run is None else self._run

    def _changes(self, curve: np.ndarray, start: int) -> Iterator[tuple[int, bool]]:
        """Frames at which the state changes, with the new state."""
        if not len(curve):
            return
        on = curve > np.float32(self._settings.threshold)
        if self._settings.release is not None:
            index = np.arange(1, len(curve) + 1)
            last_on = np.maximum.accumulate(np.where(on, index, 0))
            off = curve <= np.float32(self._settings.release)
            last_off = np.maximum.accumulate(np.where(off, index, 0))
            on = (last_on > last_off) | ((last_on == last_off) & self._active)
        before = np.concatenate([[self._active], on[:-1]])
        self._active = bool(on[-1])
        for place in np.flatnonzero(on != before).tolist():
            yield start + place, bool(on[place])

    def _end_run(self, end: int) -> None:
        if self._run is None:
            return
        if self._joined is None:
            self._joined = self._run, end
        else:
            first, gap_start = self._joined
            gap = (self._run - gap_start) * self._frame_us
            self._note(gap_start, self._run, "merge_gap", from_us(gap), self._settings.merge_gap)
            self._joined = first, end
        self._run = None

    def _settle(self, frame: int, force: bool = False) -> Iterator[Event]:
        """Judge the joined runs once a run that begins at `frame` cannot join them any more."""
        if self._joined is None or (frame - self._joined[1] <= self._gap_frames and not force):
            return
        (first, end), self._joined = self._joined, None
        curve = self._curve[first - self._base : end - self._base]
        highest, length_us = float(curve.max()), (end - first) * self._frame_us
        peak = self._settings.peak
        if length_us < self._min_us:
            self._note(first, end, "min_dur", from_us(length_us), self._settings.min_dur)
        elif peak is not None and np.float32(highest) < np.float32(peak):
            self._note(first, end, "peak", highest, peak)
        else:
            if self._explain:
                self._kept.append((first * self._frame_us, end * self._frame_us))
            event = Event.from_us(
                first * self._frame_us,
                end * self._frame_us,
                self._named(self._kinds[first - self._base : end - self._base]),
                round(float(curve.mean()), 4),
                {"peak": round(highest, 4)},
            )
            if (before := self._padded(event.onset_us)) is not None:
                yield before
            self._held = event

    def _named(self, shares: np.ndarray) -> str:
        """The kind of an event by the shares of its frames; the decoder's label where none is sure."""
        if not len(shares):
            return self._label
        means = shares.mean(axis=0)
        best = int(means.argmax())
        return self._names[best] if means[best] >= SURE else self._label

    def _padded(self, right_us: int | None) -> Event | None:
        """Let the held event go, padded at most to the middle of the gaps to its neighbours."""
        event, self._held = self._held, None
        if event is None:
            return None
        left = event.onset_us if self._left_us is None else (event.onset_us - self._left_us) // 2
        right = self._pad_us if right_us is None else (right_us - event.offset_us) // 2
        self._left_us = event.offset_us
        return event.with_(
            onset_us=event.onset_us - min(self._pad_us, left),
            offset_us=event.offset_us + min(self._pad_us, right),
        )

    def _watch_rises(self, curve: np.ndarray, start: int) -> None:
        """Follow the stretches above NEAR_MISS of the threshold that never pass it."""
        above = curve > np.float32(NEAR_MISS * self._settings.threshold)
        edges = np.flatnonzero(np.diff(above, prepend=self._rise is not None))
        for begin, end in zip([0, *edges], [*edges, len(curve)], strict=True):
            if begin == end:
                continue
            if above[begin]:
                highest = float(curve[begin:end].max())
                self._rise = (
                    [self._rise[0], max(self._rise[1], highest)] if self._rise else [start + begin, highest]
                )
            else:
                self._end_rise(start + int(begin))

    def _end_rise(self, end: int) -> None:
        if self._rise is not None and np.float32(self._rise[1]) <= np.float32(self._settings.threshold):
            self._note(int(self._rise[0]), end, "threshold", self._rise[1], self._settings.threshold)
        self._rise = None

    def _note(self, first: int, end: int, step: str, value: float, limit: float) -> None:
        if self._explain:
            span = first * self._frame_us, end * self._frame_us
            self.dropped.append(Dropped(*span, step, value, limit, self._label))

    def _outside_kept(self, dropped: Dropped) -> bool:
        """A rise inside an event (in a gap that was joined) is no loss."""
        return dropped.step != "threshold" or not any(
            onset <= dropped.onset_us and dropped.offset_us <= offset for onset, offset in self._kept
        )


def decode(
    scores: np.ndarray, settings: Settings, frame_us: int = FRAME_US, duration_us: int | None = None
) -> list[Event]:
    """Decode a whole curve, float32 [frames]; frame k covers [k, k + 1) x `frame_us` from the media's zero.

    With `duration_us` frames that begin after the end of the media are ignored and no event ends after it.
    """
    if duration_us is not None:
        scores = scores[: -(-duration_us // frame_us)]
    decoder = Decoder(settings, frame_us)
    return [*decoder.feed(scores), *decoder.finish(duration_us)]
