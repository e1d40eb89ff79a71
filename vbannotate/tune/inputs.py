"""Corrected annotations and kept curves, matched by the stems of their names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vbannotate import scores
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import BURST, Annotation
from vbannotate.score import reading
from vbannotate.scores import Scores
from vbannotate.tune.grid import Recording


def corrected(path: Path) -> tuple[dict[str, Annotation], list[str]]:
    """The annotations of a file or a folder by stem, and notes on what looks wrong about them."""
    found = reading.read(path, reading.Choice())
    notes = list(found.notes)
    for name, annotation in found.annotations.items():
        events = annotation.events
        if events and all(event.confidence is not None for event in events):
            notes.append(
                f"{found.paths[name].name}: every event has a confidence: has a person corrected it?"
            )
        if bad := [event.problem() for event in events if event.problem()]:
            raise VbannotateError(f"{found.paths[name]}: {bad[0]}", "correct its times")
    return found.annotations, notes


def sources(path: Path, wanted: Mapping[str, Annotation]) -> tuple[dict[str, Path], list[str]]:
    """Kept curves, or else recordings, of the wanted stems; and notes on those that are missing.

    Raises VbannotateError where there are none.
    """
    if not path.is_dir():
        (name, *others) = wanted
        if others:
            raise UsageError(f"{path} is one file for {len(wanted)} corrected ones", "name a folder")
        return {name: path}, []
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.name.startswith(".") or not file.is_file():
            continue
        if file.name.endswith(scores.SUFFIX):
            found[file.name[: -len(scores.SUFFIX)]] = file
        elif not reading.is_annotation(file):
            found.setdefault(file.stem, file)
    chosen = {name: found[name] for name in wanted if name in found}
    if not chosen:
        raise VbannotateError(
            f"{path}: no recording or {scores.SUFFIX} of a corrected file", "they are matched by their names"
        )
    missing = sorted(wanted.keys() - chosen.keys())
    return chosen, [f"{name}: neither recording nor kept curve in {path}" for name in missing]


def recordings(
    annotations: Mapping[str, Annotation], curves: Mapping[str, Scores]
) -> tuple[dict[str, list[Recording]], list[str]]:
    """The curves of each label with the events that belong to them; and notes.

    A model of one label, or events that all are "burst": labels are not told apart.
    """
    names = list(curves)
    labels = {one.labels for one in curves.values()}
    if len(labels) > 1 or len({one.model for one in curves.values()}) > 1:
        raise UsageError("the curves were made by different models", "make them anew with one model")
    (known,) = labels
    given = {event.label for name in names for event in annotations[name].events}
    blind = len(known) == 1
    if given == {BURST} and len(known) > 1:
        raise UsageError(
            f"the corrected events are all {BURST!r}, the model has {len(known)} labels", "label the events"
        )
    notes = (
        []
        if blind or given <= set(known)
        else [f"labels that the model does not have are left out: {', '.join(sorted(given - set(known)))}"]
    )
    result = {}
    for column, label in enumerate(known):
        result[label] = [
            Recording(
                name,
                curves[name].scores[:, column],
                tuple(e for e in annotations[name].events if blind or e.label == label),
                curves[name].frame_us,
                curves[name].start_us,
                curves[name].duration_us,
                annotations[name].examined,
            )
            for name in names
        ]
    return result, notes
