"""Recordings: any rate and channel count, damaged and odd files, the published script's samples."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from vbannotate import audio
from vbannotate.errors import MediaError, UsageError

NOISE = np.random.default_rng(0).normal(0, 0.1, 44_100 * 2).astype(np.float32)


def samples(path: Path, channel: int | str | None = None) -> np.ndarray:
    return audio.load(path, channel)[0]


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 192_000])
def test_samples_are_the_published_scripts(tmp_path, rate):
    """soundfile, mean over channels, librosa's soxr_hq: equal, length included."""
    import soxr

    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([NOISE, -0.5 * NOISE], axis=1), rate)
    read, _ = soundfile.read(path, dtype="float32")
    expected = read.mean(axis=1)
    if rate != 16_000:
        length = int(np.ceil(len(expected) * (16_000 / rate)))
        expected = soxr.resample(expected, rate, 16_000, quality="HQ")
        expected = np.pad(expected, (0, max(0, length - len(expected))))[:length]
    np.testing.assert_allclose(samples(path)[:, 0], expected, atol=2e-7)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_sample_formats(tmp_path, subtype):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE[:16_000], 16_000, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(samples(path)[:, 0], expected, atol=1e-6)


def test_channels(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.stack([NOISE, 0 * NOISE, -NOISE], axis=1), 16_000)
    assert samples(path, "each").shape == (len(NOISE), 3)
    assert np.abs(samples(path)).max() < 1e-6
    np.testing.assert_allclose(samples(path, 1), -samples(path, 3), atol=1e-6)
    with pytest.raises((MediaError, UsageError), match="channel"):
        samples(path, 4)


@pytest.mark.parametrize(
    "name", ["Ünï cödé 笑 (1).wav", "http:x.wav", "-lead.wav", "a%03d.wav", "concat:a|b.wav"]
)
def test_a_name_is_only_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / name, NOISE[:1600], 16_000)
    assert len(samples(Path(name))) == 1600


PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.wav\n#EXT-X-ENDLIST\n"
BAD = [
    ("missing.wav", None, "missing.wav"),
    ("empty.wav", b"", "is empty"),
    ("text.wav", b"0.5\t1.0\tlaugh\n" * 50, "text.wav"),
    ("picture.mp3", b"\x89PNG\r\n\x1a\n" + bytes(200), "picture.mp3"),
    ("page.mp4", b"%PDF-1.4\n" + bytes(300), "page.mp4"),
    ("list.m3u8", PLAYLIST.encode(), "list.m3u8"),
    ("list.wav", b"ffconcat version 1.0\nfile other.wav\n", "list.wav"),
]


@pytest.mark.parametrize(("name", "data", "message"), BAD, ids=[case[0] for case in BAD])
def test_what_is_no_recording_is_one_line(tmp_path, capfd, name, data, message):
    soundfile.write(tmp_path / "other.wav", NOISE, 16_000)
    if data is not None:
        (tmp_path / name).write_bytes(data)
    with pytest.raises(MediaError, match=message) as caught:
        samples(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert caught.value.mend
    assert capfd.readouterr().err == ""


def test_a_folder_and_a_file_without_samples_are_named(tmp_path):
    with pytest.raises(MediaError, match="folder"):
        samples(tmp_path)
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16_000)
    with pytest.raises(MediaError, match="holds no audio"):
        samples(tmp_path / "none.wav")


def test_a_cut_off_file_gives_what_is_there(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, NOISE, 44_100)
    path.write_bytes(path.read_bytes()[:-60_000])
    with audio.open_stream(path) as stream:
        got = sum(len(block) for block in stream.blocks())
    assert 0 < got < 32_000
    assert any("cut off" in warning for warning in stream.warnings)


def test_nan_becomes_silence_with_a_warning(tmp_path):
    path = tmp_path / "a.wav"
    broken = NOISE[:16_000].copy()
    broken[100:110] = np.nan
    broken[200] = np.inf
    soundfile.write(path, broken, 16_000, subtype="FLOAT")
    with audio.open_stream(path) as stream:
        got = np.concatenate(list(stream.blocks()))
    assert np.isfinite(got).all()
    assert (got[100:110] == 0).all()
    assert any("11 samples were no numbers" in warning for warning in stream.warnings)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 5000), max_size=12), st.integers(1, 3000))
def test_reblocking_loses_nothing(lengths, size):
    blocks = [np.arange(n, dtype=np.float32)[:, None] for n in lengths]
    out = list(audio.reblock(iter(blocks), size))
    assert all(len(block) == size for block in out[:-1])
    joined = np.concatenate([np.zeros((0, 1), np.float32), *out])
    assert np.array_equal(joined, np.concatenate([np.zeros((0, 1), np.float32), *blocks]))


def test_an_array_is_checked():
    with pytest.raises(UsageError, match="transpose"):
        audio.from_array(np.zeros((2, 16_000)), 16_000)
    with pytest.raises(UsageError, match="sample rate"):
        audio.from_array(np.zeros(100), 0)
    integers = (NOISE[:1600] * 32767).astype(np.int16)
    (block,) = list(audio.from_array(integers, 16_000).blocks())
    np.testing.assert_allclose(block[:, 0], integers / 32768, atol=1e-7)


def test_memory_does_not_grow_with_the_length(tmp_path):
    """Two minutes against one hour, stereo at 44.1 kHz, each read in a process of its own."""
    if sys.platform == "win32":
        pytest.skip("resource is not on Windows")
    code = (
        "import resource, sys; from vbannotate import audio;"
        "stream = audio.open_stream(sys.argv[1]); n = sum(len(b) for b in stream.blocks());"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    peaks = {}
    for minutes in (2, 60):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 44_100, 2, format="FLAC") as file:
            for _ in range(minutes):
                file.write(np.zeros((44_100 * 60, 2), np.float32))
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
        count, peaks[minutes] = map(int, done.stdout.split())
        assert count == minutes * 60 * 16_000
    assert (peaks[60] - peaks[2]) * 1024 < 20e6


def test_a_wav_is_never_written_over_anything(tmp_path):
    soundfile.write(tmp_path / "a.flac", NOISE, 44_100)
    (tmp_path / "a.wav").write_bytes(b"mine")
    with pytest.raises(Exception, match="exists"):
        audio.write_wav(tmp_path / "a.flac", tmp_path / "a.wav")
    assert (tmp_path / "a.wav").read_bytes() == b"mine"


def test_probe_says_what_it_did(tmp_path, capsys):
    from vbannotate.cli.app import run

    soundfile.write(tmp_path / "a.wav", NOISE, 44_100)
    assert run(["probe", str(tmp_path / "a.wav")]) == 0
    text = capsys.readouterr().out
    assert "44100 Hz" in text
    assert "correction" in text
    assert "on the media's clock" in text
