"""What a score means for the work: boundaries, merges and splits, confusions, false alarms an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vbannotate.events import Span
from vbannotate.match import LINK, MAX_US, Criterion, candidates, match_intervals
from vbannotate.score import coverage
from vbannotate.score.judge import Spans
from vbannotate.score.ranking import Curve, curve
from vbannotate.score.tables import Table, clipped
from vbannotate.times import SECOND_US, from_us

_HOUR_US = 3600 * SECOND_US


def boundaries(reference: Table, estimate: Table, pairs: tuple[np.ndarray, np.ndarray]) -> dict[str, Any]:
    """Signed (estimate less reference) and absolute errors of the paired events, in seconds."""
    r, e = pairs
    return {
        "n": len(r),
        "onset": spread(estimate.onset[e] - reference.onset[r]),
        "offset": spread(estimate.offset[e] - reference.offset[r]),
    }


def spread(errors_us: np.ndarray) -> dict[str, float | None]:
    """Mean and median with sign, and mean, median and 90 % quantile without, of microseconds, in seconds."""
    if not len(errors_us):
        return dict.fromkeys(("mean", "median", "mean_abs", "median_abs", "p90_abs"))
    size = np.abs(errors_us)
    return {
        "mean": from_us(errors_us.mean()),
        "median": from_us(np.median(errors_us)),
        "mean_abs": from_us(size.mean()),
        "median_abs": from_us(np.median(size)),
        "p90_abs": from_us(np.quantile(size, 0.9)),
    }


def merges_and_splits(ref: np.ndarray, est: np.ndarray) -> dict[str, int]:
    """Estimates that cover several references, and references in several pieces (by at least half of the
    shorter).
    """
    r, e = candidates(ref, est, LINK)
    return {
        "merges": int((np.bincount(e, minlength=1) > 1).sum()),
        "splits": int((np.bincount(r, minlength=1) > 1).sum()),
    }


def confusion(
    reference: Table, estimate: Table, labels: Sequence[str], criterion: Criterion
) -> list[dict[str, Any]]:
    """How often each label was given for each, matched without labels; None stands for a miss or a false
    alarm.
    """
    r, e = match_intervals(reference.grouped(1, False), estimate.grouped(1, False), criterion)
    none = len(labels)
    lost = np.delete(reference.label, r)
    alarm = np.delete(estimate.label, e)
    rows = np.concatenate([reference.label[r], lost, np.full(len(alarm), none)])
    columns = np.concatenate([estimate.label[e], np.full(len(lost), none), alarm])
    table = np.bincount(rows * (none + 1) + columns, minlength=(none + 1) ** 2).reshape(none + 1, none + 1)
    names: list[str | None] = [*labels, None]
    return [
        {"reference": names[i], "estimate": names[j], "n": int(table[i, j])} for i, j in np.argwhere(table)
    ]


def clip_accuracy(reference: Table, estimate: Table, files: int) -> float | None:
    """Share of files in which both sides have events, or neither has."""
    if not files:
        return None
    some = (np.bincount(side.file, minlength=files) > 0 for side in (reference, estimate))
    return float(np.equal(*some).mean())


def judged_us(spans: Sequence[Span] | None, duration_us: int | None) -> int | None:
    """Length of what was judged of a file, if known."""
    if spans is None or (duration_us is None and any(span.end_us >= MAX_US for span in spans)):
        return duration_us
    ends = (span.end_us if duration_us is None else min(span.end_us, duration_us) for span in spans)
    return sum(max(0, end - span.start_us) for span, end in zip(spans, ends, strict=True))


def frame_accuracy(reference: Table, estimate: Table, spans: Spans, judged: int) -> float | None:
    """Share of the judged time in which both sides say "event" or both "none", labels aside."""
    if not judged:
        return None
    first, second = (clipped(side, spans).grouped(1, False) for side in (reference, estimate))
    both, ref, est = (int(part.sum()) for part in coverage.overlaps(first, second, len(spans)))
    return max(0.0, 1 - (ref + est - 2 * both) / judged)


def per_hour(count: int, judged: int) -> float | None:
    """A count for each hour of `judged` microseconds."""
    return count * _HOUR_US / judged if judged else None


def average_precision(
    reference: Table, estimate: Table, labels: Sequence[str], criterion: Criterion, by_label: bool
) -> dict[str, Any] | None:
    """Pooled, by class, and the mean over classes with references; None where a confidence is missing."""
    if np.isnan(estimate.confidence).any() or not len(reference):
        return None
    size = len(labels)

    def over(ref: Table, est: Table) -> Curve:
        groups = ref.grouped(size, by_label), est.grouped(size, by_label)
        return curve(*groups, est.confidence, criterion)

    result: dict[str, Any] = {"pooled": over(reference, estimate).average_precision()}
    if by_label:
        classes = {}
        for number, label in enumerate(labels):
            sides = (side.take(np.flatnonzero(side.label == number)) for side in (reference, estimate))
            classes[label] = over(*sides).average_precision()
        defined = [value for value in classes.values() if value is not None]
        result |= {"per_class": classes, "mean": sum(defined) / len(defined), "n": len(defined)}
    return result
