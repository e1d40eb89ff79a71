"""The result of scoring: figures with the criterion they hold for, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from vbannotate.errors import UsageError
from vbannotate.match import Criterion
from vbannotate.score import details, intervals
from vbannotate.score.counts import Counts, Figures, Rates
from vbannotate.score.judge import Judged, Spans, judge
from vbannotate.score.method import Method
from vbannotate.score.tables import Table
from vbannotate.times import from_us

ALWAYS_SHOWN = ("0.3", "0.5", "0.7")  # IoU thresholds


@dataclass(frozen=True)
class Report:
    """A judged estimate. `notes` are what a reader of the figures has to know, one line each."""

    method: Method
    rates: Rates
    files: Sequence[str]
    labels: Sequence[str]
    reference: Table
    estimate: Table
    spans: Spans
    durations: Sequence[int | None]
    judged: Judged
    notes: Sequence[str]

    @cached_property
    def counts_by_file(self) -> Counts:
        """Counts of each file, labels added up: [files]."""
        return self.judged.counts.sum(axis=1)

    @cached_property
    def micro(self) -> Figures:
        """All files and labels pooled: the headline."""
        (row,) = Counts(*(np.atleast_1d(value) for value in self._columns(self.judged.counts.sum()))).rows()
        return self.rates.figures(*row)

    @cached_property
    def per_class(self) -> dict[str, Figures]:
        """Figures of each label that either side has; empty where labels were ignored."""
        if not self.method.by_label:
            return {}
        rows = self.judged.counts.sum(axis=0).rows()
        return {
            label: self.rates.figures(*row)
            for label, row in zip(self.labels, rows, strict=True)
            if row[0] or row[1]
        }

    @cached_property
    def per_file(self) -> dict[str, Figures]:
        """Figures of each file, labels pooled."""
        rows = self.counts_by_file.rows()
        return {name: self.rates.figures(*row) for name, row in zip(self.files, rows, strict=True)}

    @cached_property
    def macro_class(self) -> Figures:
        """Unweighted mean over the labels of both sides."""
        counts = self.judged.counts.sum(axis=0)
        used = (counts.references > 0) | (counts.estimates > 0)
        return self.rates.mean(Counts(*(column[used] for column in self._columns(counts))))

    @cached_property
    def macro_file(self) -> Figures:
        """Unweighted mean over files: its F1 is the mean of the F1 of each clip."""
        return self.rates.mean(self.counts_by_file)

    @cached_property
    def pairs(self) -> list[dict[str, Any]]:
        """The paired events: file, their places in it (from 0), and the boundary errors in seconds."""
        r, e = self.judged.pairs
        ref, est = self.reference, self.estimate
        columns = (
            ref.file[r],
            ref.row[r],
            est.row[e],
            est.onset[e] - ref.onset[r],
            est.offset[e] - ref.offset[r],
        )
        return [
            {
                "file": self.files[file],
                "reference": i,
                "estimate": j,
                "onset_error": from_us(onset),
                "offset_error": from_us(offset),
            }
            for file, i, j, onset, offset in zip(*(c.tolist() for c in columns), strict=True)
        ]

    @cached_property
    def details(self) -> dict[str, Any]:
        """Everything beyond the counts; see `vbannotate.score.details`. Costs several matchings more."""
        ref, est = self._judged_tables()
        method, size = self.method, len(self.labels)
        criterion = method.one_to_one or Criterion()
        groups = ref.grouped(size, method.by_label), est.grouped(size, method.by_label)
        return {
            "iou": {iou: self._at_iou(iou) for iou in ALWAYS_SHOWN},
            "intervals": intervals.bootstrap(self.counts_by_file),
            "boundaries": details.boundaries(self.reference, self.estimate, self.judged.pairs),
            **details.merges_and_splits(*groups),
            "confusion": details.confusion(ref, est, self.labels, criterion) if size > 1 else [],
            "average_precision": details.average_precision(ref, est, self.labels, criterion, method.by_label),
            **self._over_time(ref, est),
        }

    def to_dict(self, with_details: bool = False) -> dict[str, Any]:
        """The report as plain values; an undefined figure is None."""
        result = {
            "criterion": str(self.method),
            "micro": self.micro,
            "per_class": self.per_class,
            "per_file": self.per_file,
            "macro_class": self.macro_class,
            "macro_file": self.macro_file,
            "n_files": len(self.files),
            "notes": list(self.notes),
            "pairs": self.pairs,
        }
        return result | self.details if with_details else result

    def compare(self, other: Report) -> dict[str, Any]:
        """Another estimate against the same reference: the difference of pooled F1, `other` less this one."""
        if list(self.files) != list(other.files) or str(self.method) != str(other.method):
            raise UsageError(
                "the two estimates were not judged alike", "score both against the same reference"
            )
        one, two = self.counts_by_file, other.counts_by_file
        enough = len(self.files) >= intervals.FEWEST_FILES
        values = (self.micro["f1"], other.micro["f1"])
        changed = np.zeros(len(self.files), bool)
        for first, second in zip(self._columns(one), self._columns(two), strict=True):
            changed |= first != second
        return {
            "f1": values[0],
            "other_f1": values[1],
            "difference": None if None in values else values[1] - values[0],
            "interval": intervals.percentiles(intervals.paired_difference(one, two)) if enough else None,
            "p": intervals.randomisation(one, two),
            "files_changed": int(changed.sum()),
            **self._found_by_one(other),
        }

    def _found_by_one(self, other: Report) -> dict[str, int]:
        """References that only one of the two found."""
        mine, theirs = set(self.judged.pairs[0].tolist()), set(other.judged.pairs[0].tolist())
        return {"found_only_by_first": len(mine - theirs), "found_only_by_other": len(theirs - mine)}

    def _at_iou(self, iou: str) -> Figures:
        method = self.method.with_iou(iou)
        judged = judge(self.reference, self.estimate, self.spans, len(self.labels), method)
        figures = Rates(undefined=self.rates.undefined).figures(
            *(int(v) for v in self._columns(judged.counts.sum()))
        )
        return figures

    def _judged_tables(self) -> tuple[Table, Table]:
        """What was judged of both sides."""
        if self.method.one_to_one is None:
            return self.reference, self.estimate
        kept = np.flatnonzero(self.judged.reference_in), np.flatnonzero(self.judged.estimate_in)
        return self.reference.take(kept[0]), self.estimate.take(kept[1])

    def _over_time(self, ref: Table, est: Table) -> dict[str, Any]:
        """What needs the length of the recordings: null unless all are known."""
        lengths = [details.judged_us(*pair) for pair in zip(self.spans, self.durations, strict=True)]
        known = [length for length in lengths if length is not None]
        total = sum(known) if len(known) == len(lengths) else 0
        events = self.method.kind not in ("time", "segment")
        return {
            "hours": total / 3.6e9 if total else None,
            "false_alarms_per_hour": details.per_hour(self.micro["fp"], total) if events else None,
            "frame_accuracy": details.frame_accuracy(ref, est, self.spans, total),
            "clip_accuracy": details.clip_accuracy(ref, est, len(self.files)),
        }

    @staticmethod
    def _columns(counts: Counts) -> tuple[np.ndarray, ...]:
        return tuple(getattr(counts, name) for name in counts.__slots__)
