"""Labelled soundscapes: bursts of one set of clips over backgrounds of another, made from a seed.

The published recipe (model card of laion/vocalburst-locator): up to 30 s, 0-5 bursts, half of the soundscapes
without any, a background of speech, music, effects or silence, varied level of the bursts, bursts between
phrases of speech. `PUBLISHED` is that; `TRAINING` makes 10 s windows with more of everything that recordings
suffer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, effects
from vbannotate.synth.audio import Reader

RATE = effects.RATE
KINDS = ("speech", "music", "env", "silence")

_FADE = 0.02  # seconds
_LEAD, _TAIL = 0.03, 0.10  # seconds kept around a bout, so that nothing begins abruptly


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shares and ranges of a kind of soundscape. `snr` is burst RMS over background RMS in dB; lengths in
    seconds.
    """

    seconds: float = 30.0
    empty: float = 0.5
    bursts: tuple[int, int] = (1, 5)
    backgrounds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(KINDS, 1.0))
    snr: tuple[float, float] = (-3.0, 15.0)
    in_gaps: float = 0.5  # share of the bursts over speech that are put between phrases
    second: float = 0.0  # share with a second background underneath
    one_pulse: float = 0.0  # share of the bursts cut down to a single pulse
    longest: float = 8.0
    spoiled: float = 0.0  # scales the shares of rooms, telephone, codecs, clipping, speed


PUBLISHED = Recipe()
SHORT = Recipe(one_pulse=1.0, longest=0.4)
TRAINING = Recipe(
    seconds=10.0,
    empty=0.45,
    bursts=(1, 3),
    backgrounds={"speech": 5.0, "music": 1.6, "env": 2.0, "silence": 0.9, "real": 0.5},
    snr=(-6.0, 22.0),
    second=0.25,
    one_pulse=0.25,
    spoiled=1.0,
)


# No bursts at all: what a first head fires on here is kept as hard negatives.
MINING = replace(
    TRAINING, empty=1.0, backgrounds={"speech": 6.0, "music": 1.2, "env": 2.5, "silence": 0.3}, second=0.15
)


@dataclass(frozen=True, slots=True)
class Placed:
    """A burst in a soundscape: one bout with its pulses, in seconds from the start of the soundscape."""

    onset: float
    offset: float
    label: str
    source: str
    snr: float | None
    pulses: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Scene:
    """Audio float32 [samples] at 16 kHz with its bursts. `doubtful`: the background may hold bursts of its
    own.
    """

    audio: np.ndarray
    bursts: tuple[Placed, ...]
    background: str
    doubtful: bool = False


# What training draws more or less often than its share: rare kinds of burst, doubtful speech.
WEIGHTS = {
    "covid19-cough/dataset/cough": 5.0,
    "ESC-10/sneeze": 7.0,
    "ESC-10/baby_cry": 2.0,
    "EmoGator/02": 2.0,
    "hedgewars-data": 0.6,
    "fillets-ng-data-cs": 0.7,
    "fillets-ng-data-nl": 0.7,
    "fillets-ng-data-cs+joined": 0.4,
    "fillets-ng-data-nl+joined": 0.4,
    "speechocean762": 1.5,
    "tuxpaint-stamps-default/animal": 2.0,
    "AMI corpus": 3.0,
}


class Library:
    """Clips by kind and stratum, drawn by the square root of what a stratum holds times its weight."""

    def __init__(self, clips: Iterable[Clip], weights: dict[str, float] | None = None) -> None:
        self._strata: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
        for clip in clips:
            self._strata[clip.kind][clip.stratum].append(clip)
        self._weights = weights or {}
        self._tables = {kind: self._table(strata) for kind, strata in self._strata.items()}

    def _table(self, strata: dict[str, list[Clip]]) -> tuple[list[str], np.ndarray]:
        names = sorted(strata)
        sizes = [
            self._weight(strata[name][0]) * np.sqrt(sum(c.seconds for c in strata[name])) for name in names
        ]
        return names, np.cumsum(sizes) / np.sum(sizes)

    def _weight(self, clip: Clip) -> float:
        for name in (clip.stratum, clip.source):
            if name in self._weights:
                return self._weights[name]
        return 1.0

    def draw(self, kind: str, rng: np.random.Generator) -> Clip:
        """One clip of a kind."""
        names, cumulated = self._tables[kind]
        stratum = self._strata[kind][names[int(np.searchsorted(cumulated, rng.random()))]]
        return stratum[int(rng.integers(len(stratum)))]

    def sibling(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """Another clip of the same stratum, of the same speaker or recording if there is one."""
        stratum = self._strata[clip.kind][clip.stratum]
        own = [c for c in stratum if c.group == clip.group]
        return own[int(rng.integers(len(own)))]


def make(library: Library, recipe: Recipe, seed: Sequence[int], reader: Reader) -> Scene:
    """The soundscape of `seed` (any number of integers): the same whatever was made before it."""
    rng = np.random.default_rng(list(seed))
    kind = _choose(recipe.backgrounds, rng)
    if kind == "real":
        return _real(library.draw("continuous", rng), recipe, rng, reader)
    audio, doubtful = _background(library, kind, recipe, rng, reader)
    bursts: list[Placed] = []
    if rng.random() >= recipe.empty:
        taken: activity.Spans = []
        for _ in range(int(rng.integers(recipe.bursts[0], recipe.bursts[1] + 1))):
            clip = library.draw("burst", rng)
            sound, spans = _burst(clip, recipe, rng, reader)
            if not spans:
                continue
            placed = _place(audio, sound, spans, clip, kind, recipe, taken, rng)
            if placed is not None:
                bursts.append(placed)
    audio = _recorded(audio, recipe, rng)
    return Scene(audio, tuple(sorted(bursts, key=lambda b: b.onset)), kind, doubtful)


def _choose(weights: dict[str, float], rng: np.random.Generator) -> str:
    names = list(weights)
    share = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def _background(
    library: Library, kind: str, recipe: Recipe, rng: np.random.Generator, reader: Reader
) -> tuple[np.ndarray, bool]:
    """The ground of a soundscape at about -26 dBFS, and whether it may hold bursts."""
    samples = round(recipe.seconds * RATE)
    floor = 10 ** (rng.uniform(-80, -45) / 20) * effects.noise(samples, rng, rng.uniform(0, 2))
    if kind == "silence":
        return floor, False
    clip = library.draw(kind, rng)
    audio = _fill(library, clip, samples, rng, reader)
    doubtful = clip.quality == "unscreened"
    if recipe.spoiled and rng.random() < 0.15:
        audio = effects.room(audio, rng)
    if rng.random() < recipe.second:
        other = library.draw(("music", "env", "speech")[int(rng.choice(3, p=(0.4, 0.4, 0.2)))], rng)
        below = 10 ** (-rng.uniform(3, 18) / 20)
        audio = audio + below * _fill(library, other, samples, rng, reader)
        doubtful |= other.quality == "unscreened"
    return audio + floor, doubtful


def _fill(library: Library, clip: Clip, samples: int, rng: np.random.Generator, reader: Reader) -> np.ndarray:
    """`samples` of a clip and its siblings with pauses, at an RMS of -26 dBFS where it sounds."""
    pieces, length = [], 0
    if clip.kind != "speech" and clip.seconds < 3 and rng.random() < 0.7:
        pieces.append(np.zeros(int(rng.uniform(0, 2) * RATE), np.float32))
    while length < samples:
        piece = level(reader.excerpt(clip, samples - length, rng))
        pieces += [piece, np.zeros(int(rng.uniform(0.1, 1.2) * RATE), np.float32)]
        length = sum(map(len, pieces))
        clip = library.sibling(clip, rng)
    return np.concatenate(pieces)[:samples]


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


def _real(clip: Clip, recipe: Recipe, rng: np.random.Generator, reader: Reader) -> Scene:
    """A window of a real recording whose events people have stamped."""
    whole = reader.whole(clip)
    samples = round(recipe.seconds * RATE)
    first = int(rng.integers(max(1, len(whole) - samples)))
    audio = np.pad(whole[first : first + samples], (0, max(0, samples - len(whole))))
    start = first / RATE
    inside = [(max(0.0, a - start), min(recipe.seconds, b - start)) for a, b in clip.pulses or ()]
    spans = [(round(a, 3), round(b, 3)) for a, b in inside if b - a >= 0.04]
    bursts = tuple(Placed(a, b, clip.label, clip.source, None, ((a, b),)) for a, b in spans)
    return Scene(_recorded(level(audio), recipe, rng), bursts, "real")


def _burst(
    clip: Clip, recipe: Recipe, rng: np.random.Generator, reader: Reader
) -> tuple[np.ndarray, activity.Spans]:
    """One bout of a clip with a fade on both sides, and its pulses within the sound; none: unusable."""
    audio = reader.whole(clip)
    pulses = list(clip.pulses) if clip.pulses else activity.pulses(audio, RATE)
    bouts = pulses if rng.random() < recipe.one_pulse else activity.join(pulses, activity.BOUT_GAP)
    bouts = [b for b in bouts if 0.05 <= b[1] - b[0] <= recipe.longest]
    if not bouts:
        return audio, []
    start, stop = bouts[int(rng.integers(len(bouts)))]
    # Half of the way to the neighbours at most, so that a sound never holds part of another bout.
    before = max((b for _, b in pulses if b <= start), default=-start)
    after = min((a for a, _ in pulses if a >= stop), default=2 * len(audio) / RATE - stop)
    first = max(start - _LEAD, (before + start) / 2)
    last = min(stop + _TAIL, (after + stop) / 2)
    sound = np.array(audio[round(first * RATE) : round(last * RATE)])
    spans = [(a - first, b - first) for a, b in pulses if start <= a and b <= stop]
    if len(sound) < RATE // 20:
        return audio, []
    if recipe.spoiled and rng.random() < 0.4 * recipe.spoiled:
        factor = float(rng.uniform(0.85, 1.2))
        sound, spans = effects.speed(sound, factor), [(a / factor, b / factor) for a, b in spans]
    if recipe.spoiled and rng.random() < 0.3 * recipe.spoiled:
        sound = effects.room(np.pad(sound, (0, RATE // 5)), rng)
    fade = min(round(_FADE * RATE), len(sound) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    sound[:fade] *= ramp
    sound[-fade:] *= ramp[::-1]
    return sound, spans


def _place(
    audio: np.ndarray,
    sound: np.ndarray,
    spans: activity.Spans,
    clip: Clip,
    kind: str,
    recipe: Recipe,
    taken: activity.Spans,
    rng: np.random.Generator,
) -> Placed | None:
    """Mix a burst into `audio` away from the others; None where no room is left."""
    seconds, length = len(audio) / RATE, len(sound) / RATE
    start, stop = spans[0][0], spans[-1][1]
    gaps = _pauses(audio, length) if kind == "speech" and rng.random() < recipe.in_gaps else []
    for attempt in range(20):
        if gaps and attempt < 10:
            low, high = gaps[int(rng.integers(len(gaps)))]
            at = float(rng.uniform(low, max(low, high - length)))
        elif seconds > length:
            at = float(rng.uniform(0, seconds - length))
        else:
            return None
        onset, offset = at + start, at + stop
        apart = 2 * activity.BOUT_GAP
        if at + length <= seconds and all(offset + apart <= a or onset >= b + apart for a, b in taken):
            break
    else:
        return None
    snr = float(rng.uniform(*recipe.snr))
    ground = max(sounding_rms(audio) if kind != "silence" else 0.0, 10 ** (-46 / 20))
    gain = ground * 10 ** (snr / 20) / (sounding_rms(sound[round(start * RATE) : round(stop * RATE)]) + 1e-6)
    first = round(at * RATE)
    audio[first : first + len(sound)] += sound[: len(audio) - first] * np.float32(gain)
    taken.append((onset, offset))
    pulses = tuple((round(at + a, 3), round(min(at + b, seconds), 3)) for a, b in spans)
    return Placed(pulses[0][0], pulses[-1][1], clip.label, clip.source, round(snr, 1), pulses)


def _pauses(audio: np.ndarray, length: float) -> activity.Spans:
    """Pauses of speech that a sound of `length` seconds about fits into."""
    spoken = activity.join(activity.pulses(audio, RATE), 0.25)
    edges = [0.0, *(x for span in spoken for x in span), len(audio) / RATE]
    pauses = [(edges[k], edges[k + 1]) for k in range(0, len(edges) - 1, 2)]
    return [(a, max(b, a + length)) for a, b in pauses if b - a > max(0.25, 0.6 * length)]


def _recorded(audio: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """The whole at some level, as some microphone and file would have it."""
    share = 0.15 * recipe.spoiled
    if rng.random() < share:
        audio = effects.telephone(audio, rng)
    top = np.abs(audio).max() + 1e-9
    audio = audio * np.float32(10 ** (rng.uniform(-30, -1) / 20) / top)
    if rng.random() < share:
        audio = effects.codec(audio, rng)
    if rng.random() < 0.5 * share:
        audio = effects.clip(audio, rng)
    return audio.astype(np.float32)
