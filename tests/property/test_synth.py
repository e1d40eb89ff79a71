"""Soundscapes of any recipe keep their promises; sides and tables hold for any names."""

import csv
import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate.sources import index
from vbannotate.sources.clips import Clip
from vbannotate.synth import layout, scenes

RATE = scenes.RATE


class Beeps:
    """A reader of made-up clips."""

    def whole(self, clip):
        sound = 1e-4 * np.random.default_rng(1).standard_normal(round(clip.seconds * RATE))
        for start, stop in clip.pulses or ((0.0, clip.seconds),):
            n = np.arange(round(start * RATE), round(stop * RATE))
            sound[n] += 0.3 * np.sin(0.3 * n)
        return sound.astype(np.float32)

    def excerpt(self, clip, samples, rng):
        return self.whole(clip)[:samples]


def clip(kind, pulses=None, seconds=2.0, hard=False):
    return Clip(f"{kind}.wav", kind, "made-up", f"made-up/{kind}", kind, "train", "one", seconds,
                pulses=pulses, hard=hard)  # fmt: skip


LIBRARY = scenes.Library(
    [
        clip("burst", ((0.2, 0.5), (0.8, 1.2))),
        clip("speech", ((0.1, 2.0), (3.0, 4.0)), 5.0),
        clip("music", seconds=6.0),
        clip("env", seconds=1.0, hard=True),
    ]
)
SHARES = st.sampled_from([0.0, 0.5, 1.0])
RECIPES = st.builds(
    lambda low, more, counts, **shares: replace(
        scenes.PUBLISHED, alone=True, seconds=low + more, shortest=low if more else 0.0,
        bursts=tuple(sorted(counts)), **shares,
    ),
    low=st.floats(2.0, 6.0), more=st.sampled_from([0.0, 3.0]),
    counts=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    empty=SHARES, overlap=SHARES, hard=SHARES, cried=SHARES, in_gaps=SHARES, second=SHARES, room=SHARES,
    telephone=SHARES, clipping=SHARES, spoiled=st.sampled_from([0.0, 1.0]),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(RECIPES, st.integers(0, 2**31))
def test_any_recipe_keeps_its_promises(recipe, seed):
    scene = scenes.make(LIBRARY, recipe, (seed,), Beeps())
    again = scenes.make(LIBRARY, recipe, (seed,), Beeps())
    assert np.array_equal(scene.audio, again.audio) and scene.bursts == again.bursts
    seconds = len(scene.audio) / RATE
    assert recipe.shortest - 0.01 <= seconds <= recipe.seconds + 0.01
    assert scene.audio.dtype == np.float32 and np.isfinite(scene.audio).all()
    assert len(scene.bursts) <= recipe.bursts[1] and (recipe.empty < 1 or not scene.bursts)
    assert recipe.hard or recipe.cried or not scene.negatives
    for sound in (*scene.bursts, *scene.negatives):
        assert 0 <= sound.onset < sound.offset <= round(seconds, 3)
        assert all(a < b for a, b in sound.pulses)
        assert recipe.snr[0] - 0.05 <= sound.snr <= recipe.snr[1] + 0.05
    if not recipe.overlap:
        assert all(b.onset > a.offset for a, b in pairwise(scene.bursts))
    told = layout.described(scene)
    assert told["n_vocal_bursts"] == len(told["events"]) == len(scene.bursts)


NAMES = st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text)


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=8))
def test_a_side_depends_on_the_name_alone(groups):
    assert [index.side(g) for g in groups] == [index.side(g) for g in groups]
    assert {index.side(g) for g in groups} <= {"train", "val", "test"}


def test_sides_are_eight_one_and_one_tenth():
    sides = [index.side(f"speaker {k}") for k in range(4000)]
    for split, share in (("train", 0.8), ("val", 0.1), ("test", 0.1)):
        assert sides.count(split) / 4000 == pytest.approx(share, abs=0.02)


TIMES = st.floats(0, 9).map(lambda time: round(time, 3))
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12)


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, TEXT, st.booleans(), st.lists(TIMES, min_size=2, max_size=6, unique=True))
def test_any_text_survives_the_table(tmp_path_factory, label, group, licence, hard, pulses):
    edges = sorted(pulses)[: len(pulses) // 2 * 2]
    spans = tuple(zip(edges[::2], edges[1::2], strict=True))
    folder = tmp_path_factory.mktemp("table")
    one = Clip(folder / "x, y.wav", "burst", "so; urce", f"so; urce/{label}", label, "val", group, 9.0,
               "human", spans, licence, hard)  # fmt: skip
    index.write(folder / "index.csv", [one])
    assert index.read(folder / "index.csv") == [one]
    assert len(list(csv.reader(io.StringIO((folder / "index.csv").read_text("utf-8"))))) == 2
