"""What people name as a source: a folder of sound, a folder with a table, a table, a source's name."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

from vbannotate.audio import is_media
from vbannotate.errors import UsageError
from vbannotate.sources import clips, index
from vbannotate.sources.clips import Clip
from vbannotate.sources.folder import Found, Progress, Wanted, scan
from vbannotate.sources.words import meaning

MANIFEST = "manifest.csv"  # of a data folder


def look(folder: Path, wanted: Wanted, progress: Progress | None = None) -> Found:
    """The clips of a folder: by its own table if it has one, else by what lies in it."""
    found = _tabled(folder)
    if found is None:
        return scan(folder, wanted, progress)
    if wanted.kind:
        found = [clip for clip in found if clip.kind == wanted.kind]
    if wanted.licence:
        found = [replace(clip, licence=clip.licence or wanted.licence) for clip in found]
    found = [replace(clip, hard=clip.hard or _resembles(clip)) for clip in found]
    if wanted.judge:
        found = [replace(clip, split=index.JUDGES) for clip in found]
    return Found(found, [f"{folder} has a table of its own, which is followed"])


def _tabled(folder: Path) -> list[Clip] | None:
    table = folder / index.NAME
    if table.is_file():
        with table.open(newline="", encoding="utf-8") as file:
            columns = next(csv.reader(file), [])
        return list(clips.pools(folder)) if "file" in columns else index.read(table)
    return list(clips.manifest(folder)) if (folder / MANIFEST).is_file() else None


def _resembles(clip: Clip) -> bool:
    """Whether the class of a background says that it resembles a burst."""
    known = meaning(clip.label) if clip.kind != "burst" else None
    return bool(known and known.hard)


def resolve(what: str, kinds: tuple[str, ...], other: str | None) -> Found:
    """The clips of `kinds` of a folder, table or source; sounds whose names say nothing are of kind `other`.

    Raises UsageError where there is no such thing, or nothing of these kinds in it.
    """
    path = Path(what)
    if path.is_dir():
        found = look(path, Wanted(path.resolve().name, other=other))
    elif path.is_file() and is_media(path):
        raise UsageError(f"{what} is one recording", "name the folder that it lies in")
    elif path.is_file():
        found = Found(index.read(path), [])
    else:
        found = Found(index.named(what), [])
    chosen = [clip for clip in found.clips if clip.kind in kinds]
    rest = [clip for clip in found.clips if clip.kind not in kinds]
    if not chosen:
        why = f": {rest[0].path.name} is {rest[0].kind} by its names" if rest else ""
        mend = "name the folder for what it holds, or list it with: sources add FOLDER --kind"
        raise UsageError(f"{what} holds nothing of kind {' or '.join(kinds)}{why}", mend)
    if rest and path.is_dir():
        count, kind = f"{len(rest)} of {len(found.clips)}, such as {rest[0].path.name}", " or ".join(kinds)
        found.notes.append(f"{what}: sounds that are not {kind} by their names and are left out: {count}")
    return Found(chosen, found.notes, found.alone)
