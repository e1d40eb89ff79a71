"""A report as the table that a paper needs: figures, n, intervals, and the criterion they hold for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vbannotate.score import intervals
from vbannotate.score.report import Report

_HEAD = ("", "TP", "FP", "FN", "precision", "recall", "F1")


def table(report: Report, found: dict[str, Any]) -> str:
    """The report as text; `found` is its `to_dict` with details, and `compare` where there is one."""
    lines = [f"criterion: {report.method}", _size(report, found), ""]
    lines += _columns([_HEAD, *_rows(report, found)])
    lines += ["", *_confidence(report, found), *_about(report, found)]
    if "compare" in found:
        lines += ["", *_comparison(found["compare"])]
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])


def number(value: float | None, places: int = 3) -> str:
    """A figure, or n/a where it is not defined."""
    return "n/a" if value is None else f"{value:.{places}f}"


def between(interval: intervals.Interval | None) -> str:
    """An interval as people print it, or nothing."""
    return "" if interval is None else f" ({interval[0]:.2f}-{interval[1]:.2f})"


def _size(report: Report, found: dict[str, Any]) -> str:
    judged = f", {clock(found['hours'])} judged" if found["hours"] else ""
    ref, est = len(report.reference), len(report.estimate)
    if report.method.one_to_one is not None:
        ref, est = int(report.judged.reference_in.sum()), int(report.judged.estimate_in.sum())
    return f"{len(report.files)} file(s), {ref} reference and {est} estimated events{judged}"


def clock(hours: float) -> str:
    """A length in the unit that people would use."""
    if hours >= 1:
        return f"{hours:.2f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"


def _rows(report: Report, found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    around = found["intervals"] or {}
    yield _row("pooled", report.micro, around)
    for label, figures in report.per_class.items():
        yield _row(f"  {label or '(no label)'}", figures, {})
    if report.per_class:
        yield _mean(f"mean of {report.macro_class['n']} label(s)", report.macro_class)
    undefined = report.macro_file["n_undefined"]
    empty = f", {undefined} without events" if undefined else ""
    mean = _mean(f"mean of {report.macro_file['n']} file(s){empty}", report.macro_file)
    yield (*mean[:-1], mean[-1] + between(around.get("mean_file_f1")))
    for iou, figures in found["iou"].items():
        yield _row(f"pooled, IoU >= {iou}", figures, {})


def _row(name: str, figures: dict[str, Any], around: dict[str, Any]) -> tuple[str, ...]:
    counts = (
        f"{v:.2f} s" if isinstance(v, float) else str(v) for v in (figures[k] for k in ("tp", "fp", "fn"))
    )
    return (
        name,
        *counts,
        *(number(figures[k]) + between(around.get(k)) for k in ("precision", "recall", "f1")),
    )


def _mean(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    return (name, "", "", "", *(number(figures[k]) for k in ("precision", "recall", "f1")))


def _columns(rows: list[tuple[str, ...]]) -> list[str]:
    width = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            c.ljust(w) if k in (0, 4, 5, 6) else c.rjust(w)
            for k, (c, w) in enumerate(zip(row, width, strict=True))
        ).rstrip()
        for row in rows
    ]


def _confidence(report: Report, found: dict[str, Any]) -> Iterator[str]:
    if found["intervals"]:
        yield (
            f"intervals: 95 %, bootstrap over {len(report.files)} files, "
            f"{intervals.RESAMPLES} resamples, seed {intervals.SEED}"
        )
        return
    yield f"too few files for an interval ({len(report.files)}; {intervals.FEWEST_FILES} are needed)"
    if report.method.kind not in ("time", "segment"):
        counts = report.judged.counts.sum()
        precision = intervals.wilson(int(counts.kept), int(counts.estimates))
        recall = intervals.wilson(int(counts.found), int(counts.references))
        yield (
            f"if events were independent (Wilson, 95 %): precision{between(precision) or ' n/a'}, "
            f"recall{between(recall) or ' n/a'}"
        )


def _about(report: Report, found: dict[str, Any]) -> Iterator[str]:
    if found["false_alarms_per_hour"] is not None:
        yield f"false alarms per hour: {found['false_alarms_per_hour']:.2f}"
    if found["frame_accuracy"] is not None:
        yield f"frame accuracy: {found['frame_accuracy']:.3f} (share of the judged time)"
    yield f"clip accuracy: {number(found['clip_accuracy'])} (events or none, by file)"
    ranked = found["average_precision"]
    if ranked is not None:
        mean = f", mean of {ranked['n']} label(s) {number(ranked['mean'])}" if "mean" in ranked else ""
        yield f"average precision over confidence: {number(ranked['pooled'])}{mean}"
    if found["boundaries"]["n"]:
        for side in ("onset", "offset"):
            s = found["boundaries"][side]
            yield (
                f"{side} error of {found['boundaries']['n']} pairs: median {s['median']:+.3f} s, mean "
                f"{s['mean']:+.3f} s; size: median {s['median_abs']:.3f} s, 90 % within {s['p90_abs']:.3f} s"
            )
    yield f"{found['merges']} estimate(s) over several references, {found['splits']} reference(s) in pieces"
    mixed = [
        f"{row['reference']} as {row['estimate']}: {row['n']}"
        for row in found["confusion"]
        if row["reference"] is not None
        and row["estimate"] is not None
        and row["reference"] != row["estimate"]
    ]
    if mixed and report.method.by_label:
        yield f"labels taken for another (matched without labels): {'; '.join(mixed)}"


def _comparison(compared: dict[str, Any]) -> Iterator[str]:
    difference = compared["difference"]
    yield (
        f"compared: F1 {number(compared['f1'])} and {number(compared['other_f1'])}; difference "
        f"{'n/a' if difference is None else f'{difference:+.3f}'}"
    )
    interval = compared["interval"]
    around = (
        "too few files for an interval"
        if interval is None
        else f"95 % {interval[0]:+.3f} to {interval[1]:+.3f}"
    )
    yield (
        f"  {around}; p = {compared['p']:.3f} (randomisation over files); "
        f"{compared['files_changed']} file(s) differ in counts"
    )
    yield (
        f"  found only by the first: {compared['found_only_by_first']}, "
        f"only by the other: {compared['found_only_by_other']}"
    )
