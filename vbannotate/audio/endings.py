"""Whether a file was cut off, where its container says how it should end and libav does not tell.

RIFF (WAV, AVI) and FORM (AIFF) state their size in bytes 4-8, the last page of an Ogg stream carries an end
mark. WAV past 4 GiB states its size modulo 4 GiB when it was written by a recorder that does not know RF64.
"""

from __future__ import annotations

import os
from pathlib import Path

_UNKNOWN = 0x7FFF_0000  # bytes; sizes from here on are what programs write that do not know the size yet
_WRAP = 1 << 32
_OGG_TAIL = 1 << 17  # bytes; two pages of the largest size


def cut_off(path: Path) -> str | None:
    """One line if the file is shorter than it says, else None."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        if head.startswith((b"RIFF", b"FORM")):
            stated = int.from_bytes(head[4:8], "little" if head.startswith(b"R") else "big") + 8
            missing = stated - size
            if missing > 1 and stated < _UNKNOWN:
                return f"the file is cut off: {missing} of {stated} bytes are missing"
        if head.startswith(b"OggS"):
            file.seek(max(0, size - _OGG_TAIL), os.SEEK_SET)
            tail = file.read()
            page = tail.rfind(b"OggS")
            if page < 0 or len(tail) < page + 27 or not tail[page + 5] & 4:
                return "the stream has no end mark: the file may be cut off"
    return None


def wrapped(path: Path) -> bool:
    """Whether this is a WAV past 4 GiB whose header states only what is left of its size."""
    size = path.stat().st_size
    if size < _WRAP:
        return False
    with path.open("rb") as file:
        head = file.read(12)
    stated = int.from_bytes(head[4:8], "little") + 8
    return head.startswith(b"RIFF") and head[8:] == b"WAVE" and abs((size - stated) % _WRAP) <= 1
