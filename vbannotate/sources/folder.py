"""A folder of recordings as a source: kind and class from the names of folders and files, groups, pulses from
annotations beside the recordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from vbannotate import formats
from vbannotate.audio import is_media
from vbannotate.errors import MediaError, UsageError, VbannotateError
from vbannotate.events import BURST
from vbannotate.sources.clips import Clip
from vbannotate.sources.index import JUDGES, side
from vbannotate.sources.words import KINDS, Meaning, meaning

_NC = re.compile(r"\bNC\b|non-?commercial|research[ -]only", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """What the files are whose path below the folder matches `pattern`.

    `group` names a group of the pattern, and so does `code`, whose text `labels` makes a class of.
    """

    pattern: str
    kind: str
    label: str
    code: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    hard: frozenset[str] = frozenset()
    quality: str = "human"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a folder. None and empty: decided by names, or by `other` where they say nothing."""

    source: str
    licence: str = ""
    kind: str | None = None
    label: str | None = None
    group: str | None = None
    lang: str = ""
    hard: bool = False
    judge: bool = False
    other: str | None = None
    rules: tuple[Rule, ...] = ()


@dataclass(slots=True)
class Found:
    """Clips of a folder, and a line for each thing that a person should know.

    `alone` counts the files of which nobody knows whose they are: each is a group of its own.
    """

    clips: list[Clip]
    notes: list[str]
    alone: int = 0

    @property
    def whose(self) -> list[str]:
        """The note about groups, if there is a need of one."""
        if not self.alone:
            return []
        each = f"files taken for one speaker or recording each: {self.alone}"
        return [f"{each}; --group REGEX of sources add tells whose they are"]


Progress = Callable[[float, float | None], None]


def may_train(licence: str) -> bool:
    """Whether a licence lets a model be trained that anyone may use."""
    return not _NC.search(licence)


def scan(folder: Path, wanted: Wanted, progress: Progress | None = None) -> Found:
    """Look through a folder. Raises UsageError where it holds no recordings or their kind is not known."""
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "name a folder of recordings")
    paths = [path for path in sorted(folder.rglob("*")) if _is_sound(path, folder)]
    if not paths:
        raise UsageError(f"no recordings in {folder}", "it is searched with its subfolders for audio files")
    found = Found([], [])
    broken: list[str] = []
    odd: list[Path] = []
    seconds = 0.0
    for path in paths:
        try:
            new = list(_clips(path, folder, wanted, odd))
        except MediaError as error:
            broken.append(str(error))
            continue
        found.clips += new
        seconds += new[0].seconds if new else 0.0
        if progress is not None:
            progress(seconds, None)
    if broken:
        count = f"{len(broken)} of {len(paths)}"
        found.notes.append(f"files that cannot be read and are left out: {count}, such as {broken[0]}")
    if odd:
        found.notes.append(f"files beside recordings that are no annotations: {len(odd)}, such as {odd[0]}")
    if not found.clips:
        raise UsageError(f"nothing in {folder} can be used", "; ".join(found.notes) or "see docs/sources.md")
    return _grouped(found, wanted)


def _is_sound(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts
    return is_media(path) and path.is_file() and not any(part.startswith(".") for part in inside)


def _clips(path: Path, folder: Path, wanted: Wanted, odd: list[Path]) -> Iterator[Clip]:
    """The clips of a file; `odd` takes what lies beside it and cannot be read."""
    inside = path.relative_to(folder)
    if wanted.rules:
        said = _by_rule(inside, wanted.rules)
        if said is None:
            return
        what, group, quality = said
    else:
        what, group, quality = *_by_names(inside, wanted, folder), "human"
    label = wanted.label or what.label or what.kind
    clip = Clip(
        path, what.kind, wanted.source, f"{wanted.source}/{wanted.lang or label}", label, "", group,
        _seconds(path), quality, None, wanted.licence, (what.hard or wanted.hard) and what.kind != "burst",
    )  # fmt: skip
    yield from _annotated(clip, wanted, odd)


def _by_rule(inside: Path, rules: tuple[Rule, ...]) -> tuple[Meaning, str, str] | None:
    for rule in rules:
        if match := re.fullmatch(rule.pattern, inside.as_posix()):
            parts = match.groupdict()
            code = parts.get("code", "")
            label = rule.labels.get(code, rule.label)
            kind = rule.kinds.get(code, rule.kind)
            return Meaning(kind, label, label in rule.hard), parts.get("group") or inside.stem, rule.quality
    return None


def _by_names(inside: Path, wanted: Wanted, folder: Path) -> tuple[Meaning, str]:
    """What a file is and whose; whose may be empty.

    The kind is that of its folders from the inside out, then of its own name; the class is that of its own
    name before that of the whole folder.
    """
    said = [(part, meaning(part)) for part in inside.parts[:-1]]
    inner = [found for _, found in reversed(said) if found]
    own, whole = meaning(inside.stem), meaning(folder.name)
    kinds = [found.kind for found in (*inner, whole, own) if found]
    kind = wanted.kind or (kinds[0] if kinds else wanted.other)
    if kind is None:
        raise UsageError(
            f"{inside}: the kind of this sound is not known",
            f"give --kind {'|'.join(KINDS)}, or name the folders so",
        )
    same = (found for found in (*inner, own, whole) if found and found.kind == kind and found.label)
    what = next(same, Meaning(kind))
    if wanted.group:
        match = re.search(wanted.group, inside.as_posix())
        if not match:
            raise UsageError(f"{inside}: --group {wanted.group!r} is not in it", "mend the pattern")
        return what, match[match.lastindex or 0]
    rest = [part for part, found in said if not found]
    return what, "/".join(rest)


def _grouped(found: Found, wanted: Wanted) -> Found:
    """Give each file its side, and a group of its own where folders tell none apart."""
    told = {clip.group for clip in found.clips} - {""}
    if len(told) == 1 and not wanted.group and not wanted.rules:
        told = set()  # one folder for everything says nothing
    judge = wanted.judge or not may_train(wanted.licence)
    clips = []
    for clip in found.clips:
        group = clip.group if clip.group in told else clip.path.stem
        clips.append(replace(clip, group=group, split=JUDGES if judge else side(group)))
    alone = len({clip.path for clip in found.clips if clip.group not in told})
    return Found(clips, found.notes, alone)


def _seconds(path: Path) -> float:
    """Length. Raises MediaError for what cannot be read."""
    import soundfile

    from vbannotate import audio

    try:
        return float(soundfile.info(path).duration)
    except (soundfile.LibsndfileError, RuntimeError):
        length = audio.probe(path).duration_us
    if not length:
        raise MediaError(f"{path}: its length is not known", "convert it to WAV or FLAC")
    return length / 1e6


def _annotated(clip: Clip, wanted: Wanted, odd: list[Path]) -> Iterator[Clip]:
    """The clip with the pulses of the annotation file beside it, one clip a label; as it is without one."""
    beside = None if wanted.rules else next(_beside(clip.path), None)
    if beside is None:
        yield clip
        return
    try:
        events = formats.read(beside).events
    except VbannotateError:
        odd.append(beside)
        yield clip
        return
    by_label: dict[str, list[tuple[float, float]]] = {}
    for event in events:
        if event.problem() is None and event.duration_us and event.onset < clip.seconds:
            label = wanted.label or (event.label if event.label not in ("", BURST) else clip.label)
            by_label.setdefault(label, []).append((event.onset, min(event.offset, clip.seconds)))
    if clip.kind == "continuous":
        yield replace(clip, pulses=tuple(sorted(span for spans in by_label.values() for span in spans)))
    elif clip.kind == "burst" and by_label:
        for label, spans in by_label.items():
            stratum = f"{wanted.source}/{wanted.lang or label}"
            yield replace(clip, label=label, stratum=stratum, pulses=tuple(sorted(spans)))
    else:
        yield clip


def _beside(path: Path) -> Iterator[Path]:
    for name in formats.names():
        for suffix in formats.suffixes(name):
            other = path.with_name(path.stem + suffix)
            for candidate in (other, path.with_name(path.stem + formats.ending(name))):
                if candidate.is_file():
                    yield candidate
