"""What the corrections say about the prediction: figures, shifts, deletions by confidence and by label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from vbannotate.corrections import KINDS, Corrections, Verdict
from vbannotate.events import Annotation, Event
from vbannotate.score import score
from vbannotate.score.details import spread
from vbannotate.score.text import number
from vbannotate.times import format_seconds, from_us

BANDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of confidence


def summary(found: dict[str, Corrections]) -> dict[str, Any]:
    """Figures over all files: counts, precision, recall and F1 of the prediction, shifts, deletions."""
    verdicts = [verdict for one in found.values() for verdict in one.verdicts]
    counts = Counter(dict.fromkeys(KINDS, 0))
    for one in found.values():
        counts.update(one.counts)
    moved = [v for v in verdicts if v.kind in ("moved", "moved_relabelled")]
    report = score(
        {name: one.annotation for name, one in found.items()},
        {name: Annotation.of(one.predicted) for name, one in found.items()},
    )
    return {
        "counts": dict(counts),
        "prediction": {"criterion": str(report.method), **report.micro},
        "shift": {
            "n": len(moved),
            "onset": spread(np.array([v.onset_shift_us for v in moved])),
            "offset": spread(np.array([v.offset_shift_us for v in moved])),
        },
        "deleted_by_confidence": _by_confidence(verdicts),
        "per_label": _by_label(verdicts),
        "notes": [note for one in found.values() for note in one.notes],
    }


def _by_confidence(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Of the predictions of each band, how many were deleted; the last band includes 1."""
    rows = []
    for low, high in pairwise(BANDS):
        inside = [
            verdict.kind
            for verdict in verdicts
            for event in verdict.predicted
            if event.confidence is not None
            and (low <= event.confidence < high or event.confidence == high == 1)
        ]
        if inside:
            rows.append({"from": low, "to": high, "n": len(inside), "deleted": inside.count("deleted")})
    return rows


def _by_label(verdicts: Sequence[Verdict]) -> dict[str, dict[str, int]]:
    """Verdicts by the label that was predicted, for added events by the one that was given."""
    table: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        events = verdict.predicted or verdict.corrected
        once = verdict.kind in ("split", "merged", "added")
        for event in events[:1] if once else events:
            table.setdefault(event.label, Counter())[verdict.kind] += 1
    return {label: {kind: row[kind] for kind in KINDS if row[kind]} for label, row in sorted(table.items())}


def rows(name: str, found: Corrections) -> Iterator[dict[str, Any]]:
    """The verdicts as plain values, in order of time."""
    for verdict in found.verdicts:
        row: dict[str, Any] = {
            "file": name,
            "verdict": verdict.kind,
            "predicted": [_plain(event) for event in verdict.predicted],
            "corrected": [_plain(event) for event in verdict.corrected],
        }
        if verdict.kind in ("moved", "moved_relabelled"):
            row["onset_shift"] = from_us(verdict.onset_shift_us)
            row["offset_shift"] = from_us(verdict.offset_shift_us)
        yield row


def _plain(event: Event) -> dict[str, Any]:
    row: dict[str, Any] = {"onset": event.onset, "offset": event.offset, "label": event.label}
    return row if event.confidence is None else {**row, "confidence": event.confidence}


def table(found: dict[str, Corrections], figures: dict[str, Any]) -> str:
    """Counts, then every change in order of time, then what they say."""
    counts = figures["counts"]
    named = ", ".join(f"{kind.replace('_', ' and ')} {n}" for kind, n in counts.items() if n)
    lines = [named or "no events on either side", ""]
    for name, one in found.items():
        lines += [f"{name}  {line}" if len(found) > 1 else line for line in map(_line, one.verdicts) if line]
    micro = figures["prediction"]
    precision, recall, f1 = (number(micro[name]) for name in ("precision", "recall", "f1"))
    lines += ["", f"prediction: precision {precision}, recall {recall}, F1 {f1} ({micro['criterion']})"]
    shift = figures["shift"]
    for side in ("onset", "offset"):
        if shift["n"]:
            s = shift[side]
            lines.append(
                f"{side} of {shift['n']} moved: median {s['median']:+.3f} s; "
                f"size: median {s['median_abs']:.3f} s, 90 % within {s['p90_abs']:.3f} s"
            )
    for row in figures["deleted_by_confidence"]:
        lines.append(f"confidence {row['from']:.1f}-{row['to']:.1f}: {row['deleted']} of {row['n']} deleted")
    if len(figures["per_label"]) > 1:
        for label, kinds in figures["per_label"].items():
            told = ", ".join(f"{kind} {n}" for kind, n in kinds.items())
            lines.append(f"{label}: {told}")
    lines += [f"note: {note}" for note in figures["notes"]]
    lines.append(
        "note: people keep what is roughly right, so these figures are kinder than labels made from scratch"
    )
    return "\n".join(lines)


def _line(verdict: Verdict) -> str:
    """``12.480-12.860 laugh: moved, offset +0.140``; nothing for what was kept."""
    if verdict.kind == "kept":
        return ""
    events = verdict.predicted or verdict.corrected
    where = f"{_span(events[0].onset_us, events[-1].offset_us)} {'+'.join(e.label for e in events)}"
    if verdict.kind in ("deleted", "added"):
        return f"{where}: {verdict.kind}"
    parts = []
    if verdict.kind in ("split", "merged"):
        parts.append("into " + ", ".join(_span(e.onset_us, e.offset_us) for e in verdict.corrected))
    else:
        shifts = (("onset", verdict.onset_shift_us), ("offset", verdict.offset_shift_us))
        parts += [f"{side} {us / 1e6:+.3f}" for side, us in shifts if us]
    if "relabelled" in verdict.kind:
        parts.append("now " + ", ".join(e.label for e in verdict.corrected))
    return f"{where}: {verdict.kind.replace('_', ' and ')} {', '.join(parts)}"


def _span(onset_us: int, offset_us: int) -> str:
    return f"{format_seconds(onset_us, 3)}-{format_seconds(offset_us, 3)}"
