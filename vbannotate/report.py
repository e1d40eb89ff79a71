"""A result as the published program prints it (laion/vocalburst-locator, ``inference.py``): text and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vbannotate.events import BURST, Annotation, Event


def rows(events: Iterable[Event]) -> list[dict[str, Any]]:
    """Events as the published objects: three places, with a label if there is one."""
    result = []
    for event in events:
        start, end = round(event.onset, 3), round(event.offset, 3)
        row: dict[str, Any] = {"start": start, "end": end}
        if event.confidence is not None:
            row["confidence"] = round(event.confidence, 3)
        row["duration"] = round(end - start, 3)
        if event.label not in ("", BURST):
            row["label"] = event.label
        result.append(row)
    return result


def as_json(name: str, annotation: Annotation) -> dict[str, Any]:
    """``{"file", "events"}``; events of several tiers carry the name of theirs."""
    if len(annotation.tiers) == 1:
        return {"file": name, "events": rows(annotation.tiers[0].events)}
    events = [{**row, "tier": tier.name} for tier in annotation.tiers for row in rows(tier.events)]
    return {"file": name, "events": sorted(events, key=lambda row: (row["start"], row["end"]))}


def as_text(name: str, annotation: Annotation) -> str:
    """The published listing; labels and tiers are added where there are any."""
    return listing(name, as_json(name, annotation)["events"])


def listing(name: str, found: Sequence[Mapping[str, Any]]) -> str:
    """The published listing of `rows`."""
    if not found:
        return f"No vocal bursts detected in {name}"
    lines = [f"Detected {len(found)} vocal burst(s) in {name}:", ""]
    for number, row in enumerate(found, 1):
        details = [f"duration: {row['duration']:.2f}s"]
        details += [f"confidence: {row['confidence']:.2f}"] if "confidence" in row else []
        details += [row[key] for key in ("label", "tier") if key in row]
        lines.append(f"  {number}. {row['start']:.2f}s - {row['end']:.2f}s  ({', '.join(details)})")
    return "\n".join(lines)
