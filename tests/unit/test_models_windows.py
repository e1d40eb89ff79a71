"""Windows and their stitching against a direct computation over the whole sound."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbannotate.models.windows import Layout, curve

LAYOUT = Layout(window=30, overlap=5, samples=4)


def run(windows):
    """A network whose answer depends on the sound and on the place in the window, labels as columns."""
    place = np.linspace(0.1, 0.9, LAYOUT.window)
    means = np.stack([w.reshape(LAYOUT.window, LAYOUT.samples).mean(axis=1) for w in windows])
    return np.stack([means * place, means], axis=2).astype(np.float32)


def pieces(sound, sizes):
    at = 0
    for size in sizes:
        yield sound[at : at + size]
        at += size
    yield sound[at:]


def stitched(sound, sizes=(), **options):
    found = list(curve(pieces(sound, sizes), run, LAYOUT, **options))
    return np.concatenate(found) if found else np.zeros((0, 2), np.float32)


def direct(sound):
    """The definition, with the whole sound at hand."""
    window, overlap, samples = LAYOUT.window, LAYOUT.overlap, LAYOUT.samples
    frames = -(-len(sound) // samples)
    starts = [0]
    while starts[-1] + window < frames:
        starts.append(min(starts[-1] + window - overlap, frames - window))
    padded = np.concatenate([sound, np.zeros(max(window, frames) * samples - len(sound), np.float32)])
    total, weight = np.zeros((max(window, frames), 2)), np.zeros((max(window, frames), 1))
    for start in starts:
        weights = np.ones(window)
        for i in range(overlap):
            if start:
                weights[i] = (i + 1) / overlap
            if start != starts[-1]:
                weights[window - 1 - i] = (i + 1) / overlap
        scores = run([padded[start * samples : (start + window) * samples]])[0]
        total[start : start + window] += scores * weights[:, None]
        weight[start : start + window] += weights[:, None]
    return (total / weight)[:frames]


def noise(length):
    return np.random.default_rng(length).random(length, np.float32)


@pytest.mark.parametrize(
    "length", [1, 3, 4, 119, 120, 121, 124, 219, 220, 221, 224, 239, 300, 320, 321, 1000]
)
def test_equals_the_definition(length):
    assert np.abs(stitched(noise(length)) - direct(noise(length))).max() < 1e-6


def test_one_window_passes_bit_for_bit():
    sound = noise(LAYOUT.window * LAYOUT.samples)
    assert np.array_equal(stitched(sound), run([sound])[0])
    longer = noise(1000)
    first = run([longer[:120]])[0]
    assert np.array_equal(stitched(longer)[:25], first[:25])


def test_padded_gives_the_whole_window_of_a_short_sound_only():
    assert stitched(noise(10), padded=True).shape == (30, 2)
    assert stitched(noise(10)).shape == (3, 2)
    assert np.array_equal(stitched(noise(1001), padded=True), stitched(noise(1001)))


def test_no_sound_no_frames():
    assert stitched(noise(0)).shape == (0, 2)
    assert stitched(noise(0), padded=True).shape == (0, 2)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 900), st.lists(st.integers(0, 200), max_size=12), st.integers(1, 4), st.booleans())
def test_neither_blocks_nor_batches_matter(length, sizes, batch, padded):
    sound = noise(length)
    assert np.array_equal(stitched(sound, sizes, batch=batch, padded=padded), stitched(sound, padded=padded))


def test_frames_leave_before_the_sound_ends():
    seen = 0

    def endless():
        nonlocal seen
        while True:
            seen += 1
            yield noise(40)

    found = curve(endless(), run, LAYOUT)
    assert sum(len(next(found)) for _ in range(40)) == 40 * LAYOUT.hop
    assert seen < 120


@pytest.mark.parametrize(("window", "overlap"), [(30, 16), (30, -1)])
def test_an_overlap_of_more_than_half_is_refused(window, overlap):
    with pytest.raises(ValueError, match="overlap"):
        Layout(window, overlap, 4)
