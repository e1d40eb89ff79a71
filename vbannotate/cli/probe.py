"""`vbannotate probe`: what a recording holds, and which clock its events will be on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def probe(
    files: Annotated[list[Path], typer.Argument(help="Recordings.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON, one object a recording.")] = False,
) -> None:
    """Show streams, start times, the correction used, and what reading the whole recording finds.

    Example: vbannotate probe interview.mp4
    """
    from vbannotate.audio import survey
    from vbannotate.cli.common import print_json
    from vbannotate.errors import MediaError

    failed = False
    for path in files:
        try:
            found = survey(path)
        except MediaError as error:
            failed = True
            typer.echo(f"vbannotate: {error}", err=True)
            if json:
                result: dict[str, Any] = {"path": str(path), "error": str(error)}
                print_json(result, indent=None)
            continue
        if json:
            print_json(found.to_dict(), indent=None if len(files) > 1 else 2)
        else:
            typer.echo(found.text())
    if failed:
        raise typer.Exit(1)
