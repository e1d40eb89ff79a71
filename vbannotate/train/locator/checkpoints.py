"""Checkpoints of a run: which are whole, which is the last, which the best.

The Trainer writes a checkpoint file by file. The copy of the run's record that is written into it last says
that it is whole; one without was cut off by a kill and is not looked at.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

from vbannotate import files
from vbannotate.errors import ModelError, UsageError, WouldOverwriteError
from vbannotate.models.runs import RECORD

FOLDER, WEIGHTS, STATE = "checkpoints", "model.safetensors", "trainer_state.json"

_NAME = re.compile(r"checkpoint-(\d+)")


def whole(run: Path) -> dict[int, Path]:
    """The whole checkpoints of a run's folder by step."""
    found = {}
    for path in sorted((run / FOLDER).glob("checkpoint-*")):
        if (match := _NAME.fullmatch(path.name)) and (path / RECORD).is_file():
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def close(checkpoint: Path, record: dict[str, Any]) -> None:
    """Say that a checkpoint is whole."""
    write_record(checkpoint, record)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record of a run."""
    files.write(folder / RECORD, (json.dumps(record, indent=1) + "\n").encode(), overwrite=True)


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a run or checkpoint; None where there is none. Raises ModelError for a broken one."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: {error}", "train again in another folder") from error


def state(checkpoint: Path) -> dict[str, Any]:
    """What the Trainer remembers at a checkpoint."""
    return json.loads((checkpoint / STATE).read_bytes())


def start(run: Path, mode: str) -> Path | None:
    """The checkpoint that a run goes on from; None: it begins.

    Cut off checkpoints are removed, and with ``best`` those after the best. Raises WouldOverwriteError where
    the folder holds something and nobody asked to go on.
    """
    if not run.exists() or not any(run.iterdir()):
        return None
    if (run / RECORD).is_file() is False:
        raise WouldOverwriteError(f"{run} is not empty and holds no run", "give another --output")
    if mode == "none":
        raise WouldOverwriteError(
            f"{run} holds a run", "give --resume latest to go on with it, or another --output"
        )
    found = whole(run)
    for path in (run / FOLDER).glob("checkpoint-*"):
        if path not in found.values():
            shutil.rmtree(path)
    if not found:
        return None
    last = max(found)
    if mode == "latest":
        return found[last]
    best = state(found[last]).get("best_global_step")
    if best not in found:
        raise UsageError(f"{run} has no best checkpoint yet", "give --resume latest")
    for step, path in found.items():
        if step > best:
            shutil.rmtree(path)
    return found[best]


def same(before: dict[str, Any], now: dict[str, Any], run: Path) -> None:
    """Raise UsageError where a run would go on with other data or settings than it began with.

    More epochs are allowed; so is moving the data, as long as the recordings are the same.
    """
    free = {"epochs", "data_dir", "out_dir", "resume_mode", "init_weights", "name"}
    for name, value in now.items():
        if isinstance(value, dict):
            pairs = [
                (f"{name}.{k}", before.get(name, {}).get(k), v) for k, v in value.items() if k not in free
            ]
        else:
            pairs = [(name, before.get(name), value)]
        for key, old, new in pairs:
            if old != new:
                raise UsageError(
                    f"{run} was begun with {key.split('.')[-1]} {old}, not {new}",
                    "go on with the same, or train in another --output",
                )
