"""What several commands share: progress with time left, and JSON on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_QUICK_S = 1.5  # work that is shorter needs no progress
_EVERY_S = 0.2


def warn(message: str) -> None:
    """One line on stderr."""
    print(f"vbannotate: {' '.join(message.split())}", file=sys.stderr)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """A result for programs: JSON on stdout, any script as it is."""
    print(json.dumps(value, indent=indent, ensure_ascii=False))


@contextmanager
def progress_line(name: str, enabled: bool = True) -> Iterator[Callable[[float, float | None], None] | None]:
    """Show the share done, the speed and the time left on one line of a terminal; elsewhere show nothing."""
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    line = _Line(name)
    try:
        yield line.update
    finally:
        line.clear()


class _Line:
    """One line of a terminal that is written over."""

    def __init__(self, name: str) -> None:
        self._name, self._began, self._shown, self._width = name, time.monotonic(), 0.0, 0

    def update(self, seconds: float, total: float | None) -> None:
        """Take the seconds of media done, and all of them if known."""
        now = time.monotonic()
        if now - self._began < _QUICK_S or now - self._shown < _EVERY_S:
            return
        self._shown = now
        speed = seconds / (now - self._began)
        text = f"{self._name}: {clock(seconds)}"
        if total:
            left = max(0.0, total - seconds) / speed if speed else 0.0
            share = min(1.0, seconds / total)
            text += f" of {clock(total)} ({share:.0%}), {speed:.0f} x real time, {clock(left)} left"
        text = text[:110]
        sys.stderr.write("\r" + text.ljust(self._width))
        sys.stderr.flush()
        self._width = len(text)

    def clear(self) -> None:
        """Leave the line empty."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            sys.stderr.flush()


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
