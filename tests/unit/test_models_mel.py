"""Log-mel against numbers made with transformers and against its extractor where it is installed."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from vbannotate.models.mel import _filters, log_mel


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


def test_equals_the_definition_in_every_frame():
    """Against sums of cosines and sines in double precision; frames are transformed some at a time."""
    audio = np.random.default_rng(3).standard_normal(16_000 * 3 + 80).astype(np.float32) * 0.1
    n, bins = np.arange(400), np.arange(201)
    padded = np.pad(audio.astype(np.float64), 200, mode="reflect")
    frames = np.stack([padded[160 * k : 160 * k + 400] for k in range(300)]) * (
        0.5 - 0.5 * np.cos(np.pi * n / 200)
    )
    power = np.abs(frames @ np.exp(-2j * np.pi * np.outer(n, bins) / 400)) ** 2
    mel = np.log10(np.maximum(power @ _filters(80).T.astype(np.float64), 1e-10)).T
    expected = (np.maximum(mel, mel.max() - 8) + 4) / 4
    assert np.abs(log_mel(audio) - expected).max() < 1e-4


def algebra_threads():
    """Of each linear algebra library of this process."""
    found = [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]
    if not found:
        pytest.skip("numpy's algebra library has no threads of its own here")
    return found


def test_threads_of_the_algebra_library_are_not_woken(monkeypatch):
    """They would spin on the cores that the network needs: `detect` took almost twice as long for it."""
    seen = []
    matmul = np.matmul

    def watched(*arguments, **options):
        seen.append(algebra_threads())
        return matmul(*arguments, **options)

    before = algebra_threads()
    monkeypatch.setattr(np, "matmul", watched)
    log_mel(chirp())
    assert seen and all(number == 1 for numbers in seen for number in numbers)
    assert algebra_threads() == before


def test_the_algebra_library_has_its_threads_back_after_detecting_side_by_side():
    before = algebra_threads()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(log_mel, [chirp()] * 40))
    assert algebra_threads() == before
