"""Which files one detection writes, where, and never over a person's work.

Beside every file that goes to a program lies ``rec.vb.json``: it loses nothing, and its provenance remembers
the hash of each file written with it. So a file that a person has edited since is known, and stays.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate import files, formats, provenance, scores
from vbannotate.errors import UsageError, WouldOverwriteError
from vbannotate.formats.base import WriteOptions

if TYPE_CHECKING:
    from vbannotate.detection import Detection
    from vbannotate.events import Annotation

NATIVE = "native"
NATIVE_SUFFIX = ".vb.json"


@dataclass(frozen=True, slots=True)
class Plan:
    """The files of one recording. `targets` maps the name of a format to its file, native among them."""

    media: Path
    targets: Mapping[str, Path] = field(default_factory=dict)
    scores: Path | None = None
    wav: Path | None = None

    def paths(self) -> list[Path]:
        """All files that will be written."""
        return [*self.targets.values(), *(p for p in (self.scores, self.wav) if p is not None)]


def plan(
    media: Sequence[tuple[Path, Path]],
    output: Path | None,
    wanted: Sequence[str],
    keep_scores: bool = False,
    wav: bool = False,
) -> list[Plan]:
    """Name the files for recordings, each given with the folder it was found under.

    `output` is a folder, or for one recording a file with a known ending. Without it files go beside the
    recording. Raises UsageError where two recordings would write the same file.
    """
    single = _as_file(output, wanted)
    if single and len(media) != 1:
        raise UsageError(f"{output} is one file for {len(media)} recordings", "give a folder as --output")
    plans = []
    for path, root in media:
        stem = _stem(path)
        folder = path.parent if output is None else output / path.parent.relative_to(root)
        targets: dict[str, Path] = {}
        if single is not None and output is not None:
            folder, stem = output.parent, _stem(output)
            targets[single] = output
        targets |= {name: folder / (stem + formats.ending(name)) for name in wanted if name not in targets}
        if targets or output is not None:
            targets[NATIVE] = targets.get(NATIVE, folder / (stem + NATIVE_SUFFIX))
        kept = folder / (stem + scores.SUFFIX) if keep_scores else None
        sound = folder / (stem + ".wav") if wav and path.suffix.lower() != ".wav" else None
        plans.append(Plan(path, targets, kept, sound))
    _refuse_collisions(plans)
    return plans


def check(plan: Plan, overwrite: bool) -> None:
    """Raise WouldOverwriteError before any work where a file is in the way."""
    written = _hashes(plan)
    for path in plan.paths():
        if not path.exists():
            continue
        if not overwrite:
            raise WouldOverwriteError(f"{path} exists", "give --overwrite or another --output")
        known = written.get(path.name)
        if path != plan.targets.get(NATIVE) and known is not None and known != provenance.file_hash(path):
            raise WouldOverwriteError(
                f"{path} was edited after vbannotate wrote it", "move it away, or merge with --into"
            )


def write(plan: Plan, detection: Detection, options: WriteOptions, overwrite: bool) -> list[Path]:
    """Write all files of the plan, the native one last, and return them."""
    annotation = detection.annotation
    done: list[Path] = []
    for path in {p.parent for p in plan.paths()}:
        path.mkdir(parents=True, exist_ok=True)
    exports: dict[str, Any] = {}
    for name, path in plan.targets.items():
        if name == NATIVE:
            continue
        target = replace(options, target=str(path), media_path=_absolute(annotation))
        data = formats.render(annotation, name, target)
        files.write(path, data, overwrite=overwrite)
        exports[path.name] = {
            "format": name,
            "sha256": hashlib.sha256(data).hexdigest(),
            **_settings(options),
        }
        if moved := formats.shifts(annotation, name, target):
            exports[path.name]["shown"] = moved  # subtitles: cues that do not lie on their one event
        done.append(path)
    for path, kept in zip(_score_paths(plan, len(detection.scores)), detection.scores, strict=True):
        scores.save(kept, path, overwrite)
        done.append(path)
    if plan.wav is not None:
        from vbannotate import audio

        audio.write_wav(plan.media, plan.wav, overwrite=overwrite)
        exports[plan.wav.name] = {"format": "wav"}
        done.append(plan.wav)
    if NATIVE in plan.targets:
        made = {**annotation.provenance, **({"exports": exports} if exports else {})}
        formats.write(annotation.with_(provenance=made), plan.targets[NATIVE], NATIVE, overwrite=overwrite)
        done.append(plan.targets[NATIVE])
    return done


def _as_file(output: Path | None, wanted: Iterable[str]) -> str | None:
    """The format of an `output` that is a file, or None for a folder."""
    if output is None or output.is_dir() or str(output).endswith(("/", os.sep)):
        return None
    name = output.name.lower()
    for known in (*wanted, *formats.names()):
        if any(name.endswith(suffix) for suffix in formats.suffixes(known)):
            return known
    if output.exists():
        raise UsageError(
            f"{output} is a file of no known format", "give a folder, or a file name such as talk.TextGrid"
        )
    return None


def _stem(path: Path) -> str:
    for suffix in (scores.SUFFIX, NATIVE_SUFFIX):
        if path.name.endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _refuse_collisions(plans: Sequence[Plan]) -> None:
    owner: dict[Path, Path] = {}
    for one in plans:
        for path in one.paths():
            if path == one.media:
                raise UsageError(f"{path} would be replaced by its own result", "give another --output")
            other = owner.setdefault(path, one.media)
            if other != one.media:
                mend = "rename one, or give each its own --output"
                raise UsageError(f"{other.name} and {one.media.name} would both write {path}", mend)


def is_ours(path: Path) -> bool:
    """Whether a file stands in the native file beside it: a WAV that `--wav` wrote is no new recording."""
    return path.name in _exports(path.with_name(_stem(path) + NATIVE_SUFFIX))


def _hashes(plan: Plan) -> dict[str, str]:
    """Hashes of the files written before, from the native file beside them."""
    native = plan.targets.get(NATIVE)
    exports = {} if native is None else _exports(native)
    return {name: entry["sha256"] for name, entry in exports.items() if "sha256" in entry}


def _exports(native: Path) -> dict[str, dict[str, Any]]:
    try:
        made = json.loads(native.read_bytes())["provenance"]["exports"]
        return {name: entry for name, entry in made.items() if isinstance(entry, dict)}
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return {}


def _score_paths(plan: Plan, count: int) -> list[Path]:
    if plan.scores is None or not count:
        return []
    if count == 1:
        return [plan.scores]
    stem = plan.scores.name[: -len(scores.SUFFIX)]
    return [plan.scores.with_name(f"{stem}.{number}{scores.SUFFIX}") for number in range(1, count + 1)]


def _settings(options: WriteOptions) -> dict[str, Any]:
    """The writer settings that differ from the default, for provenance."""
    default = _as_dict(WriteOptions())
    return {
        k: v for k, v in _as_dict(options).items() if v != default[k] and k not in ("target", "media_path")
    }


def _as_dict(options: WriteOptions) -> dict[str, Any]:
    values = {name: getattr(options, name) for name in options.__slots__}
    return {k: dict(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _absolute(annotation: Annotation) -> str | None:
    return None if annotation.media is None else str(Path(annotation.media).absolute())
