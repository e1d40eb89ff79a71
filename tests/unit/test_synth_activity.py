"""Pulses by energy, and bouts."""

import numpy as np
import pytest

from vbannotate.synth import activity

RATE = 16_000


def beeps(*spans, seconds=3.0):
    rng = np.random.default_rng(3)
    sound = 1e-5 * rng.standard_normal(round(seconds * RATE))
    for start, stop in spans:
        n = np.arange(round(start * RATE), round(stop * RATE))
        sound[n] += 0.3 * np.sin(0.3 * n)
    return sound.astype(np.float32)


def test_pulses_are_found_to_the_window():
    found = activity.pulses(beeps((0.5, 0.9), (1.4, 1.6)), RATE)
    assert np.array(found) == pytest.approx(np.array([(0.5, 0.9), (1.4, 1.6)]), abs=0.03)


def test_close_pulses_are_one_and_clicks_are_none():
    assert len(activity.pulses(beeps((0.5, 0.8), (0.9, 1.2)), RATE)) == 1
    assert len(activity.pulses(beeps((0.5, 0.8), (2.0, 2.002)), RATE)) == 1


def test_nothing_in_silence_or_in_a_snippet():
    assert activity.pulses(np.zeros(RATE, np.float32), RATE) == []
    assert activity.pulses(np.ones(10, np.float32), RATE) == []


def test_a_pause_of_the_gap_itself_stays():
    assert activity.join([(0, 1), (1.5, 2)], 0.5) == [(0, 1), (1.5, 2)]
    assert activity.join([(0, 1), (1.49, 2), (1.6, 1.7)], 0.5) == [(0, 2)]
