"""Whisper's log-mel spectrogram in numpy.

Definition: `WhisperFeatureExtractor` of Hugging Face transformers and `log_mel_spectrogram` of OpenAI's
whisper: 16 kHz, periodic Hann window of 400 samples, hop 160, reflect padding, power spectrum, 80 Slaney mel
bands over 0-8000 Hz, log10, floor 8 (80 dB) below the loudest value *of the window given*, (x + 4) / 4; the
last frame is dropped. Values differ from the numpy path of transformers by less than 1e-5, from its torch
path by about 2e-5."""

from __future__ import annotations

import threading
from functools import lru_cache

import numpy as np
from threadpoolctl import ThreadpoolController

RATE = 16_000  # Hz
HOP = 160  # samples: one mel frame each 10 ms
FFT = 400  # samples
BANDS = 80  # 128 in whisper-large-v3

# Frames transformed at once. For the intermediate arrays of a whole window the allocator would ask the system
# for fresh pages each time, and that took longer than all the arithmetic.
_AT_ONCE = 100

# The limit below holds for the whole process: two threads at once would take each other's for the former one,
# and leave it behind.
_ALONE = threading.Lock()

_BREAK_HZ, _BREAK_MEL, _LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27.0  # Slaney, Auditory Toolbox (1998)


def log_mel(audio: np.ndarray, bands: int = BANDS) -> np.ndarray:
    """Log-mel of one window: audio float32 [samples] at 16 kHz -> float32 [bands, samples // 160], one per
    10 ms.

    The floor follows the loudest value of the window, so pad the window to the network's length first.
    """
    count = len(audio) // HOP
    if not count:
        return np.zeros((bands, 0), np.float32)
    padded = np.pad(np.asarray(audio, np.float32), FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP][:count]
    mel = np.empty((bands, count), np.float32)
    with _ALONE, _libraries().limit(limits=1, user_api="blas"):
        for first in range(0, count, _AT_ONCE):
            spectrum = np.fft.rfft(frames[first : first + _AT_ONCE] * _hann(), axis=1)
            power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
            np.matmul(_filters(bands), power.T, out=mel[:, first : first + _AT_ONCE])
    mel = np.log10(np.maximum(mel, np.float32(1e-10)))
    return (np.maximum(mel, mel.max() - np.float32(8)) + np.float32(4)) / np.float32(4)


@lru_cache(maxsize=1)
def _libraries() -> ThreadpoolController:
    """The linear algebra libraries of this process. Their threads are no gain on products so small, and go on
    spinning for some 30 ms afterwards (OpenBLAS), on the very cores that the network's threads then need.
    """
    return ThreadpoolController()


@lru_cache(maxsize=1)
def _hann() -> np.ndarray:
    """Periodic Hann window, float32 [400]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)


@lru_cache(maxsize=2)
def _filters(bands: int) -> np.ndarray:
    """Triangular Slaney filters of unit area, float32 [bands, 201]."""
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(RATE / 2), bands + 2))
    slopes = edges[:, None] - np.linspace(0, RATE / 2, FFT // 2 + 1)
    widths = np.diff(edges)[:, None]
    triangles = np.maximum(0, np.minimum(-slopes[:-2] / widths[:-1], slopes[2:] / widths[1:]))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def _hz_to_mel(hz: float) -> float:
    """Slaney's scale above its break: linear below 1 kHz, logarithmic above."""
    return _BREAK_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def _mel_to_hz(mel: np.ndarray) -> np.ndarray:
    linear = mel * (_BREAK_HZ / _BREAK_MEL)
    return np.where(mel < _BREAK_MEL, linear, _BREAK_HZ * np.exp(_LOG_STEP * (mel - _BREAK_MEL)))
