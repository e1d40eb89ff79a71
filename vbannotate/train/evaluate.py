"""All figures of a model folder on a folder of sets, and their listing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from vbannotate import models
from vbannotate.decode import Settings
from vbannotate.errors import UsageError
from vbannotate.train import curves, judge, sets

REAL = ("meetings", "coughs")  # their references are single pulses


def evaluate(
    model: str | Path, folder: Path, preset: str | None = None, report: Callable[[str], None] = print
) -> dict[str, Any]:
    """Figures by set. Raises UsageError for a preset that the model does not have, and for an empty
    folder.
    """
    locator = models.load(model, device="cpu")
    card = locator.card
    if preset is not None and preset not in card.presets:
        raise UsageError(f"{model} has no preset {preset!r}", f"its presets: {', '.join(card.presets)}")
    settings = Settings().updated(card.presets[preset] if preset else card.settings)
    figures: dict[str, Any] = {"model": card.name, "version": card.version, "settings": settings.to_dict()}
    figures["sets"] = {}
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        items = sets.read(path)
        found = [curves.of(locator, curves.read(item)) for item in items]
        figures["sets"][path.name] = judge.report(items, judge.events(found, items, settings))
        if path.name in REAL:
            bouts = [replace(item, events=sets.joined(item.events)) for item in items]
            counts = [
                judge.count(i.events, f, i.seconds)
                for i, f in zip(bouts, judge.events(found, items, settings), strict=True)
            ]
            figures["sets"][path.name]["as_bouts"] = sum(counts, judge.Counts()).table()
        report(f"{path.name}: {len(items)} recordings")
    if not figures["sets"]:
        raise UsageError(f"{folder} holds no sets", "write some: python -m vbannotate.train sets ...")
    return figures


def save(figures: dict[str, Any], path: Path) -> None:
    """Write the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


def listing(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    lines = [f"{figures['model']} {figures['version']}, settings {figures['settings']}", ""]
    lines.append(
        f"{'set':22} {'F1':>6} {'P':>6} {'R':>6} {'mean':>6} {'refs':>5} {'false/h':>8} {'minutes':>8}"
    )
    for name, figure in figures["sets"].items():
        lines.append(_line(name, figure) + f" {figure['minutes']:8.1f}")
        if len(figure["by_background"]) > 1:
            lines += [_line(f"  over {ground}", part) for ground, part in figure["by_background"].items()]
        if "as_bouts" in figure:
            lines.append(_line("  pulses as bouts", figure["as_bouts"]))
        if figure["references"]:
            lines.append(
                "  F1 at IoU " + ", ".join(f"{iou}: {f1}" for iou, f1 in figure["f1_by_iou"].items())
            )
        for group, cells in figure["recall_by"].items():
            lines.append(f"  recall by {group}: " + ", ".join(f"{k} {v}" for k, v in cells.items()))
    return "\n".join(lines)


def _line(name: str, figure: dict[str, Any]) -> str:
    mean = f"{figure['mean_of_clips_f1']:6.3f}" if "mean_of_clips_f1" in figure else " " * 6
    return (
        f"{name:22} {figure['f1']:6.3f} {figure['precision']:6.3f} {figure['recall']:6.3f} {mean} "
        f"{figure['references']:5} {figure['false_per_hour']:8.1f}"
    )
