"""People's files: read with their encoding, written whole or not at all, backed up before they change."""

from __future__ import annotations

import codecs
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vbannotate.errors import FormatError, VbannotateError, WouldOverwriteError

# Longest first: the UTF-32 mark begins with the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
FALLBACK = "cp1252"  # what Western Windows programs wrote before UTF-8; named in a warning


@dataclass(frozen=True, slots=True)
class Text:
    """A decoded file. `bom` and `encoding` allow it to go back as it came."""

    text: str
    encoding: str = "utf-8"
    bom: bytes = b""
    warning: str | None = None

    def encode(self, text: str) -> bytes:
        """`text` as bytes in the encoding of this file.

        Raises FormatError where the encoding has no sign for a character.
        """
        try:
            return self.bom + text.encode(self.encoding)
        except UnicodeEncodeError as error:
            sign = text[error.start]
            raise FormatError(
                f"the file's encoding {self.encoding} has no character {sign!r}",
                "save the file as UTF-8 in its program first",
            ) from error


def decode(data: bytes, name: str, fallback: str = FALLBACK) -> Text:
    """Decode by byte order mark, then as UTF-8, UTF-16 without mark, then as `fallback`, with a warning."""
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return Text(data[len(bom) :].decode(encoding), encoding, bom)
            except UnicodeDecodeError as error:
                raise FormatError(
                    f"{name}: broken {encoding} at byte {error.start}", "save it again as UTF-8"
                ) from error
    if utf16 := _unmarked_utf16(data):
        return Text(data.decode(utf16, "replace"), utf16)
    try:
        return Text(data.decode("utf-8"))
    except UnicodeDecodeError:
        for encoding in (fallback, "iso-8859-1"):  # the first may lack a byte, the second has all 256
            try:
                return Text(data.decode(encoding), encoding, warning=f"{name}: not UTF-8, read as {encoding}")
            except UnicodeDecodeError:
                continue
        raise AssertionError("ISO-8859-1 decodes everything") from None


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark: the zero bytes of plain letters lie all on one side."""
    head = data[:400]
    if len(head) < 4 or len(data) % 2:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 5 and not even:
        return "utf-16-le"
    if even > len(head) // 5 and not odd:
        return "utf-16-be"
    return None


def read(path: Path) -> bytes:
    """The bytes of a file. Raises VbannotateError where it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise VbannotateError(f"file not found: {path}", "check the name") from error
    except OSError as error:
        raise VbannotateError(
            f"{path}: {error.strerror or error}", "check that it is a file you may read"
        ) from error


def write(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write `data` to `path` atomically; an existing file is replaced only if `overwrite`.

    Raises WouldOverwriteError, and VbannotateError where the folder or a lock forbids writing.
    """
    with replacing(path, overwrite=overwrite) as temporary, temporary.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def check_free(path: Path, *, overwrite: bool = False) -> None:
    """Raise WouldOverwriteError where `path` exists and may not go: asked before long work, not after it."""
    if path.exists() and not overwrite:
        raise WouldOverwriteError(f"{path} exists", "give --overwrite or another --output")


@contextmanager
def replacing(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary name beside `path`; what is written there takes its place unless an error comes.

    Raises as `write` does.
    """
    check_free(path, overwrite=overwrite)
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")  # same folder: same file system
    try:
        yield temporary
        if path.exists():
            shutil.copymode(path, temporary)
        if overwrite:
            temporary.replace(path)
        else:
            _claim(temporary, path)
    except PermissionError as error:
        mend = "close it in the program that has it open, or give another --output"
        raise VbannotateError(f"{path} cannot be written", mend) from error
    except OSError as error:
        if isinstance(error, FileExistsError):
            raise WouldOverwriteError(f"{path} exists", "give --overwrite or another --output") from error
        raise VbannotateError(
            f"{path}: {error.strerror or error}", "check the folder and the space left"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _claim(temporary: Path, path: Path) -> None:
    """Rename without replacing: a file that appeared meanwhile is somebody's work."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # file systems without hard links
        if path.exists():
            raise FileExistsError(path) from None
        temporary.replace(path)


def backup(path: Path) -> Path:
    """Copy `path` to the first free ``name.ext.bak``, ``name.ext.bak2`` ...; never over an older backup."""
    data, number = read(path), 1
    while True:
        target = path.with_name(f"{path.name}.bak{number if number > 1 else ''}")
        try:
            with target.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except FileExistsError:
            number += 1
            continue
        shutil.copystat(path, target)
        return target
