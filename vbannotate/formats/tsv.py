"""Tables with tabs, as DCASE and sed_eval use them. See `table` for the columns."""

from __future__ import annotations

from vbannotate.events import Annotation
from vbannotate.formats import table
from vbannotate.formats.base import Keeps, WriteOptions

NAME = "tsv"
TITLE = "table with tabs"
SUFFIXES = (".tsv", ".tab")
KEEPS = Keeps(resolution_us=1, confidence=True, tiers=True, points=True, overlap=True, files=True)


def guess(data: bytes, name: str) -> bool:
    """A first line with a tab."""
    return b"\t" in data[:1000].split(b"\n", 1)[0]


def read(data: bytes, name: str) -> Annotation:
    """See `table.read`."""
    return table.read(data, name, "\t")


def write(annotation: Annotation, options: WriteOptions) -> bytes:
    """See `table.write`."""
    return table.write(annotation, options, "\t", TITLE)
