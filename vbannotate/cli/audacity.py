"""``vbannotate audacity``: work in a running Audacity, through its scripting pipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vbannotate.events import Annotation

app = typer.Typer(help="Detect in a running Audacity, load labels, fetch corrections.", no_args_is_help=True)


@app.command()
def detect(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Keep the prediction as this .vb.json file.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="A model's name or folder; see: models list.")] = None,
    preset: Annotated[
        str | None, typer.Option(help="balanced, precision, recall, noisy, short or long.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Probability above which a frame counts, 0-1.")
    ] = None,
    merge_gap: Annotated[
        float | None, typer.Option(help="Join events at most so many seconds apart.")
    ] = None,
    min_dur: Annotated[float | None, typer.Option(help="Shortest event, in seconds.")] = None,
    track: Annotated[str, typer.Option(help="Name of the new label track.")] = "bursts",
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT if it exists.")] = False,
) -> None:
    """Find bursts in the selection of the focused track, or in all of it; the labels go on a new track.

    Example: vbannotate audacity detect -o talk.vb.json
    """
    from vbannotate import files, formats, report
    from vbannotate.cli.common import print_json, progress_line
    from vbannotate.detection import Detector
    from vbannotate.hosts import audacity, pipe
    from vbannotate.settings import read_file

    if output is not None:
        files.check_free(output, overwrite=overwrite)
    options = {"threshold": threshold, "merge_gap": merge_gap, "min_dur": min_dur}

    def find(sound: Path) -> Annotation:
        detector = Detector.load(model, preset, read_file(settings) if settings else None, options)
        with progress_line("Audacity", not json) as progress:
            return detector.run(sound, progress=progress).annotation

    with pipe.connect() as connection:
        result = audacity.detect(connection, find, track)
    if output is not None:
        files.write(output, formats.render(result.annotation, "native"), overwrite=overwrite)
    if json:
        print_json(report.as_json(result.track, result.annotation))
        return
    typer.echo(report.as_text(result.track, result.annotation))
    if result.label_track:
        typer.echo(f"  on the label track {result.label_track!r}")
    if output is not None:
        typer.echo(f"  wrote {output}")


@app.command()
def labels(
    file: Annotated[Path, typer.Argument(help="A label file, or an annotation file of any format.")],
    track: Annotated[
        str | None, typer.Option(help="Name of the new label track; default: the file's.")
    ] = None,
) -> None:
    """Load a file as a new label track, without a dialog and in one go.

    Example: vbannotate audacity labels talk.txt
    """
    from vbannotate import formats
    from vbannotate.cli.common import warn
    from vbannotate.hosts import audacity, pipe

    annotation = formats.read(file)
    for warning in annotation.warnings:
        warn(warning)
    name = track or file.name.partition(".")[0]
    with pipe.connect() as connection:
        count, made = audacity.load_labels(connection, annotation, name)
    typer.echo(f"{count} labels on the label track {made!r}" if made else f"{file} holds no labels")


@app.command()
def corrections(
    predicted: Annotated[Path, typer.Argument(help="The prediction: its .vb.json, or any format.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the corrected events and verdicts (.vb.json)."),
    ] = None,
    track: Annotated[str | None, typer.Option(help="The label track, where there are several.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Corrected from here on: 90 or 1:30.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Corrected up to here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUTPUT if it exists.")] = False,
) -> None:
    """Fetch the corrected labels, exact to the microsecond, and compare them with the prediction.

    Example: vbannotate audacity corrections talk.vb.json -o talk.corrected.vb.json
    """
    import tempfile

    from vbannotate import formats
    from vbannotate.cli.corrections import corrections as compare
    from vbannotate.events import Annotation
    from vbannotate.hosts import audacity, pipe

    prediction = formats.read(predicted)
    guess = prediction.tiers[0].name if prediction.tiers else None
    with pipe.connect() as connection:
        tier = audacity.read_labels(connection, track, guess)
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as folder:
        corrected = Path(folder) / "labels.txt"
        formats.write(Annotation((tier,)), corrected, "audacity")
        compare(predicted, corrected, output, json, start, until, None, overwrite)


@app.command()
def check(json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> int:
    """Say whether Audacity can be reached and has the plug-in, and how to mend what is wrong.

    Example: vbannotate audacity check
    """
    from vbannotate.cli.plugins import report

    return report("audacity", None, json)
