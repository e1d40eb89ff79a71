"""A client of Audacity's scripting pipe (mod-script-pipe) that never hangs.

Audacity makes two pipes; it reads ``Name: Key="value"`` from one and answers on the other: lines, then
``BatchCommand finished: OK`` (or ``Failed!``), then an empty line. A dialog in Audacity stops the answer
until somebody clicks; a new plug-in makes Audacity 3 leave its pipes until it is started again. So
everything here has a limit, and the error says which of the two it most likely is.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import secrets
import select
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from vbannotate.errors import StartError, VbannotateError
from vbannotate.hosts import places
from vbannotate.hosts.places import Machine

OPEN_S = 8.0  # an Audacity that is ready answers in a tenth of a second, a busy computer needs more
REPLY_S = 30.0
PATIENCE_S = 2.0  # with one greeting, before the next is sent
_FINISHED = "BatchCommand finished:"
_POLL_S = 0.05

RESTART = (
    "restart Audacity once (after a new plug-in was added it leaves its pipe until then), "
    "and let no other program use the pipe"
)
ENABLE = "in Audacity set Edit > Preferences > Modules > mod-script-pipe to Enabled, then restart Audacity"


class PipeError(VbannotateError):
    """Audacity does not answer, or refuses a command."""


class NotRunningError(StartError):
    """There is no pipe, or nobody at its other end."""


class Transport(Protocol):
    """Two one-way pipes as one thing."""

    def send(self, data: bytes) -> None: ...

    def receive(self, seconds: float) -> bytes:
        """The next bytes, or b"" where none came in time. Raises OSError where the other end is gone."""
        ...

    def close(self) -> None: ...


class Fifo:
    """The pipes of Linux and macOS, opened without blocking: Audacity may have left them."""

    end = "\n"

    def __init__(self, folder: Path | None = None, seconds: float = OPEN_S) -> None:
        base = str((folder or Path("/tmp")) / f"audacity_script_pipe.%s.{os.getuid()}")
        end = time.monotonic() + seconds
        while True:
            try:
                self._to = os.open(base % "to", os.O_WRONLY | os.O_NONBLOCK)  # first, as Audacity does
                break
            except OSError as error:
                if time.monotonic() > end or isinstance(error, FileNotFoundError):
                    raise _no_listener(error) from error
                time.sleep(_POLL_S)
        try:
            self._from = os.open(base % "from", os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            os.close(self._to)
            raise _no_listener(error) from error
        self._heard = False

    def send(self, data: bytes) -> None:
        os.write(self._to, data)

    def receive(self, seconds: float) -> bytes:
        if not select.select([self._from], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self._from, 65536)
        except BlockingIOError:
            return b""
        if data:
            self._heard = True
        elif self._heard:
            raise BrokenPipeError("Audacity has closed its pipe")
        else:  # Audacity has not opened its end yet
            time.sleep(min(_POLL_S, seconds))
        return data

    def close(self) -> None:
        os.close(self._to)
        os.close(self._from)


class Threaded:
    """The named pipes of Windows: they cannot be waited for with a limit, so threads open and read them."""

    end = "\r\n\0"

    def __init__(
        self, to: str = r"\\.\pipe\ToSrvPipe", back: str = r"\\.\pipe\FromSrvPipe", seconds: float = OPEN_S
    ) -> None:
        self._chunks: queue.Queue[bytes] = queue.Queue()
        opened: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._open_and_read, args=(to, back, opened), daemon=True).start()
        try:
            self._to = opened.get(timeout=seconds)
        except queue.Empty as error:
            raise _no_listener(error) from error
        if isinstance(self._to, OSError):
            raise _no_listener(self._to) from self._to

    def _open_and_read(self, to: str, back: str, opened: queue.Queue[Any]) -> None:
        # Never looked at before: a look (stat) uses the pipe up, and Audacity then serves nobody.
        try:
            writer = open(to, "wb", buffering=0)  # noqa: SIM115, PTH123 - lives as long as the connection
            reader = open(back, "rb", buffering=0)  # noqa: SIM115, PTH123
        except OSError as error:
            opened.put(error)
            return
        opened.put(writer)
        with contextlib.suppress(OSError, ValueError), reader:
            while chunk := reader.read(65536):
                self._chunks.put(chunk)
        self._chunks.put(b"")

    def send(self, data: bytes) -> None:
        self._to.write(data)

    def receive(self, seconds: float) -> bytes:
        try:
            chunk = self._chunks.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return b""
        if not chunk:
            raise BrokenPipeError("Audacity has closed its pipe")
        return chunk

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._to.close()


class Pipe:
    """A connection for one job; only one program may hold one at a time."""

    def __init__(self, transport: Transport, end: str = "\n", seconds: float = OPEN_S) -> None:
        self._transport, self._end, self._buffer = transport, end, b""
        self._greet(seconds)

    def __enter__(self) -> Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def command(self, name: str, seconds: float = REPLY_S, **values: object) -> str:
        """Run a command and return the body of the answer. Raises PipeError where it fails or none comes."""
        text = f"{name}:" + "".join(f" {key}={quote(value)}" for key, value in values.items())
        if re.search(r"[\r\n]", text):
            raise PipeError(f"{name}: a value with a line end", "use a file name without one")
        lines = self._exchange(text, seconds)
        status = lines.pop().removeprefix(_FINISHED).strip()
        body = "\n".join(lines).strip("\n")
        if status != "OK":
            raise PipeError(
                f"Audacity refused {name}: {' '.join(body.split()) or status}",
                "see: vbannotate audacity check",
            )
        return body

    def info(self, kind: str) -> Any:
        """What ``GetInfo`` tells about Tracks, Labels, Clips; times have six significant digits only."""
        return parse_json(self.command("GetInfo", Type=kind, Format="JSON"))

    def _greet(self, seconds: float) -> None:
        """Wait until Audacity answers us, and for its answers to all our greetings.

        What comes before its window is open gets an empty line or nothing, a busy Audacity answers late: each
        greeting has a word of its own that its answer repeats, so that no answer is taken for another's, not
        even for one to a connection before this.
        """
        end = time.monotonic() + seconds
        words: list[str] = []
        heard = None
        try:
            while heard is None:
                words.append(secrets.token_hex(8))
                self._send(f'Message: Text="{words[-1]}"')
                patience = time.monotonic() + PATIENCE_S * len(words)
                try:
                    heard = self._hear(words, min(patience, end))
                except PipeError:
                    if time.monotonic() >= end:
                        raise
            while heard != words[-1]:
                heard = self._hear(words, time.monotonic() + REPLY_S)
        except PipeError:
            self._transport.close()
            raise

    def _hear(self, words: list[str], end: float) -> str:
        """The next of our words in an answer. Raises PipeError where none comes."""
        while True:
            answer = "".join(self._answer(end, "Message"))
            for word in words:
                if word in answer:
                    return word

    def _exchange(self, text: str, seconds: float) -> list[str]:
        """Send a line; return the lines of the answer, the status last."""
        self._send(text)
        return self._answer(time.monotonic() + seconds, text)

    def _send(self, text: str) -> None:
        try:
            self._transport.send(text.encode() + self._end.encode())
        except OSError as error:
            raise PipeError(f"the connection to Audacity broke ({error})", RESTART) from error

    def _answer(self, end: float, text: str) -> list[str]:
        """The next answer: lines up to the status, and the empty line behind it."""
        lines: list[str] = []
        try:
            while not lines or not lines[-1].startswith(_FINISHED):
                lines.append(self._line(end, text))
            self._line(end, text)
        except OSError as error:
            raise PipeError(f"the connection to Audacity broke ({error})", RESTART) from error
        return lines

    def _line(self, end: float, text: str) -> str:
        while b"\n" not in self._buffer:
            left = end - time.monotonic()
            if left <= 0:
                name = text.partition(":")[0]
                mend = f"close any dialog that is open in Audacity and try again; else {RESTART}"
                raise PipeError(f"Audacity does not answer ({name})", mend)
            self._buffer += self._transport.receive(left)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").replace(b"\0", b"").decode("utf-8", "replace")


def connect(seconds: float = OPEN_S) -> Pipe:
    """A connection to the Audacity that runs now. Raises NotRunningError and PipeError."""
    if sys.platform == "win32":
        threaded = Threaded(seconds=seconds)
        return Pipe(threaded, threaded.end, seconds)
    fifo = Fifo(seconds=seconds)
    return Pipe(fifo, fifo.end, seconds)


def module_enabled(machine: Machine) -> bool | None:
    """Whether mod-script-pipe is switched on in Audacity's settings; None where there are no settings."""
    path = places.audacity_settings(machine)
    if path is None:
        return None
    section = ""
    for line in path.read_text("utf-8", "replace").splitlines():
        if line.startswith("["):
            section = line.strip()
        elif section == "[Module]" and line.startswith("mod-script-pipe="):
            return line.strip().endswith("=1")
    return False


def quote(value: object) -> str:
    """A value as a command of Audacity holds it."""
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse_json(text: str) -> Any:
    """JSON as Audacity prints it: quotes are escaped, backslashes and control characters are not."""
    try:
        return json.loads(re.sub(r'\\(?!")', r"\\\\", text), strict=False)
    except ValueError as error:
        raise PipeError(
            f"Audacity's answer cannot be read ({error})", "report it with your version"
        ) from error


def _no_listener(error: Exception) -> NotRunningError:
    machine = Machine.here()
    if module_enabled(machine) is False:
        return NotRunningError("Audacity's scripting pipe is switched off", ENABLE)
    if isinstance(error, FileNotFoundError):
        return NotRunningError("there is no pipe of Audacity", f"start Audacity; if it runs, {ENABLE}")
    return NotRunningError(
        "Audacity's pipe is there but nobody answers", f"start Audacity; if it runs, {RESTART}"
    )
