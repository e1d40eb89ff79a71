"""Every container and codec puts sound where players show it.

The files are made here by the ffmpeg program from chirps at known times. Where nobody can know the encoder's
delay (mp3 without header, AAC without edit list), it stays, as in the ffmpeg program and libsndfile.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from vbannotate import audio

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed")

RATE = 44_100
ONSETS = (1.0, 3.0, 6.5, 9.0)  # seconds
TOLERANCE_MS = 1.5
VIDEO = ["-f", "lavfi", "-i", "testsrc=size=64x48:rate=25:duration=10"]


def chirps(rate: int, onsets: tuple[float, ...] = ONSETS, seconds: float = 10) -> np.ndarray:
    """float32 [samples]: a sweep of 60 ms from 300 to 3500 Hz at each onset, over very soft noise."""
    time = np.arange(round(0.06 * rate)) / rate
    sweep = np.sin(2 * np.pi * (300 * time + 3200 / 0.12 * time**2)) * np.hanning(len(time))
    sound = np.random.default_rng(0).standard_normal(round(seconds * rate)) * 1e-4
    for onset in onsets:
        start = round(onset * rate)
        sound[start : start + len(sweep)] += 0.5 * sweep
    return sound.astype(np.float32)


def offsets_ms(path: Path, onsets: tuple[float, ...] = ONSETS) -> list[float]:
    """How much later than made each chirp is found, by correlation in the second around it."""
    sound = audio.load(path)[0][:, 0]
    sound = np.concatenate([np.zeros(16_000, np.float32), sound, np.zeros(16_000, np.float32)])
    wanted = chirps(16_000, (0.0,), 0.06)
    found = []
    for onset in onsets:
        at = round((onset + 1) * 16_000)
        around = sound[at - 10_000 : at + 10_000 + len(wanted)]
        found.append((int(np.argmax(np.correlate(around, wanted, "valid"))) - 10_000) / 16)
    return found


@pytest.fixture(scope="module")
def wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clock") / "chirps.wav"
    soundfile.write(path, chirps(RATE), RATE)
    return path


def ffmpeg(*arguments: object) -> None:
    result = subprocess.run(
        ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unknown encoder" in result.stderr:
        pytest.skip(result.stderr.splitlines()[0])
    assert result.returncode == 0, result.stderr


LATE = ["-map", "0:v", "-map", "1:a"]
ALONE = [
    ("plain.wav", [], 0),
    ("plain.flac", [], 0),
    ("plain.aiff", [], 0),
    ("plain.w64", [], 0),
    ("plain.caf", [], 0),
    ("plain.au", [], 0),
    ("lame44.mp3", ["-b:a", "128k"], 0),
    ("lame22.mp3", ["-ar", "22050", "-b:a", "64k"], 0),
    ("vbr.mp3", ["-q:a", "4"], 0),
    ("bare.mp3", ["-b:a", "128k", "-write_xing", "0"], 25.1),
    ("edit.m4a", [], 0),
    ("no-edit.m4a", ["-use_editlist", "0"], 23.2),
    ("bare.aac", [], 23.2),
    ("plain.opus", ["-c:a", "libopus"], 0),
    ("narrow.opus", ["-c:a", "libopus", "-ar", "16000"], 0),
    ("plain.ogg", ["-c:a", "libvorbis"], 0),
    ("vorbis.webm", ["-c:a", "libvorbis"], 3.0),
    ("opus.webm", ["-c:a", "libopus"], 0),
    ("pcm.mov", ["-c:a", "pcm_s16le"], 0),
    ("pcm.avi", ["-c:a", "pcm_s16le"], 0),
    ("mp3.avi", ["-c:a", "libmp3lame"], 25.1),
]


@pytest.mark.parametrize(("name", "options", "expected"), ALONE, ids=[case[0] for case in ALONE])
def test_sound_alone(wav: Path, tmp_path: Path, name: str, options: list[str], expected: float):
    path = tmp_path / name
    ffmpeg("-i", wav, *options, path)
    assert offsets_ms(path) == pytest.approx([expected] * len(ONSETS), abs=TOLERANCE_MS)


WITH_VIDEO = [
    ("late.mp4", [], 500),
    ("late.mov", ["-c:a", "pcm_s16le"], 500),
    ("late.mkv", ["-c:a", "aac"], 500),
    ("late-opus.mkv", ["-c:a", "libopus"], 494),  # matroska counts the codec's 6.5 ms of pre-skip in
    ("late.webm", ["-c:a", "libopus", "-c:v", "libvpx"], 494),
    ("late.ts", ["-c:v", "mpeg2video", "-c:a", "aac"], 500),
    ("late-mp2.ts", ["-c:v", "mpeg2video", "-c:a", "mp2"], 500),
    ("late.mpg", ["-c:v", "mpeg1video", "-c:a", "mp2"], 500),
    ("late.avi", ["-c:a", "libmp3lame"], 25.1),  # AVI has no start times: the delay is lost in the file
    ("late.flv", ["-c:v", "flv", "-c:a", "libmp3lame"], 500),
]


@pytest.mark.parametrize(("name", "options", "expected"), WITH_VIDEO, ids=[case[0] for case in WITH_VIDEO])
def test_sound_that_starts_after_the_picture(
    wav: Path, tmp_path: Path, name: str, options: list[str], expected: float
):
    path = tmp_path / name
    ffmpeg(*VIDEO, "-itsoffset", "0.5", "-i", wav, *LATE, *options, path)
    assert offsets_ms(path) == pytest.approx([expected] * len(ONSETS), abs=TOLERANCE_MS)


GAPS = [
    ("gap.mkv", ["-c:a", "flac"]),
    ("gap.mp4", ["-c:a", "aac"]),
    ("gap.webm", ["-c:a", "libopus"]),
    ("gap-mp3.mp4", ["-c:a", "libmp3lame"]),
]


@pytest.mark.parametrize(("name", "options"), GAPS, ids=[case[0] for case in GAPS])
def test_a_gap_inside_stays_a_gap(wav: Path, tmp_path: Path, name: str, options: list[str]):
    path = tmp_path / name
    ffmpeg("-i", wav, "-af", "aselect=not(between(t\\,4\\,5.5))", *options, path)
    with audio.open_stream(path) as stream:
        for _ in stream.blocks():
            pass
    assert stream.duration_us == pytest.approx(10_000_000, abs=30_000)
    assert any("gaps of 1.4" in warning for warning in stream.warnings)
    assert offsets_ms(path) == pytest.approx([0] * len(ONSETS), abs=TOLERANCE_MS)


def test_praat_is_known_to_shift_mp3_and_nothing_else(wav: Path, tmp_path: Path):
    """Praat 6.1 shows a LAME mp3 of 44.1 kHz 37.0 ms late, one without header 10.9 ms."""
    for name, options, shift_ms in [
        ("lame.mp3", [], 37.0),
        ("bare.mp3", ["-write_xing", "0"], -14.2),
        ("edit.m4a", [], 0),
        ("plain.flac", [], 0),
    ]:
        ffmpeg("-i", wav, *options, tmp_path / name)
        assert audio.praat_shift_us(audio.probe(tmp_path / name)) / 1000 == pytest.approx(shift_ms, abs=0.2)
    warning = audio.praat_clock_warning(tmp_path / "lame.mp3")
    assert "37 ms early; give --wav" in warning
    assert audio.praat_clock_warning(tmp_path / "plain.flac") is None


def test_the_wav_written_beside_lies_on_the_same_clock(wav: Path, tmp_path: Path):
    video, beside = tmp_path / "late.mp4", tmp_path / "late.wav"
    ffmpeg(*VIDEO, "-itsoffset", "0.5", "-i", wav, *LATE, video)
    audio.write_wav(video, beside)
    assert soundfile.info(beside).samplerate == RATE
    assert offsets_ms(beside) == pytest.approx([500] * len(ONSETS), abs=TOLERANCE_MS)
