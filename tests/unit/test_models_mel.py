"""Log-mel against numbers made with transformers and against its extractor where it is installed."""

import numpy as np
import pytest

from vbannotate.models.mel import log_mel


def chirp() -> np.ndarray:
    """5 s of a rising tone, padded to 30 s: the input of the reference numbers in shared/models/README.md."""
    t = np.arange(80_000) / 16_000
    audio = np.zeros(480_000, np.float32)
    audio[:80_000] = 0.1 * np.sin(2 * np.pi * (200 * t + 100 * t * t))
    return audio


def test_reference_numbers():
    mel = log_mel(chirp())
    assert mel.shape == (80, 3000) and mel.dtype == np.float32
    assert mel.mean() == pytest.approx(-0.860722, abs=1e-5)
    assert mel.std() == pytest.approx(0.207782, abs=1e-5)
    assert mel[10, :4] == pytest.approx([0.55594, 0.04943, -0.43895, -0.35326], abs=2e-5)


def test_equals_the_extractor_of_transformers():
    transformers = pytest.importorskip("transformers")
    extract = transformers.WhisperFeatureExtractor()
    noise = (np.random.default_rng(7).standard_normal(480_000) * 0.1).astype(np.float32)
    for audio in (chirp(), noise, np.zeros(480_000, np.float32)):
        expected = extract(audio, sampling_rate=16_000, return_tensors="np").input_features[0]
        # The extractor's own torch and numpy paths differ by 5e-5 on the pure tone.
        assert np.abs(log_mel(audio) - expected).max() < 1e-4


def test_the_floor_belongs_to_the_window():
    quiet = np.full(16_000, 1e-3, np.float32) * np.random.default_rng(1).standard_normal(16_000).astype(
        np.float32
    )
    loud = quiet.copy()
    loud[-400:] = 0.9
    assert log_mel(loud)[:, :50].min() > log_mel(quiet)[:, :50].min() + 0.1


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (159, 0), (160, 1), (1000, 6), (160_000, 1000)])
def test_a_frame_for_each_whole_hop(samples, frames):
    mel = log_mel(np.linspace(-0.5, 0.5, samples, dtype=np.float32))
    assert mel.shape == (80, frames) and np.isfinite(mel).all()
