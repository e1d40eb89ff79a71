"""``vbannotate evaluate detector``: every figure of a model on recordings with references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Judge models on recordings with references.", no_args_is_help=True)


@app.callback()
def _evaluate() -> None:
    """Judge models on recordings with references."""


@app.command()
def detector(
    model: Annotated[str, typer.Argument(help="A model's name, file or folder.")],
    data: Annotated[
        Path, typer.Argument(help="Folder of recordings with annotations, or a folder of such folders.")
    ],
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
    peak: Annotated[
        float | None, typer.Option(help="Probability that an event must once reach, 0-1.")
    ] = None,
    release: Annotated[float | None, typer.Option(help="Probability at which an event ends, 0-1.")] = None,
    pad: Annotated[float | None, typer.Option(help="Seconds added at both ends of an event.")] = None,
    smooth: Annotated[int | None, typer.Option(help="Median over so many frames (odd).")] = None,
    compat: Annotated[
        str | None, typer.Option(help="Published post-processing: v1, v1-median or v2.")
    ] = None,
    granularity: Annotated[
        str | None, typer.Option(help="event (a series is one event) or pulse (each of its sounds is).")
    ] = None,
    kinds: Annotated[
        bool, typer.Option("--kinds", help="Judge the names of kinds, too (laugh, cough ...).")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write all figures as JSON.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw figures by background and reliability as PNG.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Judge a detector: F1, precision, recall, false alarms, by background, class, level and length.

    Example: vbannotate evaluate detector base soundscapes/
    """
    from vbannotate import files
    from vbannotate.cli.common import print_json, progress_line
    from vbannotate.settings import read_file
    from vbannotate.train import evaluate

    for path in filter(None, (output, plot)):
        files.check_free(path, overwrite=overwrite)
    options = {
        "threshold": threshold,
        "merge_gap": merge_gap,
        "min_dur": min_dur,
        "peak": peak,
        "release": release,
        "pad": pad,
        "smooth": smooth,
    }
    file = read_file(settings) if settings else None
    how = evaluate.How(preset, file, options, compat, device, backend, granularity, kinds)
    with progress_line(f"evaluate {model}") as progress:
        figures = evaluate.evaluate(model, data, report=lambda line: None, how=how, progress=progress)
    if output is not None:
        evaluate.save(figures, output, overwrite)
    if json:
        print_json(figures)
    else:
        typer.echo(evaluate.listing(figures))
    if plot is not None:
        evaluate.draw(figures, plot, overwrite)
