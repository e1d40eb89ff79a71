"""The real Audacity imports what we write, means what we meant, and what it saves and exports we read."""

from __future__ import annotations

import shutil
import sys

import pytest

from vbannotate import formats
from vbannotate.errors import VbannotateError
from vbannotate.events import Annotation, Event

NEEDED = ("audacity", "Xvfb", "xdotool")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, NEEDED)), reason=f"not all of {', '.join(NEEDED)} are installed"
)

EVENTS = (
    Event(0, 0.4, "cough"),
    Event.from_us(1_234_567, 2_345_678, "laugh", None, {"low_hz": 100.5, "high_hz": 2000.25}),
    Event(2, 2.5, "overlap"),
    Event(3, 3, 'punkt ä😀 "x"'),
    Event.from_us(36_000_123_456, 36_000_223_457, "ten hours"),
)


def through_audacity(host, folder) -> tuple[tuple[Event, ...], ...]:
    """The labels as the open project, the saved project and the exported track hold them."""
    written, exported, project = (folder / name for name in ("ours.txt", "out.txt", "saved.aup3"))
    formats.write(Annotation.of(EVENTS), written)
    with host(start_limit=120, reply_limit=60) as audacity:
        assert audacity.import_labels(written) == 0  # no message box: every line was taken
        audacity.command(f'SaveProject2: Filename="{project}"')
        while_open = formats.read(project).tiers[0].events
        assert audacity.export_labels(exported) == 0
    return while_open, formats.read(project).tiers[0].events, formats.read(exported).tiers[0].events


def test_labels_go_in_and_come_out(shared, tmp_path):
    sys.path.insert(0, str(shared / "hosts"))
    try:
        from audacity_host import AudacityError, AudacityHost
    finally:
        sys.path.pop(0)
    for attempt in range(3):  # on a busy machine its file dialogs miss clicks; a fresh start mends it
        folder = tmp_path / str(attempt)
        folder.mkdir()
        try:
            while_open, saved, exported = through_audacity(AudacityHost, folder)
            break
        except (AudacityError, VbannotateError):
            if attempt == 2:
                raise
    assert while_open == saved == EVENTS
    assert exported == tuple(event.with_(extra={}) for event in EVENTS)  # by default without frequencies
