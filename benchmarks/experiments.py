"""The published table of experiments in kind: a frozen encoder, LoRA of rank 2, 4 and 8, the same data.

    python benchmarks/experiments.py --data ../shared/data --encoder ENCODER -o DIR

Soundscapes are made from the train rows of the data's manifest; those that choose a checkpoint and those
that judge it from val rows, with seeds of their own. All runs have the settings of the preset ``published``
but for rank, epochs and batch. A run that was killed goes on with the same command; the table is printed at
the end and kept in DIR/experiments.json.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vbannotate.decode import Settings as Decoding
from vbannotate.sources import clips
from vbannotate.synth import dataset, scenes
from vbannotate.synth.on_the_fly import present
from vbannotate.train.locator import data, options, output, scoring, training
from vbannotate.train.locator.training import Report, Run

RANKS = (0, 8, 2, 4)
SCENES = {"train": ("train", 101), "val": ("val", 102), "judge": ("val", 103)}  # split of the clips, seed


def main() -> None:
    """Make the data, train, judge, print."""
    options_ = _parser().parse_args()
    torch.set_num_threads(options_.threads)
    _make(options_)
    results = options_.output / "experiments.json"
    rows = json.loads(results.read_text("utf-8")) if results.exists() else {}
    for rank in options_.ranks:
        name = f"LoRA {rank}" if rank else "frozen"
        if name not in rows:
            rows[name] = _experiment(options_, rank)
            results.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print("| | trainable | F1 | P | R | mean F1 | detection | minutes |\n|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        figures = " | ".join(f"{row[key]:.3f}" for key in _FIGURES)
        print(f"| {name} | {row['trainable']:,} | {figures} | {row['minutes']:.0f} |")


_FIGURES = ("event_f1", "event_precision", "event_recall", "mean_of_clips_f1", "detection_accuracy")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with manifest.csv and audio/")
    parser.add_argument("--pools", type=Path, help="folder that fetch_sources.py filled")
    parser.add_argument("--encoder", required=True, help="Whisper encoder")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=280, help="training soundscapes, one window each (280)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a window (5)")
    parser.add_argument("--choose", type=int, default=24, help="soundscapes of 10 s that choose (24)")
    parser.add_argument("--judge", type=int, default=100, help="soundscapes of 10 s that judge (100)")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ranks", type=int, nargs="*", default=RANKS)
    return parser


def _make(wanted: argparse.Namespace) -> None:
    """The three folders of soundscapes; those that are there stay."""
    found = list(clips.manifest(wanted.data))
    found += list(clips.pools(wanted.pools)) if wanted.pools else []
    counts = {"train": wanted.clips, "val": wanted.choose, "judge": wanted.judge}
    for name, (split, seed) in SCENES.items():
        chosen = dataset.chosen(found, split)
        recipe = replace(
            scenes.PUBLISHED,
            seconds=wanted.seconds if name == "train" else 10.0,
            bursts=(1, 2),
            backgrounds=present(scenes.PUBLISHED, {clip.kind for clip in chosen}),
            alone=True,
            longest=4.0,
        )
        order = dataset.Order(recipe, seed, "flac", split=split)
        dataset.generate(chosen, order, wanted.output / "data" / name, counts[name], jobs=1)


def _experiment(wanted: argparse.Namespace, rank: int) -> dict[str, float]:
    """Train one, and judge the checkpoint that the soundscapes for choosing chose."""
    folder = wanted.output / (f"lora-{rank}" if rank else "frozen")
    given = {
        "lora_rank": rank,
        "epochs": wanted.epochs,
        "max_bsz": wanted.batch,
        "data_dir": str(wanted.output / "data"),
        "out_dir": str(folder),
        "resume_mode": "latest",
    }
    settings = options.resolve(given, {}, "published")
    run = Run(
        settings, wanted.encoder, window_s=wanted.seconds, device="cpu", save_steps=50,
        cache=wanted.output / "cache",
    )  # fmt: skip
    began = time.monotonic()

    def line(text: str) -> None:
        print(time.strftime("%H:%M:%S"), folder.name, text, flush=True)

    outcome = training.train(run, Report(line, line))
    minutes = (time.monotonic() - began) / 60
    output.write(outcome, folder, ["python", "benchmarks/experiments.py"])
    return {**_judged(folder, wanted, settings), "trainable": outcome.record["trainable"], "minutes": minutes}


def _judged(folder: Path, wanted: argparse.Namespace, settings: options.Settings) -> dict[str, float]:
    """Figures of the finished model, as `detect` runs it."""
    from vbannotate import models

    locator = models.load(folder, device="cpu", threads=wanted.threads)
    judges = data.read(wanted.output / "data" / "judge", 0, need_train=False).val
    scorer = scoring.Scorer(judges, locator.card.layout, ("burst",), Decoding().updated(settings.decoding()))
    return scorer.of_curves([np.concatenate([*locator.scores([data.sound(c.path)])]) for c in judges])


if __name__ == "__main__":
    main()
