"""Kept frame curves: ``rec.scores.npz``, which `detect` decodes anew without the model."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vbannotate import files
from vbannotate.decode import EVENT, FRAME_US
from vbannotate.errors import FormatError
from vbannotate.times import from_us, to_us

SUFFIX = ".scores.npz"


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities float32 [frames, labels]; frame k covers [k, k + 1) x `frame_us` from `start_us` on."""

    scores: np.ndarray
    labels: tuple[str, ...]
    model: str
    frame_us: int = FRAME_US
    start_us: int = 0
    duration_us: int | None = None
    media: str | None = None
    granularity: str = EVENT


def save(kept: Scores, path: Path, overwrite: bool = False) -> None:
    """Write atomically; never over an existing file unless `overwrite`."""
    buffer = io.BytesIO()
    duration_us = kept.duration_us if kept.duration_us is not None else len(kept.scores) * kept.frame_us
    np.savez_compressed(
        buffer,
        scores=kept.scores.astype(np.float32),
        labels=np.array(kept.labels),
        frame_rate=np.float64(1_000_000 / kept.frame_us),
        start=np.float64(from_us(kept.start_us)),
        duration=np.float64(from_us(duration_us)),
        model=np.array(kept.model),
        media=np.array(kept.media or ""),
        granularity=np.array(kept.granularity),
    )
    files.write(path, buffer.getvalue(), overwrite=overwrite)


def load(path: Path) -> Scores:
    """Read a kept curve. Raises FormatError for any other file."""
    try:
        with np.load(io.BytesIO(files.read(path)), allow_pickle=False) as table:
            scores = np.asarray(table["scores"], np.float32)
            labels = tuple(str(label) for label in table["labels"])
            if scores.ndim != 2 or scores.shape[1] != len(labels) or not np.isfinite(scores).all():
                raise ValueError("scores and labels do not fit")
            return Scores(
                scores,
                labels,
                str(table["model"]),
                round(1_000_000 / float(table["frame_rate"])),
                to_us(float(table["start"])),
                to_us(float(table["duration"])) if "duration" in table else None,
                (str(table["media"]) or None) if "media" in table else None,
                str(table["granularity"]) if "granularity" in table else EVENT,
            )
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, ZeroDivisionError) as error:
        raise FormatError(
            f"{path}: not a file of kept scores ({error})", "make one with: detect --keep-scores"
        ) from error
