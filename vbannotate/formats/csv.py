"""Tables with commas (RFC 4180); semicolons, tabs and blanks are read too. See `table` for the columns."""

from __future__ import annotations

from vbannotate.events import Annotation
from vbannotate.formats import table
from vbannotate.formats.base import Keeps, WriteOptions

NAME = "csv"
TITLE = "table with commas"
SUFFIXES = (".csv", ".csvh", ".ssv")
KEEPS = Keeps(resolution_us=1, confidence=True, tiers=True, points=True, overlap=True, files=True)


def guess(data: bytes, name: str) -> bool:
    """A first line with a comma or semicolon and no brace; weak, so it is asked last."""
    head = data[:1000].split(b"\n", 1)[0]
    return (b"," in head or b";" in head) and not data.lstrip().startswith((b"{", b"[", b"<"))


def read(data: bytes, name: str) -> Annotation:
    """See `table.read`."""
    return table.read(data, name, ",")


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """See `table.write`."""
    return table.write(annotation, options, ",", TITLE)
