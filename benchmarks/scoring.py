"""Time and memory of scoring, beside sed_eval, mir_eval and sed_scores_eval, in one run.

    pip install sed_eval mir_eval sed_scores_eval "pandas<3" "setuptools<81"
    python benchmarks/scoring.py            sizes that take a minute or two
    python benchmarks/scoring.py --all      10 000 events for the peers as well: minutes, up to 6 GB

The data: one label, events of about 0.35 s every 3 s, 85 % of them answered with boundaries some 80 ms off,
20 % more estimates that answer nothing. Each measurement is a process of its own: seconds of scoring alone
(lists and arrays made before, for ours with validation, tables by class and `to_dict`), and the peak of its
memory.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Rows = list[tuple[float, float]]

SIZES = ((100, 1), (1_000, 1), (10_000, 1), (100_000, 1), (20, 1_000), (20, 5_000))
# The most events of one file that a peer is asked for: without --all, and with.
LIMITS = {
    "vbannotate": (10**6, 10**6),
    "sed_eval": (1_000, 1_000),
    "mir_eval": (1_000, 10_000),
    "sed_scores_eval": (1_000, 10_000),
}
SLOW_FILES = 1_000  # 5 000 files take the peers minutes


def data(events: int, files: int) -> list[tuple[Rows, Rows]]:
    """Reference and estimate of each file, seconds, no side overlapping itself."""
    rng = random.Random(1)
    return [_file(rng, events) for _ in range(files)]


def _file(rng: random.Random, events: int) -> tuple[Rows, Rows]:
    reference, estimate, onset = [], [], 1.0
    for _ in range(events):
        onset += 0.5 + rng.expovariate(1 / 2.5)
        length = 0.1 + rng.expovariate(1 / 0.25)
        reference.append((round(onset, 3), round(onset + length, 3)))
        if rng.random() < 0.85:
            first, last = onset + rng.gauss(0, 0.08), onset + length + rng.gauss(0, 0.08)
            estimate.append((round(first, 3), round(max(last, first + 0.05), 3)))
        if rng.random() < 0.2:
            first = onset + length + 0.2
            estimate.append((round(first, 3), round(first + 0.1, 3)))
        onset += length
    return reference, sorted(estimate)


def vbannotate(parts: list[tuple[Rows, Rows]]) -> Callable[[], float]:
    from vbannotate import Event
    from vbannotate.score import score

    sides = [{str(k): [Event(*row) for row in part[s]] for k, part in enumerate(parts)} for s in (0, 1)]
    return lambda: score(*sides, preset="dcase").to_dict()["micro"]["f1"]


def sed_eval(parts: list[tuple[Rows, Rows]]) -> Callable[[], float]:
    import dcase_util
    import sed_eval

    def table(rows: Rows, name: str) -> Any:
        return dcase_util.containers.MetaDataContainer(
            [{"filename": name, "onset": a, "offset": b, "event_label": "x"} for a, b in rows]
        )

    files = [tuple(table(rows, str(k)) for rows in part) for k, part in enumerate(parts)]

    def run() -> float:
        metrics = sed_eval.sound_event.EventBasedMetrics(["x"], t_collar=0.2, percentage_of_length=0.2)
        for pair in files:
            metrics.evaluate(*pair)
        return metrics.results_overall_metrics()["f_measure"]["f_measure"]

    return run


def mir_eval(parts: list[tuple[Rows, Rows]]) -> Callable[[], float]:
    import mir_eval
    import numpy as np

    files = [tuple((np.array(rows), np.full(len(rows), 440.0)) for rows in part) for part in parts]

    def run() -> float:
        hits = total = 0
        for (ref, ref_pitch), (est, est_pitch) in files:
            hits += len(
                mir_eval.transcription.match_notes(
                    ref, ref_pitch, est, est_pitch, onset_tolerance=0.2, offset_min_tolerance=0.2
                )
            )
            total += len(ref) + len(est)
        return 2 * hits / total

    return run


def sed_scores_eval(parts: list[tuple[Rows, Rows]]) -> Callable[[], float]:
    import numpy as np
    import sed_scores_eval as tool
    from sed_scores_eval.base_modules.scores import create_score_dataframe

    scores, truth = {}, {}
    for k, (ref, est) in enumerate(parts):
        bounds = sorted({0.0, *(t for row in est for t in row), ref[-1][1] + 1})
        active = {a for a, _ in est}
        values = np.array([[1.0 if t in active else 0.0] for t in bounds[:-1]])
        scores[str(k)] = create_score_dataframe(values, np.array(bounds), ["x"])
        truth[str(k)] = [(a, b, "x") for a, b in ref]

    def run() -> float:
        found = tool.collar_based.fscore(
            scores, truth, threshold=0.5, onset_collar=0.2, offset_collar=0.2, offset_collar_rate=0.2
        )
        return found[0]["x"]

    return run


def measure(tool: str, events: int, files: int) -> dict[str, float]:
    """Run one measurement in this process."""
    job = globals()[tool](data(events, files))
    start = time.perf_counter()
    f1 = job()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "mb": peak, "f1": f1}


def in_process(tool: str, events: int, files: int) -> str:
    """The measurement of a process of its own, as text."""
    command = [sys.executable, __file__, "--one", tool, str(events), str(files)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).resolve().parents[1])
    if "ModuleNotFoundError" in done.stderr:
        return "not installed"
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or ['no message'])[-1][:60]}"
    found = json.loads(done.stdout.splitlines()[-1])
    return f"{found['seconds']:.3f} s, {found['mb']:.0f} MB, F1 {found['f1']:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--all", action="store_true", help="large sizes for the peers as well")
    parser.add_argument("--one", nargs=3, metavar=("TOOL", "EVENTS", "FILES"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        tool, events, files = options.one
        print(json.dumps(measure(tool, int(events), int(files))))
        return
    print("criterion: collar 0.2 s, offset 20 % of the length")
    for events, files in SIZES:
        print(f"\n{files} file(s) of {events} reference events")
        for tool, limits in LIMITS.items():
            most = limits[options.all]
            slow = tool != "vbannotate" and files > SLOW_FILES and not options.all
            result = "not run" if events > most or slow else in_process(tool, events, files)
            print(f"  {tool:<16} {result}", flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
