"""The ``config.json`` that lies beside the published weights, or beside weights trained like them.

Its text was not to be had when this was written, so nothing in it is required and what is not understood is
passed over. Known are, under any of their names and at any depth: the three settings of the post-processing,
and the name of the encoder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vbannotate.decode import Settings
from vbannotate.errors import UsageError

_SETTINGS = {
    "threshold": ("threshold", "det_threshold", "detection_threshold"),
    "merge_gap": ("merge_gap", "post_merge_gap"),
    "min_dur": ("min_dur", "min_duration", "post_min_dur"),
}
_ENCODER = ("encoder", "encoder_name", "whisper_model", "whisper_name", "base_model", "model_name")


def settings(folder: Path) -> dict[str, float]:
    """The decoding settings that a folder's config.json states, as far as they can be meant."""
    found = dict(_leaves(_read(folder)))
    result: dict[str, float] = {}
    for name, aliases in _SETTINGS.items():
        for alias in aliases:
            value = found.get(alias)
            if isinstance(value, int | float) and not isinstance(value, bool) and _meant(name, value):
                result[name] = float(value)
                break
    return result


def encoder(folder: Path) -> str | None:
    """The encoder that it names, such as ``openai/whisper-small``."""
    found = dict(_leaves(_read(folder)))
    names = (found.get(alias) for alias in _ENCODER)
    return next((name for name in names if isinstance(name, str) and "whisper" in name.lower()), None)


def _meant(name: str, value: float) -> bool:
    try:
        Settings().updated({name: value})
    except UsageError:
        return False
    return True


def _read(folder: Path) -> Any:
    try:
        return json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    """Names in small letters with their values; what lies deeper comes first, so that the top wins."""
    if isinstance(value, Mapping):
        for inner in value.values():
            if isinstance(inner, Mapping):
                yield from _leaves(inner)
        for name, inner in value.items():
            if not isinstance(inner, Mapping):
                yield str(name).lower(), inner
