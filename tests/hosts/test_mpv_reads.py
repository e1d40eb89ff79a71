"""mpv shows our cues at their times with their texts."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from vbannotate import formats
from vbannotate.events import Annotation, Event
from vbannotate.formats.base import WriteOptions

pytestmark = pytest.mark.skipif(shutil.which("mpv") is None, reason="mpv is not installed")

EVENTS = (Event(0.5, 1.25, "laugh"), Event(2.0, 2.6, "a & b, ü 笑"), Event(3.0, 3.5, "cough"))
SCRIPT = """
mp.observe_property("sub-text", "string", function(_, text)
    local from, till = mp.get_property_number("sub-start"), mp.get_property_number("sub-end")
    if from then print(string.format("CUE %.3f %.3f %s.", from, till, text)) end
end)
"""


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_cues_are_shown_when_and_as_they_were_meant(tmp_path, name):
    path, script = tmp_path / f"ü talk.{name}", tmp_path / "cues.lua"
    script.write_text(SCRIPT, "utf-8")
    formats.write(Annotation.of(EVENTS), path, options=WriteOptions(exact=True))
    done = subprocess.run(
        [
            "mpv", "--no-config", "--vo=null", "--ao=null", f"--sub-file={path}", f"--script={script}",
            "av://lavfi:testsrc=duration=4:rate=25",
        ],
        capture_output=True,
        timeout=90,
    )  # fmt: skip
    shown = re.findall(r"CUE (\S+) (\S+) (.*?)\.\s", done.stdout.decode("utf-8", "replace"))
    cues = [(float(a), float(b), text) for a, b, text in shown if text]
    written = formats.read(path).events
    assert [(a, b) for a, b, _ in cues] == [(e.onset, e.offset) for e in written]
    assert [text for _, _, text in cues] == ["[laughter]", "[a & b, ü 笑]", "[coughs]"]
