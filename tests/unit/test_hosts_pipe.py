"""The client of Audacity's pipe against an Audacity of our own making, with all its bad manners."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vbannotate.errors import VbannotateError
from vbannotate.events import Tier
from vbannotate.hosts import audacity, pipe
from vbannotate.hosts.pipe import Fifo, NotRunningError, Pipe, PipeError, Threaded
from vbannotate.hosts.places import LINUX, MACOS, WINDOWS, Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stands on the FIFOs of POSIX")

OK = "BatchCommand finished: OK\n\n"
Reply = Callable[[str], str]


class Fake:
    """Audacity's end of two FIFOs: reads lines, answers with what `reply` says; "" is silence."""

    def __init__(self, folder: Path, reply: Reply) -> None:
        self.names = [folder / f"audacity_script_pipe.{way}.{os.getuid()}" for way in ("to", "from")]
        for name in self.names:
            os.mkfifo(name)
        self.heard: queue.Queue[str] = queue.Queue()
        self._reply = reply
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with self.names[0].open("rb", buffering=0) as to, self.names[1].open("wb", buffering=0) as back:
            buffer = b""
            while chunk := to.read(4096):
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    text = line.decode().strip("\r\0")
                    self.heard.put(text)
                    answer = self._reply(text)
                    if answer == "hang up":
                        return
                    back.write(answer.encode())


def polite(text: str) -> str:
    """Greets back, and says OK to the rest."""
    return f"{text}\n{OK}" if text.startswith("Message:") else OK


def answering(**answers: str) -> Reply:
    return lambda text: answers.get(text.split(":")[0], polite(text))


@contextmanager
def talking(folder: Path, reply: Reply) -> Iterator[Pipe]:
    Fake(folder, reply)
    with Pipe(Fifo(folder, seconds=5)) as connection:
        yield connection


def test_a_command_and_its_answer(tmp_path):
    with talking(tmp_path, answering(Help=f"first\n\nlast\n{OK}")) as connection:
        assert connection.command("Help", Command="x") == "first\n\nlast"


def test_values_are_quoted_as_audacity_reads_them(tmp_path):
    fake = Fake(tmp_path, polite)
    with Pipe(Fifo(tmp_path, seconds=5)) as connection:
        connection.command("Import2", Filename=r'C:\ü "a".wav', NumChannels=1)
        with pytest.raises(PipeError, match="a value with a line end"):
            connection.command("Import2", Filename="a\nb")
    greeting, command = fake.heard.get(timeout=5), fake.heard.get(timeout=5)
    assert greeting.startswith("Message: Text=")
    assert command == r'Import2: Filename="C:\\ü \"a\".wav" NumChannels="1"'


def test_a_refused_command_says_why(tmp_path):
    refusal = "Your batch command of X was not recognized.\nBatchCommand finished: Failed!\n\n"
    with (
        talking(tmp_path, answering(X=refusal)) as connection,
        pytest.raises(PipeError, match="Audacity refused X: Your batch command of X was not recognized"),
    ):
        connection.command("X")


def test_a_dialog_is_reported_and_nothing_hangs(tmp_path):
    with talking(tmp_path, answering(Export2="")) as connection:
        began = time.monotonic()
        with pytest.raises(
            PipeError, match=r"does not answer \(Export2\); close any dialog .* restart Audacity once"
        ):
            connection.command("Export2", 0.3)
        assert time.monotonic() - began < 3


def test_late_answers_to_a_greeting_are_not_taken_for_others(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "PATIENCE_S", 0.2)
    kept: list[str] = []

    def slow(text: str) -> str:
        if text.startswith("Message:") and len(kept) < 2:
            kept.append(polite(text))
            return ""
        late = "".join(kept)
        kept[:] = ["", ""]
        return late + (polite(text) if text.startswith("Message:") else f"the answer\n{OK}")

    with talking(tmp_path, slow) as connection:
        assert connection.command("Help") == "the answer"


def test_an_audacity_that_is_always_late_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "PATIENCE_S", 0.1)

    def tired(text: str) -> str:
        time.sleep(0.25)
        return polite(text) if text.startswith("Message:") else f"the answer\n{OK}"

    with talking(tmp_path, tired) as connection:
        assert connection.command("Help") == "the answer"


def test_an_empty_line_before_the_window_is_open(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "PATIENCE_S", 0.2)
    said: list[str] = []

    def early(text: str) -> str:
        said.append(text)
        return "\n" if len(said) < 3 else polite(text)

    with talking(tmp_path, early) as connection:
        assert connection.command("Help") == ""


def test_audacity_ends_in_the_middle(tmp_path):
    with talking(tmp_path, answering(Exit="hang up")) as connection, pytest.raises(PipeError, match="broke"):
        connection.command("Exit", 5)


def test_no_pipe_at_all(tmp_path):
    with pytest.raises(NotRunningError) as error:
        Fifo(tmp_path, seconds=0.2)
    assert error.value.exit_code == 3


def test_a_pipe_that_audacity_has_left(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "module_enabled", lambda machine: True)
    for way in ("to", "from"):
        os.mkfifo(tmp_path / f"audacity_script_pipe.{way}.{os.getuid()}")
    began = time.monotonic()
    with pytest.raises(
        NotRunningError, match="nobody answers; start Audacity; if it runs, restart Audacity once"
    ):
        Fifo(tmp_path, seconds=0.3)
    assert time.monotonic() - began < 3


def test_the_module_is_off(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "module_enabled", lambda machine: False)
    with pytest.raises(NotRunningError, match="switched off; in Audacity set Edit > Preferences > Modules"):
        Fifo(tmp_path, seconds=0.1)


@pytest.mark.parametrize(
    ("system", "where"),
    [
        (LINUX, ".config/audacity"),
        (MACOS, "Library/Application Support/audacity"),
        (WINDOWS, "AppData/Roaming/audacity"),
    ],
)
def test_whether_the_module_is_on_stands_in_the_settings(tmp_path, system, where):
    here = Machine(system, tmp_path, {}, tmp_path / "root")
    assert pipe.module_enabled(here) is None
    settings = tmp_path / where / "audacity.cfg"
    settings.parent.mkdir(parents=True)
    for text, on in (("[Module]\nmod-script-pipe=1\n", True), ("[Module]\nmod-script-pipe=4\n", False)):
        settings.write_text(f"[ModulePath]\nmod-script-pipe=/x/1\n{text}[Other]\nmod-script-pipe=1\n")
        assert pipe.module_enabled(here) is on
    settings.write_text("[Locale]\nLanguage=de\n")
    assert pipe.module_enabled(here) is False


def test_the_way_of_windows_on_pipes_of_posix(tmp_path):
    fake = Fake(tmp_path, answering(Help=f"a\r\nb\r\n{OK}"))
    threaded = Threaded(str(fake.names[0]), str(fake.names[1]), seconds=5)
    with Pipe(threaded, threaded.end) as connection:
        assert connection.command("Help") == "a\nb"


def test_windows_pipes_that_nobody_serves(tmp_path):
    with pytest.raises(NotRunningError):
        Threaded(str(tmp_path / "no" / "to"), str(tmp_path / "no" / "from"), seconds=1)
    os.mkfifo(tmp_path / "left")
    began = time.monotonic()
    with pytest.raises(NotRunningError):
        Threaded(str(tmp_path / "left"), str(tmp_path / "left"), seconds=0.3)
    assert time.monotonic() - began < 3


def test_json_as_audacity_prints_it():
    assert pipe.parse_json('[ { "name":"a\\b \\"q\\" \t", "n":1 } ]') == [{"name": 'a\\b "q" \t', "n": 1}]
    assert pipe.parse_json("[  ]") == []
    with pytest.raises(PipeError, match="cannot be read"):
        pipe.parse_json("(1 2)")


def tracks(*rows: tuple[str, str, int, int]) -> str:
    items = [
        f'{{"name":"{name}","kind":"{kind}","focused":{focus},"selected":{chosen},"start":0,"end":9}}'
        for name, kind, focus, chosen in rows
    ]
    return f"[ {', '.join(items)} ]\n{OK}"


@pytest.mark.parametrize(
    ("rows", "meant"),
    [
        ([("a", "wave", 0, 1), ("b", "wave", 1, 0)], "b"),
        ([("x", "label", 1, 1), ("a", "wave", 0, 0), ("b", "wave", 0, 1)], "b"),
        ([("x", "label", 1, 1), ("a", "wave", 0, 0)], "a"),
    ],
)
def test_which_track_is_meant(tmp_path, rows, meant):
    with talking(tmp_path, answering(GetInfo=tracks(*rows))) as connection:
        assert audacity.focused(connection).name == meant


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("x", "label", 1, 1)], "has no sound; open a recording"),
        ([("a", "wave", 0, 0), ("b", "wave", 0, 0)], "not clear which track is meant; click on one"),
    ],
)
def test_no_track_is_meant(tmp_path, rows, said):
    with (
        talking(tmp_path, answering(GetInfo=tracks(*rows))) as connection,
        pytest.raises(VbannotateError, match=said),
    ):
        audacity.focused(connection)


def test_which_label_track_is_meant():
    one, two = Tier("bursts"), Tier("Labels 1")
    assert audacity.choose((one, two), None, "bursts") is one
    assert audacity.choose((one, two), "Labels 1", "bursts") is two
    assert audacity.choose((two,), None, "bursts") is two
    with pytest.raises(
        VbannotateError, match=r"2 label tracks \(it has: 'bursts', 'Labels 1'\); name one with --track"
    ):
        audacity.choose((one, two), None, None)
    with pytest.raises(VbannotateError, match="no label track called 'x'"):
        audacity.choose((one, two), "x", None)
