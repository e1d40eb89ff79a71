"""How a result was made: enough to make it again, and to know what a person has changed since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vbannotate import __version__


def file_hash(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def of_detection(
    model: Mapping[str, Any],
    settings: Mapping[str, Any],
    media: Path | None,
    clock: Mapping[str, Any] | None = None,
    compat: str | None = None,
) -> dict[str, Any]:
    """Provenance of one detection. No date in it: the same input gives the same file."""
    result: dict[str, Any] = {
        "program": "vbannotate",
        "version": __version__,
        "model": dict(model),
        "settings": dict(settings),
    }
    if compat:
        result["compat"] = compat
    if media is not None:
        result["media"] = {"name": media.name, "bytes": media.stat().st_size, "sha256": file_hash(media)}
    if clock:
        result["clock"] = dict(clock)
    return result
