"""A report as files: the table of pairs, misses and false alarms, and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import files
from vbannotate.errors import MissingDependencyError, UsageError
from vbannotate.match import Criterion
from vbannotate.score.ranking import curve
from vbannotate.score.report import Report
from vbannotate.score.tables import Table
from vbannotate.times import format_seconds

_COLUMNS = (
    "file",
    "verdict",
    "reference_onset_s",
    "reference_offset_s",
    "reference_label",
    "estimate_onset_s",
    "estimate_offset_s",
    "estimate_label",
    "confidence",
)


def write_pairs(report: Report, path: Path, overwrite: bool = False) -> None:
    """A row for each pair (hit), miss and false alarm, in order of file and time, as CSV."""
    if report.method.one_to_one is None:
        raise UsageError(
            f"{report.method} pairs no events", "choose the criterion iou, overlap, collar or onset"
        )
    buffer = io.StringIO()
    table = csv.writer(buffer, lineterminator="\n")
    table.writerow(_COLUMNS)
    for _, row in sorted(_rows(report), key=lambda item: item[0]):
        table.writerow(row)
    files.write(path, buffer.getvalue().encode(), overwrite=overwrite)


def _rows(report: Report) -> Iterator[tuple[tuple[int, int, int, str], list[str]]]:
    r, e = report.judged.pairs
    missed = np.setdiff1d(np.flatnonzero(report.judged.reference_in), r)
    alarms = np.setdiff1d(np.flatnonzero(report.judged.estimate_in), e)
    for verdict, refs, ests in (
        ("hit", r.tolist(), e.tolist()),
        ("miss", missed.tolist(), [None] * len(missed)),
        ("false alarm", [None] * len(alarms), alarms.tolist()),
    ):
        for i, j in zip(refs, ests, strict=True):
            ref, est = _event(report, report.reference, i), _event(report, report.estimate, j)
            table, k = (report.reference, i) if i is not None else (report.estimate, j)
            confidence = (
                ""
                if j is None or np.isnan(report.estimate.confidence[j])
                else f"{report.estimate.confidence[j]:g}"
            )
            key = int(table.file[k]), int(table.onset[k]), int(table.offset[k]), verdict
            yield key, [report.files[key[0]], verdict, *ref, *est, confidence]


def _event(report: Report, table: Table, k: int | None) -> tuple[str, str, str]:
    if k is None:
        return "", "", ""
    onset, offset = (format_seconds(int(value[k])) for value in (table.onset, table.offset))
    return onset, offset, report.labels[table.label[k]]


def draw(report: Report, path: Path, overwrite: bool = False) -> None:
    """Precision and recall against confidence, and the boundary errors, as a PNG."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot", "drawing") from error
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_curve(report, left)
    r, e = report.judged.pairs
    errors = {
        "onset": (report.estimate.onset[e] - report.reference.onset[r]) / 1e6,
        "offset": (report.estimate.offset[e] - report.reference.offset[r]) / 1e6,
    }
    for name, values in errors.items():
        right.hist(values, bins=31, histtype="step", label=f"{name} (n = {len(values)})")
    right.set_xlabel("estimate less reference, s")
    right.set_ylabel("pairs")
    right.legend()
    figure.suptitle(str(report.method))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files.write(path, buffer.getvalue(), overwrite=overwrite)


def _draw_curve(report: Report, axes: Any) -> None:
    est = report.estimate
    if np.isnan(est.confidence).any() or not len(est) or not len(report.reference):
        axes.text(0.5, 0.5, "no confidences", ha="center", transform=axes.transAxes)
        return
    size, by_label = len(report.labels), report.method.by_label
    points = curve(
        report.reference.grouped(size, by_label),
        est.grouped(size, by_label),
        est.confidence,
        report.method.one_to_one or Criterion(),
    )
    axes.step(points.threshold, points.tp / points.estimates, where="post", label="precision")
    axes.step(points.threshold, points.tp / points.references, where="post", label="recall")
    axes.set(xlabel="events of this confidence or more", ylim=(0, 1.02))
    axes.legend()
