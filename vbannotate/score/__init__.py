"""Score an estimate against a reference: counts, precision, recall, F1, and what they rest on.

Times are whole microseconds and thresholds fractions, so no figure depends on floats; one-to-one matching is
of maximum size (`vbannotate.match`), so no figure depends on order. Undefined figures are None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vbannotate.errors import UsageError
from vbannotate.events import BURST, Span
from vbannotate.match import Number, exact
from vbannotate.score.counts import Rates
from vbannotate.score.inputs import Part, Side, event_of_row, side_of, union_of
from vbannotate.score.judge import judge
from vbannotate.score.method import CRITERIA, PRESETS, method_of
from vbannotate.score.report import Report
from vbannotate.score.tables import common, table_of
from vbannotate.times import to_us

__all__ = ["CRITERIA", "PRESETS", "Report", "event_of_row", "score", "score_both"]

Examined = Sequence[Span | tuple[Number, Number]]


def score(
    reference: Side,
    estimate: Side,
    criterion: str = "iou",
    iou: Number = 0.5,
    onset: Number = 0.2,
    offset: Number | None = 0.2,
    offset_ratio: Number = 0.2,
    dtc: Number = 0.5,
    gtc: Number = 0.5,
    step: Number = 1.0,
    by_label: bool = True,
    zero_division: int | None = None,
    *,
    preset: str | None = None,
    examined: Examined | Mapping[str, Examined] | None = None,
) -> Report:
    """Judge `estimate` against `reference`: lists of events, annotations, or mappings from file name to
    either.

    `criterion` is iou, overlap, collar, onset, intersection (`dtc`, `gtc`), time, or segment (`step` s);
    tolerances are seconds. `offset` None judges onsets only, `offset_ratio` 0 knows no relative tolerance. A
    `preset` (dcase, sed_eval, mir_eval) replaces arguments that have their default value. Labels are ignored
    unless `by_label`, or where a side knows no label but "burst". `examined` are the spans (s) to judge, for
    all files or by file; it narrows those that annotations carry. `zero_division` 0 or 1 stands for
    undefined figures.

    Raises VbannotateError for times that cannot be meant, UsageError for arguments that cannot.
    """
    if zero_division not in (None, 0, 1):
        raise UsageError(f"zero_division {zero_division!r} is unknown", "give None, 0 or 1")
    sides = side_of(reference, "reference"), side_of(estimate, "estimate")
    files, notes = union_of(*sides)
    bare = [name for name, side in zip(("reference", "estimate"), sides, strict=True) if _only_burst(side)]
    if by_label and bare and len(_labels(*sides)) > 1:
        notes.append(f"labels ignored: the {' and the '.join(bare)} knows only {BURST!r}")
    method = method_of(
        preset,
        by_label and not bare,
        criterion=criterion,
        iou=iou,
        onset=onset,
        offset=offset,
        offset_ratio=offset_ratio,
        dtc=dtc,
        gtc=gtc,
        step=step,
    )
    parts = [[side.get(name, Part(present=False)) for name in files] for side in sides]
    spans = [
        common(common(ref.examined, est.examined), _spans(examined, name))
        for name, ref, est in zip(files, *parts, strict=True)
    ]
    labels = _labels(*sides)
    numbers = {label: number for number, label in enumerate(labels)}
    ref_table, est_table = (table_of([part.events for part in side], numbers) for side in parts)
    return Report(
        method,
        Rates(method.kind == "time", zero_division),
        files,
        labels,
        ref_table,
        est_table,
        spans,
        [first.duration_us or second.duration_us for first, second in zip(*parts, strict=True)],
        judge(ref_table, est_table, spans, len(labels), method),
        notes,
    )


def score_both(reference: Side, estimate: Side, other: Side, **arguments: Any) -> tuple[Report, Report]:
    """Judge two estimates alike, for `Report.compare`: if labels mean nothing for one, then for neither."""
    first, second = score(reference, estimate, **arguments), score(reference, other, **arguments)
    if first.method != second.method:
        arguments["by_label"] = False
        first, second = score(reference, estimate, **arguments), score(reference, other, **arguments)
    return first, second


def _labels(*sides: dict[str, Part]) -> list[str]:
    return sorted({event.label for side in sides for part in side.values() for event in part.events})


def _only_burst(side: dict[str, Part]) -> bool:
    return {event.label for part in side.values() for event in part.events} == {BURST}


def _spans(examined: Examined | Mapping[str, Examined] | None, name: str) -> list[Span] | None:
    chosen = examined.get(name) if isinstance(examined, Mapping) else examined
    if chosen is None:
        return None
    return [
        span if isinstance(span, Span) else Span(*(to_us(exact(time, "examined")) for time in span))
        for span in chosen
    ]
