"""``vbannotate tune``: better settings from corrected recordings, where there are any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbannotate.errors import UsageError

if TYPE_CHECKING:
    from vbannotate.scores import Scores


def tune(
    corrected: Annotated[Path, typer.Argument(help="Corrected annotations: a file, or a folder.")],
    media_or_scores: Annotated[
        Path, typer.Argument(help="Their recordings or kept .scores.npz: a file, or a folder.")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Settings file (TOML) for detect --settings.")
    ] = None,
    objective: Annotated[
        str, typer.Option(help="f1, fbeta=B, precision=P, recall=R or fa-per-hour=N.")
    ] = "f1",
    by_label: Annotated[bool, typer.Option("--by-label", help="Tune each label for itself as well.")] = False,
    criterion: Annotated[str, typer.Option(help="iou, overlap, collar or onset.")] = "iou",
    iou: Annotated[str, typer.Option(help="Least intersection over union.")] = "0.5",
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Fit confidences to the share that people kept.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves as PNG.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Choose settings from corrected recordings, or say that the current ones should stay.

    Example: vbannotate tune corrected/ scores/ -o mine.toml --objective precision=0.9
    """
    from vbannotate import files, models, settings
    from vbannotate.cli.common import print_json, warn
    from vbannotate.match import Criterion
    from vbannotate.tune import Objective, inputs, text
    from vbannotate.tune import tune as run

    aim, rule = Objective.parse(objective), Criterion.of(criterion, iou=iou)
    if output is not None and output.suffix.lower() != ".toml":
        raise UsageError(f"{output} does not end in .toml", "name a settings file such as mine.toml")
    annotations, notes = inputs.corrected(corrected)
    found, missing = inputs.sources(media_or_scores, annotations)
    curves = _curves(found)
    recordings, more = inputs.recordings(annotations, curves)
    for note in (*notes, *missing, *more):
        warn(note)
    model = next(iter(curves.values())).model
    result = run(recordings, settings.resolve(models.card(model)), aim, rule, by_label, calibrate)
    if output is not None:
        files.write(output, text.toml(result, aim, model).encode(), overwrite=overwrite)
    if plot is not None:
        text.draw(result, plot, overwrite)
    if json:
        print_json(text.to_dict(result, aim))
    else:
        typer.echo(text.table(result, aim, rule))


def _curves(found: dict[str, Path]) -> dict[str, Scores]:
    """The curve of each recording: kept, or made now with the default model."""
    from vbannotate import scores
    from vbannotate.cli.common import progress_line

    detector = None
    result = {}
    for name, path in found.items():
        if path.name.endswith(scores.SUFFIX):
            result[name] = scores.load(path)
            continue
        if detector is None:
            from vbannotate.detection import Detector

            detector = Detector.load()
        with progress_line(path.name) as progress:
            (result[name],) = detector.run(path, keep_scores=True, progress=progress).scores
    return result
