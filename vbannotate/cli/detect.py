"""``vbannotate detect``: recordings in, events out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vbannotate.errors import UsageError


def detect(
    media: Annotated[
        list[Path], typer.Argument(help="Recordings, folders of them, or kept .scores.npz files.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder to write to, or one file; default: beside the recording."
        ),
    ] = None,
    format: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            help="audacity, textgrid, eaf, srt, vtt, csv ...; repeat, or separate by commas.",
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="A model's name or folder or file; see: models list.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="balanced, precision, recall, noisy, short or long.")
    ] = None,
    granularity: Annotated[
        str | None,
        typer.Option(help="event: a series is one event; pulse: each cough or beat of a laugh is."),
    ] = None,
    kinds: Annotated[
        bool, typer.Option("--kinds", help="Name the kind (laugh, cough ...) where the model is sure.")
    ] = False,
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
    explain: Annotated[bool, typer.Option("--explain", help="List what each step dropped, and why.")] = False,
    channel: Annotated[
        str | None, typer.Option(help="One channel from 1 on, or 'each' for a tier a channel.")
    ] = None,
    into: Annotated[
        Path | None, typer.Option(help="Add the events to this annotation file (a copy of it).")
    ] = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="With --into: change the file; a backup is kept.")
    ] = False,
    tiers: Annotated[str, typer.Option(help="'one' tier, or one 'per-label'.")] = "one",
    confidence: Annotated[
        bool, typer.Option("--confidence", help="Write confidences where the format can.")
    ] = False,
    labels: Annotated[
        Path | None, typer.Option(help="MAP.toml: your names for labels, and cue texts.")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Subtitles: the events' own times.")] = False,
    cue_style: Annotated[str, typer.Option(help="Subtitles: default, netflix, dcmp or bbc.")] = "default",
    replace_edited: Annotated[
        bool, typer.Option("--replace-edited", help="With --into: go on where our part was edited by hand.")
    ] = False,
    wav: Annotated[
        bool, typer.Option("--wav", help="Write a WAV of the recording beside the result.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    backend: Annotated[str, typer.Option(help="auto, onnx or torch.")] = "auto",
    jobs: Annotated[int, typer.Option(min=1, help="Recordings at the same time.")] = 1,
    json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON, one object a line for several.")
    ] = False,
    keep_scores: Annotated[
        bool, typer.Option("--keep-scores", help="Keep the curve as .scores.npz.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that nobody has edited.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> int:
    """Find the vocal bursts of recordings.

    Example: vbannotate detect talk.mp4 -f textgrid -f srt
    """
    from vbannotate.cli.run import Request, run

    options: dict[str, Any] = {
        "threshold": threshold,
        "merge_gap": merge_gap,
        "min_dur": min_dur,
        "peak": peak,
        "release": release,
        "pad": pad,
        "smooth": smooth,
    }
    if json and output is None and (format or keep_scores or wav):
        raise UsageError(
            "--json writes no files beside a recording", "name a folder with --output, or leave out --json"
        )
    if tiers not in ("one", "per-label"):
        raise UsageError(f"unknown --tiers {tiers!r}", "give one or per-label")
    if in_place and into is None:
        raise UsageError("--in-place belongs to --into", "name the file to change with --into")
    request = Request(
        model=model,
        preset=preset,
        granularity=granularity,
        kinds=kinds,
        settings=settings,
        options=options,
        compat=compat,
        explain=explain,
        channel=_channel(channel),
        keep_scores=keep_scores,
        device=device,
        backend=backend,
        jobs=jobs,
        overwrite=overwrite,
        into=into,
        in_place=in_place,
        tiers=tiers,
        confidence=confidence,
        labels=labels,
        exact=exact,
        cue_style=cue_style,
        replace_edited=replace_edited,
    )
    wanted = [name.strip() for one in format or [] for name in one.split(",") if name.strip()]
    return run(request, media, output, wanted, wav=wav, json=json, quiet=quiet)


def _channel(text: str | None) -> int | str | None:
    if text is None or text == "each":
        return text
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"no channel {text!r}", "give a number from 1 on, or 'each'")
