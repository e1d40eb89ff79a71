"""YAMNet (TensorFlow models, Apache-2.0): 521 classes of AudioSet for each 0.975 s of sound.

The file is the tflite conversion with input float32 [1, 15600] at 16 kHz and scores [1, 521] as an output. It
is run every 0.1 s; the score of a window is put at its middle.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from peerlib.base import Curves, need, on_frames
from peerlib.soundscapes import RATE
from vbannotate.errors import ModelError

HOP = 0.1  # seconds
_WINDOW = 15_600  # samples

# Which of YAMNet's classes are vocal bursts, by index in its class map.
BURSTS = {
    "Yell": 9, "Screaming": 11, "Laughter": 13, "Baby laughter": 14, "Giggle": 15, "Snicker": 16,
    "Belly laugh": 17, "Chuckle, chortle": 18, "Crying, sobbing": 19, "Baby cry, infant cry": 20,
    "Whimper": 21, "Wail, moan": 22, "Sigh": 23, "Humming": 32, "Groan": 33, "Grunt": 34,
    "Whistling": 35, "Breathing": 36, "Wheeze": 37, "Snoring": 38, "Gasp": 39, "Pant": 40, "Snort": 41,
    "Cough": 42, "Throat clearing": 43, "Sneeze": 44, "Sniff": 45, "Chewing, mastication": 49,
    "Gargling": 51, "Burping, eructation": 53, "Hiccup": 54,
}  # fmt: skip


class Yamnet:
    """The scores of the burst classes, added up or the highest of them."""

    name = "YAMNet"

    def __init__(self, file: Path) -> None:
        need("ai_edge_litert", install="ai-edge-litert")
        if not file.is_file():
            raise ModelError(
                f"{file}: no such file", "docs/benchmarks.md says where yamnet.tflite is to be had"
            )
        from ai_edge_litert.interpreter import Interpreter

        self._network = Interpreter(model_path=str(file), num_threads=1)
        self._network.allocate_tensors()
        self._input = self._network.get_input_details()[0]
        self._output = next(d for d in self._network.get_output_details() if d["shape"][-1] == 521)
        self._columns = np.array(sorted(BURSTS.values()))

    def curves(self, audio: np.ndarray) -> Curves:
        """Sum (at most 1) and maximum of the burst classes."""
        count = int(len(audio) / RATE / HOP) + 1
        padded = np.pad(audio, (_WINDOW // 2, _WINDOW))
        scores = np.array([self._scores(padded[round(k * HOP * RATE) :][:_WINDOW]) for k in range(count)])
        times = np.arange(count) * HOP
        total, highest = np.minimum(scores.sum(axis=1), 1), scores.max(axis=1)
        return {
            "sum": on_frames(times, total, len(audio)),
            "maximum": on_frames(times, highest, len(audio)),
        }

    def _scores(self, window: np.ndarray) -> np.ndarray:
        self._network.set_tensor(self._input["index"], window.reshape(self._input["shape"]))
        self._network.invoke()
        return self._network.get_tensor(self._output["index"]).ravel()[self._columns]
