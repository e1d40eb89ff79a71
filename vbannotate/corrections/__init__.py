"""What a person changed in a prediction: a verdict for every event, and the annotation that they made of it.

The person's file is compared with the prediction as it was exported (`exported`), by the rules of `diff`.
Kept events go on with the times of the prediction, not with those that a subtitle showed; a boundary that a
person moved is where the person put it. The resulting annotation is confirmed by a human: no confidences, and
examined where somebody looked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vbannotate.corrections.diff import KINDS, Group, diff
from vbannotate.corrections.exported import SUBTITLES, Exported, Item, as_exported, with_ids
from vbannotate.errors import VbannotateError
from vbannotate.events import TIER, Annotation, Event, Span, Tier
from vbannotate.match import Criterion, match

__all__ = ["KINDS", "Corrections", "Verdict", "correct", "diff"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a prediction. `shown` is how it stood in the file, `corrected` what stands there now.

    `predicted` are the predictions; several for a merge or a cue of several bursts, none for an added event.
    """

    kind: str
    predicted: tuple[Event, ...]
    shown: tuple[Event, ...]
    corrected: tuple[Event, ...]
    tolerance_us: int = 0

    @property
    def onset_shift_us(self) -> int:
        """How far the onset was moved; 0 within the tolerance."""
        return self._shift(self.shown[0].onset_us, self.corrected[0].onset_us)

    @property
    def offset_shift_us(self) -> int:
        """How far the offset was moved; 0 within the tolerance."""
        return self._shift(self.shown[-1].offset_us, self.corrected[-1].offset_us)

    def _shift(self, before: int, after: int) -> int:
        return after - before if abs(after - before) > self.tolerance_us else 0


@dataclass(frozen=True, slots=True)
class Corrections:
    """The verdicts in order of time, the predictions that were judged, and the person's annotation."""

    verdicts: tuple[Verdict, ...]
    predicted: tuple[Event, ...]
    annotation: Annotation
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """How many predictions (for added: events) have each verdict; a split or merge counts once."""
        found = Counter(dict.fromkeys(KINDS, 0))
        for verdict in self.verdicts:
            once = verdict.kind in ("split", "merged", "added")
            found[verdict.kind] += 1 if once else len(verdict.predicted)
        return dict(found)


def correct(
    predicted: Annotation,
    corrected: Annotation,
    *,
    format: str = "native",
    name: str = "",
    data: bytes = b"",
    examined: Sequence[Span] | None = None,
) -> Corrections:
    """Compare a prediction with what a person made of it.

    `format`, `name` and `data` are the person's file, as far as there is one. `examined` limits what is
    judged. Raises VbannotateError where no tier of the person's file can be the prediction.
    """
    mine, notes = _usable(with_ids(corrected, format, data) if data else corrected)
    ways = as_exported(predicted, format, name, data)
    best: tuple[int, Exported, list[Event], list[str]] | None = None
    for way in ways:
        events, explained = _ours(mine, way, name)
        kept = len(match([item.event for item in way.items], events, Criterion.within(way.tolerance_us)))
        if best is None or kept > best[0]:
            best = kept, way, events, explained
    assert best is not None
    _, way, events, explained = best
    if way.unchanged:
        notes.append(f"{name}: nobody has changed this file since it was written")
    items = [item if way.recorded else _without_id(item) for item in way.items]
    spans = examined if examined is not None else corrected.examined
    verdicts = _verdicts(items, events, way.tolerance_us)
    verdicts = [verdict for verdict in verdicts if _inside(verdict, spans)]
    notes += [*explained, *_explained(verdicts)]
    result = Annotation.of(
        sorted((event for verdict in verdicts for event in _result(verdict)), key=Event.key),
        media=predicted.media,
        duration_us=predicted.duration_us or corrected.duration_us,
        examined=None if spans is None else tuple(spans),
        provenance={"program": "vbannotate", "corrected_by": "human", "from": name, "compared": way.how},
    )
    judged = tuple(event for v in verdicts for event in v.predicted)
    return Corrections(tuple(verdicts), judged, result, tuple(notes))


def _without_id(item: Item) -> Item:
    extra = {key: value for key, value in item.event.extra.items() if key != "id"}
    return Item(item.event.with_(extra=extra), item.tier, item.sources)


def _usable(corrected: Annotation) -> tuple[Annotation, list[str]]:
    """The annotation without events whose times cannot be meant, each named."""
    notes, tiers = list(corrected.warnings), []
    for tier in corrected.tiers:
        bad = [event for event in tier.events if event.problem()]
        notes += [f"tier {tier.name!r}: {event.label!r} left out: {event.problem()}" for event in bad]
        tiers.append(
            Tier(tier.name, tuple(e for e in tier.events if not e.problem()), tier.points, tier.extra)
        )
    return corrected.with_(tiers=tuple(tiers)), notes


def _ours(corrected: Annotation, way: Exported, name: str) -> tuple[list[Event], list[str]]:
    """The events of the person's file that are the prediction's, and what had to be guessed."""
    names = {item.tier for item in way.items} or {TIER}
    filled = [tier for tier in corrected.tiers if tier.events]
    chosen = [tier for tier in corrected.tiers if tier.name in names]
    notes: list[str] = []
    if not any(tier.events for tier in chosen) and filled:
        shown = [item.event for item in way.items]
        hits = [len(match(shown, tier.events, Criterion.within(way.tolerance_us), False)) for tier in filled]
        if len(filled) > 1 and shown and not chosen and not max(hits):
            tiers = ", ".join(tier.name for tier in filled)
            raise VbannotateError(
                f"{name}: no tier holds the prediction (its tiers: {tiers})",
                "check that the two belong together",
            )
        if len(filled) == 1 or max(hits, default=0):
            chosen = [filled[hits.index(max(hits))]]
            if chosen[0].name not in names and len(filled) > 1:
                notes.append(f"{name}: tier {chosen[0].name!r} is taken for the prediction's (renamed)")
    others = [tier.name for tier in filled if tier not in chosen]
    if others:
        notes.append(f"{name}: not compared, as not ours: {', '.join(others)}")
    events = sorted((event for tier in chosen for event in tier.events), key=Event.key)
    return _sounds(events, way, notes, name), notes


def _sounds(events: list[Event], way: Exported, notes: list[str], name: str) -> list[Event]:
    """Of subtitles, the cues that describe sounds: those in brackets, or in the place of a prediction."""
    texts = [next((str(e.extra[key]) for key in SUBTITLES if key in e.extra), None) for e in events]
    places = {(item.event.onset_us, item.event.offset_us) for item in way.items}
    sounds = [
        event
        for event, text in zip(events, texts, strict=True)
        if text is None
        or text.lstrip("♪ ")[:1] in ("[", "(", "*")
        or (event.onset_us, event.offset_us) in places
    ]
    if len(sounds) < len(events):
        notes.append(f"{name}: {len(events) - len(sounds)} cue(s) without brackets are speech, not compared")
    return sounds


def _verdicts(items: Sequence[Item], events: Sequence[Event], tolerance_us: int) -> list[Verdict]:
    items = sorted(items, key=lambda item: item.event.key())
    shown = [item.event for item in items]
    seen: set[int] = set()  # an event that went on over several cues has one verdict
    verdicts = []
    for group in diff(shown, events, tolerance_us):
        verdicts.append(_verdict(group, items, events, tolerance_us, seen))
    return [v for v in verdicts if v.predicted or v.kind == "added"]


def _verdict(
    group: Group, items: Sequence[Item], events: Sequence[Event], tolerance_us: int, seen: set[int]
) -> Verdict:
    sources = [source for i in group.before for source in items[i].sources if id(source) not in seen]
    seen.update(id(source) for source in sources)
    before = tuple(items[i].event for i in group.before)
    after = tuple(events[j] for j in group.after)
    if group.kind in ("relabelled", "moved_relabelled") and len(sources) > 1:
        after = _shared_label(after[0], len(sources))
    return Verdict(group.kind, tuple(sources), before, after, tolerance_us)


def _shared_label(event: Event, count: int) -> tuple[Event, ...]:
    """The labels of a cue of several bursts ("coughs, sniffs"), one for each where there are as many."""
    from vbannotate.cues import label_of

    parts = [label_of(f"[{part.strip()}]") for part in event.label.split(",")]
    return tuple(event.with_(label=part) for part in parts) if len(parts) == count else (event,)


def _inside(verdict: Verdict, spans: Sequence[Span] | None) -> bool:
    """Whether the events of a verdict, or of a changed pair one of them, lie in what was examined."""
    if spans is None:
        return True
    return any(
        span.start_us <= event.onset_us and event.offset_us <= span.end_us
        for event in (*verdict.predicted, *verdict.corrected)
        for span in spans
    )


def _result(verdict: Verdict) -> Iterable[Event]:
    """The events that the person has confirmed."""
    if verdict.kind in ("added", "split", "merged"):
        return [
            _confirmed(event, event.onset_us, event.offset_us, event.label) for event in verdict.corrected
        ]
    if verdict.kind == "deleted":
        return []
    changed = [*verdict.corrected] * len(verdict.predicted)
    result = []
    for source, after in zip(verdict.predicted, changed, strict=False):
        onset = after.onset_us if verdict.onset_shift_us else source.onset_us
        offset = after.offset_us if verdict.offset_shift_us else source.offset_us
        label = after.label if "relabelled" in verdict.kind else source.label
        if offset < onset:  # a subtitle that began later than the sound that it showed had ended
            onset, offset = after.onset_us, after.offset_us
        result.append(_confirmed(source, onset, offset, label))
    return result


def _confirmed(event: Event, onset_us: int, offset_us: int, label: str) -> Event:
    extra = {k: v for k, v in event.extra.items() if k not in (*SUBTITLES, "id", "peak", "as_written")}
    return Event.from_us(onset_us, offset_us, label, None, extra)


def _explained(verdicts: Sequence[Verdict]) -> list[str]:
    """Patterns that no person makes event by event: a constant shift, boundaries on video frames."""
    moved = [v for v in verdicts if v.kind in ("moved", "moved_relabelled")]
    if len(moved) < 4:
        return []
    shifts = Counter(round(v.onset_shift_us / 1000) for v in moved if v.onset_shift_us == v.offset_shift_us)
    notes = []
    (shift, count), *_ = shifts.most_common(1) or [(0, 0)]
    if shift and count > 0.8 * len(moved):
        notes.append(f"{count} events were moved by {shift / 1000:+.3f} s alike: another zero of time?")
    times = [t for v in moved for e in v.corrected for t in (e.onset_us, e.offset_us)]
    for rate in (25, 30):
        on_grid = sum(min(t * rate % 10**6, -t * rate % 10**6) <= 500 * rate for t in times)
        if on_grid > 0.9 * len(times):
            notes.append(f"moved boundaries lie on video frames ({rate} a second): snapped by an editor?")
            break
    return notes
