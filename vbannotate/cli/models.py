"""``vbannotate models``: what can be used, what is here, how to get the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from vbannotate.models.registry import Entry

app = typer.Typer(help="List, describe, fetch and export models.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A model's name, file or folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the models known by name, and whether they are here.

    Example: vbannotate models list
    """
    from vbannotate.cli.common import print_json
    from vbannotate.models import registry

    rows = [_row(entry) for entry in registry.ENTRIES]
    if json:
        print_json(rows)
        return
    for row in rows:
        mark = "  (default)" if row["default"] else ""
        typer.echo(f"{row['name']:<24}{_megabytes(row['size']):>8}  {row['state']}{mark}")
        typer.echo(f"    {row['about']}")


@app.command()
def info(name: Name, json: Json = False) -> None:
    """Describe a model: licence, source, files, settings and presets.

    Example: vbannotate models info vocalburst-locator
    """
    from vbannotate import models
    from vbannotate.cli.common import print_json
    from vbannotate.models import registry

    entry = registry.find(name)
    facts: dict[str, Any] = _row(entry) if entry else {"files": [str(p) for p in models.locate(name).files]}
    card = models.card(name).to_dict()
    if entry:
        facts |= {"notes": list(entry.notes), "expected_sha256": entry.sha256} if entry.repository else {}
    if json:
        print_json({**card, **facts, "name": card["name"]})
        return
    for line in _describe(card, facts):
        typer.echo(line)


@app.command()
def pull(name: Annotated[str, typer.Argument(help="A model's name.")], json: Json = False) -> None:
    """Fetch a model into the hub's cache and check it. Nothing else ever downloads.

    Example: vbannotate models pull vocalburst-locator
    """
    from vbannotate.cli.common import print_json
    from vbannotate.errors import UsageError
    from vbannotate.models import hub, registry

    entry = registry.find(name)
    if entry is None:
        raise registry.unknown(name)
    if entry.bundled:
        raise UsageError(f"model {entry.name} comes with the package", "use it as it is")
    if hub.cached(entry) is None:
        typer.echo(f"{entry.name}: {_megabytes(entry.size)} from {entry.card.source} ...", err=True)
    path = hub.pull(entry)
    checked = bool(entry.sha256)
    if json:
        print_json({"name": entry.name, "path": str(path), "checked": checked})
    else:
        typer.echo(f"{entry.name}: {path} ({'hash checked' if checked else 'no hash is published'})")


@app.command()
def export(
    name: Name,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to make.")],
    json: Json = False,
) -> None:
    """Write a model as a folder (card, safetensors, ONNX) that needs neither torch nor the hub.

    Example: vbannotate models export model.pt -o my-locator
    """
    from vbannotate import models
    from vbannotate.cli.common import print_json
    from vbannotate.models.export import export as write

    written = write(models.locate(name), output)
    if json:
        print_json({"folder": str(output), "files": {path.name: path.stat().st_size for path in written}})
        return
    for path in written:
        typer.echo(f"  wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _row(entry: Entry) -> dict[str, Any]:
    from vbannotate.models import DEFAULT, hub

    if entry.bundled:
        files = [path for path in entry.folder.rglob("*") if path.is_file()]
        state, size = ("bundled" if files else "missing"), sum(path.stat().st_size for path in files)
    else:
        path = hub.cached(entry)
        files, state, size = ([path] if path else []), ("fetched" if path else "not fetched"), entry.size
    return {
        "name": entry.name,
        "about": entry.about,
        "default": entry.name == DEFAULT,
        "state": state,
        "size": size,
        "files": [str(path) for path in files],
        "aliases": list(entry.aliases),
    }


def _describe(card: dict[str, Any], facts: dict[str, Any]) -> list[str]:
    lines = [f"{card['name']}: {card['title']}", *filter(None, [facts.get("about", "")])]
    lines += [f"{key:<10}{card[key]}" for key in ("version", "licence", "source") if card[key]]
    if "state" in facts:
        lines.append(f"{'files':<10}{facts['state']}, {_megabytes(facts['size'])}")
    lines += [f"{'':<10}{path}" for path in facts["files"]]
    lines.append(f"{'labels':<10}{', '.join(card['labels'])}")
    lines.append(f"{'windows':<10}{card['window_s']:g} s, overlap {card['overlap_s']:g} s")
    lines.append(f"{'settings':<10}{_settings(card['settings'])}")
    lines += [f"{'preset':<10}{name:<10} {_settings(values)}" for name, values in card["presets"].items()]
    return [*lines, *facts.get("notes", [])]


def _settings(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if value is not None)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
