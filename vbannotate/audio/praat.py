"""Praat's clock for mp3, which is not the one of other programs.

Praat decodes mp3 itself, keeps the frame that carries the LAME header as sound, and drops 626 samples in any
case. Fitted to Praat 6.1.38 with chirps at known times in files of 44.1 and 22.05 kHz, with and without
header; exact to the 0.1 ms of that measurement.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vbannotate.audio.probing import Probe, probe
from vbannotate.times import SECOND_US, to_us

_DROPPED = 626  # samples
_FRAME, _FRAME_LOW, _LOW_RATE = 1152, 576, 32_000  # samples; half a frame below this rate (MPEG-2 layer III)


def praat_shift_us(known: Probe) -> int:
    """How much later than on the media's clock Praat shows the sound of an mp3 file; 0 for other files."""
    rate = known.audio.rate
    if "mp3" not in known.container.split(",") or not rate:
        return 0
    if not known.correction_us:  # no LAME header
        return to_us(Fraction(-_DROPPED, rate))
    frame = _FRAME if rate >= _LOW_RATE else _FRAME_LOW
    delay = Fraction(known.correction_us, SECOND_US)
    return to_us(delay + Fraction(frame - _DROPPED, rate))


def praat_clock_warning(media: Probe | str | Path) -> str | None:
    """One line for whoever gets a TextGrid beside an mp3, or None where Praat's clock is everybody's."""
    known = media if isinstance(media, Probe) else probe(media)
    shift = praat_shift_us(known)
    if not shift:
        return None
    side = "early" if shift > 0 else "late"
    return (
        f"{known.path}: Praat decodes mp3 on a clock of its own and will show the intervals "
        f"{abs(shift) / 1000:.0f} ms {side}; give --wav and open the WAV with the TextGrid"
    )
