"""The published post-processings against stored vectors and against a literal rendering."""

import json

import numpy as np
import pytest

from tests.reference_locator import published_events
from vbannotate import compat, report
from vbannotate.errors import UsageError

KEYS = {"v1": "v1", "v1_median5": "v1-median", "v2_pipeline": "v2"}


def triples(events):
    return [[e.onset, e.offset, e.confidence] for e in events]


@pytest.mark.parametrize(("key", "mode"), KEYS.items())
def test_stored_vectors(shared, key, mode):
    vectors = json.loads((shared / "models" / "postprocess-vectors.json").read_text("utf-8"))
    checked = 0
    for case in vectors["cases"]:
        counts, levels = zip(*case["track"], strict=True)
        track = np.repeat(np.array(levels, np.float32) / 1024, counts)
        for expected in case["expect"]:
            options = [expected[name] for name in ("threshold", "merge_gap", "min_dur")]
            assert triples(compat.decode(mode, track, *options)) == expected[key], (case["name"], options)
            checked += 1
    assert checked > 100


def random_tracks():
    rng = np.random.default_rng(10)
    for number in range(150):
        frames = int(rng.choice([1, 4, 25, 1500]))
        runs = rng.integers(1, 40, 200)
        level = rng.random(200) if number % 2 else rng.choice([0.0, 0.6, 0.65, 0.8, 0.9, 1.0], 200)
        yield np.repeat(level, runs)[:frames].astype(np.float32)


@pytest.mark.parametrize("options", [(0.65, 0.3, 0.5), (0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.5, 0.0, 1.0)])
def test_v1_equals_the_literal_rendering(options):
    for track in random_tracks():
        expected = published_events(track, *options)
        assert report.rows(compat.events_v1(track, *options)) == expected


def run(first: int, frames: int, total: int = 1500) -> np.ndarray:
    track = np.zeros(total, np.float32)
    track[first : first + frames] = 1
    return track


def test_the_knife_edge_of_v1_lies_where_it_was_published():
    kept = [first for first in range(1476) if compat.events_v1(run(first, 25), 0.65, 0.3, 0.5)]
    assert len(kept) == 1444
    assert not {4, 17, 23, 33, 34, 35, 46, 47, 91, 795} & set(kept)
    assert all(compat.events_v2(run(first, 25), 0.65, 0.3, 0.5) for first in range(1476))


def test_the_threshold_is_compared_in_float32():
    track = np.full(50, 0.8, np.float32)  # as a double it is larger than 0.8
    assert not compat.events_v1(track, 0.8, 0.3, 0.5)


def test_only_v1_looks_behind_the_end():
    track = run(40, 60, 1500)
    ends = {mode: compat.decode(mode, track, 0.5, 0.1, 0.1, 1_009_000)[0].offset for mode in compat.DEFAULTS}
    assert ends == {"v1": 2.0, "v1-median": 1.0, "v2": 1.02}


def test_v2_gives_the_maximum():
    track = run(10, 10)
    track[12] = 0.6
    assert compat.events_v2(track, 0.5, 0.1, 0.1)[0].confidence == 1.0
    assert compat.events_v1(track, 0.5, 0.1, 0.1)[0].confidence == 0.96


def test_an_unknown_mode_names_the_known():
    with pytest.raises(UsageError, match="known are v1, v1-median, v2"):
        compat.decode("v3", run(0, 5), 0.5, 0.1, 0.1)
