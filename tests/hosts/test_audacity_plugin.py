"""The commands and the Nyquist plug-in in the real Audacity under Xvfb; with the bundled detector."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.detection import detect
from vbannotate.hosts import audacity, install, pipe
from vbannotate.hosts.places import LINUX, Machine

PROGRAMS = ("audacity", "Xvfb", "xdotool")
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)), reason=f"one of {', '.join(PROGRAMS)} is not installed"
)

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "docs" / "demo" / "demo.ogg"
LABELS = "".join(
    f"{n * 0.045 + 0.0001234:.6f}\t{n * 0.045 + 0.0201:.6f}\tno. {n} ü 笑 😀 \\\n" for n in range(1000)
)


@pytest.fixture(scope="module")
def host(shared: Path, tmp_path_factory):
    """Audacity with the plug-in, put there by our installer, and the demo opened in it.

    The driver starts it; our own client talks, because on a busy computer answers come late.
    """
    sys.path.insert(0, str(shared / "hosts"))
    try:
        from audacity_host import AudacityError, AudacityHost, AudacityTimeout
    finally:
        sys.path.remove(str(shared / "hosts"))

    class Host(AudacityHost):
        connection: pipe.Pipe | None = None

        def _prepare_home(self) -> None:
            super()._prepare_home()
            (self.installed,) = install.install("audacity", Machine(LINUX, self.folder / "home"))
            self.plugins = [self.installed]

        def _registered(self) -> bool:
            try:
                return super()._registered()
            except AudacityError:  # not yet: a busy computer checks plug-ins one by one for a while
                return False

        def _connect(self, limit: float) -> None:
            end = time.monotonic() + 90
            while self.connection is None:
                self._check_alive()
                try:
                    self.connection = pipe.connect(20)
                except (pipe.NotRunningError, pipe.PipeError) as error:
                    if time.monotonic() > end:
                        shown = list(self.windows().values())
                        raise AudacityTimeout(f"{error}; windows: {shown}") from error
                    time.sleep(0.5)

        def _exchange(self, text: str, limit: float) -> str:
            assert self.connection is not None
            return "\n".join(self.connection._exchange(text, max(limit, 60)))

        def _stop_audacity(self) -> None:
            self.release()
            super()._stop_audacity()

        def release(self) -> None:
            if self.connection is not None:
                self.connection.__exit__()
                self.connection = None
                time.sleep(0.5)

        def vbannotate(self, *arguments: object) -> subprocess.CompletedProcess[str]:
            """Run our command line while nobody else holds the pipe."""
            self.release()
            environment = {**os.environ, **self.env, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
            command = [sys.executable, "-m", "vbannotate", "audacity", *map(str, arguments)]
            try:
                return subprocess.run(
                    command, env=environment, capture_output=True, text=True, timeout=90, check=False
                )
            finally:
                self._connect(30)

        def fresh(self) -> None:
            """The demo alone, all of it, without labels."""
            self.command("SelectAll:")
            self.command("RemoveTracks:")
            self.import_audio(DEMO)

    with Host(start_limit=90) as running:
        yield running


def test_audacity_lists_the_installed_plugin(host):
    assert host.installed.name == install.NYQUIST
    assert audacity.COMMAND in [command["id"] for command in host.info("Commands")]
    done = host.vbannotate("check")
    assert "ok      Audacity answers" in done.stdout, done.stdout
    assert "lists the plug-in in its Analyze menu" in done.stdout
    assert done.returncode == 0, done.stdout


def test_detect_everything_then_correct_and_bring_home(host, tmp_path):
    host.fresh()
    kept, home = tmp_path / "demo ü.vb.json", tmp_path / "home.vb.json"
    done = host.vbannotate("detect", "-o", kept)
    assert done.returncode == 0, done.stderr
    predicted = formats.read(kept).events
    whole = detect(DEMO).events
    assert len(predicted) >= 5 and abs(len(predicted) - len(whole)) <= 1
    near = [any(abs(a.onset - b.onset) < 0.1 for b in whole) for a in predicted]
    assert sum(near) >= len(predicted) - 1
    tracks = host.info("Tracks")
    assert [(t["name"], t["kind"]) for t in tracks] == [("demo", "wave"), ("bursts", "label")]
    in_audacity = [(e.track, e.start, e.end, e.text) for e in host.labels_exact()]
    assert in_audacity == [("bursts", e.onset, e.offset, "burst") for e in predicted]

    exported = tmp_path / "exported.txt"
    assert host.export_labels(exported) == 0
    assert exported.read_bytes() == formats.render(formats.read(kept), "audacity")

    host.command('SetLabel: Label=0 Text="cough"')
    host.command(f"SetLabel: Label=1 Start={predicted[1].onset + 0.0123456} End={predicted[1].offset}")
    host.command('SetLabel: Label=2 Text="laugh" Start=14.8 End=15.43')
    done = host.vbannotate("corrections", kept, "-o", home)
    assert done.returncode == 0, done.stderr
    assert "relabelled" in done.stdout and "moved" in done.stdout, done.stdout
    events = formats.read(home).events
    assert events[0].label == "cough" and events[0].onset_us == predicted[0].onset_us
    assert events[1].onset_us == pytest.approx(predicted[1].onset_us + 12_346, abs=1)
    assert (events[2].onset_us, events[2].offset_us, events[2].label) == (14_800_000, 15_430_000, "laugh")


def test_detect_a_selection_that_does_not_begin_at_zero(host, tmp_path):
    host.fresh()
    host.command("SelectTime: Start=7.123456789 End=30.5")
    kept = tmp_path / "part.vb.json"
    done = host.vbannotate("detect", "-o", kept, "--track", "Geräusche", "--json")
    assert done.returncode == 0, done.stderr
    part = formats.read(kept)
    whole = [e for e in detect(DEMO).events if 7.5 < e.onset < 30]
    assert len(whole) >= 3
    for event in whole:
        assert any(abs(event.onset - other.onset) < 0.15 for other in part.events), event
    (examined,) = part.examined
    assert examined.start_us == 7_123_457 and abs(examined.end_us - 30_500_000) < 50
    exact = host.labels_exact()
    assert {label.track for label in exact} == {"Geräusche"}
    times = [(round(label.start * 1e6), round(label.end * 1e6)) for label in exact]
    assert times == [(e.onset_us, e.offset_us) for e in part.events]


def test_a_thousand_labels_in_seconds(host, tmp_path):
    host.fresh()
    path = tmp_path / "thousand ü.txt"
    path.write_text(LABELS, encoding="utf-8")
    began = time.monotonic()
    done = host.vbannotate("labels", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1000 labels on the label track 'thousand ü'\n"
    assert time.monotonic() - began < 30  # with the start of Python; a label a command takes minutes
    exported = tmp_path / "exported.txt"
    assert host.export_labels(exported) == 0
    assert exported.read_text("utf-8") == LABELS


def test_the_plugin_by_itself_in_a_selection(host, tmp_path):
    """What its entry in the menu does: times count from the project's start, or from the selection's."""
    path = tmp_path / "labels.txt"
    rows = ["\ufeff3.123456789\t4.5\ta\tb", "10\tpoint", "no label", "\\\t100\t200", "12\t13"]
    path.write_bytes("\r\n".join(rows).encode())
    for clock, shift in ((0, 0.0), (1, 7.25)):
        host.fresh()
        host.command("SelectTime: Start=7.25 End=20")
        code = f'(progn (setf FILE "{path}") (setf CLOCK {clock}) (load "{host.installed}") vb-result)'
        assert host.connection is not None
        host.connection.command("NyquistPrompt", Command=code, Version=4)
        found = [(label.start - shift, label.end - shift, label.text) for label in host.labels_exact()]
        wanted = [(3.123456789, 4.5, "a"), (10, 10, "point"), (12, 13, "")]
        assert [text for *_, text in found] == [text for *_, text in wanted]
        assert [t for *t, _ in found] == [pytest.approx(t, abs=1e-6) for *t, _ in wanted]


def test_a_dialog_is_reported_in_time(host, monkeypatch):
    host.fresh()
    began = time.monotonic()
    with pytest.raises(pipe.PipeError, match="close any dialog that is open in Audacity"):
        host.connection.command("GetInfo", 3, Type="Nonsense")
    assert time.monotonic() - began < 20
    host._xdotool("key", "Escape")
    host.release()
    host._connect(30)


def test_no_audacity_is_said_at_once(host, tmp_path):
    """Last in this module: it ends Audacity."""
    host._stop_audacity()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "vbannotate", "audacity", "detect"],
        env=environment, capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "there is no pipe of Audacity; start Audacity; if it runs, in Audacity set Edit" in done.stderr
