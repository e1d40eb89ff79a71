"""Audacity projects: built by the documented form, and one that Audacity 3.2.4 saved."""

from __future__ import annotations

import gzip
import random
import sqlite3
import struct
from pathlib import Path

import pytest

from vbannotate import formats
from vbannotate.errors import FormatError, VbannotateError
from vbannotate.events import Event, Tier
from vbannotate.formats import aup3

REAL = Path(__file__).resolve().parents[1] / "real" / "audacity_3.2.4_labels.aup3.gz"
ENCODINGS = {2: "utf-16-le", 4: "utf-32-le"}


def document(tracks: dict[str, list[tuple[float, float, str]]], size: int) -> tuple[bytes, bytes]:
    """The columns `dict` and `doc` of a project, as docs/formats/aup3.md describes them."""
    names = ["project", "labeltrack", "name", "label", "t", "t1", "title", "wavetrack", "numlabels"]
    number = {name: struct.pack("<H", k) for k, name in enumerate(names)}
    known = struct.pack("<BB", 0, size)
    for name in names:
        text = name.encode(ENCODINGS[size])
        known += b"\x0f" + number[name] + struct.pack("<H", len(text)) + text

    def string(name: str, value: str) -> bytes:
        text = value.encode(ENCODINGS[size])
        return b"\x03" + number[name] + struct.pack("<i", len(text)) + text

    doc = (
        b"\x01"
        + number["project"]
        + b"\x01"
        + number["wavetrack"]
        + string("name", "Audio")
        + b"\x02"
        + number["wavetrack"]
    )
    for track, labels in tracks.items():
        doc += b"\x01" + number["labeltrack"] + string("name", track)
        doc += b"\x08" + number["numlabels"] + struct.pack("<I", len(labels))
        for start, end, title in labels:
            doc += b"\x01" + number["label"]
            doc += b"\x0a" + number["t"] + struct.pack("<di", start, -1)
            doc += b"\x0a" + number["t1"] + struct.pack("<di", end, -1) + string("title", title)
            doc += b"\x02" + number["label"]
        doc += b"\x02" + number["labeltrack"]
    return known, doc + b"\x02" + number["project"]


def project(path: Path, **rows: tuple[bytes, bytes] | None) -> sqlite3.Connection:
    """A database with the tables of a project; the connection keeps it open."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA application_id = 1096107097")
    for table in ("project", "autosave"):
        connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, dict BLOB, doc BLOB)")
        if rows.get(table):
            connection.execute(f"INSERT INTO {table} VALUES (1, ?, ?)", rows[table])
    connection.commit()
    return connection


TRACKS = {"ours": [(1.5, 2.25, "laugh 😀"), (3.0, 3.0, "")], "zweite": []}


@pytest.mark.parametrize("size", [2, 4])
def test_label_tracks_become_tiers(tmp_path, size):
    path = tmp_path / "Ünï 100%? #1.aup3"
    project(path, project=document(TRACKS, size)).close()
    expected = (Tier("ours", (Event(1.5, 2.25, "laugh 😀"), Event(3, 3, ""))), Tier("zweite"))
    assert formats.read(path).tiers == expected
    assert aup3.guess(path.read_bytes(), "x") and aup3.read(path.read_bytes(), "x").tiers == expected
    assert list(tmp_path.iterdir()) == [path]


def test_the_unsaved_state_is_the_newest(tmp_path):
    path = tmp_path / "a.aup3"
    newer = {"ours": [(4.0, 5.0, "cough")]}
    project(path, project=document(TRACKS, 4), autosave=document(newer, 4)).close()
    assert formats.read(path).events == (Event(4, 5, "cough"),)


def test_a_project_that_is_open_is_read_from_a_copy(tmp_path):
    path = tmp_path / "a.aup3"
    project(path, project=document({"x": []}, 4)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    known, doc = document(TRACKS, 4)
    connection.execute("UPDATE project SET dict = ?, doc = ? WHERE id = 1", (known, doc))
    connection.commit()
    assert (tmp_path / "a.aup3-wal").stat().st_size
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir() if not p.name.endswith("-shm")}
    assert len(formats.read(path).events) == 2
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if not p.name.endswith("-shm")} == before
    connection.close()


def test_a_project_that_audacity_saved(tmp_path):
    """Imported from a label file, with a second track; exact doubles and the spectral selection are there."""
    path = tmp_path / "real.aup3"
    path.write_bytes(gzip.decompress(REAL.read_bytes()))
    annotation = formats.read(path)
    assert [tier.name for tier in annotation.tiers] == ["in", "zweite"]
    assert annotation.tiers[0].events == (
        Event(1.234567, 2.345678, "laugh", None, {"low_hz": 100.5, "high_hz": 2000.25}),
        Event(3, 3, "punkt ä😀"),
        Event(3600.123456, 3600.223457, "far"),
    )


def test_what_is_no_project_is_refused_in_one_line(tmp_path):
    path = tmp_path / "a.aup3"
    for data in (b"", b"SQLite format 3\0", b"no database " * 100):
        path.write_bytes(data)
        with pytest.raises(
            FormatError, match=r"a\.aup3: not an Audacity project|holds no document"
        ) as caught:
            formats.read(path)
        assert "\n" not in str(caught.value)
    path.unlink()
    project(path).close()
    with pytest.raises(FormatError, match="holds no document"):
        formats.read(path)
    path.unlink()
    project(path, project=(b"\0\4", b"\x01\7\0")).close()
    with pytest.raises(FormatError, match="damaged project document"):
        formats.read(path)
    with pytest.raises(VbannotateError, match="file not found"):
        formats.read(tmp_path / "none.aup3")


def test_damaged_documents_never_give_a_traceback(tmp_path):
    known, doc = document(TRACKS, 4)
    path, rng = tmp_path / "a.aup3", random.Random(3)
    with project(path, project=(known, doc)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for _ in range(100):
            body = bytearray(doc)
            for _ in range(rng.randint(1, 4)):
                body[rng.randrange(len(body))] = rng.randrange(256)
            connection.execute("UPDATE project SET doc = ?", (bytes(body),))
            connection.commit()
            try:
                formats.read(path)
            except FormatError as error:
                assert "\n" not in str(error)
    connection.close()
