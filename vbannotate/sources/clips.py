"""The sound files that training draws from: what each holds, whose it is, and on which side of the split it
lies.

Sources: the project's data folder (``manifest.csv``), the pools that its ``fetch_sources.py`` builds, and
optionally whole copies of EmoGator, speechocean762 and the free spoken digits. A speaker or recording
(`Clip.group`) lies on one side of the split only, over all sources. Rows with a non-commercial licence are
never training or validation data.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vbannotate.errors import UsageError

SPLITS = ("train", "val", "test", "test-nc")

# EmoGator's prompted emotions by number in the file name; the class follows the data folder's manifest.
_EMOGATOR_CLASSES = {
    2: "laugh", 3: "grunt", 9: "sigh", 10: "groan", 11: "cry", 12: "moan", 13: "cheer",
    15: "scream", 19: "groan", 22: "sigh", 24: "cry", 27: "gasp", 28: "gasp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sources:
    """Folders of the sources; only `data` and `pools` must exist."""

    data: Path
    pools: Path
    emogator: Path | None = None
    speechocean: Path | None = None
    digits: Path | None = None
    more: Path | None = None  # further pools, with an index as the pools have it


@dataclass(frozen=True, slots=True)
class Clip:
    """One sound file. `pulses` are its active stretches in seconds, None where they are not known yet.

    `kind` is burst, speech, music, env or continuous (a real recording whose pulses are its events); `source`
    is the corpus or package, `stratum` what clips are drawn by (source and class or language), `quality` as
    in the manifest. `hard` marks what resembles a burst and is none: singing, applause, animals, doors.
    """

    path: Path
    kind: str
    source: str
    stratum: str
    label: str
    split: str
    group: str
    seconds: float
    quality: str = "human"
    pulses: tuple[tuple[float, float], ...] | None = None
    licence: str = ""
    hard: bool = False


def load(sources: Sources) -> list[Clip]:
    """All clips of `sources`. Raises UsageError where a folder does not hold what it should."""
    named = list(manifest(sources.data))
    clips = [c for c in named if not (sources.emogator and c.source == "EmoGator" and c.split == "train")]
    clips += pools(sources.pools)
    split_of = {clip.group: clip.split for clip in named}
    if sources.emogator:
        clips += _emogator(sources.emogator, split_of)
    if sources.speechocean:
        clips = [c for c in clips if not (c.source == "speechocean762" and c.split == "train")]
        clips += _speechocean(sources.speechocean, split_of)
    if sources.digits:
        clips += _digits(sources.digits)
    if sources.more:
        clips += pools(sources.more)
    return clips


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise UsageError(f"{path} is missing", "build the pools first: see docs/training.md, Data")
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def manifest(folder: Path) -> Iterator[Clip]:
    """The rows of a data folder's manifest that train, validate or test."""
    for row in _rows(folder / "manifest.csv"):
        if row["split"] not in SPLITS or row["kind"] == "mouth":
            continue
        if row["nc"] == "1" and row["split"] != "test-nc":
            raise UsageError(f"{row['path']} is non-commercial and not marked test-nc", "mend manifest.csv")
        spans = tuple(_span(text) for text in row["pulses"].split(";") if text)
        yield Clip(
            folder / row["path"], row["kind"], row["source"], f"{row['source']}/{row['class']}", row["class"],
            row["split"], row["group"], float(row["duration"]), row["label_quality"], spans,
            row.get("licence", ""),
        )  # fmt: skip


def _span(text: str) -> tuple[float, float]:
    """Start and end of ``0.12-0.80``."""
    start, stop = text.split("-")
    return float(start), float(stop)


def pools(cache: Path) -> Iterator[Clip]:
    """The files of a folder of pools, by its index."""
    for row in _rows(cache / "index.csv"):
        source = row["package"]
        if row["path"].startswith("joined "):
            source += "+joined"  # short files of one group glued to pieces of about 20 s
        yield Clip(
            cache / row["file"], row["kind"], source, f"{source}/{row['lang'] or row['class']}", row["class"],
            row["split"], row["group"], float(row["duration"]), row["label_quality"],
            licence=row.get("licence", ""),
        )  # fmt: skip


def _emogator(folder: Path, split_of: dict[str, str]) -> Iterator[Clip]:
    """The train contributors' recordings, all emotions and takes; of contributors that the manifest does not
    name, those with even numbers are validation data."""
    files = sorted((folder / "data" / "mp3").glob("*.mp3"))
    if not files:
        raise UsageError(f"{folder} holds no data/mp3/*.mp3", "give a copy of fredbuhl/EmoGator")
    for path in files:
        contributor, emotion, _ = path.stem.split("-")
        group = f"emogator-{contributor[3:]}"
        split = split_of.get(group) or ("train" if int(contributor) % 2 else "val")
        if group in split_of and split != "train":
            continue  # their recordings are in the manifest, as far as they are used
        label = _EMOGATOR_CLASSES.get(int(emotion), "other")
        yield Clip(path, "burst", "EmoGator", f"EmoGator/{emotion}", label, split, group, 2.0, "performed")


def _speechocean(folder: Path, split_of: dict[str, str]) -> Iterator[Clip]:
    for speaker in sorted((folder / "WAVE").glob("SPEAKER*")):
        group = f"so762-{speaker.name}"
        if split_of.get(group, "train") != "train":
            continue
        for path in sorted(speaker.glob("*.WAV")):
            seconds = (path.stat().st_size - 44) / 32_000  # 16 kHz, 16 bit, mono
            yield Clip(
                path, "speech", "speechocean762", "speechocean762/en", "speech", "train", group, seconds
            )


def _digits(folder: Path) -> Iterator[Clip]:
    for path in sorted((folder / "recordings").glob("*.wav")):
        speaker = path.stem.split("_")[1]
        seconds = (path.stat().st_size - 44) / 16_000  # 8 kHz, 16 bit, mono
        group = f"digits-{speaker}"
        yield Clip(path, "speech", "spoken-digits", "spoken-digits/en", "word", "train", group, seconds)


def bucket(name: str, count: int) -> int:
    """A number below `count` that depends on `name` only."""
    return int.from_bytes(hashlib.sha1(name.encode()).digest()[:4], "big") % count
