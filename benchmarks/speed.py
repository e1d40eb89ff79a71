"""Speed, memory and start-up against the published way, side by side in one run.

    python benchmarks/speed.py [--repeats 3] [--minutes 5] [--threads 1]

(a) Each way is a process of its own, from command to printed events, timed by the wall clock and by the
    processor's (which other work on the machine disturbs less), with its peak memory. The published way is
    `tests/reference_locator.py`: transformers, the whole WhisperModel in fp32, one window of 30 s at a time.
    The checkpoint has the published shape and size (Whisper small, 972 MB) and random weights.
(b) Start-up: help, import, the first event of the bundled detector.

The best of `--repeats` is printed; ways take turns, so that a busy minute hits all. Needs the extra "torch"
and 2.5 GB in the temporary folder. POSIX only (it reads the children's resource usage).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "tests" / "reference_locator.py"
RATE = 16_000
BUNDLED = ("base", "tiny")
_PIECE = 30 * RATE  # samples
MB = 2**10 if sys.platform != "darwin" else 2**20  # ru_maxrss counts kilobytes on Linux


@dataclass(frozen=True, slots=True)
class Run:
    """One process: seconds by the wall clock and the processor, peak memory in MB, what it printed."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    out: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events printed as JSON."""
        return json.loads(self.out)["events"]


def measure(command: list[str], threads: int | None) -> Run:
    """Run a command to its end. Raises CalledProcessError where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    if threads:
        environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile("w+") as out:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=environment, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        out.seek(0)
        return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / MB, out.read())


def best(commands: dict[str, list[str]], repeats: int, threads: int | None) -> dict[str, Run]:
    """The fastest of `repeats` rounds for each command; the peak is the largest seen."""
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            found[name].append(measure(command, threads))
    return {
        name: Run(
            min(r.wall_s for r in runs), min(r.cpu_s for r in runs), max(r.peak_mb for r in runs), runs[0].out
        )
        for name, runs in found.items()
    }


def write_sound(path: Path, seconds: float) -> None:
    """Bursts of noise over a hum: speed does not depend on what is heard."""
    rng = np.random.default_rng(4)
    # In pieces: the most memory that this process ever held counts as that of every process it starts.
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for start in range(0, round(seconds * RATE), _PIECE):
            t = np.arange(start, min(start + _PIECE, round(seconds * RATE)))
            loud = np.repeat(rng.random(len(t) // 8000 + 1) > 0.7, 8000)[: len(t)]
            file.write(0.02 * np.sin(t / 20) + 0.2 * loud * rng.standard_normal(len(t)).clip(-4, 4))


def prepare(folder: Path) -> None:
    """The checkpoint, a Whisper small, and its export, in a process of their own."""
    code = f"""
import sys; sys.path.insert(0, "tests")
from pathlib import Path
import reference_locator as reference
from vbannotate import models
from vbannotate.models.export import export
folder = Path({str(folder)!r})
reference.save_random(folder / "model.pt", reference.SMALL)
reference.save_whisper(folder / "whisper", reference.SMALL)
export(models.locate(folder / "model.pt"), folder / "exported")
"""
    measure([sys.executable, "-c", code], None)


def table(title: str, runs: dict[str, Run], seconds: float, base: str) -> None:
    """Print one row a way, with ratios to the way called `base`."""
    print(f"\n{title}\n")
    print(f"{'':<44}{'wall s':>8}{'cpu s':>8}{'x RT':>7}{'peak MB':>9}{'faster':>8}{'(cpu)':>7}{'memory':>8}")
    for name, run in runs.items():
        other = runs[base]
        print(
            f"{name:<44}{run.wall_s:>8.2f}{run.cpu_s:>8.2f}{seconds / run.wall_s:>7.1f}{run.peak_mb:>9.0f}"
            f"{other.wall_s / run.wall_s:>7.2f}x{other.cpu_s / run.cpu_s:>6.2f}x"
            f"{run.peak_mb / other.peak_mb:>8.2f}"
        )


def detectors(folder: Path, clip: Path, *, whole: bool) -> dict[str, list[str]]:
    """Commands from a recording to events."""
    python, checkpoint = sys.executable, str(folder / "model.pt")
    published = [
        python,
        str(REFERENCE),
        str(clip),
        "--checkpoint",
        checkpoint,
        "--whisper",
        str(folder / "whisper"),
    ]
    detect = [python, "-m", "vbannotate", "detect", str(clip), "--json"]
    ways = {"published way, Whisper small": published + (["--all"] if whole else [])}
    if not whole:
        ours = [
            python,
            "-m",
            "vbannotate.inference",
            str(clip),
            "--checkpoint",
            checkpoint,
            "--device",
            "cpu",
        ]
        ways["vbannotate.inference, same file"] = [*ours, "--json"]
        same = ["--compat", "v1", "--device", "cpu", "--model"]
        ways["vbannotate detect, same file, torch"] = [*detect, *same, checkpoint, "--backend", "torch"]
        ways["vbannotate detect, same, exported"] = [*detect, *same, str(folder / "exported")]
    ways |= {f"vbannotate detect, {name}": [*detect, "--model", name] for name in BUNDLED}
    return ways


def startup(clip: Path) -> dict[str, list[str]]:
    """Commands whose start is felt."""
    python = sys.executable
    return {
        "python -c pass": [python, "-c", "pass"],
        "import vbannotate": [python, "-c", "import vbannotate"],
        "vbannotate --help": [python, "-m", "vbannotate", "--help"],
        "vbannotate detect --help": [python, "-m", "vbannotate", "detect", "--help"],
        "first event, bundled detector, 10 s": [python, "-m", "vbannotate", "detect", str(clip), "--json"],
    }


def main() -> None:
    """Prepare, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=5, help="length of the long recording")
    parser.add_argument(
        "--threads", type=int, help="limit all ways to so many threads (default: as they come)"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for file, seconds in (("short.wav", 10), ("clip.wav", 30), ("long.wav", 60 * options.minutes)):
            write_sound(folder / file, seconds)
        limits = options.repeats, options.threads
        runs = best(detectors(folder, folder / "clip.wav", whole=False), *limits)
        published, ours, *_ = runs
        table("(a) 30 s, from command to events", runs, 30, published)
        same = all(run.events == runs[published].events for name, run in runs.items() if "same" in name)
        print(f"\nevents of the checkpoint: {len(runs[ours].events)}, {'unchanged' if same else 'DIFFERENT'}")
        runs = best(detectors(folder, folder / "long.wav", whole=True), 1, options.threads)
        table(
            f"(a) {options.minutes:g} minutes, from command to events", runs, 60 * options.minutes, published
        )
        print("\n(b) start-up\n")
        for what, run in best(startup(folder / "short.wav"), *limits).items():
            print(f"{what:<44}{run.wall_s:>8.2f} s{run.cpu_s:>8.2f} s cpu")


if __name__ == "__main__":
    main()
