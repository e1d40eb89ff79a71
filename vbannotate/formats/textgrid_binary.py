"""Praat's binary TextGrid, read only: big-endian, in the order of the text form.

``ooBinaryFile``, class name (length in one byte), xmin, xmax (64-bit floats), a byte for "tiers exist",
their count (32 bit); for each tier its class name, its name, xmin, xmax, count, and its items. Names and
labels have their length in 16 bits and one byte a character (ISO 8859-1); length 65535 means that a 16-bit
length and UTF-16 follow. Source: files that Praat 6 saved, compared with the same grids saved as text.
"""

from __future__ import annotations

import math
import struct

from vbannotate.errors import FormatError
from vbannotate.formats.textgrid_parse import BINARY, Grid, Item, RawTier

MAGIC = b"ooBinaryFile"
_KINDS = {"IntervalTier": False, "TextTier": True}


def parse(data: bytes, name: str) -> Grid:
    """Parse a binary TextGrid. Raises FormatError for anything else."""
    stream = _Stream(data, name)
    kind = stream.class_name()
    if kind != "TextGrid":
        raise FormatError(f"{name}: a binary Praat {kind[:40]!r}, not a TextGrid", "give a TextGrid")
    xmin, xmax = stream.number(), stream.number()
    exist = stream.take(">B")
    tiers = [_tier(stream) for _ in range(stream.count() if exist else 0)]
    return Grid(BINARY, xmin, xmax, tiers)


def _tier(stream: _Stream) -> RawTier:
    kind = stream.class_name()
    if kind not in _KINDS:
        raise stream.error(f"a tier of the unknown class {kind[:30]!r}")
    tier = RawTier(_KINDS[kind], stream.text(), stream.number(), stream.number())
    for _ in range(stream.count()):
        times = (stream.number(),) if tier.points else (stream.number(), stream.number())
        item: Item = (*times, stream.text())
        tier.items.append(item)
    return tier


class _Stream:
    """The bytes of a file, taken from the front."""

    def __init__(self, data: bytes, name: str) -> None:
        self.data, self.name, self.at = data, name, len(MAGIC)

    def error(self, what: str) -> FormatError:
        return FormatError(f"{self.name}, byte {self.at}: {what}", "save it in Praat as a text file")

    def take(self, form: str) -> float:
        """One value of the struct format `form`."""
        try:
            (value,) = struct.unpack_from(form, self.data, self.at)
        except struct.error:
            raise self.error("the file is cut off") from None
        self.at += struct.calcsize(form)
        return value

    def count(self) -> int:
        value = int(self.take(">i"))
        if not 0 <= value <= len(self.data):
            raise self.error(f"{value} is no count")
        return value

    def number(self) -> str:
        value = self.take(">d")
        if not math.isfinite(value) or abs(value) > 3e13:
            raise self.error(f"{value} is no time in seconds")
        return repr(value)

    def class_name(self) -> str:
        return self._bytes(int(self.take(">B"))).decode("latin-1")

    def text(self) -> str:
        length = int(self.take(">H"))
        if length != 0xFFFF:
            return self._bytes(length).decode("latin-1")
        pieces = []
        for _ in range(int(self.take(">H"))):  # characters, each of one or two units
            unit = self._bytes(2)
            pieces.append(unit + self._bytes(2) if 0xD8 <= unit[0] < 0xDC else unit)
        return b"".join(pieces).decode("utf-16-be", "replace")

    def _bytes(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            raise self.error("the file is cut off")
        self.at += count
        return self.data[self.at - count : self.at]
