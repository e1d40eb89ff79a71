"""Saved Audacity projects (``.aup3``): their label tracks, at full precision. Read only.

An .aup3 is an SQLite database. The tables ``project`` and ``autosave`` (newer, unsaved) hold a row with the
columns ``dict`` (names) and ``doc``: XML in a binary form, little-endian, each item one byte of type and its
fields. While Audacity has the project open its newest state is in the file beside it that ends in ``-wal``.
Facts: docs/formats/aup3.md.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vbannotate.errors import FormatError, VbannotateError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import LIMIT_US, Keeps
from vbannotate.times import to_us

NAME = "aup3"
TITLE = "Audacity project, labels only"
SUFFIXES = (".aup3",)
KEEPS = Keeps(resolution_us=1, tiers=True, points=True, overlap=True)

_CHARSIZE, _START, _END, _STRING, _NAME = 0, 1, 2, 3, 15
_NUMBERS = {
    4: "<i",
    5: "<B",
    6: "<i",
    7: "<q",
    8: "<I",
    9: "<fi",
    10: "<di",
}  # int, bool, long ..., float, double
_TEXTS = (11, 12)  # character data, raw XML: a length and a text
_STACK = (13, 14)  # push and pop of the dictionary
_ENCODINGS = {1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}
_TRIES = 5
MEND = "open and save the project in Audacity, or export its labels"


def guess(data: bytes, name: str) -> bool:
    """An SQLite database with Audacity's application id."""
    return data.startswith(b"SQLite format 3\0") and data[68:72] == b"AUDY"


def read(data: bytes, name: str) -> Annotation:
    """As `read_path`, from the bytes of the database."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project.aup3"
        copy.write_bytes(data)
        return _read(copy, name)


def read_path(path: Path) -> Annotation:
    """A tier for each label track. Nothing is written near the project, which may be gigabytes of audio."""
    newest = path.with_name(f"{path.name}-wal")
    try:
        if not path.is_file():
            raise VbannotateError(f"file not found: {path}", "check the name")
        if not newest.exists() or not newest.stat().st_size:
            return _read(path, str(path))
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "project.aup3"
            for _ in range(_TRIES):  # Audacity may move pages from one file to the other meanwhile
                before = _state(path, newest)
                shutil.copyfile(path, copy)
                shutil.copyfile(newest, f"{copy}-wal")
                if _state(path, newest) == before:
                    break
            return _read(copy, str(path), alone=False)
    except OSError as error:
        raise VbannotateError(f"{path}: {error.strerror or error}", "check that you may read it") from error


def _state(*paths: Path) -> list[tuple[int, int]]:
    """Size and time of last change of each file."""
    return [(found.st_size, found.st_mtime_ns) for found in map(Path.stat, paths)]


def _read(path: Path, name: str, *, alone: bool = True) -> Annotation:
    names, doc = _document(path, name, "mode=ro&immutable=1" if alone else "mode=rw")
    try:
        known: dict[int, str] = {}
        for _ in _items(names, known):
            pass
        tiers = tuple(_tiers(_items(doc, known)))
    except (struct.error, KeyError, IndexError, TypeError, ValueError) as error:
        raise FormatError(f"{name}: damaged project document ({error!r})", MEND) from error
    return Annotation(tiers=tiers)


def _document(path: Path, name: str, options: str) -> tuple[bytes, bytes]:
    """The columns `dict` and `doc` of the newest state."""
    import sqlite3

    row = None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{options}", uri=True)
        try:
            for table in ("autosave", "project"):
                row = row or connection.execute(f"SELECT dict, doc FROM {table} WHERE id = 1").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise FormatError(f"{name}: not an Audacity project ({error})", MEND) from error
    if row is None or not all(isinstance(column, bytes) for column in row):
        raise FormatError(f"{name}: the project holds no document", MEND)
    return row[0], row[1]


def _items(data: bytes, names: dict[int, str]) -> Iterator[tuple[str, str, Any]]:
    """("start" | "end" | "attribute", name, value) of a binary document; fills `names` as they are declared.

    The size of a character is kept under the key -1, as it stands in the dictionary only.
    """
    at = 0

    def take(form: str) -> Any:
        nonlocal at
        values = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return values[0]

    def text(length: int) -> str:
        nonlocal at
        if length < 0 or at + length > len(data):
            raise ValueError("text beyond the end")
        at += length
        return data[at - length : at].decode(_ENCODINGS[int(names.get(-1, "4"))])

    while at < len(data):
        kind = take("<B")
        if kind == _CHARSIZE:
            names[-1] = str(take("<B"))
        elif kind == _NAME:
            number = take("<H")
            names[number] = text(take("<H"))
        elif kind in (_START, _END):
            yield ("start" if kind == _START else "end"), names[take("<H")], None
        elif kind == _STRING:
            name = names[take("<H")]
            yield "attribute", name, text(take("<i"))
        elif kind in _NUMBERS:
            name = names[take("<H")]
            yield "attribute", name, take(_NUMBERS[kind])
        elif kind in _TEXTS:
            text(take("<i"))
        elif kind not in _STACK:
            raise ValueError(f"unknown item {kind}")


def _tiers(items: Iterator[tuple[str, str, Any]]) -> Iterator[Tier]:
    """The label tracks among the elements."""
    stack: list[tuple[str, dict[str, Any]]] = []
    events: list[Event] = []
    for kind, name, value in items:
        if kind == "start":
            stack.append((name, {}))
            if name == "labeltrack":
                events = []
        elif kind == "attribute":
            stack[-1][1][name] = value
        else:
            tag, attributes = stack.pop()
            if tag == "label":
                events.append(_event(attributes))
            elif tag == "labeltrack":
                yield Tier(str(attributes.get("name", "")), tuple(events))


def _event(attributes: dict[str, Any]) -> Event:
    onset, offset = to_us(float(attributes["t"])), to_us(float(attributes.get("t1", attributes["t"])))
    if max(abs(onset), abs(offset)) > LIMIT_US:
        raise ValueError("time out of range")
    band = {"low_hz": attributes.get("selLow"), "high_hz": attributes.get("selHigh")}
    extra = {key: value for key, value in band.items() if isinstance(value, float) and value >= 0}
    return Event.from_us(onset, offset, str(attributes.get("title", "")), None, extra)
