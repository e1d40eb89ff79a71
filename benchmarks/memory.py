"""Peak memory of `vbannotate detect` against the length of the recording.

    python benchmarks/memory.py [--minutes 10 600] [--suffix .wav .mp3]

Makes recordings of noise with a tone in each minute, runs the command on each in a process of its own, and
prints its peak resident memory and its speed. Needs Linux or macOS.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000  # Hz
_FORMATS = {".wav": ("WAV", "PCM_16"), ".flac": ("FLAC", "PCM_16"), ".mp3": ("MP3", "MPEG_LAYER_III")}
_RUN = (
    "import resource, subprocess, sys;"
    "subprocess.run([sys.executable, '-m', 'vbannotate', 'detect', sys.argv[1], '--json'],"
    " stdout=subprocess.DEVNULL, check=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def make(path: Path, minutes: int) -> None:
    """Write a recording minute by minute."""
    rng = np.random.default_rng(0)
    minute = rng.normal(0, 0.02, 60 * RATE).astype(np.float32)
    minute[30 * RATE : 31 * RATE] += 0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 600 / RATE).astype(np.float32)
    container, subtype = _FORMATS[path.suffix]
    with soundfile.SoundFile(path, "w", RATE, 1, format=container, subtype=subtype) as file:
        for _ in range(minutes):
            file.write(minute)


def measure(path: Path) -> tuple[float, float]:
    """Peak memory in MB and seconds of one `detect`, which is the only child of its parent."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _RUN, str(path)], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, KiB here
    return int(done.stdout) * unit / 1e6, time.perf_counter() - began


def main() -> None:
    """Print a row a recording."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=int, nargs="+", default=[10, 600])
    parser.add_argument("--suffix", nargs="+", default=[".wav"], choices=sorted(_FORMATS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for suffix in options.suffix:
            for minutes in options.minutes:
                path = Path(folder) / f"{minutes}{suffix}"
                make(path, minutes)
                peak, seconds = measure(path)
                path.unlink()
                speed = minutes * 60 / seconds
                print(
                    f"{path.name:10s} {minutes:5d} min  peak {peak:6.1f} MB  {speed:4.0f} x real time",
                    flush=True,
                )


if __name__ == "__main__":
    main()
