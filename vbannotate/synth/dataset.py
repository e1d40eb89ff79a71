"""A folder of soundscapes: made by several processes, kept when interrupted, with a manifest and a README.

Which soundscape has which number depends on the seed alone, so any number of workers writes the same bytes.
``synth.json`` says what the folder was made with; a folder that holds anything else is left alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import soundfile

from vbannotate import __version__, files, formats
from vbannotate.errors import UsageError, WouldOverwriteError
from vbannotate.events import TIER, Annotation, Event, Tier
from vbannotate.formats.base import WriteOptions
from vbannotate.sources.clips import Clip
from vbannotate.sources.index import JUDGES
from vbannotate.synth import about, layout
from vbannotate.synth.library import HARD
from vbannotate.synth.on_the_fly import Stream
from vbannotate.synth.scenes import Library, Recipe

SETTINGS = "synth.json"
ALL = "all"
_OURS = re.compile(r"\.\d{5,}\..*\.\d+\.tmp")  # what a killed run leaves
_CHUNK = 8  # soundscapes that a worker takes at a time

Progress = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made. `audio` is mp3, flac or wav; `formats` are annotation files beside each."""

    recipe: Recipe
    seed: int
    audio: str = "mp3"
    formats: tuple[str, ...] = ()
    split: str = ALL


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
    done = (count - len(todo)) * order.recipe.seconds
    for seconds in _all(stream, order, folder, todo, jobs):
        done += seconds
        if progress is not None:
            progress(done, count * order.recipe.seconds)
    rows = about.rows(folder)
    about.write(folder, rows, clips, _settings(order, clips))
    return Made(len(rows), len(todo), rows)


def clips_of(background: str) -> str | None:
    """The kind of clip that a background is made of; None for silence."""
    return {"silence": None, "real": "continuous"}.get(background, background)


def _check(library: Library, order: Order) -> None:
    recipe = order.recipe
    wanted = {clips_of(kind) for kind, share in recipe.backgrounds.items() if share} - {None}
    if recipe.empty < 1:
        wanted.add("burst")
    missing = sorted(kind for kind in wanted if kind and kind not in library.kinds)
    if missing:
        side = "" if order.split == ALL else f" on the side {order.split}"
        raise UsageError(
            f"no clips of kind {' and '.join(missing)}{side}",
            f"here are {', '.join(sorted(library.kinds)) or 'none'}; add a source, or leave that kind out",
        )
    if recipe.hard and HARD not in library.kinds:
        raise UsageError("no clips that resemble bursts and are none", "add some with: sources add --hard")
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
    folder.mkdir(parents=True, exist_ok=True)
    made = {"made_by": f"vbannotate synth {__version__}", **settings}
    files.write(path, (json.dumps(made, indent=1) + "\n").encode())


_worker: tuple[Stream, Order, Path] | None = None


def _begin(stream: Stream, order: Order, folder: Path) -> None:
    global _worker
    _worker = stream, order, folder


def _work(number: int) -> float:
    assert _worker is not None
    return _one(*_worker, number)


def _all(stream: Stream, order: Order, folder: Path, todo: list[int], jobs: int) -> Iterator[float]:
    """Make the soundscapes; give the seconds of each when it is written."""
    if jobs <= 1 or len(todo) <= 1:
        yield from (_one(stream, order, folder, number) for number in todo)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=(stream, order, folder)
    ) as pool:
        try:
            yield from pool.map(_work, todo, chunksize=min(_CHUNK, -(-len(todo) // jobs)))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _one(stream: Stream, order: Order, folder: Path, number: int) -> float:
    """Write one soundscape and return its seconds."""
    scene = stream[number]
    stem, told = folder / f"{number:05d}", layout.described(scene)
    sound = f"{stem.name}.{order.audio}"
    for name in order.formats:
        path = stem.with_name(stem.name + formats.ending(name))
        options = WriteOptions(target=str(path), media_path=str(folder.absolute() / sound))
        annotation = _annotation(told, sound, formats.module(name).KEEPS.tiers)
        files.write(path, formats.render(annotation, name, options), overwrite=True)
    layout.write(stem, scene.audio, told, order.audio)
    return told["duration_sec"]


def _annotation(told: dict[str, Any], sound: str, tiers: bool) -> Annotation:
    """The events of a soundscape, and its hard negatives in a tier of their own where that can be."""
    rows = [Tier(TIER, tuple(map(_event, told["events"])))]
    if tiers and "negatives" in told:
        rows.append(Tier("negatives", tuple(map(_event, told["negatives"]))))
    return Annotation(tuple(rows), media=sound, duration_us=round(told["duration_sec"] * 1e6))


def _event(row: dict[str, Any]) -> Event:
    extra = {"snr": row["snr"], "source": row["source"]}
    return Event(row["start_time"], row["end_time"], row["class"], extra=extra)
