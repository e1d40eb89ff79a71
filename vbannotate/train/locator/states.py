"""Encoder states on disk: a frozen encoder is run once over each window, whatever is tried on top of it.

One file a window, float16 [frames, width], named after the hash of the encoder, the window's length, the hash
of the recording and the window's place in it. So nothing stale is ever read, runs share what they have in
common, and a deleted cache comes back with the same command. Half precision: the states are read as float32.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from vbannotate.models.windows import Layout
from vbannotate.provenance import file_hash
from vbannotate.train.locator.data import Window, mel_of
from vbannotate.train.locator.encoder import Source

CACHE = Path.home() / ".cache" / "vbannotate" / "train"

_hash_of = lru_cache(maxsize=None)(file_hash)


class States:
    """The states of windows, kept below `folder`."""

    def __init__(self, folder: Path, source: Source, layout: Layout) -> None:
        self._source, self._layout = source, layout
        self._folder = folder / "states" / f"{source.digest[:16]}-{layout.window}"

    def path(self, window: Window) -> Path:
        """Where the states of a window are kept."""
        clip = _hash_of(window.clip.path)
        return self._folder / clip[:2] / f"{clip[2:34]}-{window.start}.npy"

    def __call__(self, window: Window) -> np.ndarray:
        """Float16 [frames, width]."""
        return np.load(self.path(window))

    def fill(
        self,
        windows: Sequence[Window],
        device: str = "cpu",
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> int:
        """Make what is missing; gives how many windows that were."""
        missing = [window for window in dict.fromkeys(windows) if not self.path(window).is_file()]
        if not missing:
            return 0
        import torch

        from vbannotate.train.locator.network import encoder_of

        encoder = encoder_of(self._source).eval().to(device)
        with torch.inference_mode():
            for done, window in enumerate(missing, 1):
                mel = torch.from_numpy(mel_of(window, self._layout, self._source.bands))[None].to(device)
                self._keep(self.path(window), encoder(mel)[0].half().cpu().numpy())
                progress(done, len(missing))
        return len(missing)

    def _keep(self, path: Path, states: np.ndarray) -> None:
        """Whole or not at all: a killed run leaves no half a file under a good name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.save(file, states)
        temporary.replace(path)
