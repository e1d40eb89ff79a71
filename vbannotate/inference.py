"""The published locator script's Python functions and command line, with its results digit for digit.

Source: ``inference.py`` of laion/vocalburst-locator. Events follow `vbannotate.compat` v1. Three differences:
any recording that vbannotate reads is read, sound behind 30 s is stitched from overlapping windows instead of
dropped, and `device` may be a string everywhere::

    python -m vbannotate.inference AUDIO [--threshold F] [--merge-gap S] [--min-dur S] [--device D]
                                         [--checkpoint FILE] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import compat, report
from vbannotate.errors import VbannotateError
from vbannotate.models import Locator, registry
from vbannotate.models.mel import log_mel

Extractor = Callable[[np.ndarray], np.ndarray]

_PUBLISHED = "vocalburst-locator"


def load_model(device: str = "cpu", checkpoint: str | Path | None = None) -> tuple[Locator, Extractor, str]:
    """Load a checkpoint of the published layout; gives the model, its feature extractor, and the device.

    Without `checkpoint` the published v1 is taken from the hub's cache, and fetched into it the first time.
    Raises ModelError where it cannot be had.
    """
    from vbannotate import models
    from vbannotate.models import hub
    from vbannotate.models.loading import choose, open_locator

    if checkpoint is None:
        entry = registry.find(_PUBLISHED)
        assert entry is not None
        if hub.cached(entry) is None:
            hub.pull(entry)
        checkpoint = entry.name
    source = models.locate(checkpoint)
    backend, device = choose(source, str(device), "auto")
    return open_locator(source, device, backend, bf16=True), log_mel, device


def detect_vocal_bursts(
    audio_path: str | os.PathLike[str],
    model: Locator | None = None,
    fe: Extractor | None = None,
    device: str | None = None,
    threshold: float = 0.65,
    merge_gap: float = 0.3,
    min_dur: float = 0.5,
) -> list[dict[str, float]]:
    """Events of a recording as ``{"start", "end", "confidence", "duration"}``, seconds with three decimals.

    `model` is that of `load_model`; without it the published one is loaded on `device`. `fe` is accepted for
    callers of the published function; the model brings its own.
    """
    from vbannotate.audio import open_stream

    if model is None:
        model, _, _ = load_model(device or "auto")
    with open_stream(Path(audio_path)) as stream:
        pieces = list(model.scores((block[:, 0] for block in stream.blocks()), padded=True))
    curve = np.concatenate(pieces)[:, 0] if pieces else np.zeros(0, np.float32)
    return report.rows(compat.events_v1(curve, threshold, merge_gap, min_dur))


def main(arguments: list[str] | None = None) -> int:
    """Run the published command line; gives the exit code."""
    options = _parser().parse_args(arguments)
    if not Path(options.audio).exists():
        print(f"Error: file not found: {options.audio}", file=sys.stderr)
        return 1
    try:
        model, fe, device = load_model(options.device, options.checkpoint)
        events = detect_vocal_bursts(
            options.audio, model, fe, device, options.threshold, options.merge_gap, options.min_dur
        )
    except VbannotateError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    if options.json:
        print(json.dumps({"file": options.audio, "events": events}, indent=2))
    else:
        print(report.listing(options.audio, events))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vbannotate.inference", description="Detect vocal bursts as the published script does."
    )
    parser.add_argument("audio", help="recording")
    defaults: dict[str, Any] = dict(compat.DEFAULTS["v1"])
    parser.add_argument("--threshold", type=float, default=defaults["threshold"])
    parser.add_argument("--merge-gap", type=float, default=defaults["merge_gap"], help="seconds")
    parser.add_argument("--min-dur", type=float, default=defaults["min_dur"], help="seconds")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--checkpoint", help="model.pt, or a folder; default: the published one")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
