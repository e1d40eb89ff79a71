"""Silero VAD (github.com/snakers4/silero-vad, MIT): a speech detector as burst detector, and its complement.

Its ONNX file takes blocks of 512 samples, each after the 64 before it, and a state; it gives a probability of
speech for each block.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np

from peerlib.base import Curves, need, on_frames
from peerlib.energy import loudness
from peerlib.soundscapes import RATE

_BLOCK, _BEFORE = 512, 64  # samples
_SPEECH = 0.5  # probability from which Silero itself speaks of speech


class Silero:
    """Speech probabilities."""

    def __init__(self) -> None:
        need("silero_vad", "onnxruntime", install="--no-deps silero-vad")
        import onnxruntime

        package = importlib.util.find_spec("silero_vad")
        assert package is not None and package.origin is not None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        file = Path(package.origin).parent / "data" / "silero_vad.onnx"
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def speech(self, audio: np.ndarray) -> np.ndarray:
        """Probability of speech, float32 [frames]."""
        blocks = np.pad(audio, (_BEFORE, -len(audio) % _BLOCK))
        state, rate = np.zeros((2, 1, 128), np.float32), np.array(RATE, np.int64)
        found = []
        for start in range(0, len(blocks) - _BEFORE, _BLOCK):
            block = blocks[None, start : start + _BEFORE + _BLOCK]
            probability, state = self._session.run(None, {"input": block, "state": state, "sr": rate})
            found.append(float(probability[0, 0]))
        times = (np.arange(len(found)) + 0.5) * _BLOCK / RATE
        return on_frames(times, np.array(found), len(audio))


class Speech:
    """Speech is burst: what a voice activity detector swallows."""

    name = "Silero VAD: speech"

    def __init__(self) -> None:
        self._silero = Silero()

    def curves(self, audio: np.ndarray) -> Curves:
        """The probability of speech."""
        return {"": self._silero.speech(audio)}


class LoudNotSpeech:
    """Loud and not speech is burst."""

    name = "loud and not speech"

    def __init__(self) -> None:
        self._silero = Silero()

    def curves(self, audio: np.ndarray) -> Curves:
        """The loudness where Silero hears no speech."""
        return {"": np.where(self._silero.speech(audio) < _SPEECH, loudness(audio), 0).astype(np.float32)}
