"""Any model that vbannotate loads, by name or path: the bundled detector, or a published checkpoint."""

from __future__ import annotations

import numpy as np

from peerlib.base import Curves
from peerlib.soundscapes import RATE
from vbannotate.detection import Detector
from vbannotate.events import Event


class Model:
    """A locator as `vbannotate detect` runs it, on one thread."""

    def __init__(self, model: str | None = None) -> None:
        self.detector = Detector.load(model, threads=1)
        self.name = f"vbannotate, {self.detector.locator.card.name}"

    def curves(self, audio: np.ndarray) -> Curves:
        """The highest of its labels in each frame."""
        scores = self.detector.run(audio, RATE, keep_scores=True).scores[0].scores
        return {"": scores.max(axis=1).astype(np.float32)}

    def events(self, audio: np.ndarray) -> tuple[Event, ...]:
        """What it finds with the settings that it comes with."""
        return self.detector.run(audio, RATE).annotation.events
