"""Sound files inside the archives of games: those that further pools (`pools`) take from.

Each reader writes what it finds to a folder, under names that do not change with the version of the archive's
other contents.
"""

from __future__ import annotations

import io
import struct
import wave
import zipfile
from collections.abc import Iterator
from pathlib import Path

from vbannotate.errors import FormatError

_SOUND = (".wav", ".ogg", ".mp3")


def unpack(kind: str, archive: Path, folder: Path) -> None:
    """Write the sounds of `archive` below `folder`. `kind` is a key of `READERS`.

    Raises FormatError where the archive is not what it should be.
    """
    try:
        for name, data in READERS[kind](archive):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except (struct.error, IndexError, zipfile.BadZipFile) as error:
        raise FormatError(f"{archive.name} is no whole {kind} archive ({error})", "fetch it again") from error


def _zip(archive: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(archive) as packed:
        for name in packed.namelist():
            if name.endswith(_SOUND) and ".." not in Path(name).parts and not Path(name).is_absolute():
                yield name, packed.read(name)


def _rcc(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Qt resources: Ogg streams lie in them unpacked, one after the other; a stream begins at each page that
    is marked as a first one (RFC 3533, section 6)."""
    data, place, streams = archive.read_bytes(), 0, []
    while (place := data.find(b"OggS", place)) >= 0 and place + 27 <= len(data):
        if data[place + 4] != 0:  # the version; else these letters are no page
            place += 4
            continue
        segments = data[place + 26]
        size = 27 + segments + sum(data[place + 27 : place + 27 + segments])
        if data[place + 5] & 2:
            streams.append(bytearray())
        if streams:
            streams[-1] += data[place : place + size]
        place += size
    for number, stream in enumerate(streams):
        yield f"{archive.stem}/{archive.stem}_{number:04d}.ogg", bytes(stream)


def _cat(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Sounds of Transport Tycoon: RIFF WAVE files one after the other."""
    data, place, number = archive.read_bytes(), 0, 0
    while (place := data.find(b"RIFF", place)) >= 0:
        size = struct.unpack_from("<I", data, place + 4)[0] + 8
        if data[place + 8 : place + 12] != b"WAVE":
            place += 4
            continue
        yield f"sfx_{number:04d}.wav", data[place : place + size]
        number += 1
        place += size


def _wad(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Doom: lumps ``DS*`` hold a header (format 3, rate, count), 16 bytes of padding before and after, and
    unsigned 8-bit samples."""
    data = archive.read_bytes()
    count, directory = struct.unpack_from("<ii", data, 4)
    for number in range(count):
        start, size, raw = struct.unpack_from("<ii8s", data, directory + 16 * number)
        name = raw.rstrip(b"\0").decode("latin-1")
        if not name.startswith("DS") or size <= 50:
            continue
        form, rate, samples = struct.unpack_from("<HHI", data, start)
        if form == 3:
            yield f"{name}.wav", _wave(data[start + 24 : start + 8 + samples - 16], rate)


def _wave(samples: bytes, rate: int) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(rate)
        file.writeframes(samples)
    return target.getvalue()


def _queen(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Flight of the Amazon Queen as packed for ScummVM: after 13 bytes a table of name, bundle, offset and
    size; ``*.SB`` is speech, as MP3."""
    data = archive.read_bytes()
    (count,) = struct.unpack_from(">H", data, 13)
    for number in range(count):
        raw, _, start, size = struct.unpack_from(">12sBII", data, 15 + 21 * number)
        name = raw.split(b"\0")[0].decode("latin-1")
        if name.endswith(".SB"):
            yield f"{name[:-3]}.mp3", data[start : start + size]


READERS = {"zip": _zip, "rcc": _rcc, "cat": _cat, "wad": _wad, "queen": _queen}
