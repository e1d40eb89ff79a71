"""What a user corrected: recordings with the annotations that people made or confirmed.

A folder holds recordings and, beside them, files in any of our formats whose names begin like the
recording's (``talk.wav``, ``talk.TextGrid`` or ``talk_anna.eaf``). Where a prediction (``talk.vb.json``) lies
there too, the corrected file is compared with it, so that subtitles and rounded times come home as
`corrections` brings them. An exported file that nobody changed counts as looked through; a prediction alone
does not. Recordings of one folder below may be of one speaker: they are never split between fitting and
judging.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vbannotate import audio, formats
from vbannotate.corrections import folders
from vbannotate.errors import UsageError
from vbannotate.events import Annotation
from vbannotate.score import reading
from vbannotate.train import references


@dataclass(frozen=True, slots=True)
class Corrected:
    """A recording and what a person says is in it; recordings of one `group` stay together."""

    path: Path
    annotation: Annotation
    group: str


def read(folder: Path) -> tuple[list[Corrected], list[str]]:
    """The corrected recordings of a folder and of those in it, and notes on what was left out.

    Raises UsageError where there are none.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder} is no folder", "name the folder with recordings and corrected annotations"
        )
    below = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    found, notes = [], []
    for place in (folder, *below):
        media = {p.stem: p for p in sorted(place.iterdir()) if p.is_file() and audio.is_media(p)}
        for name, files in _beside(place, media).items():
            annotation, note = _corrected(name, files)
            notes += note
            if annotation is not None:
                group = name if place == folder else place.name
                found.append(Corrected(media[name], annotation, group))
    if not found:
        raise UsageError(
            f"{folder} holds no recordings with corrected annotations",
            "put them beside each other, by name: talk.wav and talk.TextGrid",
        )
    return found, notes


def _beside(folder: Path, media: dict[str, Path]) -> dict[str, list[Path]]:
    """The annotation files of each recording: those whose name begins like its, the longest such name."""
    files: dict[str, list[Path]] = {name: [] for name in media}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.name.startswith(".") or not reading.is_annotation(path):
            continue
        stem = reading.stem(path)
        if fitting := [name for name in media if stem == name or _goes_on(stem, name)]:
            files[max(fitting, key=len)].append(path)
    return files


def _goes_on(stem: str, name: str) -> bool:
    """Whether a stem is the name and more behind a dot, dash or blank, as ``talk10`` is not ``talk1``."""
    return stem.startswith(name) and not stem[len(name)].isalnum()


def _corrected(name: str, files: Sequence[Path]) -> tuple[Annotation | None, list[str]]:
    """What a person made of a recording's prediction; None where nobody did."""
    read = {path: formats.read(path) for path in files if path.name.endswith(folders.NATIVE)}
    predictions = [path for path, annotation in read.items() if _is_prediction(annotation)]
    by_hand = [path for path in files if path not in predictions]
    if not by_hand:
        what = f"{len(predictions)} prediction(s) that nobody corrected" if files else "no annotation"
        return None, [f"{name}: left out: {what}"]
    confirmed = [path for path in by_hand if path.name.endswith(folders.NATIVE)]
    chosen = (confirmed or by_hand)[0]
    if (about := references.published(chosen)) is not None:
        return references.annotation_of(references.of_scene(chosen, chosen, about)), []
    if predictions and not confirmed:
        chosen = folders.edited(predictions[0], by_hand)
        result = folders.compare(folders.Both(name, predictions[0], chosen), None, None)
        return result.annotation, list(result.notes)
    notes = (
        [f"{name}: {chosen.name} is read, {len(by_hand) - 1} other file(s) are not"]
        if len(by_hand) > 1
        else []
    )
    annotation = reading.read(chosen, reading.Choice()).annotations[reading.stem(chosen)]
    return annotation, notes


def _is_prediction(annotation: Annotation) -> bool:
    """A file as `detect` writes it: made by a model, confirmed by nobody."""
    return "model" in annotation.provenance and "corrected_by" not in annotation.provenance
