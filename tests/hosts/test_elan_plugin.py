"""The recognizer as ELAN plays it: installed, started, fed, judged, cancelled; with the bundled detector."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import wave
from itertools import pairwise
from pathlib import Path

import pytest

from tests.hosts.elan_player import Outcome, lint, play, request
from vbannotate.detection import detect
from vbannotate.hosts import check, install
from vbannotate.hosts.places import LINUX, Machine

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="plays ELAN on Linux")

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "docs" / "demo" / "demo.ogg"


@pytest.fixture(scope="module")
def cmdi(tmp_path_factory) -> Path:
    """The recognizer in an ELAN whose path has a blank and an umlaut."""
    extensions = tmp_path_factory.mktemp("El an ü") / "ELAN_7-0" / "app" / "extensions"
    here = Machine(LINUX, extensions.parents[2], {}, extensions.parents[2] / "root")
    (folder,) = install.install("elan", here, extensions)
    return folder / "vbannotate.cmdi"


@pytest.fixture(scope="module")
def bare() -> dict[str, str]:
    """The environment of a program started from the desktop."""
    env = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C",
        "HOME": os.environ.get("HOME", "/"),
        "PYTHONPATH": str(ROOT),
    }
    return env


@pytest.fixture(scope="module")
def expected() -> list[tuple[int, int]]:
    """The demo's events in milliseconds."""
    events = detect(DEMO).events
    assert len(events) >= 5
    return [(e.onset_us // 1000, e.offset_us // 1000) for e in events]


@pytest.fixture(scope="module")
def hour(tmp_path_factory) -> Path:
    """An hour of faint noise: long enough to be cancelled."""
    import random

    path = tmp_path_factory.mktemp("long") / "hour.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        block = random.Random(5).randbytes(2 * 16_000 * 60)
        quiet = bytes(b if n % 2 == 0 else (0 if b < 128 else 255) for n, b in enumerate(block))
        for _ in range(60):
            sound.writeframes(quiet)
    return path


@pytest.fixture
def silence(tmp_path) -> Path:
    """Three seconds of silence, quickly done."""
    path = tmp_path / "silence" / "Übung 1.wav"
    path.parent.mkdir()
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 16_000 * 3))
    return path


def spans(run: Outcome, tier: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end, _ in run.tiers[tier]]


def done(run: Outcome) -> Outcome:
    assert (run.status, run.faults) == ("done", []), run.lines
    return run


def test_the_installed_recognizer_is_what_elan_wants(cmdi):
    assert lint(cmdi, LINUX) == []


def test_a_recording_with_blanks_and_umlauts_gives_a_tier(cmdi, bare, tmp_path, expected):
    media = tmp_path / "Gespräch 1 & 'zwei' <x>.ogg"
    shutil.copy(DEMO, media)
    run = done(play(cmdi, {"source": f"///{str(media).lstrip('/')}"}, tmp_path, env=bare))
    assert list(run.tiers) == ["burst"]
    assert spans(run, "burst") == expected
    assert f"{len(expected)} vocal bursts in Gespr" in run.said


def test_one_tier_with_confidences(cmdi, bare, tmp_path, expected):
    asked = {"source": DEMO, "tiers": "one", "confidence": "yes", "threshold": 0.0, "min_dur_ms": 0}
    run = done(play(cmdi, asked, tmp_path, env=bare))
    assert list(run.tiers) == ["bursts", "bursts-confidence"]
    assert spans(run, "bursts") == spans(run, "bursts-confidence") == expected
    assert all(0 < float(text) <= 1 for *_, text in run.tiers["bursts-confidence"])


def test_the_settings_reach_the_detector(cmdi, bare, tmp_path):
    asked = {"source": DEMO, "preset": "recall", "threshold": 0.9, "min_dur_ms": 650, "merge_gap_ms": 1}
    run = done(play(cmdi, asked, tmp_path, env=bare))
    wanted = detect(DEMO, preset="recall", threshold=0.9, min_dur=0.65, merge_gap=0.001).events
    assert spans(run, "burst") == [(e.onset_us // 1000, e.offset_us // 1000) for e in wanted]


def test_silence_gives_an_empty_tier(cmdi, bare, tmp_path, silence):
    run = done(play(cmdi, {"source": silence}, tmp_path, env=bare))
    assert run.tiers == {"bursts": []}
    assert "no vocal bursts in ?bung 1.wav" in run.said


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg makes the video")
def test_a_transcription_with_only_a_video(cmdi, bare, tmp_path, expected):
    media = tmp_path / "talk.mp4"
    picture = ["-f", "lavfi", "-i", "color=s=64x64:r=5"]
    command = [
        "ffmpeg",
        "-v",
        "error",
        *picture,
        "-i",
        DEMO,
        "-shortest",
        "-c:a",
        "aac",
        "-b:a",
        "160k",
        media,
    ]
    subprocess.run(command, check=True, timeout=90)
    run = done(play(cmdi, {"source": media}, tmp_path, env=bare))
    found = spans(run, "burst")
    assert len(found) == len(expected)
    assert all(abs(a[0] - b[0]) <= 60 for a, b in zip(found, expected, strict=True))


def test_elan_5_sends_the_charset_of_windows_and_percent_signs(cmdi, bare, tmp_path, silence):
    done(play(cmdi, {"source": silence}, tmp_path, env=bare, encoding="cp1252"))
    done(play(cmdi, {"source": f"file://{silence.parent}/%C3%9Cbung%201.wav"}, tmp_path, env=bare))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"source": "/nowhere/ü.wav"}, "/nowhere/?.wav"),
        ({"source": ROOT / "README.md"}, "README.md"),
        ({"source": DEMO, "preset": "loud"}, "has no preset 'loud'"),
        ({"source": DEMO, "model": "no-such-model"}, "no-such-model"),
        ({"source": "http://x.org/a.wav"}, "is not on this computer"),
    ],
)
def test_a_failure_says_why_and_leaves_no_file(cmdi, bare, tmp_path, asked, said):
    run = play(cmdi, asked, tmp_path, env=bare)
    assert (run.status, run.faults) == ("failed", [])
    assert said in run.said and "Traceback" not in run.said and "unexpected" not in run.said
    assert not run.output.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_the_users_survives_a_failure(cmdi, bare, tmp_path):
    mine = tmp_path / "mine.xml"
    mine.write_text("<TIERS/>")
    assert play(cmdi, {"source": "/nowhere.wav", "bursts": mine}, tmp_path, env=bare).status == "failed"
    assert mine.read_text() == "<TIERS/>"


def test_the_first_progress_comes_within_two_seconds(cmdi, bare, tmp_path):
    firsts = []
    while not firsts or (firsts[-1] >= 2 and len(firsts) < 4):  # other work on this computer may cost one
        firsts.append(play(cmdi, {"source": "/nowhere.wav"}, tmp_path, env=bare).progress[0][0])
    assert min(firsts) < 2


def test_progress_moves_and_cancel_ends_everything(cmdi, bare, tmp_path, hour):
    run = play(cmdi, {"source": hour}, tmp_path, env=bare, cancel_after=12)
    assert (run.status, run.faults) == ("cancelled", [])
    assert len({percent for _, percent in run.progress}) >= 2, run.lines
    beats = [moment for moment, _ in run.progress]
    assert max(b - a for a, b in pairwise(beats)) < 6
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_ends_the_program_where_no_signal_does(cmdi, bare, tmp_path, hour):
    """On Windows Cancel ends cmd.exe only; Python must find out by its pipe."""
    output = tmp_path / "out.xml"
    output.touch()
    process = subprocess.Popen(
        ["./run.sh"], cwd=cmdi.parent, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(request(cmdi, {"source": hour}, output))
        process.stdin.close()
        end = time.monotonic() + 90
        while b" of 01:00:00" not in (line := process.stdout.readline()):  # until it is at work
            assert line and time.monotonic() < end
        process.stdout.close()
        assert process.wait(15) != 0
        assert not output.exists()
    finally:
        process.kill()
        process.wait()


def test_chatter_of_libraries_never_reaches_elan(cmdi, bare, tmp_path, silence):
    """A thread that prints what would end ELAN's run, on both streams, from C's side as from Python's."""
    chatter = tmp_path / "chatter"
    chatter.mkdir()
    (chatter / "sitecustomize.py").write_text(
        "import os, sys, threading, time\n"
        "def talk():\n"
        "    while 'vbannotate.detection' not in sys.modules:\n"
        "        time.sleep(0.01)\n"
        "    while True:\n"
        "        os.write(1, b'0\\nRESULT: FAILED.\\n100%')\n"
        "        print('PROGRESS: 100', file=sys.stderr, flush=True)\n"
        "        time.sleep(0.01)\n"
        "threading.Thread(target=talk, daemon=True).start()\n"
    )
    env = {**bare, "PYTHONPATH": f"{chatter}{os.pathsep}{bare['PYTHONPATH']}"}
    assert done(play(cmdi, {"source": silence}, tmp_path, env=env)).tiers == {"bursts": []}


def test_check_runs_it_as_elan_does(cmdi, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    here = Machine.here()
    assert check.run_recognizer(cmdi.parent, here) is None
    findings = check.check("elan", here, cmdi.parents[1])
    assert [one.ok for one in findings] == [True, True, None]


def test_check_says_what_is_wrong(cmdi, tmp_path):
    broken = tmp_path / "vbannotate"
    shutil.copytree(cmdi.parent, broken)
    (broken / "run.sh").write_text("#!/bin/sh\necho 'no such module'\n")
    assert check.run_recognizer(broken, Machine.here()) == "no such module"
    (broken / "run.sh").chmod(0o644)
    assert "Permission denied" in str(check.run_recognizer(broken, Machine.here()))
    findings = check.check("elan", Machine.here(), tmp_path)
    assert findings[0].ok is False and "run.sh was changed; install again" in findings[0].what
