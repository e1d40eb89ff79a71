"""``vbannotate score`` and ``vbannotate agreement``: two sets of annotations compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbannotate.errors import UsageError

if TYPE_CHECKING:
    from vbannotate.events import Span
    from vbannotate.score import Report
    from vbannotate.score.reading import Choice

Criterion = Annotated[str, typer.Option(help="iou, overlap, collar, onset, intersection, time or segment.")]
Preset = Annotated[str | None, typer.Option(help="dcase, sed_eval or mir_eval: tolerances as there.")]
Iou = Annotated[str, typer.Option(help="Least intersection over union, 0-1 or as 1/2.")]
Onset = Annotated[str, typer.Option(help="Collar of the onset, seconds.")]
Offset = Annotated[str, typer.Option(help="Collar of the offset, seconds, or 'none' for onsets only.")]
OffsetRatio = Annotated[str, typer.Option(help="Collar of the offset as a share of the length; 0: none.")]
Dtc = Annotated[str, typer.Option(help="intersection: share of an estimate that must be covered.")]
Gtc = Annotated[str, typer.Option(help="intersection: share of a reference that must be covered.")]
Step = Annotated[str, typer.Option(help="segment: length, seconds.")]
ByLabel = Annotated[
    bool, typer.Option("--by-label/--ignore-labels", help="Whether a match needs the same label.")
]
TierName = Annotated[str | None, typer.Option("--tier", help="Compare this tier; default: ours, or all.")]
Examined = Annotated[
    str | None, typer.Option(help="Tier of the first, or a file, whose events are the spans looked at.")
]
From = Annotated[str | None, typer.Option("--from", help="Judge from here on: 90, 1:30 or 0:01:30.5.")]
Until = Annotated[str | None, typer.Option("--until", help="Judge up to here.")]
Labels = Annotated[Path | None, typer.Option(help="MAP.toml: names of labels, applied to both sides.")]
ZeroDivision = Annotated[str, typer.Option(help="What stands for an undefined figure: null, 0 or 1.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the result as JSON.")]
Pairs = Annotated[Path | None, typer.Option(help="Write every hit, miss and false alarm as CSV.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the curve over confidence and the boundary errors.")]
Strict = Annotated[bool, typer.Option("--strict", help="A note (missing file, skipped line) is an error.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


def score(
    reference: Annotated[Path, typer.Argument(help="Annotations by hand: a file, or a folder.")],
    estimate: Annotated[Path, typer.Argument(help="What is judged: a file, or a folder.")],
    compare: Annotated[
        Path | None, typer.Option(help="A second estimate, judged on the same reference.")
    ] = None,
    criterion: Criterion = "iou",
    preset: Preset = None,
    iou: Iou = "0.5",
    onset: Onset = "0.2",
    offset: Offset = "0.2",
    offset_ratio: OffsetRatio = "0.2",
    dtc: Dtc = "0.5",
    gtc: Gtc = "0.5",
    step: Step = "1.0",
    by_label: ByLabel = True,
    tier: TierName = None,
    examined: Examined = None,
    start: From = None,
    until: Until = None,
    labels: Labels = None,
    zero_division: ZeroDivision = "null",
    json: Json = False,
    output: Output = None,
    pairs: Pairs = None,
    plot: Plot = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
) -> None:
    """Score an estimate against a reference.

    Example: vbannotate score corrected/ detected/ --criterion collar
    """
    from vbannotate.score import reading, score_both, text
    from vbannotate.score import score as judge

    arguments = options(
        criterion, preset, iou, onset, offset, offset_ratio, dtc, gtc, step, by_label, zero_division
    )
    choice = choice_of(tier, examined, labels, start, until)
    sides = [*reading.read_both(reference, estimate, choice)]
    if compare is not None:
        sides.append(reading.read_both(reference, compare, choice)[1])
    ref, est, *others = reading.aligned(sides)
    if others:
        report, other = score_both(ref, est, others[0], **arguments)
    else:
        report = judge(ref, est, **arguments)
    result, notes = report.to_dict(with_details=True), [*reading.notes_of(*sides), *report.notes]
    result["notes"] = notes
    if others:
        result["compare"] = report.compare(other)
    reading.strictly(notes, strict)
    draw(report, pairs, plot, overwrite)
    deliver(result, text.table(report, result), json, output, overwrite)


def agreement(
    first: Annotated[Path, typer.Argument(help="One annotator: a file, or a folder.")],
    second: Annotated[Path, typer.Argument(help="The other: a file, or a folder.")],
    criterion: Criterion = "iou",
    preset: Preset = None,
    iou: Iou = "0.5",
    onset: Onset = "0.2",
    offset: Offset = "0.2",
    offset_ratio: OffsetRatio = "0.2",
    dtc: Dtc = "0.5",
    gtc: Gtc = "0.5",
    step: Step = "1.0",
    by_label: ByLabel = True,
    tier: TierName = None,
    examined: Examined = None,
    start: From = None,
    until: Until = None,
    labels: Labels = None,
    zero_division: ZeroDivision = "null",
    json: Json = False,
    output: Output = None,
    pairs: Pairs = None,
    plot: Plot = None,
    strict: Strict = False,
    overwrite: Overwrite = False,
) -> None:
    """Say how well two annotators agree.

    Example: vbannotate agreement anna.eaf ben.eaf --tier bursts
    """
    from vbannotate import agreement as agreeing
    from vbannotate.score import reading
    from vbannotate.score import score as judge

    arguments = options(
        criterion, preset, iou, onset, offset, offset_ratio, dtc, gtc, step, by_label, zero_division
    )
    one, two = reading.read_both(first, second, choice_of(tier, examined, labels, start, until))
    result = agreeing.agreement(one.annotations, two.annotations, **arguments)
    result["notes"] = [*reading.notes_of(one, two), *result["notes"]]
    reading.strictly(result["notes"], strict)
    if pairs is not None or plot is not None:
        draw(judge(one.annotations, two.annotations, **arguments), pairs, plot, overwrite)
    deliver(result, agreeing.table(result), json, output, overwrite)


def options(
    criterion: str,
    preset: str | None,
    iou: str,
    onset: str,
    offset: str,
    offset_ratio: str,
    dtc: str,
    gtc: str,
    step: str,
    by_label: bool,
    zero_division: str,
) -> dict[str, Any]:
    """The options as the arguments of `score`; thresholds stay decimal text until they are fractions."""
    if zero_division not in ("null", "0", "1"):
        raise UsageError(f"--zero-division {zero_division} is unknown", "give null, 0 or 1")
    from vbannotate.match import exact

    tolerances = {
        "iou": iou,
        "onset": onset,
        "offset_ratio": offset_ratio,
        "dtc": dtc,
        "gtc": gtc,
        "step": step,
    }
    return {
        "criterion": criterion,
        "preset": preset,
        **{name: exact(text, f"--{name.replace('_', '-')}") for name, text in tolerances.items()},
        "offset": None if offset == "none" else exact(offset, "--offset"),
        "by_label": by_label,
        "zero_division": None if zero_division == "null" else int(zero_division),
    }


def choice_of(
    tier: str | None, examined: str | None, labels: Path | None, start: str | None, until: str | None
) -> Choice:
    """What of the files is compared."""
    from vbannotate.score.reading import Choice

    return Choice(tier, examined, labels, spans_of(start, until))


def spans_of(start: str | None, until: str | None) -> tuple[Span, ...] | None:
    """The stretch that --from and --until name, or None for everything."""
    from vbannotate.events import Span
    from vbannotate.match import MAX_US
    from vbannotate.times import parse_clock

    if start is None and until is None:
        return None
    try:
        begin = 0 if start is None else parse_clock(start)
        end = MAX_US if until is None else parse_clock(until)
    except ValueError as error:
        raise UsageError(f"--from or --until: {error}", "write 90, 1:30 or 0:01:30.5") from error
    if not 0 <= begin < end:
        raise UsageError("--until does not lie after --from", "exchange them")
    return (Span(begin, end),)


def draw(report: Report, pairs: Path | None, plot: Path | None, overwrite: bool) -> None:
    """Write the table of pairs and the picture, where they are wanted."""
    from vbannotate.score import output

    if pairs is not None:
        output.write_pairs(report, pairs, overwrite)
    if plot is not None:
        output.draw(report, plot, overwrite)


def deliver(result: dict[str, Any], text: str, json: bool, output: Path | None, overwrite: bool) -> None:
    """Print a result as text or JSON, and write it where that is wanted."""
    import json as encoder

    from vbannotate import files

    encoded = encoder.dumps(result, indent=2, ensure_ascii=False)
    if output is not None:
        files.write(output, f"{encoded}\n".encode(), overwrite=overwrite)
    typer.echo(encoded if json else text)
