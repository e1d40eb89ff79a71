"""Soundscapes put on disk, by one process or several."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from vbannotate import files, formats
from vbannotate.events import TIER, Annotation, Event, Tier
from vbannotate.formats.base import WriteOptions
from vbannotate.synth import layout
from vbannotate.synth.on_the_fly import Stream
from vbannotate.synth.scenes import Recipe

ALL = "all"


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made. `audio` is mp3, flac or wav; `formats` are annotation files beside each."""

    recipe: Recipe
    seed: int
    audio: str = "mp3"
    formats: tuple[str, ...] = ()
    split: str = ALL


_worker: tuple[Stream, Order, Path] | None = None


def _begin(stream: Stream, order: Order, folder: Path) -> None:
    global _worker
    _worker = stream, order, folder


def _work(number: int) -> float:
    assert _worker is not None
    return _one(*_worker, number)


def write_all(stream: Stream, order: Order, folder: Path, todo: list[int], jobs: int) -> Iterator[float]:
    """Make the soundscapes of these numbers; give the seconds of each when it is written."""
    if jobs <= 1 or len(todo) <= 1:
        yield from (_one(stream, order, folder, number) for number in todo)
        return
    start = (stream, order, folder)
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_begin, initargs=start
    ) as pool:
        with _born_deaf():
            made = pool.map(_work, todo)
        try:
            yield from made
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes started meanwhile do not hear Ctrl-C, which a terminal sends to all; this one stops them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
