"""Our events in a person's own file: a copy beside it, or the file itself with a numbered backup.

``talk.eaf`` gives ``talk.vb.eaf``. What we put in is recorded under ``merged`` in the ``talk.vb.json`` beside
it: the sums of the file before and after, and the `part` by which the format finds its own again. So a second
merge replaces ours and nothing else, and notices what a person has changed since.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vbannotate import files, formats
from vbannotate.errors import FormatError, WouldOverwriteError
from vbannotate.events import Annotation
from vbannotate.formats import native
from vbannotate.formats.base import Merged, WriteOptions

KEY = "merged"


@dataclass(frozen=True, slots=True)
class Result:
    """What a merge did: `backup` is the old file of an in-place merge, `record` the .vb.json beside it."""

    path: Path
    record: Path
    backup: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Base:
    """The bytes that a merge starts from, what in them is ours, and the sum of the person's file."""

    data: bytes
    part: Any
    source: str


def merge_into(
    path: str | os.PathLike[str],
    annotation: Annotation,
    format: str | None = None,
    *,
    in_place: bool = False,
    options: WriteOptions | None = None,
) -> Result:
    """Put the events of `annotation` into the file at `path`.

    Raises FormatError for formats that cannot take them and EditedError where a person has changed our part
    of an earlier merge (`options.replace_edited` goes on all the same and leaves what a person changed).
    """
    path = Path(path)
    data = files.read(path)
    chosen = formats.module(format or formats.guess_format(path, data))
    if not hasattr(chosen, "merge"):
        able = ", ".join(name for name in formats.names() if hasattr(formats.module(name), "merge"))
        raise FormatError(f"{path}: {chosen.TITLE} cannot be merged into", f"formats that can are {able}")
    target = path if in_place else beside(path, chosen.SUFFIXES)
    options = replace(options or WriteOptions(), target=str(target))
    sidecar = record_path(target, chosen.SUFFIXES)
    record = _records(sidecar)
    base = _base(path, data, target, record)
    merged = chosen.merge(
        base.data, formats.arrange(annotation, options.tiers), options, str(target), base.part
    )
    if target.exists() and files.read(target) == merged.data:
        _remember(sidecar, annotation, target.name, base, merged)
        return Result(target, sidecar, notes=merged.notes)
    backup = files.backup(path) if in_place else None
    _remember(
        sidecar, annotation, target.name, base, merged
    )  # first: what is recorded and not there does no harm
    files.write(target, merged.data, overwrite=target.exists())
    return Result(target, sidecar, backup, merged.notes)


def beside(path: Path, suffixes: tuple[str, ...]) -> Path:
    """The name of the copy: ``talk.eaf`` -> ``talk.vb.eaf``."""
    stem, suffix = _cut(path.name, suffixes)
    return path.with_name(f"{stem}.vb{suffix}")


def record_path(target: Path, suffixes: tuple[str, ...]) -> Path:
    """The .vb.json beside a merged file: ``talk.eaf`` and ``talk.vb.eaf`` -> ``talk.vb.json``."""
    stem, _ = _cut(target.name, suffixes)
    return target.with_name(f"{stem.removesuffix('.vb')}.vb.json")


def _cut(name: str, suffixes: tuple[str, ...]) -> tuple[str, str]:
    """Stem and ending; the ending is one of the format's where that fits."""
    length = max((len(s) for s in suffixes if name.lower().endswith(s)), default=len(Path(name).suffix))
    return name[: len(name) - length], name[len(name) - length :]


def carried(path: Path, annotation: Annotation) -> Annotation:
    """The annotation with the records of the .vb.json that it is going to replace."""
    if KEY in annotation.extra or not path.exists():
        return annotation
    try:
        kept = _records(path)
    except FormatError:
        return annotation
    return annotation.with_(extra={**annotation.extra, KEY: kept}) if kept else annotation


def _records(sidecar: Path) -> dict[str, Any]:
    """The records in a .vb.json by file name; none where there is no such file."""
    if not sidecar.exists():
        return {}
    top = native.load(files.read(sidecar), str(sidecar))
    found = top.get(KEY, {}) if isinstance(top, dict) else None
    if not isinstance(found, dict):
        raise FormatError(f"{sidecar}: not a .vb.json file of vbannotate", "move it away")
    return found


def _base(path: Path, data: bytes, target: Path, records: Mapping[str, Any]) -> _Base:
    """What to start from: the person's file, or an earlier copy that a person has worked on since."""
    here = _sum(data)
    own = _Base(data, _part(records.get(path.name), here), here)
    if target == path or not target.exists():
        return own
    record = records.get(target.name)
    if not isinstance(record, dict):
        raise WouldOverwriteError(
            f"{target} exists and was not written by a merge",
            "move it away, or merge into it with --in-place",
        )
    copy = files.read(target)
    if _sum(copy) in (record.get("sha256"), record.get("base_sha256")):
        return own
    if here != record.get("source_sha256"):
        raise WouldOverwriteError(
            f"{path} and {target} have both been changed since the last merge",
            f"merge into {target.name} with --in-place, or move it away",
        )
    return _Base(copy, _part(record, _sum(copy)), here)


def _part(record: Any, found: str) -> Any:
    """What in a file with the sum `found` is ours."""
    if not isinstance(record, dict):
        return None
    return record.get("base_part") if found == record.get("base_sha256") else record.get("part")


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _remember(sidecar: Path, annotation: Annotation, name: str, base: _Base, merged: Merged) -> None:
    """Record a merge in the .vb.json, which is made from `annotation` if it is not there."""
    kept = native.read(files.read(sidecar), str(sidecar)) if sidecar.exists() else annotation
    record = {
        "sha256": _sum(merged.data),
        "part": merged.part,
        "source_sha256": base.source,
        "base_sha256": _sum(base.data),
        "base_part": base.part,
    }
    records = {**kept.extra.get(KEY, {}), name: record}
    new = native.write(kept.with_(extra={**kept.extra, KEY: records}), WriteOptions())
    if not sidecar.exists() or files.read(sidecar) != new:
        files.write(sidecar, new, overwrite=sidecar.exists())
