"""``vbannotate convert``: one annotation format into another, or into a person's file."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbannotate.errors import UsageError

if TYPE_CHECKING:
    from vbannotate.events import Annotation
    from vbannotate.formats.base import WriteOptions
    from vbannotate.formats.conversion import Converted


def convert(
    source: Annotated[Path, typer.Argument(help="Annotation file of any known format.")],
    target: Annotated[Path | None, typer.Argument(help="File to write; not needed with --into.")] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="Format of SOURCE, where its name does not tell.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", help="Format to write, where TARGET's name does not tell.")
    ] = None,
    tier: Annotated[list[str] | None, typer.Option(help="Only this tier; may be repeated.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="MAP.toml: your names for labels, and cue texts.")
    ] = None,
    tiers: Annotated[str, typer.Option(help="'one' tier as it is, or one 'per-label'.")] = "one",
    into: Annotated[
        Path | None, typer.Option(help="Add the events to this annotation file (a copy of it).")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="With --into: change the file; a backup is kept.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Subtitles: the events' own times.")] = False,
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Write confidences where the format can.")
    ] = False,
    cue_style: Annotated[str, typer.Option(help="Subtitles: default, netflix, dcmp or bbc.")] = "default",
    replace_edited: Annotated[
        bool, typer.Option("--replace-edited", help="With --into: go on where our part was edited by hand.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace TARGET if it exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Convert an annotation file, or put its events into another one.

    Example: vbannotate convert talk.vb.json --into talk.eaf
    """
    from vbannotate import formats, vocabulary
    from vbannotate.cli.common import warn
    from vbannotate.formats import conversion
    from vbannotate.formats.base import WriteOptions

    if tiers not in ("one", "per-label"):
        raise UsageError(f"--tiers {tiers}", "give one or per-label")
    if (into is None) == (target is None and to is None) or (into and (target or to)):
        raise UsageError("where should it go", "give a TARGET, or a format as --to, or a file as --into")
    if in_place and into is None:
        raise UsageError("--in-place changes the file that --into names", "give --into FILE")
    names = vocabulary.load(labels) if labels else vocabulary.Vocabulary()
    annotation = conversion.load(source, from_, tier or (), names)
    options = WriteOptions(
        confidence=confidence,
        tiers=tiers,
        exact=exact,
        style=cue_style,
        texts=names.texts,
        replace_edited=replace_edited,
    )
    if into is not None:
        done = _insert(source, into, annotation, options, in_place)
    else:
        format = to or formats.guess_format(target or source)
        target = target or conversion.target_of(source, format)
        done = conversion.convert(source, target, annotation, format, options, overwrite)
    if quiet:
        return
    for line in (*annotation.warnings, *done.notes):
        warn(line)
    kept = f" (before: {done.backup})" if done.backup else ""
    count = len(annotation.events)
    typer.echo(f"{source} -> {done.path}: {count} event{'' if count == 1 else 's'}{kept}")


def _insert(
    source: Path, into: Path, annotation: Annotation, options: WriteOptions, in_place: bool
) -> Converted:
    """Merge; on a terminal ask before our part of an earlier merge goes although a person edited it."""
    from vbannotate.formats import conversion
    from vbannotate.formats.base import EditedError

    try:
        return conversion.insert(source, into, annotation, options, in_place)
    except EditedError as error:
        if not sys.stdin.isatty() or not typer.confirm(f"{error.what}; write ours anew all the same?"):
            raise
    return conversion.insert(source, into, annotation, replace(options, replace_edited=True), in_place)
