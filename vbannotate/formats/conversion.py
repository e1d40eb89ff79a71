"""One annotation file into another format, or into a person's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vbannotate import files, formats
from vbannotate.errors import FormatError, UsageError
from vbannotate.events import Annotation
from vbannotate.formats.base import WriteOptions
from vbannotate.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written where. `notes` are lines that a person should see."""

    path: Path
    annotation: Annotation
    notes: tuple[str, ...] = ()
    backup: Path | None = None


def load(
    source: Path,
    format: str | None = None,
    tiers: Sequence[str] = (),
    vocabulary: Vocabulary | None = None,
    known: Sequence[str] = (),
) -> Annotation:
    """Read a file, keep the tiers named, rename its labels. Its `warnings` tell of unknown labels too."""
    annotation = chosen(formats.read(source, format), tiers, str(source))
    if vocabulary is None:
        return annotation
    return vocabulary.rename(annotation, str(source), known)


def chosen(annotation: Annotation, tiers: Sequence[str], name: str) -> Annotation:
    """The annotation with only the tiers named. Raises FormatError that lists those there are."""
    if not tiers:
        return annotation
    there = [tier.name for tier in annotation.tiers]
    if missing := [tier for tier in tiers if tier not in there]:
        raise FormatError(
            f"{name}: no tier {missing[0]!r}", f"there are {', '.join(map(repr, there)) or 'none'}"
        )
    return annotation.with_(tiers=tuple(tier for tier in annotation.tiers if tier.name in tiers))


def convert(
    source: Path, target: Path, annotation: Annotation, format: str, options: WriteOptions, overwrite: bool
) -> Converted:
    """Write what was read from `source` to `target`."""
    if target.exists() and source.exists() and target.samefile(source):
        raise UsageError(f"{target} would be replaced by its own conversion", "give another TARGET")
    if not formats.module(format).KEEPS.files:
        _refuse_several(annotation, str(source))
    options = replace(options, media_path=_media(source, annotation))
    formats.write(annotation, target, format, overwrite, options)
    return Converted(target, annotation, tuple(_losses(annotation, format, options)))


def insert(
    source: Path, into: Path, annotation: Annotation, options: WriteOptions, in_place: bool
) -> Converted:
    """Merge what was read from `source` into a person's file."""
    if source.exists() and into.exists() and into.samefile(source):
        raise UsageError(f"{into} cannot be merged into itself", "give another file as --into")
    _refuse_several(annotation, str(source))
    options = replace(options, media_path=_media(source, annotation))
    done = formats.merge_into(into, annotation, in_place=in_place, options=options)
    return Converted(done.path, annotation, done.notes, done.backup)


def target_of(source: Path, format: str) -> Path:
    """The file of `format` beside `source`: ``talk.vb.json`` -> ``talk.TextGrid``."""
    name = formats.guess_format(source, files.read(source))
    ending = max((s for s in formats.suffixes(name) if source.name.lower().endswith(s)), key=len, default="")
    stem = source.name[: -len(ending)] if ending else source.stem
    return source.with_name(stem + formats.ending(format))


def _media(source: Path, annotation: Annotation) -> str | None:
    """The recording as an absolute path where it is found, seen from the annotation file."""
    if annotation.media is None:
        return None
    beside = source.absolute().parent / annotation.media
    return str(beside) if beside.exists() else annotation.media


def _refuse_several(annotation: Annotation, name: str) -> None:
    """Events of several recordings (rows of a table) do not belong on one time line."""
    found = {event.extra.get("file") for event in annotation.events} - {None}
    if len(found) > 1:
        raise FormatError(
            f"{name}: events of {len(found)} recordings", "convert to csv, or split it by recording"
        )


def _losses(annotation: Annotation, format: str, options: WriteOptions) -> list[str]:
    """What the format had no place for."""
    title, keeps = formats.module(format).TITLE, formats.module(format).KEEPS
    events = annotation.events
    lines = []
    if len(annotation.tiers) > 1 and not keeps.tiers:
        lines.append(f"{len(annotation.tiers)} tiers are one in {title}")
    if any(e.confidence is not None for e in events) and not (keeps.confidence or options.confidence):
        lines.append(f"{title} holds no confidence")
    return lines
