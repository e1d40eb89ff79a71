"""Counts of a detector on sets of recordings, and the figures that follow from them alone: pooled and mean
F1, by background, class and source, false alarms. All that is chosen or published here is counted here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from vbannotate.decode import Settings, decode
from vbannotate.events import Event, Span
from vbannotate.match import Criterion, match
from vbannotate.score.tables import joined
from vbannotate.times import to_us


class Item(Protocol):
    """A recording that is judged. `details` has class, snr and source of each event.

    An item may have `examined` as well: spans outside which nothing is judged; None or absent: everywhere.
    """

    @property
    def path(self) -> Path: ...

    @property
    def seconds(self) -> float: ...

    @property
    def background(self) -> str: ...

    @property
    def events(self) -> tuple[Event, ...]: ...

    @property
    def details(self) -> tuple[dict, ...]: ...


Known = TypeVar("Known", bound=Any)


def pulses(item: Known) -> Known:
    """The recording with the pulses of its events, where they are known, as events of their own."""
    parts = [
        (event, about, spans)
        for event, about in zip(item.events, item.details, strict=True)
        for spans in about.get("pulses", [(event.onset, event.offset)])
    ]
    events = tuple(event.with_(onset_us=to_us(a), offset_us=to_us(b)) for event, _, (a, b) in parts)
    return replace(item, events=events, details=tuple(about for _, about, _ in parts))


@dataclass(frozen=True, slots=True)
class Counts:
    """Matched, missed and false events and the seconds that they were looked for in."""

    hits: int = 0
    misses: int = 0
    false: int = 0
    seconds: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false + other.false,
            self.seconds + other.seconds,
        )

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FN + FP); 1 where there is nothing to find and nothing was found."""
        return self.f(1.0)

    def f(self, beta: float) -> float:
        """F of weight `beta` for recall."""
        wanted = (1 + beta**2) * self.hits
        total = wanted + beta**2 * self.misses + self.false
        return wanted / total if total else 1.0

    @property
    def precision(self) -> float:
        return self.hits / (self.hits + self.false) if self.hits + self.false else 1.0

    @property
    def recall(self) -> float:
        return self.hits / (self.hits + self.misses) if self.hits + self.misses else 1.0

    @property
    def false_per_hour(self) -> float:
        return 3600 * self.false / self.seconds if self.seconds else 0.0

    def table(self) -> dict[str, Any]:
        """The counts and what follows from them, rounded."""
        return {
            "f1": round(self.f1, 3),
            "precision": round(self.precision, 3),
            "recall": round(self.recall, 3),
            "references": self.hits + self.misses,
            "false_per_hour": round(self.false_per_hour, 1),
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """Places of the pairs, and of the references and estimates that were judged, in one recording."""

    pairs: tuple[tuple[int, int], ...]
    references: frozenset[int]
    estimates: frozenset[int]

    @property
    def false(self) -> frozenset[int]:
        """Places of the estimates that match nothing."""
        return self.estimates - {e for _, e in self.pairs}

    def counts(self, seconds: float = 0.0) -> Counts:
        """The numbers."""
        hits = len(self.pairs)
        return Counts(hits, len(self.references) - hits, len(self.estimates) - hits, seconds)


def judge(
    reference: Sequence[Event],
    estimate: Sequence[Event],
    criterion: Criterion,
    examined: Sequence[Span] | None = None,
) -> Judged:
    """Match one to one, labels ignored. As in `score`, judged is what lies wholly in what was examined, or is
    paired with an event that does.
    """
    pairs = match(reference, estimate, criterion, by_label=False) if reference and estimate else []
    spans = None if examined is None else joined(examined)
    inside = [{k for k, event in enumerate(side) if _inside(event, spans)} for side in (reference, estimate)]
    kept = tuple((r, e) for r, e in pairs if r in inside[0] or e in inside[1])
    judged = (inside[side] | {pair[side] for pair in kept} for side in (0, 1))
    return Judged(kept, *map(frozenset, judged))


def _inside(event: Event, spans: Sequence[Span] | None) -> bool:
    return spans is None or any(s.start_us <= event.onset_us and event.offset_us <= s.end_us for s in spans)


def count(
    reference: Sequence[Event],
    estimate: Sequence[Event],
    seconds: float,
    iou: float = 0.5,
    examined: Sequence[Span] | None = None,
) -> Counts:
    """Counts of one recording: one-to-one matching at IoU >= `iou`."""
    if examined is None and not (reference and estimate):  # most clips of a search through settings
        return Counts(0, len(reference), len(estimate), seconds)
    return judge(reference, estimate, Criterion.of(iou=iou), examined).counts(seconds)


def count_all(
    items: Sequence[Item], found: Sequence[Sequence[Event]], criterion: Criterion | None = None
) -> list[Counts]:
    """Counts of each recording with the seconds that were examined; IoU >= 0.5 without a `criterion`."""
    rule = criterion or Criterion.of()
    return [
        judge(item.events, estimate, rule, examined(item)).counts(seconds(item))
        for item, estimate in zip(items, found, strict=True)
    ]


def examined(item: Item) -> Sequence[Span] | None:
    """The spans of a recording that are judged; None: all of it."""
    return getattr(item, "examined", None)


def seconds(item: Item) -> float:
    """How much of a recording is judged."""
    spans = examined(item)
    if spans is None:
        return item.seconds
    end = to_us(item.seconds)
    return sum(max(0, min(span.end_us, end) - span.start_us) for span in joined(spans)) / 1e6


def events(curves: Sequence[np.ndarray], items: Sequence[Item], settings: Settings) -> list[list[Event]]:
    """Decode the curve of each item."""
    return [decode(c, settings, duration_us=to_us(i.seconds)) for c, i in zip(curves, items, strict=True)]


def report(items: Sequence[Item], found: Sequence[Sequence[Event]]) -> dict[str, Any]:
    """Everything that counts say about a set of soundscapes or recordings."""
    by_clip = count_all(items, found)
    result = sum(by_clip, Counts()).table() | {
        "recordings": len(items),
        "minutes": round(sum(map(seconds, items)) / 60, 1),
        "mean_of_clips_f1": round(float(np.mean([c.f1 for c in by_clip])), 3),
        "f1_by_iou": {
            str(iou): round(sum(count_all(items, found, Criterion.of(iou=iou)), Counts()).f1, 3)
            for iou in (0.2, 0.3, 0.5, 0.7)
        },
        "detection_accuracy": round(
            float(np.mean([(c.hits + c.misses > 0) == (c.hits + c.false > 0) for c in by_clip])), 3
        ),
    }
    grounds: dict[str, Counts] = defaultdict(Counts)
    for item, counts in zip(items, by_clip, strict=True):
        grounds[item.background] += counts
    result["by_background"] = {name: grounds[name].table() for name in sorted(grounds)}
    result["recall_by"] = _recall(items, found)
    return result


def _recall(items: Sequence[Item], found: Sequence[Sequence[Event]]) -> dict[str, dict[str, str]]:
    """Found of all references by class, source, length and level, as "found/all"."""
    tally: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for item, estimate in zip(items, found, strict=True):
        judged = judge(item.events, estimate, Criterion.of(), examined(item))
        hits = {r for r, _ in judged.pairs}
        for k in sorted(judged.references):
            about = item.details[k]
            groups = {"class": about["class"], "source": about["source"], "length": _length(item.events[k])}
            if about["snr"] is not None:
                groups["snr"] = _level(about["snr"])
            for name, value in groups.items():
                cell = tally[name][value]
                cell[0] += k in hits
                cell[1] += 1
    return {name: {v: f"{a}/{b}" for v, (a, b) in sorted(cells.items())} for name, cells in tally.items()}


def _length(event: Event) -> str:
    edges = (0.2, 0.4, 1.0, 2.0)
    return next((f"< {edge} s" for edge in edges if event.duration < edge), ">= 2.0 s")


def _level(snr: float) -> str:
    return (
        "below 0 dB"
        if snr < 0
        else "0 to 5 dB"
        if snr < 5
        else "5 to 10 dB"
        if snr < 10
        else "10 dB and more"
    )
