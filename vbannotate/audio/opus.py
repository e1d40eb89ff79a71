"""Opus that was made from a narrow rate (voice messages), decoded at that rate.

Opus always counts time in 48 kHz, and libav decodes it so. libsndfile decodes at the rate that the file names
(8, 12, 16 or 24 kHz) without a filter of ours in between, and so does everything built upon it: the published
locator's script gets these very samples. Both put the sound at the same place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from vbannotate.audio.probing import Probe
from vbannotate.times import SECOND_US

_OPUS_RATE = 48_000  # Hz
_PRESKIP_US = 6_500  # libav's stated length counts the encoder's priming
_SAME_US = 20_000  # lengths that differ by more: a chained or damaged file, which libav handles better


class NarrowOpus:
    """An open Opus recording at its own rate; used as `Source` is."""

    def __init__(self, path: Path, probe: Probe) -> None:
        import soundfile

        self._file = soundfile.SoundFile(path)
        self.path = path
        self.warnings: list[str] = list(probe.warnings)
        self.samples = 0
        self.rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        version = f"soundfile {soundfile.__version__}, libsndfile {soundfile.__libsndfile_version__}"
        self.probe = replace(
            probe, reader=version, duration_us=round(self._file.frames * SECOND_US / self.rate)
        )

    @property
    def duration_us(self) -> int:
        """Length of what was decoded so far."""
        return round(self.samples * SECOND_US / self.rate)

    def pieces(self) -> Iterator[np.ndarray]:
        """Sound from media time zero: float32 [samples, channels], a second each."""
        while len(block := self._file.read(self.rate, dtype="float32", always_2d=True)):
            self.samples += len(block)
            yield block

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def open_narrow(path: Path, probe: Probe) -> NarrowOpus | None:
    """`path` as NarrowOpus, or None where libav is the better reader."""
    import soundfile

    if probe.container != "ogg" or len(probe.streams) != 1 or probe.audio.codec not in ("opus", "libopus"):
        return None
    try:
        source = NarrowOpus(path, probe)
    except soundfile.SoundFileError:
        return None
    stated = (probe.duration_us or 0) - _PRESKIP_US
    if source.rate >= _OPUS_RATE or abs((source.probe.duration_us or 0) - stated) > _SAME_US:
        source.close()
        return None
    return source
