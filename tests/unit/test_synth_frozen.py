"""`scenes.make` gives what it always gave: models were trained, and are judged, on these seeds.

The golden values were written before variable length, overlap, rooms and hard negatives came. Sound differs
in its last bits between builds of the libraries below, so it is compared by its level every half second; the
number of draws, which any change of the recipe's order would shift, is compared exactly.
"""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate.sources.clips import Clip
from vbannotate.synth import scenes

GOLDEN = json.loads((Path(__file__).parent.parent / "data" / "soundscapes.json").read_text())
RATE = scenes.RATE


class Synthesised:
    """A reader of made-up clips: two or more beeps in each burst, syllables of noise in speech."""

    def whole(self, clip):
        rng = np.random.default_rng(len(clip.stratum))
        time = np.arange(round(clip.seconds * RATE)) / RATE
        sound = 1e-4 * rng.standard_normal(len(time))
        if clip.kind == "burst":
            for start, stop in clip.pulses or ((0.3, 0.6), (1.3, 1.5)):
                inside = (time >= start) & (time < stop)
                sound[inside] += 0.4 * np.sin(2 * np.pi * 500 * time[inside])
        else:
            sound += 0.1 * rng.standard_normal(len(time)) * (np.sin(2 * np.pi * time / 2.5) > -0.5)
        return sound.astype(np.float32)

    def excerpt(self, clip, samples, rng):
        audio = self.whole(clip)
        first = int(rng.integers(max(1, len(audio) - samples)))
        return audio[first : first + samples]


def clip(kind, stratum, pulses=None, seconds=2.5, **more):
    return Clip(f"{stratum}.wav", kind, stratum.split("/")[0], stratum, "beep", "train", "one", seconds,
                pulses=pulses, **more)  # fmt: skip


CLIPS = (
    [clip("burst", f"one/{k}", ((0.2, 0.5), (0.8, 1.0 + 0.05 * k))) for k in range(4)]
    + [clip("burst", "ESC-10/sneeze"), clip("burst", "two/long", ((0.1, 0.4), (1.2, 2.2)))]
    + [clip(kind, f"{kind}/{k}", seconds=4.0 + 20 * k) for kind in ("speech", "music", "env") for k in (0, 1)]
    + [clip("speech", "doubtful/xx", quality="unscreened")]
    + [clip("continuous", "talk/real", ((1.0, 1.5), (3.0, 3.2), (9.0, 9.1)), seconds=40.0)]
)


def fingerprint(recipe, seed, monkeypatch):
    """The events of a seed, where its generator stands in the end, and the sound's level in dBFS each half
    second.
    """
    used = []
    made = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: used.append(made(seed)) or used[-1])
    library = scenes.Library(CLIPS, scenes.WEIGHTS)
    scene = scenes.make(library, getattr(scenes, recipe), seed, Synthesised())
    monkeypatch.undo()
    halves = scene.audio.astype(float).reshape(-1, RATE // 2)
    return {
        "background": scene.background,
        "doubtful": scene.doubtful,
        "events": [[b.onset, b.offset, b.snr, b.source, [list(p) for p in b.pulses]] for b in scene.bursts],
        "state": str(used[0].bit_generator.state["state"]["state"]),
        "level": [round(float(x), 2) for x in 10 * np.log10((halves**2).mean(1) + 1e-12)],
    }


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['recipe']}-{case['seed']}")
def test_seeds_keep_their_soundscape(case, monkeypatch):
    found = fingerprint(case["recipe"], case["seed"], monkeypatch)
    assert found["state"] == case["state"], "something drew more or less than it did"
    assert found["level"] == pytest.approx(case["level"], abs=0.3)
    assert {k: found[k] for k in ("background", "doubtful", "events")} == {
        k: case[k] for k in ("background", "doubtful", "events")
    }


def test_the_golden_seeds_hold_every_recipe_and_background():
    assert {case["recipe"] for case in GOLDEN} == {"PUBLISHED", "SHORT", "TRAINING", "MINING"}
    assert {case["background"] for case in GOLDEN} == {"speech", "music", "env", "silence", "real"}
    assert sum(len(case["events"]) for case in GOLDEN) > 10 and any(case["doubtful"] for case in GOLDEN)
