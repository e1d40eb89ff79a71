"""Predictions and the files that came back, matched by the stems of their names."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vbannotate import files, formats
from vbannotate.corrections import Corrections, correct
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Annotation, Span
from vbannotate.score import reading
from vbannotate.vocabulary import Vocabulary

NATIVE = ".vb.json"


@dataclass(frozen=True, slots=True)
class Both:
    """The predictions and the corrected file of one recording."""

    name: str
    predicted: Path
    corrected: Path


def pair(predicted: Path, corrected: Path) -> tuple[list[Both], list[str]]:
    """Two files, or those of two folders (or of one that holds both); and notes on what has no partner."""
    if predicted.is_dir() != corrected.is_dir():
        folder, file = (predicted, corrected) if predicted.is_dir() else (corrected, predicted)
        raise UsageError(f"{folder} is a folder and {file} a file", "name two files or two folders")
    if not predicted.is_dir():
        return [Both(reading.stem(predicted), predicted, corrected)], []
    ours, notes = reading.find(predicted)
    found, unknown = [], []
    candidates: dict[str, list[Path]] = {}
    for path in sorted(corrected.iterdir()):
        if not path.is_file() or path.name.startswith("."):
            continue
        stem = reading.stem(path)
        fitting = [name for name in ours if stem.startswith(name)]
        if fitting and reading.is_annotation(path) and path not in ours.values():
            candidates.setdefault(max(fitting, key=len), []).append(path)
        elif reading.is_annotation(path) and path not in ours.values():
            unknown.append(path.name)
    for name, paths in candidates.items():
        found.append(Both(name, ours[name], edited(ours[name], paths)))
    missing = sorted(ours.keys() - candidates.keys())
    notes += [f"{name}: nothing came back" for name in missing]
    notes += [f"{name}: belongs to no prediction" for name in unknown]
    if not found:
        raise VbannotateError(f"{corrected}: no file belongs to {predicted}", "check the names")
    return found, notes


def edited(predicted: Path, paths: Sequence[Path]) -> Path:
    """The file that a person has changed, where a recording has several."""
    others = [path for path in paths if not path.name.endswith(NATIVE)] or list(paths)
    if len(others) == 1:
        return others[0]
    written = formats.read(predicted).provenance.get("exports")
    hashes = {entry.get("sha256") for entry in written.values()} if written else set()
    changed = [path for path in others if hashlib.sha256(files.read(path)).hexdigest() not in hashes]
    if len(changed) > 1:
        names = ", ".join(path.name for path in changed)
        raise VbannotateError(f"several corrected files of one recording: {names}", "leave one in the folder")
    return changed[0] if changed else others[0]


def compare(both: Both, spans: Sequence[Span] | None, labels: Vocabulary | None) -> Corrections:
    """Read the two files of a recording and compare them."""
    data = files.read(both.corrected)
    format = formats.guess_format(both.corrected, data)
    predicted, corrected = formats.read(both.predicted), formats.parse(data, both.corrected.name, format)
    if labels is not None:
        predicted, corrected = labels.apply(predicted), labels.apply(corrected)
    return correct(predicted, corrected, format=format, name=both.corrected.name, data=data, examined=spans)


def write(found: dict[str, Corrections], output: Path, single: bool, overwrite: bool = False) -> list[Path]:
    """Write the annotations with their verdicts: one file, or a folder of ``NAME.vb.json``."""
    from vbannotate.corrections.summary import rows

    done = []
    for name, one in found.items():
        path = output if single else output / f"{name}{NATIVE}"
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"counts": one.counts, "verdicts": list(rows(name, one))}
        annotation: Annotation = one.annotation.with_(extra={**one.annotation.extra, "corrections": told})
        formats.write(annotation, path, "native", overwrite=overwrite)
        done.append(path)
    return done
