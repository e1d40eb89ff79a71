"""Files and folders as sides of a comparison: annotations by the stem of their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vbannotate import formats
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import TIER, Annotation, Span

# Where a folder holds one recording in several formats, the file that says most is read.
_PREFERRED = ("native", "eaf", "textgrid", "aup3", "audacity")


@dataclass(frozen=True, slots=True)
class Choice:
    """What of the files is compared. `labels` is a map of label names, `spans` limits the judged time."""

    tier: str | None = None
    examined: str | None = None
    labels: Path | None = None
    spans: tuple[Span, ...] | None = None


@dataclass
class Files:
    """Annotations by stem, the file each came from, and what a person should know about the reading."""

    annotations: dict[str, Annotation] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def stem(path: Path) -> str:
    """The name of a recording: the file's name without the ending of its format."""
    low = path.name.lower()
    endings = [s for name in formats.names() for s in formats.suffixes(name) if low.endswith(s)]
    return path.name[: -max(map(len, endings))] if endings else path.stem


def find(path: Path) -> tuple[dict[str, Path], list[str]]:
    """The annotation files of a folder by stem, or one file; and notes on files left out."""
    if not path.is_dir():
        return {stem(path): path}, []
    by_stem: dict[str, list[Path]] = {}
    for file in sorted(path.iterdir()):
        if file.is_file() and not file.name.startswith(".") and _preference(file) is not None:
            by_stem.setdefault(stem(file), []).append(file)
    if not by_stem:
        raise VbannotateError(f"{path}: no annotation files", "name a folder with files such as rec.TextGrid")
    chosen = {
        name: min(files, key=lambda file: (_preference(file), file.name)) for name, files in by_stem.items()
    }
    notes = [
        f"{name}: {chosen[name].name} is read, {len(files) - 1} other file(s) of this name are not"
        for name, files in by_stem.items()
        if len(files) > 1
    ]
    return chosen, notes


def is_annotation(path: Path) -> bool:
    """Whether the name of a file ends like those of a known format."""
    return _preference(path) is not None


def _preference(path: Path) -> int | None:
    """Rank of a file's format, or None for what is no annotation."""
    low = path.name.lower()
    order = (*_PREFERRED, *(name for name in formats.names() if name not in _PREFERRED))
    for rank, name in enumerate(order):
        if any(low.endswith(suffix) for suffix in formats.suffixes(name)):
            return rank
    return None


def read(path: Path, choice: Choice, name: str | None = None) -> Files:
    """Read a file or a folder. A single file is called `name` if that is given."""
    found, notes = find(path)
    if name is not None and not path.is_dir():
        found = {name: path}
    result = Files(paths=found, notes=notes)
    for key, file in found.items():
        annotation = formats.read(file)
        result.notes += annotation.warnings
        annotation, note = _chosen(_renamed(annotation, choice.labels), choice, file)
        result.notes += note
        result.annotations[key] = annotation
    return result


def read_both(first: Path, second: Path, choice: Choice) -> tuple[Files, Files]:
    """Two files, or two folders matched by stem. `choice.examined` names a tier of the first, or a file."""
    if first.is_dir() != second.is_dir():
        folder, file = (first, second) if first.is_dir() else (second, first)
        raise UsageError(f"{folder} is a folder and {file} a file", "name two files or two folders")
    name = stem(first)
    spans = Path(choice.examined) if choice.examined and Path(choice.examined).exists() else None
    one = read(first, replace(choice, examined=None) if spans else choice, name)
    two = read(second, replace(choice, examined=None), name)
    if spans is not None:
        looked_at = read(spans, Choice(), name).annotations
        one.annotations = {key: _limited(a, looked_at.get(key)) for key, a in one.annotations.items()}
    if choice.spans is not None:
        one.annotations = {key: _within(a, choice.spans) for key, a in one.annotations.items()}
    return one, two


def _renamed(annotation: Annotation, labels: Path | None) -> Annotation:
    if labels is None:
        return annotation
    from vbannotate import vocabulary

    return vocabulary.load(labels).apply(annotation)


def _chosen(annotation: Annotation, choice: Choice, path: Path) -> tuple[Annotation, list[str]]:
    """The annotation with the tiers that are compared, and its examined spans."""
    tiers, notes = annotation.tiers, []
    if choice.examined is not None:
        looked_at = [tier for tier in tiers if tier.name == choice.examined]
        if not looked_at:
            names = ", ".join(tier.name for tier in tiers)
            raise UsageError(f"{path}: no tier {choice.examined!r} and no such file", f"its tiers: {names}")
        tiers = tuple(tier for tier in tiers if tier.name != choice.examined)
        annotation = _limited(annotation, Annotation(tiers=tuple(looked_at)))
    if choice.tier is not None and len(tiers) > 0:
        kept = tuple(tier for tier in tiers if tier.name == choice.tier)
        if not kept and len(tiers) > 1:
            names = ", ".join(tier.name for tier in tiers)
            raise UsageError(f"{path}: no tier {choice.tier!r}", f"its tiers: {names}")
        tiers = kept or tiers  # formats without tiers have one of any name
    elif sum(bool(tier.events) for tier in tiers) > 1:
        ours = tuple(tier for tier in tiers if tier.name == TIER or tier.name.startswith(f"{TIER}-"))
        tiers = ours or tiers
        names = ", ".join(tier.name for tier in tiers)
        notes.append(f"{path.name}: several tiers; compared: {names} (--tier chooses)")
    return annotation.with_(tiers=tiers), notes


def _limited(annotation: Annotation, looked_at: Annotation | None) -> Annotation:
    """The annotation examined only where `looked_at` has events, and nowhere if that is None."""
    spans = () if looked_at is None else tuple(Span(e.onset_us, e.offset_us) for e in looked_at.events)
    return _within(annotation, spans)


def _within(annotation: Annotation, spans: Sequence[Span]) -> Annotation:
    from vbannotate.score.tables import common

    return annotation.with_(examined=tuple(common(annotation.examined, spans) or ()))


def notes_of(*sides: Files) -> list[str]:
    """The notes of all sides, each once."""
    return list(dict.fromkeys(note for side in sides for note in side.notes))


def strictly(notes: Sequence[str], strict: bool) -> None:
    """Raise VbannotateError for the first note if `strict`."""
    if strict and notes:
        raise VbannotateError(notes[0], "mend it, or leave out --strict")


def aligned(sides: Sequence[Files]) -> list[dict[str, Annotation]]:
    """The annotations of each side. Of more than two sides each is given every file, empty where it has
    none.
    """
    if len(sides) == 2:
        return [side.annotations for side in sides]
    every = sorted({name for side in sides for name in side.annotations})
    return [{name: side.annotations.get(name, Annotation()) for name in every} for side in sides]
