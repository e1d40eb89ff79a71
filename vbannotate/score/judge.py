"""Apply a criterion to all files at once.

All events are compared; judged is what lies wholly inside the examined spans, or is paired with an event
that does. For time and segment the events are cut to the examined spans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vbannotate.events import Span
from vbannotate.match import match_intervals
from vbannotate.score import coverage
from vbannotate.score.counts import Counts
from vbannotate.score.method import Method
from vbannotate.score.tables import Table, clipped, inside

Spans = Sequence[Sequence[Span] | None]


@dataclass(frozen=True, slots=True)
class Judged:
    """`counts` are int64 [files, labels], or [files, 1] where labels are ignored.

    `pairs` are the rows of the two tables that are paired, `reference_in` and `estimate_in` tell which
    events were judged; all three are empty for the criteria that pair nothing.
    """

    counts: Counts
    pairs: tuple[np.ndarray, np.ndarray]
    reference_in: np.ndarray
    estimate_in: np.ndarray


def judge(reference: Table, estimate: Table, spans: Spans, labels: int, method: Method) -> Judged:
    """Count the references and estimates of each file and label, and those that are right."""
    if method.one_to_one is not None:
        return _matched(reference, estimate, spans, labels, method)
    nothing = np.empty(0, np.int64)
    if method.kind == "intersection":
        counts = _intersected(reference, estimate, spans, labels, method)
    else:
        counts = _timed(reference, estimate, spans, labels, method)
    return Judged(counts, (nothing, nothing), nothing.astype(bool), nothing.astype(bool))


def _tally(table: Table, chosen: np.ndarray, files: int, labels: int, by_label: bool) -> np.ndarray:
    """How many of the chosen events each file and label has."""
    width = labels if by_label else 1
    place = table.file * width + (table.label if by_label else 0)
    return np.bincount(place[chosen], minlength=files * width).reshape(files, width)


def _matched(reference: Table, estimate: Table, spans: Spans, labels: int, method: Method) -> Judged:
    assert method.one_to_one is not None
    r, e = match_intervals(
        reference.grouped(labels, method.by_label),
        estimate.grouped(labels, method.by_label),
        method.one_to_one,
    )
    reference_in, estimate_in = inside(reference, spans), inside(estimate, spans)
    counted = reference_in[r] | estimate_in[e]
    r, e = r[counted], e[counted]
    reference_in[r] = estimate_in[e] = True
    shape = len(spans), labels, method.by_label
    hits = _tally(reference, r, *shape)
    counts = Counts(
        _tally(reference, reference_in, *shape), _tally(estimate, estimate_in, *shape), hits, hits.copy()
    )
    return Judged(counts, (r, e), reference_in, estimate_in)


def _intersected(reference: Table, estimate: Table, spans: Spans, labels: int, method: Method) -> Counts:
    ref, est = coverage.laid_out(
        reference.grouped(labels, method.by_label), estimate.grouped(labels, method.by_label)
    )
    kept = coverage.covered_enough(est, coverage.unions(ref), method.dtc)
    found = coverage.covered_enough(ref, coverage.unions(est[kept]), method.gtc)
    reference_in, estimate_in = inside(reference, spans), inside(estimate, spans)
    shape = len(spans), labels, method.by_label
    return Counts(
        _tally(reference, reference_in, *shape),
        _tally(estimate, estimate_in, *shape),
        _tally(reference, found & reference_in, *shape),
        _tally(estimate, kept & estimate_in, *shape),
    )


def _timed(reference: Table, estimate: Table, spans: Spans, labels: int, method: Method) -> Counts:
    width = labels if method.by_label else 1
    first, second = (clipped(side, spans).grouped(labels, method.by_label) for side in (reference, estimate))
    if method.kind == "segment":
        first, second = (coverage.segments(side, method.step_us) for side in (first, second))
    lengths = coverage.overlaps(first, second, len(spans) * width)
    both, ref, est = (part.reshape(len(spans), width) for part in lengths)
    return Counts(ref, est, both, both)
