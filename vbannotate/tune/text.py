"""The outcome of tuning for people, for programs, and as a settings file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vbannotate import files
from vbannotate.decode import Settings
from vbannotate.errors import MissingDependencyError
from vbannotate.match import Criterion
from vbannotate.score.intervals import RESAMPLES, SEED
from vbannotate.score.text import between, number
from vbannotate.tune import ENOUGH_REFERENCES, Tuned
from vbannotate.tune.choose import Choice
from vbannotate.tune.objective import Objective

_NAMES = ("threshold", "merge_gap", "min_dur", "peak")


def answer(choice: Choice, objective: Objective, best: Settings) -> str:
    """One sentence: change or keep, and why."""
    if choice.interval is None:
        return (
            f"keep the current settings: {choice.files} file(s) with {choice.references} event(s) are "
            "too few to say whether others are better"
        )
    told = (
        f"{objective} {choice.merit:.3f} on files not seen, {choice.current_merit:.3f} with the current "
        f"settings; gain {choice.gain:+.3f}, 95 % {choice.interval[0]:+.3f} to {choice.interval[1]:+.3f}"
    )
    if choice.recommended:
        return f"change to {described(best)}: {told}"
    if choice.place == choice.current:
        return f"keep the current settings: they are the best of those tried ({told})"
    needed = choice.files_needed()
    more = ""
    if needed is not None and needed > choice.files:
        more = f"; about {needed - choice.files} more corrected files would tell"
    return f"keep the current settings: the gain may be chance ({told}){more}"


def described(settings: Settings) -> str:
    """``threshold 0.4, merge_gap 0.1, min_dur 0.1``."""
    values = settings.to_dict()
    return ", ".join(f"{name} {values[name]:g}" for name in _NAMES if values[name] is not None)


def to_dict(tuned: Tuned, objective: Objective) -> dict[str, Any]:
    """The outcome as plain values."""
    choice = tuned.choice
    return {
        "recommended": choice.recommended,
        "answer": answer(choice, objective, tuned.best),
        "objective": str(objective),
        "settings": tuned.settings.to_dict(),
        "current": tuned.current.to_dict(),
        "best_here": tuned.best.to_dict(),
        "held_out": choice.merit,
        "held_out_current": choice.current_merit,
        "gain": choice.gain,
        "interval": choice.interval,
        "fitted": choice.fitted,
        "free": list(choice.family),
        "files": choice.files,
        "references": choice.references,
        "labels": {
            label: {"recommended": one.recommended, "answer": _label_answer(tuned, label, objective)}
            for label, one in tuned.labels.items()
        },
        "too_few": tuned.too_few,
        "curve": tuned.curve,
        "reliability": tuned.reliability,
        "calibration": tuned.calibration.to_dict() if tuned.calibration else None,
        "notes": tuned.notes,
    }


def _label_answer(tuned: Tuned, label: str, objective: Objective) -> str:
    return answer(tuned.labels[label], objective, tuned.label_settings.get(label, tuned.settings))


def table(tuned: Tuned, objective: Objective, criterion: Criterion) -> str:
    """The answer first, then what it rests on."""
    choice = tuned.choice
    lines = [
        answer(choice, objective, tuned.best),
        f"current: {described(tuned.current)}",
        f"tuned: {', '.join(choice.family)}; {choice.files} file(s), {choice.references} event(s); folds and "
        f"{RESAMPLES} resamples of files, seed {SEED}; {criterion.kind}"
        + (f" >= {float(criterion.iou):g}" if criterion.kind == "iou" else ""),
        f"on the files it was fitted on the best has {choice.fitted:.3f}: not a figure to expect elsewhere",
    ]
    lines += [f"{label}: {_label_answer(tuned, label, objective)}" for label in tuned.labels]
    for label, count in tuned.too_few.items():
        lines.append(f"{label}: {count} event(s): too few to say ({ENOUGH_REFERENCES} are needed)")
    lines += ["", *_curve(tuned), "", *_reliability(tuned), *(f"note: {note}" for note in tuned.notes)]
    return "\n".join(lines)


def _curve(tuned: Tuned) -> Iterator[str]:
    yield "threshold  precision          recall             F1     false alarms per hour"
    for row in tuned.curve:
        mark = " *" if row["threshold"] == tuned.settings.threshold else ""
        precision = number(row["precision"]) + between(row["precision_interval"])
        recall = number(row["recall"]) + between(row["recall_interval"])
        yield (
            f"{row['threshold']:<9g}  {precision:<17}  {recall:<17}  {row['f1']:.3f}  "
            f"{number(row['false_alarms_per_hour'], 1)}{mark}"
        )
    yield "* in use; other settings as above; intervals: Wilson, 95 %, as if events were independent"


def _reliability(tuned: Tuned) -> Iterator[str]:
    found = tuned.reliability
    if not found["n"]:
        yield "these settings find no events"
        return
    yield "confidence     events  right"
    for row in found["bins"]:
        share = f"{row['share']:.0%}{between(row['interval'])}"
        yield f"{row['from']:.3f}-{row['to']:.3f}  {row['n']:>5}  {share}"
    error = "n/a below 100 events" if found["ece"] is None else f"{found['ece']:.3f}"
    yield f"Brier score {found['brier']:.3f}; expected calibration error {error}"
    if tuned.calibration is not None:
        held_out = found.get("brier_calibrated")
        yield f"calibrated: Brier score {number(held_out)} on files not seen"
        middle = found["bins"][len(found["bins"]) // 2]["confidence"]
        yield f"a confidence of {middle:.2f}: {tuned.calibration.sentence(middle)}"


def toml(tuned: Tuned, objective: Objective, model: str) -> str:
    """A settings file for ``detect --settings``."""
    said = answer(tuned.choice, objective, tuned.best)
    lines = [
        "# Written by: vbannotate tune",
        *(f"# {line}" for line in _wrapped(said)),
        f"# {tuned.choice.files} file(s), {tuned.choice.references} event(s), seed {SEED}",
        f"model = {_quoted(model)}",
        *_values(tuned.settings),
    ]
    for label, settings in tuned.label_settings.items():
        lines += ["", f"[labels.{_quoted(label)}]", *_values(settings)]
    if tuned.calibration is not None:
        found = tuned.calibration
        lines += [
            "",
            "[calibration]",
            f"confidence = [{', '.join(f'{v:g}' for v in found.confidence)}]",
            f"share = [{', '.join(f'{v:g}' for v in found.share)}]",
            f"events = {found.events}",
        ]
    return "\n".join(lines) + "\n"


def _values(settings: Settings) -> list[str]:
    return [f"{name} = {value!r}" for name, value in settings.to_dict().items() if value is not None]


def _quoted(text: str) -> str:
    """A basic string of TOML."""
    import json

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 100)


def draw(tuned: Tuned, path: Path, overwrite: bool = False) -> None:
    """Precision and recall against the threshold, and the reliability of confidences, as a PNG."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot", "drawing") from error
    figure = Figure(figsize=(10, 4), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in ("precision", "recall"):
        rows = [row for row in tuned.curve if row[name] is not None]
        x = [row["threshold"] for row in rows]
        left.plot(x, [row[name] for row in rows], marker=".", label=name)
        low, high = zip(*(row[f"{name}_interval"] for row in rows), strict=True) if rows else ((), ())
        left.fill_between(x, low, high, alpha=0.2)
    left.axvline(tuned.settings.threshold, color="grey", linestyle=":")
    left.set(xlabel="threshold", ylim=(0, 1.02))
    left.legend()
    bins = tuned.reliability["bins"]
    right.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for row in bins:
        right.plot([row["confidence"]] * 2, row["interval"], color="tab:blue", alpha=0.4)
    right.plot(
        [row["confidence"] for row in bins], [row["share"] for row in bins], marker="o", color="tab:blue"
    )
    right.set(xlabel="confidence", ylabel="share that was right", xlim=(0, 1), ylim=(0, 1.02))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files.write(path, buffer.getvalue(), overwrite=overwrite)
