"""Read a recording through once and say what came: `survey`, for `vbannotate probe`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate.audio.praat import praat_shift_us
from vbannotate.audio.probing import Probe
from vbannotate.audio.source import open_source
from vbannotate.errors import MediaError
from vbannotate.times import format_seconds, from_us


@dataclass(frozen=True, slots=True)
class Survey:
    """A Probe and what decoding all of the sound found. `peak` is the loudest sample, 1.0 at full scale."""

    probe: Probe
    rate: int  # Hz, as decoded
    channels: int
    duration_us: int
    peak: float
    praat_shift_us: int
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; times in seconds."""
        decoded = {"rate": self.rate, "channels": self.channels, "duration": from_us(self.duration_us)}
        shift = from_us(self.praat_shift_us)
        return self.probe.to_dict() | {
            "decoded": {**decoded, "peak": self.peak},
            "praat_shift": shift,
            "warnings": list(self.warnings),
        }

    def text(self) -> str:
        """The lines that `vbannotate probe` prints."""
        level = "silent" if not self.peak else f"peak {20 * math.log10(self.peak):.1f} dB of full scale"
        length = f"{format_seconds(self.duration_us)} s on the media's clock"
        lines = [
            self.probe.text(),
            f"  decoded: {length} at {self.rate} Hz, {self.channels} channel(s), {level}",
        ]
        if self.praat_shift_us:
            lines.append(
                f"  Praat shows this mp3 {self.praat_shift_us / 1000:+.1f} ms off that clock (detect --wav)"
            )
        return "\n".join(lines + [f"  warning: {warning}" for warning in self.warnings])


def survey(path: str | Path) -> Survey:
    """Decode all of a recording, in constant memory. Raises MediaError where it holds nothing."""
    source = open_source(Path(path))
    peak, wrong = 0.0, 0
    try:
        for piece in source.pieces():
            level = np.abs(piece)
            finite = np.isfinite(level)
            if not finite.all():
                wrong += int(level.size - np.count_nonzero(finite))
                level = level[finite]
            peak = max(peak, float(level.max(initial=0)))
    finally:
        source.close()
    if not source.samples:
        raise MediaError(f"{path} holds no audio (0 samples)", "record or export it again")
    if wrong:
        source.warnings.append(f"{wrong} samples are no numbers (NaN, infinite)")
    return Survey(
        probe=source.probe,
        rate=source.rate,
        channels=source.channels,
        duration_us=source.duration_us,
        peak=peak,
        praat_shift_us=praat_shift_us(source.probe),
        warnings=tuple(source.warnings),
    )
