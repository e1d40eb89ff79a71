"""What happens to sound on its way to a recording: speed, rooms, telephone, codecs, gain, clipping; and a
word made to sound as if it were cried out.

Every function takes audio float32 [samples] at 16 kHz and a generator, and gives audio of the same length
back, except `speed` and `cried`.
"""

from __future__ import annotations

import io

import numpy as np
import soundfile
import soxr
from scipy.signal import fftconvolve, firwin, lfilter

RATE = 16_000  # Hz

_TELEPHONE = firwin(129, (300, 3400), fs=RATE, pass_zero=False).astype(np.float32)


def speed(audio: np.ndarray, factor: float) -> np.ndarray:
    """Play `audio` at `factor` times its speed; pitch moves with it."""
    return soxr.resample(audio, RATE * factor, RATE, quality="QQ")


def room(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A room of 0.15-0.9 s reverberation: exponentially decaying noise behind the direct sound."""
    decay = rng.uniform(0.15, 0.9)
    time = np.arange(int(decay * RATE), dtype=np.float32) / RATE
    tail = rng.standard_normal(len(time)).astype(np.float32) * np.exp(-6.9 * time / decay)
    tail[: int(0.003 * RATE)] = 0
    tail *= 10 ** (-rng.uniform(0, 12) / 20) / (np.linalg.norm(tail) + 1e-9)
    tail[0] = 1.0
    wet = fftconvolve(audio, tail)[: len(audio)].astype(np.float32)
    return wet * (_rms(audio) / (_rms(wet) + 1e-9))


def telephone(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """300-3400 Hz; half of the calls with the steps of 8-bit mu-law."""
    narrow = lfilter(_TELEPHONE, 1, np.pad(audio, (0, 64)))[64:].astype(np.float32)
    if rng.random() < 0.5:
        top = np.abs(narrow).max() + 1e-9
        companded = np.sign(narrow) * np.log1p(255 * np.abs(narrow) / top) / np.log(256)
        companded = np.round(companded * 127) / 127
        narrow = (np.sign(companded) * np.expm1(np.abs(companded) * np.log(256)) / 255 * top).astype(
            np.float32
        )
    return narrow


def codec(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through Opus, MP3 or Vorbis and back, at a low or middling quality."""
    container, subtype = (("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("OGG", "VORBIS"))[rng.integers(3)]
    buffer = io.BytesIO()
    level = min(float(rng.uniform(0.4, 1.0)), 0.999)  # libsndfile refuses MP3 above 0.9999
    soundfile.write(
        buffer, np.clip(audio, -1, 1), RATE, format=container, subtype=subtype, compression_level=level
    )
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer, dtype="float32")
    return np.pad(decoded[: len(audio)], (0, max(0, len(audio) - len(decoded))))


def clip(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Recorded too loud: the highest 1-15 dB are cut off."""
    limit = np.abs(audio).max() * 10 ** (-rng.uniform(1, 15) / 20)
    return np.clip(audio, -limit, limit)


def cried(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A spoken word as if it were cried out: longer, up to 14 semitones higher with a gliding pitch, brighter
    by up to 12 dB above 700 Hz, and half of the time rough.
    """
    import librosa

    slow = librosa.effects.time_stretch(audio, rate=float(rng.uniform(0.45, 1.05)), n_fft=512)
    knots = rng.uniform(0, 10) + rng.uniform(-4, 4, 4)  # semitones, a quarter of the word apart
    places = np.arange(len(slow))
    pitch = 2 ** (np.interp(places, np.linspace(0, len(slow) - 1, len(knots)), knots) / 12)
    when = np.cumsum(pitch)
    sound = np.interp(when[when < len(slow) - 1], places, slow)
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 1) / 700)
    sound = np.fft.irfft(spectrum * 10 ** (rng.uniform(0, 12) * np.clip(octaves / 2, 0, 1) / 20), len(sound))
    if rng.random() < 0.5:
        sound = np.tanh(rng.uniform(1, 6) * sound / (np.abs(sound).max() + 1e-9))
    return sound.astype(np.float32)


def noise(samples: int, rng: np.random.Generator, colour: float) -> np.ndarray:
    """Noise of unit RMS whose power falls with frequency to the power of `colour` (0 white, 1 pink, 2
    brown).
    """
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum[1:] *= np.arange(1, len(spectrum)) ** (-colour / 2)
    spectrum[0] = 0
    sound = np.fft.irfft(spectrum, samples)
    return (sound / (_rms(sound) + 1e-12)).astype(np.float32)


def _rms(audio: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0
