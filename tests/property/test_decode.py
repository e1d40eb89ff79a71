"""What holds for every curve: blocks do not matter, a shift shifts, joining never shortens."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vbannotate.decode import Decoder, Settings, decode

levels = st.sampled_from([0.0, 0.1, 0.3, 0.45, 0.5, 0.55, 0.7, 0.9, 1.0])
curves = st.lists(st.tuples(st.integers(1, 30), levels), min_size=0, max_size=30).map(
    lambda runs: np.concatenate([np.zeros(0, np.float32), *(np.full(n, p, np.float32) for n, p in runs)])
)
options = st.builds(
    Settings,
    threshold=st.sampled_from([0.3, 0.5, 0.7]),
    merge_gap=st.sampled_from([0.0, 0.02, 0.1, 0.15, 0.3]),
    min_dur=st.sampled_from([0.0, 0.05, 0.1, 0.3]),
    peak=st.sampled_from([None, 0.7, 0.9]),
    release=st.sampled_from([None, 0.1, 0.3]),
    pad=st.sampled_from([0.0, 0.03, 0.2]),
    smooth=st.sampled_from([1, 3, 5, 9]),
)


@settings(max_examples=150, deadline=None)
@given(curves, options, st.lists(st.integers(0, 40), max_size=40), st.booleans())
def test_events_do_not_depend_on_blocks(curve, option, cuts, explain):
    whole = Decoder(option, explain=explain)
    expected = [*whole.feed(curve), *whole.finish(len(curve) * 20_000 - 7)]
    stream, events, at = Decoder(option, explain=explain), [], 0
    for cut in [*cuts, len(curve)]:
        events += stream.feed(curve[at : at + cut])
        at += cut
    events += stream.finish(len(curve) * 20_000 - 7)
    assert events == expected
    assert stream.dropped == whole.dropped


@settings(max_examples=100, deadline=None)
@given(curves, options, st.integers(1, 200))
def test_a_shifted_curve_gives_shifted_events(curve, option, frames):
    silence, tail = np.zeros(frames, np.float32), np.zeros(60, np.float32)
    before = decode(np.concatenate([np.zeros(60, np.float32), curve, tail]), option)
    after = decode(np.concatenate([silence, np.zeros(60, np.float32), curve, tail]), option)
    moved = [
        e.with_(onset_us=e.onset_us + frames * 20_000, offset_us=e.offset_us + frames * 20_000)
        for e in before
    ]
    assert after == moved


@settings(max_examples=100, deadline=None)
@given(curves, options)
def test_events_are_in_order_apart_and_inside_the_media(curve, option):
    duration = len(curve) * 20_000
    events = decode(curve, option, duration_us=duration)
    for left, right in pairwise(events):
        assert left.offset_us <= right.onset_us
    assert all(0 <= e.onset_us < e.offset_us <= duration for e in events)
