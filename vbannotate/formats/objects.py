"""The objects that linguists' scripts use, in and out: `pympi.Elan.Eaf` and `textgrid.TextGrid`.

They say what an EAF and a TextGrid say (see those modules) and no more. Where these packages lose content of
a person's file, merging into the file does not.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate.events import Annotation, Event, Tier
from vbannotate.formats import eaf, textgrid
from vbannotate.formats.base import WriteOptions
from vbannotate.formats.eaf_times import Layer, Note, resolve
from vbannotate.formats.rows import fold_confidence
from vbannotate.times import to_us

if TYPE_CHECKING:
    import pympi
    from textgrid import TextGrid


def to_pympi(annotation: Annotation, *, confidence: bool = False) -> pympi.Elan.Eaf:
    """A new `pympi.Elan.Eaf` with the tiers of the annotation; `confidence` adds dependent tiers."""
    import pympi

    data = eaf.write(annotation, WriteOptions(confidence=confidence))
    with tempfile.TemporaryDirectory() as folder:  # pympi reads files only
        path = Path(folder) / "annotation.eaf"
        path.write_bytes(data)
        return pympi.Elan.Eaf(os.fspath(path))


def from_pympi(source: pympi.Elan.Eaf) -> Annotation:
    """The annotations of a `pympi.Elan.Eaf`, with the times of dependent tiers resolved as in `eaf.read`."""
    layers = [_layer(source, name) for name in sorted(source.tiers, key=lambda n: source.tiers[n][3])]
    resolve(layers, dict(source.timeslots))
    media = [{k: str(v) for k, v in one.items() if v is not None} for one in source.media_descriptors]
    origin_us = 1000 * eaf.origin_of(media[0] if media else None)
    return Annotation(
        tiers=tuple(eaf.tiers_of(layers, origin_us)),
        media=eaf.first_path(media),
        warnings=tuple(eaf.warnings_of(layers, "pympi")),
    )


def _layer(source: pympi.Elan.Eaf, name: str) -> Layer:
    alignable, referring, attributes, _ = source.tiers[name]
    attributes = {key: value for key, value in attributes.items() if value}
    kind = source.linguistic_types.get(attributes.get("LINGUISTIC_TYPE_REF"), {})
    layer = Layer(name, attributes, attributes.get("PARENT_REF"), kind.get("CONSTRAINTS"))
    for key, (start, end, text, *_) in alignable.items():
        layer.notes.append(Note(key, text or "", slots=(start, end)))
    for key, (above, text, previous, *_) in referring.items():
        layer.notes.append(Note(key, text or "", parent=above, previous=previous or ""))
    return layer


def to_textgrid(annotation: Annotation, *, confidence: bool = False) -> TextGrid:
    """A new `textgrid.TextGrid` with the tiers of the annotation; `confidence` adds their tiers.

    Raises FormatError for events that a TextGrid cannot hold.
    """
    import textgrid as package

    grid = textgrid.grid_of(
        annotation.with_(tiers=tuple(_plain(tier) for tier in annotation.tiers)), confidence
    )
    result = package.TextGrid(minTime=float(grid.xmin), maxTime=float(grid.xmax))
    for raw in grid.tiers:
        kind: Any = package.PointTier if raw.points else package.IntervalTier
        tier = kind(raw.name, float(raw.xmin), float(raw.xmax))
        for *times, text in raw.items:
            tier.add(*map(float, times), text)
        result.append(tier)
    return result


def _plain(tier: Tier) -> Tier:
    """The tier without what it kept of its file: the package refuses zero lengths and overlaps."""
    return Tier(tier.name, tier.events, tier.points)


def from_textgrid(source: TextGrid) -> Annotation:
    """The events of a `textgrid.TextGrid`: intervals with a text, and all points."""
    tiers = []
    for tier in source.tiers:
        points = hasattr(tier, "points")
        found = (
            [Event(point.time, point.time, point.mark or "") for point in tier.points]
            if points
            else [Event(i.minTime, i.maxTime, i.mark) for i in tier.intervals if (i.mark or "").strip()]
        )
        tiers.append(Tier(tier.name or "", tuple(found), points))
    duration_us = None if source.maxTime is None else to_us(source.maxTime)
    return Annotation(tuple(fold_confidence(tiers)), duration_us=duration_us)
