"""ffmpeg takes our subtitles and sees the cues that we meant."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from vbannotate import formats
from vbannotate.events import Annotation, Event
from vbannotate.formats.base import WriteOptions

pytestmark = pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")

EVENTS = (
    Event(1.5, 2.25, "laugh"),
    Event(3600, 3601.004, "a & b < c, ü 😀"),
    Event(36000, 36000.5, "two words"),
)


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_cues_and_times(tmp_path, name):
    path = tmp_path / f"ü talk.{name}"
    formats.write(Annotation.of(EVENTS), path, options=WriteOptions(exact=True))
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_packets", "-show_data", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    packets = json.loads(done.stdout)["packets"]
    found = [(float(p["pts_time"]), float(p["duration_time"])) for p in packets]
    assert found == [(e.onset, pytest.approx(e.duration)) for e in EVENTS]
