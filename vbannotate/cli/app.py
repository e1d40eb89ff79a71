"""The commands of ``vbannotate`` and the entry point that turns errors into one line and an exit code.

0 all done; 1 something failed, the rest was done; 2 wrong use; 3 could not start; 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from vbannotate import __version__
from vbannotate.cli import (
    audacity,
    convert,
    corrections,
    detect,
    doctor,
    evaluate,
    formats,
    models,
    plugins,
    probe,
    score,
    sources,
    synth,
    train,
    tune,
)
from vbannotate.errors import VbannotateError

INTERRUPTED = 130

app = typer.Typer(
    name="vbannotate",
    help="Find vocal bursts (laughs, coughs, sighs ...) in recordings and put them where people work.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich costs a tenth of a second at every start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command()(detect.detect)
app.command()(convert.convert)
app.command()(corrections.corrections)
app.command()(score.score)
app.command()(score.agreement)
app.command()(tune.tune)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(plugins.app, name="plugins")
app.add_typer(audacity.app, name="audacity")
app.add_typer(models.app, name="models")
app.add_typer(sources.app, name="sources")
app.command()(synth.synth)
app.add_typer(train.app, name="train")
app.command()(formats.formats)
app.command()(probe.probe)
app.command()(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vbannotate {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the trace behind an error.")] = False,
) -> None:
    if debug:
        os.environ["VBANNOTATE_DEBUG"] = "1"


def main() -> None:
    """Run the command line; a `VbannotateError` becomes one line on stderr and its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    try:
        code = app(arguments, prog_name="vbannotate", standalone_mode=False) or 0
    except VbannotateError as error:
        if os.environ.get("VBANNOTATE_DEBUG"):
            raise
        _complain(str(error))
        return error.exit_code
    except typer.TyperException as error:
        _complain(f"{_one_line(error.format_message()).rstrip('.')}; see: vbannotate --help")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code and says nothing
        _complain("interrupted; files written so far are whole")
    return code


def _complain(message: str) -> None:
    print(f"vbannotate: {_one_line(message)}", file=sys.stderr)


def _one_line(message: str) -> str:
    return " ".join(message.split())
