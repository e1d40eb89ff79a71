"""Other detectors beside ours, on the very same labelled soundscapes.

    python benchmarks/peers.py VAL TEST [--yamnet FILE.tflite] [--laughter-detection FOLDER] [-o FILE.json]

VAL and TEST are folders of soundscapes (see docs/training.md). Each peer gives a curve of scores; threshold,
merge_gap, min_dur and peak are chosen for it on VAL, exhaustively over one grid for the highest pooled F1,
and judged once on TEST. The bundled detector is judged with the settings that it comes with. Curves are kept
in the folder of --keep, so that a second run computes only what is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from peerlib import judge, soundscapes
from peerlib.base import Curves, Peer
from peerlib.energy import Energy
from peerlib.laughter import Laughter
from peerlib.model import Model
from peerlib.silero import LoudNotSpeech, Speech
from peerlib.soundscapes import Soundscape
from peerlib.yamnet import Yamnet

from vbannotate.errors import VbannotateError

BACKGROUNDS = ("speech", "music", "env", "silence")
_FIGURES = ("precision", "recall", "f1_onset", "f1_overlap", "f1_mean_of_clips")
Row = dict[str, Any]


def main() -> int:
    """Run the peers and print the table."""
    args = _arguments()
    val, test = soundscapes.read(args.val, args.first), soundscapes.read(args.test, args.first)
    wanted: dict[str, Callable[[], Peer]] = {
        "energy": Energy,
        "silero": Speech,
        "loud": LoudNotSpeech,
        **({"yamnet": lambda: Yamnet(args.yamnet)} if args.yamnet else {}),
        **({"laughter": lambda: Laughter(args.laughter_detection)} if args.laughter_detection else {}),
        **{f"model {name}": lambda name=name: Model(name) for name in args.model},
    }
    rows = []
    for key, load in wanted.items():
        if args.only and key not in args.only:
            continue
        try:
            rows.append(_peer(load, val, test, args.keep))
        except (VbannotateError, OSError) as error:
            print(f"{key}: {error}", file=sys.stderr)
    if not args.only or "ours" in args.only:
        rows.append(_ours(test))
    print(_table(rows))
    if args.output:
        args.output.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0 if rows else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("val", type=Path, help="soundscapes on which settings are chosen")
    parser.add_argument("test", type=Path, help="soundscapes on which all are judged")
    parser.add_argument(
        "--yamnet", type=Path, metavar="FILE", help="yamnet.tflite (4 MB, 521 scores as output)"
    )
    parser.add_argument(
        "--laughter-detection", type=Path, metavar="FOLDER", help="jrgillick/laughter-detection"
    )
    parser.add_argument(
        "--model", action="append", default=[], help="a model of vbannotate as a peer, with settings from VAL"
    )
    parser.add_argument(
        "--only", nargs="*", help="energy, silero, loud, yamnet, laughter, 'model NAME', ours"
    )
    parser.add_argument("--first", type=int, metavar="N", help="the first N soundscapes of each folder")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the curves here")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write all figures as JSON")
    return parser.parse_args()


def _peer(load: Callable[[], Peer], val: list[Soundscape], test: list[Soundscape], keep: Path | None) -> Row:
    """Choose variant and settings on `val`, judge on `test`."""
    peer = load()
    on_val, _ = _curves(peer, val, keep)
    chosen = {variant: judge.search(curves, val) for variant, curves in on_val.items()}
    variant = max(chosen, key=lambda name: chosen[name][1])
    settings, f1 = chosen[variant]
    on_test, speed = _curves(peer, test, keep)
    found = judge.decoded(on_test[variant], test, settings)
    print(f"{peer.name}: done", file=sys.stderr)
    return {
        "name": peer.name,
        "variant": variant,
        "settings": settings.to_dict(),
        "f1_on_val": f1,
        "f1_on_val_by_variant": {name: value for name, (_, value) in chosen.items()},
        "times_real_time": speed,
        **judge.figures(test, found),
    }


def _ours(test: list[Soundscape]) -> Row:
    """The bundled detector as it comes."""
    model = Model()
    found, seconds = [], 0.0
    for scene in test:
        audio = scene.audio()
        began = time.process_time()
        found.append(model.events(audio))
        seconds += time.process_time() - began
    return {
        "name": model.name,
        "variant": "as it comes",
        "settings": model.detector.settings.to_dict(),
        "times_real_time": sum(s.seconds for s in test) / seconds,
        **judge.figures(test, found),
    }


def _curves(
    peer: Peer, scenes: list[Soundscape], keep: Path | None
) -> tuple[dict[str, list[np.ndarray]], float]:
    """The peer's curves by variant, and seconds of sound for each second of processor time on one thread."""
    what = f"{peer.name} {scenes[0].path.parent.resolve()} {len(scenes)}"
    file = None if keep is None else keep / ("".join(c if c.isalnum() else "-" for c in what) + ".npz")
    if file is not None and file.is_file():
        with np.load(file) as stored:
            cuts = np.cumsum(stored["lengths"])[:-1]
            variants = [str(v) for v in stored["variants"]]
            curves = {v: np.split(stored[f"curves{k}"], cuts) for k, v in enumerate(variants)}
            return curves, float(stored["speed"])
    found: list[Curves] = []
    seconds = 0.0
    for k, scene in enumerate(scenes):
        audio = scene.audio()
        began = time.process_time()
        found.append(peer.curves(audio))
        seconds += time.process_time() - began
        if k % 20 == 19:
            print(f"{peer.name}: {k + 1} of {len(scenes)}", file=sys.stderr)
    speed = sum(s.seconds for s in scenes) / seconds
    curves = {variant: [c[variant] for c in found] for variant in found[0]}
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        lengths = [len(next(iter(c.values()))) for c in found]
        joined = {f"curves{k}": np.concatenate(parts) for k, parts in enumerate(curves.values())}
        np.savez_compressed(file, lengths=lengths, variants=list(curves), speed=speed, **joined)
    return curves, speed


def _table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    heads = ["detector", "F1 (95 %)", "P", "R", "onset F1", "overlap F1", "mean of clips"]
    heads += [f"false alarms/h {b}" for b in BACKGROUNDS] + ["laughs", "x real time", "settings"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        low, high = row["f1_interval"]
        laughs = row["found_by_label"].get("laugh", [0, 0])
        alarms = [row["false_alarms_per_hour"].get(b, {}).get("per_hour") for b in BACKGROUNDS]
        settings = {name: row["settings"].get(name) for name in ("threshold", "merge_gap", "min_dur", "peak")}
        cells = [
            row["name"] + (f" ({row['variant']})" if row["variant"] else ""),
            f"{row['f1']:.3f} ({low:.2f}-{high:.2f})",
            *(_number(row[name]) for name in _FIGURES),
            *(_number(value, 0) for value in alarms),
            f"{laughs[0]} of {laughs[1]}",
            f"{row['times_real_time']:.1f}",
            ", ".join(f"{name} {value:g}" for name, value in settings.items() if value is not None),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _number(value: float | None, places: int = 2) -> str:
    return "n/a" if value is None else f"{value:.{places}f}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except VbannotateError as error:
        sys.exit(f"peers: {error}")
