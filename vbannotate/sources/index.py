"""The table of a source: ``index.csv``, one row a sound, and the folder where tables are kept.

Columns: `path` (from the table's folder if the sound lies in it, else absolute), `kind`, `class`, `group`,
`split` (train, val, test; test-nc: judges only), `lang`, `seconds`, `licence`, `quality`, `pulses`
(``a-b;a-b`` in seconds; empty: found by energy when needed), `source`, `hard` (1: resembles a burst and is
none).
"""

from __future__ import annotations

import csv
import io
import os
import platform
from collections.abc import Iterable
from pathlib import Path

from vbannotate import files
from vbannotate.errors import FormatError, UsageError
from vbannotate.sources.clips import SPLITS, Clip, bucket
from vbannotate.sources.words import KINDS

NAME = "index.csv"
FIELDS = (
    "path", "kind", "class", "group", "split", "lang", "seconds", "licence", "quality", "pulses", "source",
    "hard",
)  # fmt: skip
JUDGES = "test-nc"  # the side of what may not train

_SHARES = (("train", 80), ("val", 90), ("test", 100))  # hundredths, cumulated


def home() -> Path:
    """Where sources are kept for this user; the environment variable ``VBANNOTATE_DATA`` names another."""
    if chosen := os.environ.get("VBANNOTATE_DATA"):
        return Path(chosen) / "sources"
    top = {"Darwin": "~/Library/Application Support", "Windows": "~/AppData/Local"}
    system = platform.system()
    set_by_system = os.environ.get("LOCALAPPDATA" if system == "Windows" else "XDG_DATA_HOME")
    base = set_by_system if system != "Darwin" and set_by_system else top.get(system, "~/.local/share")
    return Path(base).expanduser() / "vbannotate" / "sources"


def kept() -> dict[str, Path]:
    """The tables of the sources that were got or added, by name."""
    return {path.parent.name: path for path in sorted(home().glob(f"*/{NAME}"))}


def side(group: str) -> str:
    """train, val or test: eight, one and one tenth of all groups, by their name alone."""
    number = bucket(group, 100)
    return next(split for split, end in _SHARES if number < end)


def write(path: Path, clips: Iterable[Clip], *, overwrite: bool = False) -> None:
    """Write a table. Raises WouldOverwriteError."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    folder = path.parent.resolve()
    for clip in clips:
        sound = Path(clip.path).resolve()
        lang = clip.stratum.removeprefix(f"{clip.source}/")
        writer.writerow(
            {
                "path": sound.relative_to(folder).as_posix() if sound.is_relative_to(folder) else str(sound),
                "kind": clip.kind,
                "class": clip.label,
                "group": clip.group,
                "split": clip.split,
                "lang": lang if lang != clip.label else "",
                "seconds": f"{clip.seconds:.3f}",
                "licence": clip.licence,
                "quality": clip.quality,
                "pulses": ";".join(f"{a:.3f}-{b:.3f}" for a, b in clip.pulses or ()),
                "source": clip.source,
                "hard": int(clip.hard),
            }
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, text.getvalue().encode(), overwrite=overwrite)


def read(path: Path) -> list[Clip]:
    """The clips of a table. Raises FormatError that names the row."""
    rows = csv.DictReader(io.StringIO(files.decode(files.read(path), str(path)).text))
    if missing := {"path", "kind", "class", "group", "seconds"} - set(rows.fieldnames or ()):
        raise FormatError(f"{path}: no column {sorted(missing)[0]!r}", f"its columns are {', '.join(FIELDS)}")
    clips = []
    for number, row in enumerate(rows, 2):
        try:
            clips.append(_clip(row, path.parent))
        except (ValueError, TypeError, AttributeError) as error:
            raise FormatError(f"{path}, line {number}: {error}", "correct the row") from error
    return clips


def _clip(row: dict[str, str], folder: Path) -> Clip:
    source = row.get("source") or folder.name
    split = row.get("split") or side(row["group"])
    if row["kind"] not in KINDS:
        raise ValueError(f"unknown kind {row['kind']!r}, known are {', '.join(KINDS)}")
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}, known are {', '.join(SPLITS)}")
    spans = [span.split("-") for span in (row.get("pulses") or "").split(";") if span]
    return Clip(
        folder / row["path"],
        row["kind"],
        source,
        f"{source}/{row.get('lang') or row['class']}",
        row["class"],
        split,
        row["group"],
        float(row["seconds"]),
        row.get("quality") or "human",
        tuple((float(a), float(b)) for a, b in spans) or None,
        row.get("licence") or "",
        (row.get("hard") or "0") == "1",
    )


def named(name: str) -> list[Clip]:
    """The clips of a source that was got or added. Raises UsageError that lists those."""
    known = kept()
    if name not in known:
        listed = f"here are {', '.join(known)}" if known else "none is here yet"
        raise UsageError(f"no folder, table or source {name!r}", f"{listed}; see: vbannotate sources list")
    return read(known[name])
