"""``vbannotate models``: what can be used, what is here, how to get the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbannotate.errors import UsageError

if TYPE_CHECKING:
    from vbannotate.models.base import Card
    from vbannotate.models.locator import Weights
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
    onnx: Annotated[bool, typer.Option("--onnx", help="Only model.onnx, its weights in it.")] = False,
    merge_lora: Annotated[
        bool, typer.Option("--merge-lora", help="Merge the adapters of a checkpoint or adapter folder.")
    ] = False,
    head_only: Annotated[
        bool, typer.Option("--head-only", help="Only head_only.pt, the six tensors of the head.")
    ] = False,
    encoder: Annotated[
        str | None, typer.Option(help="Encoder that the head or adapters were trained on, if not with them.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a model as a folder (card, safetensors, ONNX) that needs neither torch nor the hub.

    NAME may be a checkpoint of a training run, or a folder of adapters as peft writes them.

    Example: vbannotate models export model.pt -o my-locator
    """
    from vbannotate.cli.common import print_json

    if onnx and head_only:
        raise UsageError("--onnx and --head-only exclude each other", "leave one of them out")
    written = _export(name, output, onnx, merge_lora, head_only, encoder)
    if json:
        print_json({"folder": str(output), "files": {path.name: path.stat().st_size for path in written}})
        return
    for path in written:
        typer.echo(f"  wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")


def _export(
    name: str, output: Path, onnx: bool, merge_lora: bool, head_only: bool, encoder: str | None
) -> list[Path]:
    from vbannotate import models
    from vbannotate.models import export, runs
    from vbannotate.models.loading import read_weights
    from vbannotate.models.registry import find

    path = Path(name)
    if find(name) is None and (merge_lora or encoder or (path.is_dir() and runs.is_run(path))):
        weights, card = _of_run(path, merge_lora, encoder)
    elif head_only:
        source = models.locate(name)
        if not source.tensors:
            raise UsageError(f"model {name} comes as ONNX only", "its head cannot be taken out")
        weights, card = read_weights(source), source.card
    else:
        if merge_lora or encoder:
            raise UsageError(f"model {name} is complete", "leave out --merge-lora and --encoder")
        return export.export(models.locate(name), output, onnx)
    if head_only:
        return export.export_head(weights, card, output)
    return export.export_weights(weights, card, output, onnx)


def _of_run(path: Path, merge_lora: bool, encoder: str | None) -> tuple[Weights, Card]:
    """The model of a checkpoint, of adapters, or of a head with an encoder from elsewhere."""
    from vbannotate import models
    from vbannotate.models import checkpoint, locator, runs

    tensors = None
    if encoder is not None:
        from vbannotate.train.locator import encoder as encoders

        tensors = dict(encoders.find(encoder).tensors)
    if path.is_dir() and runs.is_run(path):
        return runs.read(path, tensors, merge_lora)
    if merge_lora:
        raise UsageError(f"{path} holds no adapters", "give a checkpoint of a run, or a folder of adapters")
    source = models.locate(path)
    read = {key: value for file in source.tensors for key, value in checkpoint.read(file).items()}
    return locator.arrange(read, str(path), tensors), source.card


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
