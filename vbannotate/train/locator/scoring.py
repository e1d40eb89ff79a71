"""Event F1 of a network in training, by the curves, decoding and matching of `detect` and `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vbannotate.decode import Settings, decode
from vbannotate.events import BURST, Event
from vbannotate.models.windows import Layout, curve
from vbannotate.times import to_us
from vbannotate.train import judge
from vbannotate.train.locator.data import RATE, Clip


@dataclass(frozen=True, slots=True)
class Scorer:
    """Judges the probabilities of all windows of `clips`, in order, with fixed settings."""

    clips: Sequence[Clip]
    layout: Layout
    labels: Sequence[str]
    settings: Settings

    def __call__(self, probabilities: np.ndarray) -> dict[str, float]:
        """Figures of probabilities float32 [windows, frames, labels]: pooled over clips and labels at IoU
        0.5, the mean of clips as published, and the share of clips judged right as with or without a burst.
        """
        return self.of_curves(self.curves(probabilities))

    def of_curves(self, curves: Sequence[np.ndarray]) -> dict[str, float]:
        """The same of curves float32 [frames, labels], one a clip."""
        total, means, right = judge.Counts(), [], []
        for clip, found in zip(self.clips, curves, strict=True):
            own, heard, there = judge.Counts(), False, False
            for column, label in enumerate(self.labels):
                reference = events_of(clip, label)
                estimate = decode(found[:, column], self.settings, duration_us=to_us(clip.seconds))
                own += judge.count(reference, estimate, clip.seconds)
                heard, there = heard or bool(estimate), there or bool(reference)
            total += own
            means.append(own.f1)
            right.append(heard == there)
        return {
            "event_f1": total.f1,
            "event_precision": total.precision,
            "event_recall": total.recall,
            "mean_of_clips_f1": float(np.mean(means)),
            "detection_accuracy": float(np.mean(right)),
        }

    def curves(self, probabilities: np.ndarray) -> list[np.ndarray]:
        """Curves float32 [frames, labels] of the clips, their windows cross-faded."""
        waiting = iter(probabilities)

        def recall(sound: list[np.ndarray]) -> np.ndarray:
            return np.stack([next(waiting) for _ in sound])

        return [
            np.concatenate([*curve([np.zeros(round(clip.seconds * RATE), np.float32)], recall, self.layout)])
            for clip in self.clips
        ]


def events_of(clip: Clip, label: str) -> list[Event]:
    """The reference events of a label; ``burst`` is any."""
    return [Event(onset, offset) for onset, offset, name in clip.marks if label in (BURST, name)]
