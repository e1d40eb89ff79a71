"""Figures of `evaluate` as a table for people, and as a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import files
from vbannotate.errors import MissingDependencyError
from vbannotate.score.text import number


def listing(result: Mapping[str, Any]) -> str:
    """The figures as a table for people."""
    settings = ", ".join(f"{k} {v:g}" for k, v in result["settings"].items() if v is not None)
    lines = [f"{result['model']} {result['version']}: {settings}"]
    lines += [f"note: {note}" for note in result.get("notes", ())]
    for name, figure in result["sets"].items():
        lines += ["", *_of_set(name, figure)]
    return "\n".join(lines)


def _of_set(name: str, figure: Mapping[str, Any]) -> list[str]:
    size = f"{figure['recordings']} recording(s), {figure['minutes']} min, {figure['references']} event(s)"
    lines = [f"{name}: {size}", f"{'':24} {'F1':>6} {'P':>6} {'R':>6} {'events':>7} {'false/h':>8}"]
    lines.append(_line("pooled", figure))
    mean = figure["mean_of_clips"]
    lines.append(
        f"{'mean of recordings':24} {mean['f1']:6.3f} {mean['precision']:6.3f} {mean['recall']:6.3f}"
    )
    lines += [_line(f"IoU >= {iou}", part) for iou, part in figure["by_iou"].items() if iou != "0.5"]
    lines.append(_line("onset within 0.2 s", figure["onset"]))
    if len(figure["by_background"]) > 1:
        lines += [_line(f"over {ground}", part) for ground, part in figure["by_background"].items()]
    lines += [_line(label, part) for label, part in figure.get("by_label", {}).items()]
    if "as_bouts" in figure:
        lines.append(_line("pulses as bouts", figure["as_bouts"]))
    names = {"f1": "pooled F1", "mean_of_clips_f1": "mean of recordings"}
    around = figure["intervals"] or {}  # without any burst there is no interval of the pooled F1
    if said := [f"{names[k]} {around[k][0]:.3f}-{around[k][1]:.3f}" for k in names if k in around]:
        lines.append(f"95 %, recordings resampled: {', '.join(said)}")
    return lines + _sentences(figure)


def _sentences(figure: Mapping[str, Any]) -> list[str]:
    """What is told in sentences below the table."""
    frames, sure, onset = figure["frames"], figure["calibration"], figure["onset"]
    lines = [
        f"recordings told with bursts from those without: {figure['detection_accuracy']:.3f}; "
        f"frames right: {number(frames['accuracy'])}; "
        f"onsets of matched events within 0.2 s: {number(onset['matched_within'])}"
    ]
    for ground, part in figure["burst_free"].items():
        most = part.get("most_on")
        lines.append(
            f"without bursts, {ground}: {part['false']} false in {part['minutes']:g} min, "
            f"{part['false_per_hour']:.1f} per hour"
            + (f"; {most['false']} of them in {most['recordings']} with {most['file']}" if most else "")
        )
    for group, cells in figure["recall_by"].items():
        if set(cells) - {"unknown"}:
            lines.append(f"found by {group}: " + ", ".join(f"{k} {v}" for k, v in cells.items()))
    for name, part in figure.get("false_on", {}).items():
        lines.append(
            f"false on {name}: {part['false']} ({part['per_hour']:.1f} per hour; {part['sounds']} labelled)"
        )
    lines.append(
        f"calibration: frames {number(frames['ece'])} off (ECE); events {number(sure['ece'])} off, "
        f"Brier {number(sure['brier'])}"
    )
    return lines


def _line(name: str, figure: Mapping[str, Any]) -> str:
    return (
        f"{name:24} {figure['f1']:6.3f} {figure['precision']:6.3f} {figure['recall']:6.3f} "
        f"{figure['references']:7} {figure['false_per_hour']:8.1f}"
    )


def draw(result: Mapping[str, Any], path: Path, overwrite: bool = False) -> None:
    """F1 by background of each set, and the reliability of frame probabilities, as a PNG."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot", "drawing") from error
    bars = [
        (f"{name}, {ground}" if len(figure["by_background"]) > 1 else name, part)
        for name, figure in result["sets"].items()
        for ground, part in figure["by_background"].items()
        if part["references"]
    ]
    canvas = Figure(figsize=(11, max(3.6, 1.4 + 0.32 * len(bars))), dpi=110, layout="constrained")
    left, right = canvas.subplots(1, 2, width_ratios=(3, 2))
    places = np.arange(len(bars))
    for shift, key in ((-0.27, "precision"), (0.0, "recall"), (0.27, "f1")):
        values = [part[key] for _, part in bars]
        left.barh(places + shift, values, 0.25, label={"f1": "F1"}.get(key, key))
    left.set_yticks(places, [f"{name} (n = {part['references']})" for name, part in bars])
    left.invert_yaxis()
    left.set(xlim=(0, 1), xlabel=f"{result['model']} {result['version']}, events at IoU >= 0.5")
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncol=3, frameon=False)
    right.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name, figure in result["sets"].items():
        rows = [row for row in figure["frames"]["bins"] if row["n"] >= 20]
        if figure["references"]:
            right.plot([r["probability"] for r in rows], [r["share"] for r in rows], marker=".", label=name)
    right.set(xlabel="probability of a frame", ylabel="share in an event", xlim=(0, 1), ylim=(0, 1.02))
    right.legend(loc="upper left")
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png")
    files.write(path, buffer.getvalue(), overwrite=overwrite)
