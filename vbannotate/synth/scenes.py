"""Labelled soundscapes: bursts of one set of clips over backgrounds of another, made from a seed.

The published recipe (model card of laion/vocalburst-locator): up to 30 s, 0-5 bursts, half of the soundscapes
without any, a background of speech, music, effects or silence, varied level of the bursts, bursts between
phrases of speech. `PUBLISHED` is that; `TRAINING` makes 10 s windows with more of everything that recordings
suffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vbannotate.sources.clips import Clip
from vbannotate.synth import activity, effects
from vbannotate.synth.audio import Reader
from vbannotate.synth.library import CALLED, HARD, WEIGHTS, Library
from vbannotate.synth.placing import Ground, Placed, faded, level, pauses, place, place_upon, sounding_rms

__all__ = [
    "CRIED",
    "HARDER",
    "KINDS",
    "MINING",
    "OUTCRY",
    "PUBLISHED",
    "RATE",
    "SHORT",
    "TRAINING",
    "VARIED",
    "WEIGHTS",
    "WIDER",
    "Library",
    "Placed",
    "Recipe",
    "Scene",
    "level",
    "make",
    "sounding_rms",
]

RATE = effects.RATE
KINDS = ("speech", "music", "env", "silence")
CRIED = "cried word"  # what such a word is called in a soundscape's negatives

_LEAD, _TAIL = 0.03, 0.10  # seconds kept around a bout, so that nothing begins abruptly
_LONGEST_NEGATIVE = 4.0  # seconds
_SHORTEST_WORD, _LONGEST_WORD = 0.2, 0.9  # seconds, before it is stretched
_ACTED = 0.5  # share of the words cried out that come from acted and shouted speech, where there is some
_SECOND = {"music": 0.4, "env": 0.4, "speech": 0.2}


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
    # What follows is drawn only where it is switched on, so that older recipes keep their soundscapes.
    shortest: float = 0.0  # where over 0, the length varies from this to `seconds`
    alone: bool = False  # `snr` against the background alone; else bursts placed before count as ground
    overlap: float = 0.0  # share of the bursts that lie upon another where there is one
    hard: float = 0.0  # share of the soundscapes with 1-3 sounds that resemble bursts and are none
    cried: float = 0.0  # share of the soundscapes with 1-4 words cried out, which are no bursts
    room: float = 0.0  # shares of whole soundscapes: a far microphone, a telephone, a codec, clipped peaks
    telephone: float = 0.0
    codec: float = 0.0
    clipping: float = 0.0
    gain: tuple[float, float] = (-30.0, -1.0)  # the highest peak of the whole, dBFS


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

# The second helping: more effects and animals, more bursts a window.
WIDER = replace(
    TRAINING,
    bursts=(1, 4),
    backgrounds={"speech": 4.4, "music": 1.5, "env": 3.4, "silence": 0.8, "real": 0.6},
    second=0.3,
)

# The third: effects as often as speech, and what the first two lacked most: short bursts, far microphones.
HARDER = replace(
    WIDER,
    backgrounds={"speech": 4.0, "music": 1.4, "env": 4.0, "silence": 0.6, "real": 0.6},
    one_pulse=0.35,
    room=0.08,
    telephone=0.06,
)

# The fourth: words cried out, in silence as often as over speech, and loud.
OUTCRY = replace(
    HARDER,
    empty=0.4,
    backgrounds={"speech": 2.0, "music": 1.2, "env": 3.0, "silence": 2.5, "real": 0.3},
    snr=(-3.0, 30.0),
    cried=0.5,
)

# The fifth: all of that in one, words cried out in a quarter.
VARIED = replace(
    HARDER,
    empty=0.42,
    backgrounds={"speech": 3.6, "music": 1.4, "env": 4.0, "silence": 1.2, "real": 0.6},
    snr=(-6.0, 26.0),
    cried=0.25,
)

# No bursts at all: what a first head fires on here is kept as hard negatives.
MINING = replace(
    TRAINING, empty=1.0, backgrounds={"speech": 6.0, "music": 1.2, "env": 2.5, "silence": 0.3}, second=0.15
)


@dataclass(frozen=True, slots=True)
class Scene:
    """Audio float32 [samples] at 16 kHz with its bursts. `doubtful`: the background may hold bursts of its
    own. `negatives` resemble bursts and are none. `grounds` are the sound files of the background.
    """

    audio: np.ndarray
    bursts: tuple[Placed, ...]
    background: str
    doubtful: bool = False
    negatives: tuple[Placed, ...] = ()
    grounds: tuple[str, ...] = ()


def make(library: Library, recipe: Recipe, seed: Sequence[int], reader: Reader) -> Scene:
    """The soundscape of `seed` (any number of integers): the same whatever was made before it."""
    rng = np.random.default_rng(list(seed))
    if recipe.shortest:
        recipe = replace(recipe, seconds=round(float(rng.uniform(recipe.shortest, recipe.seconds)), 2))
    kind = _choose(recipe.backgrounds, rng)
    if kind == "real":
        return _real(library.draw("continuous", rng), recipe, rng, reader)
    drawn: list[Clip] = []
    audio = _background(library, kind, recipe, rng, reader, drawn)
    rms = sounding_rms(audio) if recipe.alone else None
    ground = Ground(audio, kind == "silence", [], rms)
    bursts: list[Placed] = []
    if rng.random() >= recipe.empty:
        for _ in range(int(rng.integers(recipe.bursts[0], recipe.bursts[1] + 1))):
            clip = library.draw("burst", rng)
            sound, spans = _burst(clip, recipe, rng, reader)
            if not spans:
                continue
            placed = _placed(ground, sound, spans, clip, kind, recipe, rng)
            if placed is not None:
                bursts.append(placed)
    others: list[Placed] = []
    if recipe.hard and rng.random() < recipe.hard:
        others = _negatives(library, ground, recipe, rng, reader)
    if recipe.cried and rng.random() < recipe.cried:
        others += _cries(library, ground, recipe, rng, reader)
    audio = _recorded(ground.audio, recipe, rng)
    doubtful = any(clip.quality == "unscreened" for clip in drawn)
    grounds = tuple(dict.fromkeys(f"{clip.source}/{Path(clip.path).name}" for clip in drawn))
    return Scene(audio, _in_order(bursts), kind, doubtful, _in_order(others), grounds)


def _in_order(sounds: list[Placed]) -> tuple[Placed, ...]:
    return tuple(sorted(sounds, key=lambda sound: sound.onset))


def _choose(weights: dict[str, float], rng: np.random.Generator) -> str:
    names = list(weights)
    share = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=share / share.sum()))]


def _background(
    library: Library,
    kind: str,
    recipe: Recipe,
    rng: np.random.Generator,
    reader: Reader,
    drawn: list[Clip],
) -> np.ndarray:
    """The ground of a soundscape at about -26 dBFS; what it is made of goes to `drawn`."""
    samples = round(recipe.seconds * RATE)
    floor = 10 ** (rng.uniform(-80, -45) / 20) * effects.noise(samples, rng, rng.uniform(0, 2))
    if kind == "silence":
        return floor
    audio = _fill(library, library.draw(kind, rng), samples, rng, reader, drawn)
    if recipe.spoiled and rng.random() < 0.15:
        audio = effects.room(audio, rng)
    if rng.random() < recipe.second:
        other = library.draw(_choose(_below(library), rng), rng)
        below = 10 ** (-rng.uniform(3, 18) / 20)
        audio = audio + below * _fill(library, other, samples, rng, reader, drawn)
    return audio + floor


def _below(library: Library) -> dict[str, float]:
    """What a second background is drawn from."""
    return {kind: share for kind, share in _SECOND.items() if kind in library.kinds}


def _fill(
    library: Library,
    clip: Clip,
    samples: int,
    rng: np.random.Generator,
    reader: Reader,
    drawn: list[Clip],
) -> np.ndarray:
    """`samples` of a clip and its siblings with pauses, at an RMS of -26 dBFS where it sounds."""
    pieces, length = [], 0
    if clip.kind != "speech" and clip.seconds < 3 and rng.random() < 0.7:
        pieces.append(np.zeros(int(rng.uniform(0, 2) * RATE), np.float32))
    while length < samples:
        drawn.append(clip)
        piece = level(reader.excerpt(clip, samples - length, rng))
        pieces += [piece, np.zeros(int(rng.uniform(0.1, 1.2) * RATE), np.float32)]
        length = sum(map(len, pieces))
        clip = library.sibling(clip, rng)
    return np.concatenate(pieces)[:samples]


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
    return faded(sound), spans


def _placed(
    ground: Ground,
    sound: np.ndarray,
    spans: activity.Spans,
    clip: Clip,
    kind: str,
    recipe: Recipe,
    rng: np.random.Generator,
) -> Placed | None:
    """A burst in the soundscape, or None where no room is left."""
    if recipe.overlap and ground.taken and rng.random() < recipe.overlap:
        return place_upon(ground, sound, spans, clip, recipe.snr, rng)
    between = kind == "speech" and rng.random() < recipe.in_gaps
    gaps = pauses(ground.audio, len(sound) / RATE) if between else []
    return place(ground, sound, spans, clip, recipe.snr, gaps, rng)


def _negatives(
    library: Library, ground: Ground, recipe: Recipe, rng: np.random.Generator, reader: Reader
) -> list[Placed]:
    """One to three sounds that resemble bursts, mixed in as bursts are."""
    placed = []
    for _ in range(int(rng.integers(1, 4))):
        clip = library.draw(HARD, rng)
        longest = min(_LONGEST_NEGATIVE, ground.seconds / 2)
        sound = np.array(reader.excerpt(clip, round(rng.uniform(0.5, longest) * RATE), rng))
        if spans := activity.pulses(sound, RATE):
            placed.append(place(ground, faded(sound), spans, clip, recipe.snr, [], rng))
    return [sound for sound in placed if sound is not None]


def _cries(
    library: Library, ground: Ground, recipe: Recipe, rng: np.random.Generator, reader: Reader
) -> list[Placed]:
    """One to four words mixed in as bursts are: spoken ones made to sound as if they were cried out, and
    acted or shouted ones, half of these as they are.
    """
    placed = []
    for _ in range(int(rng.integers(1, 5))):
        acted = CALLED in library.kinds and rng.random() < _ACTED
        clip = library.draw(CALLED if acted else "speech", rng)
        if clip.quality == "unscreened":
            continue
        sound = reader.excerpt(clip, 4 * RATE, rng)
        words = [(a, b) for a, b in activity.pulses(sound, RATE) if b - a >= _SHORTEST_WORD]
        if not words:
            continue
        start, stop = words[int(rng.integers(len(words)))]
        length = min(stop - start, float(rng.uniform(_SHORTEST_WORD, _LONGEST_WORD)))
        start += float(rng.uniform(0, stop - start - length))
        word = np.array(sound[round(start * RATE) : round((start + length) * RATE)])
        as_acted = acted and rng.random() < 0.5
        cry = faded(word) if as_acted else faded(effects.cried(faded(word), rng))
        spans = [(0.0, len(cry) / RATE)]
        placed.append(place(ground, cry, spans, replace(clip, label=CRIED), recipe.snr, [], rng))
    return [sound for sound in placed if sound is not None]


def _recorded(audio: np.ndarray, recipe: Recipe, rng: np.random.Generator) -> np.ndarray:
    """The whole at some level, as some microphone and file would have it."""
    share = 0.15 * recipe.spoiled
    if recipe.room and rng.random() < recipe.room:
        audio = effects.room(audio, rng)
    if rng.random() < max(share, recipe.telephone):
        audio = effects.telephone(audio, rng)
    top = np.abs(audio).max() + 1e-9
    audio = audio * np.float32(10 ** (rng.uniform(*recipe.gain) / 20) / top)
    if rng.random() < max(share, recipe.codec):
        audio = effects.codec(audio, rng)
    if rng.random() < max(0.5 * share, recipe.clipping):
        audio = effects.clip(audio, rng)
    return audio.astype(np.float32)
