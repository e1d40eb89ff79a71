"""Reading clips for training: 16 kHz, one channel, parts of long files without decoding the rest."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr

from vbannotate.sources.clips import Clip

RATE = 16_000  # Hz

_HELD = 400  # short clips kept decoded


class Reader:
    """Decodes clips; short ones are kept for the next time."""

    def __init__(self) -> None:
        self._whole = lru_cache(maxsize=_HELD)(decode)

    def whole(self, clip: Clip) -> np.ndarray:
        """All of a clip, float32 [samples]; not to be written to."""
        return self._whole(clip.path)

    def excerpt(self, clip: Clip, samples: int, rng: np.random.Generator) -> np.ndarray:
        """At most `samples` of a clip from anywhere in it."""
        if clip.seconds * RATE <= 1.5 * samples or clip.seconds < 15:
            audio = self.whole(clip)
            first = int(rng.integers(max(1, len(audio) - samples)))
            return audio[first : first + samples]
        return _part(clip.path, float(rng.random()), samples)


def decode(path: Path) -> np.ndarray:
    """A sound file, float32 [samples] at 16 kHz. Raises MediaError for what is no sound."""
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _converted(path)
    return _mono(audio, rate)


def _converted(path: Path) -> np.ndarray:
    """A file that libsndfile cannot read: m4a, video and others. Raises MediaError for what is no sound."""
    from vbannotate import audio

    samples, _ = audio.load(path)
    return samples[:, 0]


def _part(path: Path, where: float, samples: int) -> np.ndarray:
    """`samples` of a long file, `where` (0-1) of the way through what fits."""
    try:
        file = soundfile.SoundFile(path)
    except soundfile.LibsndfileError:
        audio = _converted(path)
        first = int(where * max(0, len(audio) - samples))
        return audio[first : first + samples]
    with file:
        count = -(-samples * file.samplerate // RATE)
        file.seek(int(where * max(0, file.frames - count)))
        audio = file.read(count, dtype="float32", always_2d=True)
        return _mono(audio, file.samplerate)[:samples]


def _mono(audio: np.ndarray, rate: int) -> np.ndarray:
    mixed = audio.mean(axis=1)
    return mixed if rate == RATE else soxr.resample(mixed, rate, RATE, quality="HQ")
