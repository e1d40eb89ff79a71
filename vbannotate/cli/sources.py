"""``vbannotate sources``: bursts and backgrounds known by name, and folders of one's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbannotate.errors import UsageError

if TYPE_CHECKING:
    from vbannotate.sources.catalogue import Entry
    from vbannotate.sources.clips import Clip

app = typer.Typer(help="List, get and add sources of bursts and backgrounds.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the sources known by name, and what is here.

    Example: vbannotate sources list
    """
    from vbannotate.cli.common import print_json
    from vbannotate.sources import catalogue, index

    tables = index.kept()
    rows = [_row(entry, tables.pop(entry.name, None)) for entry in catalogue.ENTRIES]
    rows += [_own(name, path) for name, path in tables.items()]
    if json:
        print_json(rows)
        return
    typer.echo(f"{'name':<18} {'kind':<22} {'size':>7} {'got by':<6} {'use':<6} {'here':<12} licence")
    for row in rows:
        here = f"{row['clips']} clips" if row["clips"] else "-"
        kinds, size, use = ",".join(row["kinds"]), _megabytes(row["size"]), row["use"]
        typer.echo(
            f"{row['name']:<18} {kinds:<22} {size:>7} {row['how']:<6} {use:<6} {here:<12} {row['licence']}"
        )
        typer.echo(f"    {row['title']}")
        if row["note"]:
            typer.echo(f"    {row['note']}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="A source's name; see: sources list.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to keep it in; default: your data folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Fetch a source and list what it holds. Nothing else ever downloads.

    Example: vbannotate sources get emogator
    """
    from vbannotate.cli.common import print_json, progress_line
    from vbannotate.sources import catalogue, fetch

    entry = catalogue.find(name)
    size = _megabytes(entry.size) if entry.size else "size not known"
    use = {
        "train": "may train",
        "judge": "judges only: no model for others may be trained on it",
        "?": "find out whether it may train",
    }[entry.use]
    typer.echo(f"{entry.name}: {entry.title}", err=True)
    typer.echo(f"licence {entry.licence} ({use}), {size}, from {entry.address}", err=True)
    with progress_line(entry.name) as progress:
        table, found = fetch.get(entry, output, progress)
    notes = found.notes
    if json:
        print_json({"name": entry.name, "table": str(table), **_counts(found.clips), "notes": notes})
        return
    _tell(table, found.clips, notes)


@app.command()
def add(
    folder: Annotated[Path, typer.Argument(help="Folder of recordings, or one with a table of them.")],
    name: Annotated[str | None, typer.Option(help="What to call it; default: the folder's name.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="burst, speech, music, env or continuous; default: by the folders' names."),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--class", help="Class of all its sounds; default: by the names.")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(help="Pattern that finds the speaker or recording in a path, such as '(spk[0-9]+)'."),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language of its speech, such as en.")] = "",
    licence: Annotated[str, typer.Option(help="Its licence; one with NC lets it judge only.")] = "",
    judge: Annotated[bool, typer.Option("--judge-only", help="Never train on it.")] = False,
    hard: Annotated[
        bool, typer.Option("--hard", help="Its sounds resemble bursts and are none (singing, animals ...).")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the table to this CSV file instead.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a table of this name.")] = False,
    json: Json = False,
) -> None:
    """List the recordings of a folder as a source. The folder itself is only read.

    Example: vbannotate sources add my-laughs --kind burst --class laugh
    """
    from vbannotate.cli.common import print_json, progress_line
    from vbannotate.sources import catalogue, index
    from vbannotate.sources.folder import Wanted
    from vbannotate.sources.tables import look

    if kind is not None and kind not in index.KINDS:
        raise UsageError(f"unknown --kind {kind!r}", f"give one of {', '.join(index.KINDS)}")
    _check_pattern(group)
    called = name or re.sub(r"[^\w.-]+", "-", folder.resolve().name).strip("-").lower()
    if name is None and any(called == entry.name for entry in catalogue.ENTRIES):
        raise UsageError(f"{called} is the name of a known source", "give --name with this or another")
    wanted = Wanted(called, licence, kind, label, group, lang, hard, judge)
    with progress_line(called) as progress:
        found = look(folder, wanted, progress)
    table = output or index.home() / called / index.NAME
    index.write(table, found.clips, overwrite=overwrite)
    notes = found.notes + found.whose
    if not licence and any(not clip.licence for clip in found.clips):
        notes.append("no licence was given: --licence NAME keeps it with every set made from this")
    if json:
        print_json({"name": called, "table": str(table), **_counts(found.clips), "notes": notes})
        return
    _tell(table, found.clips, notes)


def _check_pattern(text: str | None) -> None:
    try:
        re.compile(text or "")
    except re.error as error:
        raise UsageError(f"--group {text!r}: {error}", "give a regular expression") from error


def _row(entry: Entry, table: Path | None) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "kinds": list(entry.kinds),
        "licence": entry.licence,
        "size": entry.size,
        "how": entry.how,
        "address": entry.address,
        "use": entry.use,
        "published": entry.published,
        "note": entry.note,
        "table": str(table) if table else None,
        "clips": _length(table),
    }


def _own(name: str, table: Path) -> dict[str, Any]:
    from vbannotate.sources import index

    clips = index.read(table)
    licences = dict.fromkeys(clip.licence for clip in clips if clip.licence)
    return {
        "name": name,
        "title": f"added, table {table}",
        "kinds": sorted({clip.kind for clip in clips}),
        "licence": "; ".join(licences) or "not given",
        "size": None,
        "how": "added",
        "address": "",
        "use": "judge" if clips and all(clip.split == index.JUDGES for clip in clips) else "train",
        "published": False,
        "note": "",
        "table": str(table),
        "clips": len(clips),
    }


def _length(table: Path | None) -> int:
    from vbannotate.sources import index

    return len(index.read(table)) if table else 0


def _counts(clips: list[Clip]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {}
    for clip in clips:
        row = kinds.setdefault(clip.kind, {"clips": 0, "seconds": 0.0, "classes": {}, "splits": {}})
        row["clips"] += 1
        row["seconds"] = round(row["seconds"] + clip.seconds, 3)
        for key, value in (("classes", clip.label), ("splits", clip.split)):
            row[key][value] = row[key].get(value, 0) + 1
    return {"clips": len(clips), "groups": len({clip.group for clip in clips}), "kinds": kinds}


def _tell(table: Path, clips: list[Clip], notes: list[str]) -> None:
    from vbannotate.cli.common import clock, warn

    counts = _counts(clips)
    for kind, row in counts["kinds"].items():
        classes = ", ".join(f"{label} {count}" for label, count in sorted(row["classes"].items()))
        splits = ", ".join(f"{split} {count}" for split, count in sorted(row["splits"].items()))
        typer.echo(f"{kind:<10} {row['clips']} clips, {clock(row['seconds'])}: {classes}")
        typer.echo(f"{'':<10} {splits}")
    if clips:
        typer.echo(f"{counts['groups']} speakers or recordings; table {table}")
    for note in notes:
        warn(note)


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e6:.0f} MB"
