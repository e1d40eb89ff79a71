"""``train detector --from-corrections``: a model's head fitted to corrected recordings, if it is better."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from vbannotate.errors import UsageError


def refuse_others(options: Mapping[str, Any]) -> None:
    """Raise UsageError for options of training from scratch; `options` holds None for "not given"."""
    if given := [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]:
        raise UsageError(
            f"{', '.join(given)}: not part of --from-corrections", "it fits the head of a model, nothing else"
        )


def run(
    folder: Path,
    output: Path,
    model: str | None,
    base: Path | None,
    granularity: str,
    plan: Mapping[str, Any],
    cache: Path | None,
    json: bool,
    quiet: bool,
) -> None:
    """Adapt, and say whether it is better. `plan` changes fields of `fit.Plan`; None stands for not given."""
    from vbannotate import models
    from vbannotate.cli.common import print_json
    from vbannotate.train import adapt

    changes = {name: value for name, value in plan.items() if value is not None}
    asked = adapt.Options(model or models.DEFAULT, base, granularity, cache=cache, changes=changes)

    def report(line: str) -> None:
        if not quiet and not json:
            print(line, file=sys.stderr, flush=True)

    outcome = adapt.adapt(folder, output, asked, report)
    if json:
        print_json({**outcome.to_dict(), "model": str(output) if outcome.better else None})
    elif not quiet:
        typer.echo(outcome.answer())
        if outcome.better:
            typer.echo(f"wrote {output}; use it with: vbannotate detect RECORDING --model {output}")
