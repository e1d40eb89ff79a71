"""A folder of soundscapes: made by several processes, kept when interrupted, with a manifest and a README.

Which soundscape has which number depends on the seed alone, so any number of workers writes the same bytes.
``synth.json`` says what the folder was made with; a folder that holds anything else is left alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile

from vbannotate import __version__, files, formats
from vbannotate.errors import UsageError, VbannotateError, WouldOverwriteError
from vbannotate.events import Annotation
from vbannotate.sources.clips import Clip
from vbannotate.sources.index import JUDGES
from vbannotate.synth import about, layout
from vbannotate.synth.on_the_fly import Stream, check
from vbannotate.synth.scenes import Library
from vbannotate.synth.writing import ALL, Order, write_all

SETTINGS = "synth.json"
_OURS = re.compile(r"\.\d{5,}\..*\.\d+\.tmp")  # what a killed run leaves

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Made:
    """What lies in a folder now: soundscapes, how many of them are new, their rows of the manifest."""

    count: int
    new: int
    rows: list[dict[str, Any]]


def chosen(clips: list[Clip], split: str) -> list[Clip]:
    """The clips of one side, or of all sides that may train; never those that nobody screened.

    Bursts that only judge lie over the backgrounds of the test side.
    """
    bursts: tuple[str, ...] = (split,)
    others: tuple[str, ...] = (split,)
    if split == ALL:
        bursts = others = ("train", "val", "test")
    elif split == JUDGES:
        others = ("test", JUDGES)
    return [
        clip
        for clip in clips
        if clip.split in (bursts if clip.kind == "burst" else others) and clip.quality != "unscreened"
    ]


def generate(
    clips: list[Clip],
    order: Order,
    folder: Path,
    count: int,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Made:
    """Fill `folder` with `count` soundscapes; those that are there are kept.

    Raises UsageError where the clips do not hold what the recipe draws, WouldOverwriteError where the folder
    holds something else.
    """
    library = Library(clips)
    _check(library, order)
    _claim(folder, order, clips)
    stream = Stream(library, order.recipe, order.seed)
    todo = [k for k in range(count) if not (folder / f"{k:05d}.json").exists()]
    done, left = 0.0, len(todo)
    for seconds in write_all(stream, order, folder, todo, jobs):
        done, left = done + seconds, left - 1
        if progress is not None:
            progress(done, done + left * done / (len(todo) - left))
    rows = about.rows(folder)
    about.write(folder, rows, clips, _settings(order, clips))
    return Made(len(rows), len(todo), rows)


def _check(library: Library, order: Order) -> None:
    side = "" if order.split == ALL else f" on the side {order.split}"
    check(library, order.recipe, side)
    if layout.AUDIO[order.audio][0] not in soundfile.available_formats():
        raise UsageError(f"the libsndfile here writes no {order.audio}", "take --audio flac")
    for name in order.formats:
        formats.module(name)
        if formats.ending(name) == ".json":
            raise UsageError(f"-f {name} would be the soundscapes' own JSON", "leave it out, or take native")
        formats.render(Annotation.of([], duration_us=1_000_000), name)


def _settings(order: Order, clips: list[Clip]) -> dict[str, Any]:
    """What soundscapes depend on, as JSON."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(
            repr((clip.path.name, clip.kind, clip.stratum, clip.label, clip.group, clip.seconds, clip.pulses,
                  clip.hard)).encode()
        )  # fmt: skip
    made = {
        "seed": order.seed,
        "split": order.split,
        "audio": order.audio,
        "formats": list(order.formats),
        "recipe": asdict(order.recipe),
        "clips": {"count": len(clips), "sha256": digest.hexdigest()},
    }
    return json.loads(json.dumps(made))


def _claim(folder: Path, order: Order, clips: list[Clip]) -> None:
    """Make the folder ours, or see that it is ours already and made with the same settings."""
    path, settings = folder / SETTINGS, _settings(order, clips)
    if path.is_file():
        before = json.loads(files.read(path))
        differ = [name for name, value in settings.items() if before.get(name) != value]
        if differ:
            raise WouldOverwriteError(
                f"{folder} holds a set made with other settings ({', '.join(differ)})",
                "give another --output",
            )
        for left in folder.iterdir():
            if _OURS.fullmatch(left.name):
                left.unlink()
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WouldOverwriteError(f"{folder} holds other files", "give a new folder as --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VbannotateError(f"{folder}: {error.strerror or error}", "give another --output") from error
    made = {"made_by": f"vbannotate synth {__version__}", **settings}
    files.write(path, (json.dumps(made, indent=1) + "\n").encode())
