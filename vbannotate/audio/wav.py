"""A WAV of a recording on our clock, for programs that cannot open it or keep a clock of their own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from vbannotate import files
from vbannotate.audio.source import open_source
from vbannotate.errors import WouldOverwriteError

_FULL_SCALE = 32_768
_LARGEST = 0xFFFF_FFFF - 64  # bytes of sound that the 32-bit sizes of a WAV can state


def write_wav(source: str | Path, target: str | Path, *, overwrite: bool = False) -> list[str]:
    """Write the sound of `source` as 16-bit WAV at its own rate and channels, sample 0 at media time zero.

    Streams, and writes whole or not at all. Returns warnings. Raises WouldOverwriteError where `target`
    exists and may not go, or is the recording itself, and MediaError for a source that cannot be read.
    """
    source, target = Path(source), Path(target)
    if target.exists() and target.samefile(source):
        raise WouldOverwriteError(f"{target} is the recording itself", "write the WAV to another folder")
    if target.exists() and not overwrite:
        raise WouldOverwriteError(f"{target} exists", "give --overwrite or another --output")
    sound = open_source(source)
    try:
        with files.replacing(target, overwrite=overwrite) as temporary, temporary.open("xb") as file:
            file.write(_header(sound.rate, sound.channels, 0))
            size = 0
            for piece in sound.pieces():
                data = _pcm16(piece).tobytes()
                size += len(data)
                file.write(data)
            file.seek(0)
            file.write(_header(sound.rate, sound.channels, size))
    finally:
        sound.close()
    return sound.warnings


def _pcm16(piece: np.ndarray) -> np.ndarray:
    """Samples as little-endian 16-bit integers, clipped at full scale; what is no number becomes 0."""
    scaled = np.rint(np.nan_to_num(piece, nan=0, posinf=0, neginf=0) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2")


def _header(rate: int, channels: int, size: int) -> bytes:
    """RIFF header of 44 bytes for 16-bit PCM; a size that does not fit is stated as "until the end"."""
    width = 2 * channels
    data, riff = (size, size + 36) if size <= _LARGEST else (0xFFFF_FFFF, 0xFFFF_FFFF)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * width, width, 16)
    return struct.pack("<4sI4s", b"RIFF", riff, b"WAVE") + form + struct.pack("<4sI", b"data", data)
