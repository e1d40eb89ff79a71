"""Training on real sound: our pulses are the manifest's, a seed gives a labelled scene of real clips."""

import csv

import numpy as np
import pytest

pytest.importorskip("scipy", reason="the train extra is not installed")

from vbannotate.sources.clips import manifest
from vbannotate.synth import activity
from vbannotate.synth.audio import Reader


def test_pulses_agree_with_the_manifest(shared):
    rows = [c for c in manifest(shared / "data") if c.kind == "burst" and c.source == "EmoGator"][::80]
    assert len(rows) >= 30
    reader, differ = Reader(), 0
    for clip in rows:
        ours = activity.pulses(reader.whole(clip), 16_000)
        same = len(ours) == len(clip.pulses) and np.allclose(ours, clip.pulses, atol=0.05)
        differ += not same
    assert differ <= len(rows) // 10, "the manifest measured at the file's own rate; a few edges differ"


def test_no_row_with_a_non_commercial_licence_trains(shared):
    with (shared / "data" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        closed = {row["group"] for row in csv.DictReader(file) if row["nc"] == "1"}
    assert closed and not closed & {c.group for c in manifest(shared / "data") if c.split != "test-nc"}
