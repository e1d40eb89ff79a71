"""Find vocal bursts in recordings and put them where people work.

>>> from vbannotate import detect, write
>>> annotation = detect("talk.wav")                # doctest: +SKIP
>>> write(annotation, "talk.TextGrid")             # doctest: +SKIP
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from vbannotate.errors import VbannotateError
from vbannotate.events import Annotation, Event, Span, Tier

if TYPE_CHECKING:
    from vbannotate.detection import detect
    from vbannotate.formats import read, write

# ONNX Runtime counts its users by default; here nothing about a user or a recording is kept or sent. It reads
# this when it is first loaded, by whichever module that may be.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
__all__ = ["Annotation", "Event", "Span", "Tier", "VbannotateError", "detect", "read", "write"]

_LAZY = {"detect": "vbannotate.detection", "read": "vbannotate.formats", "write": "vbannotate.formats"}


def __getattr__(name: str) -> Any:
    """Load what needs numpy or lxml when it is first used."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'vbannotate' has no attribute {name!r}")
