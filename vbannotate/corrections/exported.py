"""The prediction as it was exported: what stood in the file that a person opened.

A writer rounds (milliseconds in ELAN and subtitles), and a subtitle shows a cough of 0.3 s for a second and
two bursts in one cue. So the prediction is written once more with the settings that its provenance remembers
and read back, and the person's file is compared with that. Each exported event knows the predictions it
stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from vbannotate import formats
from vbannotate.errors import FormatError
from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats.base import WriteOptions
from vbannotate.match import Criterion, match

SUBTITLES = ("srt", "vtt")


@dataclass(frozen=True, slots=True)
class Item:
    """An event as it stood in the file, its tier, and the predictions it stands for."""

    event: Event
    tier: str
    sources: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """A way in which the prediction may have stood in the file. `recorded`: the provenance says so."""

    items: tuple[Item, ...]
    tolerance_us: int
    how: str
    recorded: bool = False
    unchanged: bool = False


def as_exported(predicted: Annotation, format: str, name: str, data: bytes) -> list[Exported]:
    """The ways in which `predicted` may have stood in a file of `format`; one if the provenance knows it.

    `name` and `data` are the person's file now.
    """
    tolerance_us = formats.module(format).KEEPS.resolution_us
    if (entry := _entry(predicted, format, name)) is not None:
        unchanged = entry.get("sha256") == hashlib.sha256(data).hexdigest()
        try:
            items = _items(predicted, format, _options(entry))
            return [Exported(items, tolerance_us, f"as written in {format}", True, unchanged)]
        except FormatError:
            pass  # written by a version with other rules: compare with the prediction itself
    ways = [Exported(_plain(predicted), tolerance_us, "as predicted")]
    choices = [WriteOptions(), WriteOptions(exact=True)] if format in SUBTITLES else [WriteOptions()]
    for options in choices:
        try:
            items = _items(predicted, format, options)
        except (FormatError, AttributeError):  # what the format cannot hold, or a format that is only read
            continue
        ways.insert(0, Exported(items, tolerance_us, f"as {format} is written by default"))
    return ways


def _entry(predicted: Annotation, format: str, name: str) -> Mapping[str, Any] | None:
    """What the provenance says of the file; a renamed one is known by its format if there was only one."""
    exports = predicted.provenance.get("exports")
    if not isinstance(exports, Mapping):
        return None
    fitting = {key: value for key, value in exports.items() if value.get("format") == format}
    if name in fitting:
        return fitting[name]
    return next(iter(fitting.values())) if len(fitting) == 1 else None


def _options(entry: Mapping[str, Any]) -> WriteOptions:
    known = {field.name for field in fields(WriteOptions)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in entry.items()
        if key in known
    }
    return WriteOptions(**values)


def _plain(predicted: Annotation) -> tuple[Item, ...]:
    return tuple(Item(event, tier.name, (event,)) for tier in predicted.tiers for event in tier.events)


def _items(predicted: Annotation, format: str, options: WriteOptions) -> tuple[Item, ...]:
    """Write and read the prediction; raises FormatError where the format cannot hold it."""
    data = formats.render(predicted, format, options)
    seen = with_ids(formats.parse(data, f"prediction.{format}", format), format, data)
    written = [(event, tier.name) for tier in seen.tiers for event in tier.events]
    if format in SUBTITLES:
        from vbannotate.formats.subtitles import shown

        cues = sorted(shown(predicted, options), key=lambda cue: cue.start_us)
        if len(cues) == len(written):
            return tuple(Item(*pair, cue.events) for pair, cue in zip(written, cues, strict=True))
    sources = predicted.events
    pairs = dict(match([event for event, _ in written], sources, Criterion.within(1000), by_label=False))
    return tuple(
        Item(event, tier, (sources[pairs[k]],) if k in pairs else (event,))
        for k, (event, tier) in enumerate(written)
    )


def with_ids(annotation: Annotation, format: str, data: bytes) -> Annotation:
    """The annotation with the ids of its events as `extra["id"]`, where the format has stable ones (EAF).

    They mean something only between a file that we wrote and the same file as a person saved it.
    """
    if format != "eaf":
        return annotation
    from vbannotate.formats import eaf_times, eaf_tree

    root = eaf_tree.parse(data, "annotation").getroot()
    layers = {layer.name: layer for layer in eaf_times.layers(root, "annotation")}
    tiers = []
    for tier in annotation.tiers:
        notes = layers[tier.name].notes if tier.name in layers else ()
        names = [note.id for note in notes if note.start is not None and note.end is not None]
        tiers.append(_named(tier, names) if len(names) == len(tier.events) else tier)
    return annotation.with_(tiers=tuple(tiers))


def _named(tier: Tier, names: Sequence[str]) -> Tier:
    events = (
        event.with_(extra={**event.extra, "id": name}) for event, name in zip(tier.events, names, strict=True)
    )
    return Tier(tier.name, tuple(events), tier.points, tier.extra)
