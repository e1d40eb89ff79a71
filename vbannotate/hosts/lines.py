"""The lines that ELAN reads from a recognizer, and nothing else on that pipe.

`Lines` keeps a private copy of standard output for the protocol and sends everything that libraries print
to a log: one stray line "0" would count as success, an unfinished line before RESULT would hide it. A line
at least every second is how a program notices that the user has pressed Cancel where no signal tells it.
"""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

BEAT_S = 1.0
_LAST = 0.97  # ELAN takes 100 % for the end


class Lines:
    """Standard output, taken over for the protocol. `gone` is called when the host has closed the pipe."""

    def __init__(self, gone: Callable[[], None]) -> None:
        self._gone = gone
        self._pipe = os.dup(1)
        handle, name = tempfile.mkstemp(prefix="vbannotate-elan-", suffix=".log")
        self.log = Path(name)
        for stream in (1, 2):
            os.dup2(handle, stream)
        os.close(handle)
        self._lock = threading.Lock()
        self._share, self._text = 0.0, "starting"
        self._closed = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """A plain line for ELAN's report window; the prefix keeps it from being taken for anything else."""
        self._print(f"vbannotate: {' '.join(text.split())}")

    def progress(self, share: float, text: str) -> None:
        """Note how far the work is, 0-1; it never goes back. The next beat prints it."""
        with self._lock:
            self._share = max(self._share, min(share, _LAST))
            self._text = text

    def finish(self, done: bool) -> None:
        """Print the result as a line of its own, and let the host go."""
        self._closed.set()
        self._thread.join()
        if done:
            self.progress(_LAST, "done")
            self._beat()
        self._print(f"\nRESULT: {'DONE' if done else 'FAILED'}.")
        os.close(self._pipe)

    def _keep_beating(self) -> None:
        while not self._closed.wait(BEAT_S):
            self._beat()

    def _beat(self) -> None:
        with self._lock:
            line = f"PROGRESS: {int(100 * self._share)}% {self._text}"
        self._print(line)

    def _print(self, line: str) -> None:
        try:
            os.write(self._pipe, line.encode("ascii", "replace") + b"\n")
        except OSError:  # closed by Cancel
            self._gone()


def on_terminate(action: Callable[[], None]) -> None:
    """Call `action` when the host ends us (POSIX), even while a library computes.

    A thread waits for the signal: a handler would only run once the computation returns to Python.
    """
    if not hasattr(signal, "pthread_sigmask"):
        return
    wanted = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)

    def wait() -> None:
        signal.sigwait(wanted)
        action()

    threading.Thread(target=wait, daemon=True).start()
