"""Where in a soundscape a sound goes, and how loud it is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, effects

RATE = effects.RATE

_FADE = 0.02  # seconds
_QUIETEST_GROUND = -46.0  # dBFS: what a burst over near silence is placed against
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Placed:
    """A sound in a soundscape: one bout with its pulses, in seconds from the start of the soundscape."""

    onset: float
    offset: float
    label: str
    source: str
    snr: float | None
    pulses: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Ground:
    """What sounds are placed into: `audio` float32 [samples] is mixed into, `taken` grows.

    `quiet` says that there is no background to compare with; `rms` is the background's own where sounds are
    measured against that alone, None where what was placed before counts as ground, too.
    """

    audio: np.ndarray
    quiet: bool
    taken: activity.Spans
    rms: float | None = None

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.audio) / RATE

    def level(self) -> float:
        """RMS that a signal-to-noise ratio refers to."""
        if self.quiet:
            return 10 ** (_QUIETEST_GROUND / 20)
        rms = sounding_rms(self.audio) if self.rms is None else self.rms
        return max(rms, 10 ** (_QUIETEST_GROUND / 20))


def place(
    ground: Ground,
    sound: np.ndarray,
    spans: activity.Spans,
    clip: Clip,
    snr: tuple[float, float],
    gaps: activity.Spans,
    rng: np.random.Generator,
) -> Placed | None:
    """Mix a sound in away from the others, into one of `gaps` if that works; None where no room is left."""
    length = len(sound) / RATE
    start, stop = spans[0][0], spans[-1][1]
    for attempt in range(_TRIES):
        if gaps and attempt < _TRIES // 2:
            low, high = gaps[int(rng.integers(len(gaps)))]
            at = float(rng.uniform(low, max(low, high - length)))
        elif ground.seconds > length:
            at = float(rng.uniform(0, ground.seconds - length))
        else:
            return None
        onset, offset = at + start, at + stop
        apart = 2 * activity.BOUT_GAP
        free = all(offset + apart <= a or onset >= b + apart for a, b in ground.taken)
        if at + length <= ground.seconds and free:
            return _mix(ground, sound, spans, clip, at, snr, rng)
    return None


def place_upon(
    ground: Ground,
    sound: np.ndarray,
    spans: activity.Spans,
    clip: Clip,
    snr: tuple[float, float],
    rng: np.random.Generator,
) -> Placed | None:
    """Mix a sound in so that it overlaps one that is there; None where it would leave the soundscape."""
    start, stop = spans[0][0], spans[-1][1]
    low, high = ground.taken[int(rng.integers(len(ground.taken)))]
    at = float(rng.uniform(low - stop, high - start))
    at = min(max(at, 0.0), ground.seconds - len(sound) / RATE)
    return _mix(ground, sound, spans, clip, at, snr, rng) if at >= 0 else None


def _mix(
    ground: Ground,
    sound: np.ndarray,
    spans: activity.Spans,
    clip: Clip,
    at: float,
    snr: tuple[float, float],
    rng: np.random.Generator,
) -> Placed:
    start, stop = spans[0][0], spans[-1][1]
    ratio = float(rng.uniform(*snr))
    own = sounding_rms(sound[round(start * RATE) : round(stop * RATE)])
    gain = ground.level() * 10 ** (ratio / 20) / (own + 1e-6)
    first = round(at * RATE)
    ground.audio[first : first + len(sound)] += sound[: len(ground.audio) - first] * np.float32(gain)
    ground.taken.append((at + start, at + stop))
    pulses = tuple((round(at + a, 3), round(min(at + b, ground.seconds), 3)) for a, b in spans)
    return Placed(pulses[0][0], pulses[-1][1], clip.label, clip.source, round(ratio, 1), pulses)


def pauses(audio: np.ndarray, length: float) -> activity.Spans:
    """Pauses of speech that a sound of `length` seconds about fits into."""
    spoken = activity.join(activity.pulses(audio, RATE), 0.25)
    edges = [0.0, *(x for span in spoken for x in span), len(audio) / RATE]
    found = [(edges[k], edges[k + 1]) for k in range(0, len(edges) - 1, 2)]
    return [(a, max(b, a + length)) for a, b in found if b - a > max(0.25, 0.6 * length)]


def faded(sound: np.ndarray) -> np.ndarray:
    """`sound` with a fade at both ends, in place."""
    fade = min(round(_FADE * RATE), len(sound) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    return sound


def level(audio: np.ndarray, dbfs: float = -26.0) -> np.ndarray:
    """Scale so that the louder half of the 50 ms frames has an RMS of `dbfs`."""
    return audio * np.float32(10 ** (dbfs / 20) / (sounding_rms(audio) + 1e-6))


def sounding_rms(audio: np.ndarray) -> float:
    """RMS of the 50 ms frames within 20 dB of the loudest."""
    frame = RATE // 20
    count = max(1, len(audio) // frame)
    power = np.square(audio[: count * frame], dtype=np.float64)
    power = (
        power.reshape(count, -1).mean(1)
        if len(audio) >= frame
        else np.array([power.mean() if len(power) else 0.0])
    )
    return float(np.sqrt(power[power >= power.max() / 100].mean()))
