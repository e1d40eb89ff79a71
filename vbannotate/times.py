"""Times: whole microseconds inside, decimal seconds outside.

A time is rounded once, when it enters (half to even on the microsecond). 20 ms frames, the milliseconds of
ELAN and of subtitles, and Audacity's six decimals are all exact in microseconds; floats are not.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction

SECOND_US = 1_000_000

_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d*)?)")


def to_us(seconds: float | Decimal | Fraction) -> int:
    """Microseconds of a number of seconds; a float is taken as its shortest decimal text.

    Raises ValueError for NaN and infinities.
    """
    if isinstance(seconds, int):
        return seconds * SECOND_US
    if isinstance(seconds, Fraction):
        return round(seconds * SECOND_US)
    if not isinstance(seconds, Decimal):
        if not math.isfinite(seconds):
            raise ValueError(f"not a time: {seconds!r}")
        seconds = Decimal(repr(float(seconds)))
    if not seconds.is_finite():
        raise ValueError(f"not a time: {seconds!r}")
    return int((seconds * SECOND_US).to_integral_value())


def from_us(us: int) -> float:
    """Seconds of a number of microseconds."""
    return us / SECOND_US


def parse_seconds(text: str) -> int:
    """Microseconds of a decimal number of seconds; a decimal comma is accepted.

    Raises ValueError for anything that is no finite number.
    """
    try:
        return to_us(Decimal(text.strip().replace(",", ".", 1)))
    except (InvalidOperation, ValueError):
        raise ValueError(f"not a time: {text!r}") from None


def parse_clock(text: str) -> int:
    """Microseconds of ``90``, ``90.5``, ``1:30.5`` or ``1:02:03.5``, as people type times.

    Raises ValueError for anything else.
    """
    if match := _CLOCK.fullmatch(text.strip()):
        hours, minutes, seconds = match.groups()
        return (int(hours or 0) * 60 + int(minutes)) * 60 * SECOND_US + parse_seconds(seconds)
    return parse_seconds(text)


def format_seconds(us: int, places: int = 6) -> str:
    """Seconds with exactly `places` decimals (rounded half to even where fewer than six)."""
    sign, us = ("-", -us) if us < 0 else ("", us)
    if places < 6:
        us = round(Fraction(us, 10 ** (6 - places)))
    else:
        us *= 10 ** (places - 6)
    whole, part = divmod(us, 10**places)
    sign = sign if us else ""
    return f"{sign}{whole}.{part:0{places}d}" if places else f"{sign}{whole}"


def format_clock(us: int, separator: str = ".") -> str:
    """``HH:MM:SS.mmm`` rounded to the millisecond, the clock of subtitles; hours grow past 99."""
    ms = round(Fraction(us, 1000))
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{separator}{ms:03d}"
