"""What lies in a folder of soundscapes: ``manifest.csv``, and a ``README.md`` with settings and licences."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

from vbannotate import files
from vbannotate.sources.clips import Clip
from vbannotate.synth import layout

MANIFEST, README = "manifest.csv", "README.md"
_COLUMNS = ("file", "seconds", "background", "n_vocal_bursts", "classes", "negatives")


def rows(folder: Path) -> list[dict[str, Any]]:
    """A row for each soundscape in a folder."""
    found = []
    for path in sorted(folder.glob("[0-9]*.json")):
        if (sound := layout.sound_of(path)) is None:
            continue
        told = json.loads(files.read(path))
        found.append(
            {
                "file": sound.name,
                "seconds": told["duration_sec"],
                "background": told["bg_type"],
                "n_vocal_bursts": told["n_vocal_bursts"],
                "classes": ";".join(event["class"] for event in told["events"]),
                "negatives": ";".join(event["class"] for event in told.get("negatives", ())),
            }
        )
    return found


def write(folder: Path, found: list[dict[str, Any]], clips: list[Clip], settings: dict[str, Any]) -> None:
    """Write manifest and README, which are ours in a folder that is ours."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    files.write(folder / MANIFEST, text.getvalue().encode(), overwrite=True)
    files.write(folder / README, readme(found, clips, settings).encode(), overwrite=True)


def readme(found: list[dict[str, Any]], clips: list[Clip], settings: dict[str, Any]) -> str:
    """The page about a set."""
    hours = sum(row["seconds"] for row in found) / 3600
    empty = sum(not row["n_vocal_bursts"] for row in found)
    backgrounds = Counter(row["background"] for row in found)
    classes = Counter(name for row in found for name in row["classes"].split(";") if name)
    lines = [
        "# Soundscapes with vocal bursts",
        "",
        f"{len(found)} soundscapes ({hours:.2f} h), {empty} without bursts, "
        f"{sum(classes.values())} bursts in the others. Made by `vbannotate synth`; each has a JSON file in "
        "the layout published with laion/vocalburst-locator.",
        "",
        f"- backgrounds: {_listed(backgrounds)}",
        f"- bursts: {_listed(classes)}",
        "",
        "## Sources",
        "",
        "What the soundscapes were drawn from. Whoever passes them on keeps to these licences.",
        "",
        "| source | kind | clips | licence |",
        "|---|---|---|---|",
        *_sources(clips),
        "",
        "## Settings",
        "",
        "```json",
        json.dumps(settings, indent=1),
        "```",
    ]
    return "\n".join(lines) + "\n"


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common()) or "none"


def _sources(clips: list[Clip]) -> list[str]:
    counts = Counter((clip.source, clip.kind, clip.licence or "not given") for clip in clips)
    return [
        f"| {name} | {kind} | {count} | {licence} |"
        for (name, kind, licence), count in sorted(counts.items())
    ]
