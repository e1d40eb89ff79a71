"""The side-by-side of detectors: settings found on a line of all curves are those of each curve alone."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from vbannotate.decode import Settings, decode
from vbannotate.events import Event
from vbannotate.match import match

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from peerlib import base, judge
from peerlib.soundscapes import Soundscape


def scene(*events: tuple[float, float, str], seconds: float = 10.0, background: str = "speech") -> Soundscape:
    return Soundscape(
        Path("x.flac"), round(seconds * 1e6), background, tuple(Event(a, b, label) for a, b, label in events)
    )


def test_search_equals_decoding_and_matching_each_recording(monkeypatch):
    monkeypatch.setattr(judge, "THRESHOLDS", (0.3, 0.6))
    monkeypatch.setattr(judge, "MERGE_GAPS", (0.0, 0.2))
    monkeypatch.setattr(judge, "MIN_DURS", (0.0, 0.1))
    monkeypatch.setattr(judge, "PEAKS", (None, 0.9))
    rng = np.random.default_rng(1)
    scenes = [scene((1, 2, "laugh"), (4, 4.3, "cough")), scene(), scene((0, 0.5, "sigh"), (9.5, 10, "sigh"))]
    curves = []
    for one in scenes:
        curve = np.convolve(rng.random(500), np.full(7, 1 / 7), mode="same").astype(np.float32)
        for event in one.events:
            curve[round(event.onset * 50) : round(event.offset * 50)] += 0.12
        curves.append(np.minimum(curve, 1))

    def f1(settings: Settings) -> float:
        found = [decode(c, settings, duration_us=s.duration_us) for c, s in zip(curves, scenes, strict=True)]
        hits = sum(len(match(s.events, f, by_label=False)) for s, f in zip(scenes, found, strict=True))
        return 2 * hits / (4 + sum(map(len, found)))

    grid = [
        Settings(*values)
        for values in itertools.product(judge.THRESHOLDS, judge.MERGE_GAPS, judge.MIN_DURS, judge.PEAKS)
    ]
    settings, value = judge.search(curves, scenes)
    assert value == pytest.approx(max(map(f1, grid))) and value == pytest.approx(f1(settings))
    assert 0.2 < value < 1


def test_figures_counted_by_hand():
    scenes = [
        scene((1, 2, "laugh"), (4, 4.4, "cough")),
        scene(background="music", seconds=30),
        scene(background="music", seconds=30),
    ]
    found = [[Event(1, 1.5), Event(4.1, 4.25), Event(8, 9)], [Event(2, 3)], []]
    figures = judge.figures(scenes, found)
    assert (figures["references"], figures["estimates"], figures["hits"]) == (
        2,
        4,
        1,
    )  # IoU of exactly 1/2 counts
    assert figures["f1"] == pytest.approx(1 / 3)
    assert figures["f1_onset"] == pytest.approx(2 / 3) == figures["f1_overlap"]
    assert figures["f1_mean_of_clips"] == pytest.approx((2 / 5 + 0 + 1) / 3)
    assert figures["false_alarms_per_hour"] == {"music": {"per_hour": 60.0, "minutes": 1.0}}
    assert figures["found_by_label"] == {"cough": [0, 1], "laugh": [1, 1]}
    low, high = figures["f1_interval"]
    assert 0 <= low <= figures["f1"] <= high <= 1


def test_scores_between_known_times_lie_on_straight_lines():
    curve = base.on_frames(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 16_000 + 1)
    assert len(curve) == 51  # a frame that has begun counts
    assert curve[[0, 25, 50]] == pytest.approx([0.01, 0.51, 1.0])
