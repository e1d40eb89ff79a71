"""How well two annotators agree. Neither is the reference: every figure stays if they change places.

f1              matched events of both / events of both, by the criterion of `score`; where that is lopsided
                (a collar with a share of the reference's length) both directions are pooled
overlap_extent  ELAN's ratio: intersection / extent (IoU) of events that overlap, paired one to one; its mean
                over pairs, and with an unpaired event counted as 0
kappa_time      Cohen's kappa of "event" and "none" over time, and for each label
modified_kappa  kappa of the labels of linked events with unlinked ones as a category of their own; expected
                counts by iterative proportional fitting with the impossible cell (neither has an event) at 0,
                as in EasyDIAg (Holle and Rein, Behav. Res. Methods 47, 2015) and ELAN's kappa_ipf. Linked:
                paired one to one with an intersection of at least 60 % of the longer. Undefined with a
                single label.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vbannotate.match import Criterion, match_intervals
from vbannotate.match.criteria import Pairs
from vbannotate.score import Report, coverage, details, score
from vbannotate.score.inputs import Side
from vbannotate.score.tables import Table, clipped
from vbannotate.times import from_us

LINKED = "0.6"  # share of the longer event, EasyDIAg's default


def agreement(first: Side, second: Side, **options: Any) -> dict[str, Any]:
    """Agreement of two annotators; `options` are those of `score`. An undefined figure is None."""
    one, two = score(first, second, **options), score(second, first, **options)
    a, b = one.judged.counts.sum(), two.judged.counts.sum()
    events = int(a.references + a.estimates + b.references + b.estimates)
    agreed = int(a.found + a.kept + b.found + b.kept)
    return {
        "criterion": str(one.method),
        "n_files": len(one.files),
        "n_first": len(one.reference),
        "n_second": len(one.estimate),
        "f1": agreed / events if events else None,
        "overlap_extent": _overlap_extent(one),
        "kappa_time": _kappa_time(one),
        "modified_kappa": _modified_kappa(one),
        "boundaries": details.boundaries(one.reference, one.estimate, one.judged.pairs),
        "notes": list(one.notes),
    }


def _overlap_extent(report: Report) -> dict[str, Any]:
    ref, est = report.reference, report.estimate
    size, by_label = len(report.labels), report.method.by_label
    r, e = match_intervals(ref.grouped(size, by_label), est.grouped(size, by_label), Criterion("overlap"))
    pairs = Pairs(ref.onset[r], ref.offset[r], est.onset[e], est.offset[e])
    ratios = pairs.inter / np.maximum(pairs.union, 1)
    units = len(ref) + len(est) - len(r)  # pairs and events left alone
    return {
        "pairs": len(r),
        "mean_of_pairs": float(ratios.mean()) if len(r) else None,
        "mean_with_unpaired": float(ratios.sum() / units) if units else None,
    }


def _kappa_time(report: Report) -> dict[str, Any]:
    sides = clipped(report.reference, report.spans), clipped(report.estimate, report.spans)
    lengths = [details.judged_us(*pair) for pair in zip(report.spans, report.durations, strict=True)]
    ends = np.zeros(len(report.files), np.int64)
    for side in sides:
        np.maximum.at(ends, side.file, side.offset)
    total = sum(int(end) if length is None else length for length, end in zip(lengths, ends, strict=True))
    result: dict[str, Any] = {
        "event": _kappa_of(sides, total),
        "seconds": from_us(total),
        "length_known": all(length is not None for length in lengths),
    }
    if report.method.by_label:
        result["per_label"] = {
            label: _kappa_of(tuple(side.take(np.flatnonzero(side.label == k)) for side in sides), total)
            for k, label in enumerate(report.labels)
        }
    return result


def _kappa_of(sides: tuple[Table, ...], total: int) -> float | None:
    """Cohen's kappa of two coders who say "event" or "none" at each microsecond of `total`."""
    first, second = (side.grouped(1, False) for side in sides)
    parts = coverage.overlaps(first, second, _groups(sides))
    both, ref, est = (int(part.sum()) for part in parts)
    return cohen(np.array([[both, ref - both], [est - both, total - ref - est + both]]))


def _groups(sides: tuple[Table, ...]) -> int:
    return 1 + max((int(side.file.max()) for side in sides if len(side)), default=0)


def cohen(table: np.ndarray) -> float | None:
    """Cohen's kappa of a square table of counts; None of nothing, or where chance explains everything."""
    total = table.sum()
    if not total:
        return None
    observed = np.trace(table) / total
    expected = float((table.sum(axis=0) / total) @ (table.sum(axis=1) / total))
    return None if expected >= 1 else float((observed - expected) / (1 - expected))


def _modified_kappa(report: Report) -> dict[str, Any]:
    ref, est = report.reference, report.estimate
    r, e = match_intervals(ref.grouped(1, False), est.grouped(1, False), Criterion.of_longer(LINKED))
    none = len(report.labels)
    missing = np.full(len(est) - len(e), none), np.full(len(ref) - len(r), none)
    rows = np.concatenate([ref.label[r], np.delete(ref.label, r), missing[0]])
    columns = np.concatenate([est.label[e], missing[1], np.delete(est.label, e)])
    table = np.zeros((none + 1, none + 1))
    np.add.at(table, (rows, columns), 1)
    several = none > 1
    return {
        "linked": len(r),
        "with_unlinked": kappa_ipf(table) if several else None,
        "linked_only": cohen(table[:none, :none]) if several else None,
    }


def kappa_ipf(table: np.ndarray) -> float | None:
    """Kappa of counts [labels + 1, labels + 1]; the last is "no event", and the last cell impossible."""
    total = table.sum()
    if not total:
        return None
    expected = fitted(table)
    chance = np.trace(expected) / total
    return None if chance >= 1 - 1e-12 else float((np.trace(table) / total - chance) / (1 - chance))


def fitted(table: np.ndarray) -> np.ndarray:
    """Expected counts with the margins of `table` under quasi-independence, the last cell 0."""
    expected = np.ones_like(table, dtype=np.float64)
    expected[-1, -1] = 0
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    for _ in range(10_000):
        before = expected
        for margin, axis in ((rows[:, None], 1), (columns[None, :], 0)):
            sums = expected.sum(axis=axis, keepdims=True)
            expected = expected * np.divide(margin, sums, out=np.zeros_like(sums), where=sums > 0)
        if np.abs(expected - before).max() < 1e-12 * max(table.sum(), 1):
            break
    return expected


def table(found: dict[str, Any]) -> str:
    """The agreement as text."""

    def number(value: float | None) -> str:
        return "n/a" if value is None else f"{value:.3f}"

    overlap, kappa, modified = found["overlap_extent"], found["kappa_time"], found["modified_kappa"]
    lines = [
        f"criterion: {found['criterion']}",
        f"{found['n_files']} file(s), {found['n_first']} and {found['n_second']} events",
        f"F1 (symmetric): {number(found['f1'])}",
        f"overlap / extent: {number(overlap['mean_of_pairs'])} over {overlap['pairs']} pairs, "
        f"{number(overlap['mean_with_unpaired'])} with unpaired events as 0",
        f"kappa over {kappa['seconds']:.1f} s: {number(kappa['event'])} (event or none)"
        + ("" if kappa["length_known"] else "; length of the recording unknown, counted to the last event"),
        *(f"  {label}: {number(value)}" for label, value in kappa.get("per_label", {}).items()),
        f"modified kappa: {number(modified['with_unlinked'])} with unlinked events, "
        f"{number(modified['linked_only'])} of {modified['linked']} linked pairs",
        *(f"note: {note}" for note in found["notes"]),
    ]
    return "\n".join(lines)
