"""Events, pulses and kinds: which columns of a network a locator gives, and what follows from them."""

import numpy as np
import pytest

from vbannotate import models, scores
from vbannotate.cli.app import run
from vbannotate.decode import EVENT, PULSE
from vbannotate.detection import Detector
from vbannotate.errors import UsageError
from vbannotate.models.base import Card, Windowed
from vbannotate.settings import resolve

CARD = Card(
    "both",
    settings={"threshold": 0.5, "merge_gap": 0.4},
    presets={"recall": {"threshold": 0.2}},
    window_s=10.0,
    overlap_s=2.0,
    granularities=(EVENT, PULSE),
    kinds=("laugh", "cough"),
    pulse={"merge_gap": 0.0},
)
RATE = 16_000


def network(mel):
    """One event of 1 s from 2 s on, of two pulses; a laugh by 0.9."""
    found = np.zeros((len(mel), 500, 4), np.float32)
    found[:, 100:150, 0] = 0.9
    found[:, 100:120, 1] = found[:, 130:150, 1] = 0.8
    found[..., 2], found[..., 3] = 0.9, 0.1
    return found


def detector(granularity=EVENT, kinds=False):
    locator = Windowed(CARD.at(granularity), network)
    locator = locator.naming() if kinds else locator
    return Detector(locator, resolve(locator.card))


def spans(detection):
    return [(e.onset, e.offset, e.label) for e in detection.annotation.events]


SOUND = np.zeros(10 * RATE, np.float32)


def test_each_granularity_has_its_column_and_settings():
    assert spans(detector().run(SOUND, RATE)) == [(2, 3, "burst")]
    pulses = detector(PULSE)
    assert pulses.settings.default.merge_gap == 0 and pulses.settings.default.threshold == 0.5
    assert spans(pulses.run(SOUND, RATE)) == [(2, 2.4, "burst"), (2.6, 3, "burst")]
    assert pulses.run(SOUND, RATE).annotation.provenance["model"]["granularity"] == "pulse"


def test_kinds_are_named_when_asked_for_and_not_kept_among_scores():
    named = detector(PULSE, kinds=True).run(SOUND, RATE, keep_scores=True)
    assert [label for *_, label in spans(named)] == ["laugh", "laugh"]
    assert named.scores[0].scores.shape == (500, 1) and named.scores[0].granularity == PULSE


def test_kept_pulses_are_decoded_as_pulses(tmp_path):
    kept = detector(PULSE).run(SOUND, RATE, keep_scores=True).scores[0]
    scores.save(kept, tmp_path / "x.scores.npz")
    assert scores.load(tmp_path / "x.scores.npz").granularity == PULSE


def test_a_model_of_one_granularity_says_so():
    with pytest.raises(UsageError, match=r"has no granularity 'pulse'; it has: event; try --preset short"):
        models.card("vocalburst-locator").at(PULSE)
    with pytest.raises(UsageError, match="granularity 'beat'"):
        CARD.at("beat")
    with pytest.raises(UsageError, match="does not tell kinds apart"):
        Windowed(Card("plain"), network).naming()


def test_a_kept_curve_has_one_granularity_and_no_kinds(tmp_path, capsys):
    kept = detector().run(SOUND, RATE, keep_scores=True).scores[0]
    path = tmp_path / "x.scores.npz"
    scores.save(kept, path)
    assert run(["detect", str(path), "--model", "base", "--granularity", "pulse"]) == 1
    assert "granularity event" in capsys.readouterr().err
    assert run(["detect", str(path), "--model", "base", "--kinds"]) == 1
    assert "holds no kinds" in capsys.readouterr().err
