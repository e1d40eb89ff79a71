"""``vbannotate corrections``: what a person changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vbannotate.errors import UsageError


def corrections(
    predicted: Annotated[Path, typer.Argument(help="The prediction: .vb.json or any format, or a folder.")],
    corrected: Annotated[Path, typer.Argument(help="What came back, in any format, or a folder.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the person's annotation: FILE.vb.json, or a folder."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    start: Annotated[str | None, typer.Option("--from", help="Corrected from here on: 90 or 1:30.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Corrected up to here.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="MAP.toml: names of labels, applied to both sides.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Say what a person kept, moved, relabelled, deleted and added.

    Example: vbannotate corrections talk.vb.json talk.TextGrid --until 10:00 -o talk.corrected.vb.json
    """
    from vbannotate import vocabulary
    from vbannotate.cli.score import spans_of
    from vbannotate.corrections import folders, summary

    if output is not None and not predicted.is_dir() and not output.name.endswith(folders.NATIVE):
        raise UsageError(f"{output} does not end in {folders.NATIVE}", "the result holds verdicts; rename it")
    spans = spans_of(start, until)
    table = vocabulary.load(labels) if labels else None
    pairs, notes = folders.pair(predicted, corrected)
    found = {both.name: folders.compare(both, spans, table) for both in pairs}
    figures = summary.summary(found)
    figures["notes"] = [*notes, *figures["notes"]]
    if output is not None:
        folders.write(found, output, not predicted.is_dir(), overwrite)
    if json:
        from vbannotate.cli.common import print_json

        verdicts = [row for name, one in found.items() for row in summary.rows(name, one)]
        print_json({**figures, "verdicts": verdicts})
    else:
        typer.echo(summary.table(found, figures))
