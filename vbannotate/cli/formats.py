"""``vbannotate formats``: what can be read and written, and what each format keeps."""

from __future__ import annotations

from typing import Annotated

import typer


def formats(json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False) -> None:
    """List the annotation formats with what they keep.

    Example: vbannotate formats
    """
    from vbannotate import formats
    from vbannotate.cli.common import print_json

    rows = formats.describe()
    if json:
        print_json(rows)
        return
    typer.echo(f"{'name':9} {'endings':23} {'write':5} {'merge':5} {'times':6} keeps")
    for row in rows:
        endings = " ".join(row["suffixes"])
        kept = ", ".join(name for name, value in row["keeps"].items() if value is True)
        times = (
            "1 us" if row["keeps"]["resolution_us"] == 1 else f"{row['keeps']['resolution_us'] // 1000} ms"
        )
        write, merge = ("yes" if row[key] else "-" for key in ("write", "merge"))
        typer.echo(f"{row['name']:9} {endings:23} {write:5} {merge:5} {times:6} {kept}")
