"""Further pools of speech, music, effects and a few bursts: built from packages of Debian 12 and public
repositories, each at the version that the bundled detector trained on.

What to take is listed beside this module, in the repository only, not in the wheel: ``pools_sources.csv``
says where a source comes from and its licence, ``pools_files.csv.gz`` which of its files are taken, as what,
and on which side of the split they lie. The rest is rule: a file becomes 16 kHz mono FLAC, silence at its
ends is cut to 0.1 s, and what is longer than a minute becomes equal pieces.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from vbannotate.errors import MediaError, StartError, UsageError, VbannotateError
from vbannotate.train import origins
from vbannotate.train.origins import Source

if TYPE_CHECKING:
    import numpy as np

RATE = 16_000  # Hz
PIECE = 60 * RATE  # the longest piece
LONGEST = 3600 * RATE  # of a source file; the rest is left
SILENCE = 8  # of 32768: below this the ends are cut
MARGIN = RATE // 10  # that stays
FIELDS = (
    "package", "version", "path", "licence", "kind", "class", "group", "split", "lang", "seconds", "take",
    "label_quality", "notes", "file", "duration",
)  # fmt: skip

_SOURCES = Path(__file__).with_name("pools_sources.csv")
_FILES = Path(__file__).with_name("pools_files.csv.gz")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a source. `pieces` are the numbers of the pieces to keep, None where it is kept whole;
    `seconds` is what is kept in all."""

    source: Source
    path: str
    kind: str
    label: str
    group: str
    split: str
    lang: str
    quality: str
    pieces: tuple[int, ...] | None
    seconds: float

    def targets(self) -> list[str]:
        """The files it becomes, below the folder of pools."""
        stem = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(self.path).stem)[:60]
        digest = hashlib.md5(self.path.encode(), usedforsecurity=False).hexdigest()[:10]
        name = f"{self.source.name}/{stem}_{digest}"
        if self.pieces is None:
            return [f"{name}.flac"]
        return [f"{name}_{number:02d}.flac" for number in self.pieces]


def listing() -> list[Wanted]:
    """All files of all sources. Raises StartError where the listing is missing."""
    if not _FILES.is_file():
        raise StartError("the listing of pools is not installed", "run this in a checkout of the repository")
    with _SOURCES.open(newline="", encoding="utf-8") as file:
        sources = {row["name"]: Source(**row) for row in csv.DictReader(file)}
    with gzip.open(_FILES, "rt", newline="", encoding="utf-8") as file:
        return [_wanted(row, sources[row["source"]]) for row in csv.DictReader(file)]


def _wanted(row: dict[str, str], source: Source) -> Wanted:
    first, _, last = row["pieces"].partition("-")
    return Wanted(
        source, row["path"], row["kind"], row["class"], row["group"], row["split"], row["lang"],
        row["quality"], tuple(range(int(first), int(last or first) + 1)) if first else None,
        float(row["seconds"]),
    )  # fmt: skip


def build(folder: Path, only: Iterable[str], jobs: int, say: Say, wanted: list[Wanted] | None = None) -> None:
    """Fill `folder` with the sources named in `only` (all where it is empty) and write its ``index.csv``.

    What is there is not made again. Raises StartError where something could not be had, after
    all the rest was made.
    """
    every = listing() if wanted is None else wanted
    names = {w.source.name for w in every}
    if unknown := set(only) - names:
        raise UsageError(f"no source is called {', '.join(sorted(unknown))}", f"see {_SOURCES.name}")
    chosen = set(only) or names
    folder.mkdir(parents=True, exist_ok=True)
    todo: dict[Source, list[Wanted]] = {}
    for one in every:
        if one.source.name in chosen and not all((folder / name).is_file() for name in one.targets()):
            todo.setdefault(one.source, []).append(one)
    origins.check(todo)
    try:
        missing = _all(todo, folder, jobs, say)
    finally:
        count = _index(folder, every)
        say(f"{count} rows in {folder / 'index.csv'}")
    if missing:
        raise StartError(
            f"{missing} files are missing", "run the command again: it makes only what is missing"
        )


def _all(todo: dict[Source, list[Wanted]], folder: Path, jobs: int, say: Say) -> int:
    """Make what is to do; the number of files that could not be made."""
    total, done, missing, start = sum(w.seconds for ws in todo.values() for w in ws), 0.0, 0, time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda files: (files, _source(files, folder, say)), todo.values())
        for number, (files, failed) in enumerate(results, 1):
            done, missing = done + sum(w.seconds for w in files), missing + failed
            left = (time.monotonic() - start) * (total / done - 1) / 60
            name = files[0].source.name
            say(f"{number}/{len(todo)} {name}: {len(files) - failed} files; about {left:.0f} min left")
    return missing


def _source(files: list[Wanted], folder: Path, say: Say) -> int:
    """Fetch a source and make its `files`; the number of those that failed."""
    source, failed = files[0].source, 0
    try:
        with TemporaryDirectory(prefix=".fetch-", dir=folder) as temporary:
            place = Path(temporary)
            read = origins.fetch(source, place, say)
            for one in files:
                try:
                    _convert(one, read(one.path), folder)
                except VbannotateError as error:
                    failed += 1
                    say(f"{source.name}, {one.path}: {error}")
    except VbannotateError as error:
        say(f"{source.name}: {error}")
        return len(files)
    return failed


def _convert(wanted: Wanted, path: Path, folder: Path) -> None:
    """Write the pieces of the sound file `path`."""
    import soundfile

    pieces = cut(decode(path))
    numbers = wanted.pieces or (0,)
    if (wanted.pieces is None) != (len(pieces) == 1) or numbers[-1] >= len(pieces):
        raise MediaError(f"it makes {len(pieces)} pieces, not those listed", "another version?")
    for number, name in zip(numbers, wanted.targets(), strict=True):
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        part = target.with_suffix(".part")
        soundfile.write(part, pieces[number], RATE, format="FLAC", subtype="PCM_16")
        part.replace(target)


def decode(path: Path) -> np.ndarray:
    """int16 [samples] at 16 kHz, mono, by libswresample: the networks' own reader resamples otherwise, and
    these files shall not differ from those that were trained on. Damaged packets are left out."""
    import av
    import numpy as np

    blocks = []
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for packet in container.demux(audio=0):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                blocks += [piece.to_ndarray()[0] for frame in frames for piece in resampler.resample(frame)]
            blocks += [piece.to_ndarray()[0] for piece in resampler.resample(None)]
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise MediaError(f"cannot be decoded ({error})") from error
    return np.concatenate(blocks or [np.zeros(0, np.int16)])[:LONGEST]


def cut(samples: np.ndarray) -> list[np.ndarray]:
    """Equal pieces of at most a minute, without the silence at both ends."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > SILENCE)
    if not len(loud):
        raise MediaError("holds only silence")
    samples = samples[max(0, loud[0] - MARGIN) : loud[-1] + MARGIN]
    count = -(-len(samples) // PIECE)
    size = -(-len(samples) // count)
    return [samples[i * size : (i + 1) * size] for i in range(count)]


def _index(folder: Path, every: list[Wanted]) -> int:
    """Write the index of what is there, in the listing's order; the number of rows."""
    temporary = folder / "index.csv.part"
    with temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        rows = list(_rows(folder, every))
        writer.writerows(rows)
    temporary.replace(folder / "index.csv")
    return len(rows)


def _rows(folder: Path, every: list[Wanted]) -> Iterator[tuple[str, ...]]:
    import soundfile

    for one in every:
        for name in one.targets():
            path = folder / name
            if path.is_file():
                seconds = f"{soundfile.info(path).duration:.2f}"
                yield (
                    one.source.name, one.source.short(), one.path, one.source.licence, one.kind, one.label,
                    one.group, one.split, one.lang, seconds, seconds, one.quality, "", name, seconds,
                )  # fmt: skip
