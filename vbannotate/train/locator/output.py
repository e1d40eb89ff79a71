"""What a run leaves: a model folder that `detect` takes, the head alone, the adapters, picture and card.

config.json model.safetensors README.md     the model: published names, adapters merged
head/head_only.pt                           the six tensors of the head, as published
adapter/                                    adapters unmerged, as peft writes them (LoRA only)
log.jsonl curves.png run.json checkpoints/  the run
"""

from __future__ import annotations

import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vbannotate import __version__, files
from vbannotate.errors import MissingDependencyError
from vbannotate.models import checkpoint
from vbannotate.models.base import Card
from vbannotate.models.folder import CONFIG, README, TENSORS
from vbannotate.models.runs import HEAD_FILE, card_of
from vbannotate.provenance import file_hash
from vbannotate.train.locator import checkpoints, network
from vbannotate.train.locator.keeping import BEST
from vbannotate.train.locator.options import SETTINGS
from vbannotate.train.locator.training import Outcome

HEAD, ADAPTER, PICTURE = Path("head", HEAD_FILE), "adapter", "curves.png"


def write(outcome: Outcome, folder: Path, command: Sequence[str]) -> list[Path]:
    """Write the model beside the run's log; gives its files. `command` is what the user typed."""
    card = write_model(outcome, folder)
    head = {name: value.numpy() for name, value in outcome.network.head().items()}
    write_head(head, folder / HEAD)
    written = [folder / TENSORS, folder / CONFIG, folder / HEAD]
    if outcome.record["mode"] == "lora":  # complete but for the encoder: see `vbannotate.models.runs`
        network.write_adapter(outcome.network, folder / ADAPTER)
        write_head(head, folder / ADAPTER / HEAD_FILE)
        checkpoints.write_record(folder / ADAPTER, outcome.record)
        written.append(folder / ADAPTER)
    try:
        draw(outcome.log, folder / PICTURE)
        written.append(folder / PICTURE)
    except MissingDependencyError:
        pass  # the log holds the same numbers
    _text(folder / README, readme(outcome, card, command))
    return [*written, folder / README]


def write_model(outcome: Outcome, folder: Path) -> Card:
    """Write what `detect` needs: tensors and card."""
    arrays = network.tensors(outcome.network, outcome.source)
    about = {"format": "pt", "source": "vbannotate train detector"}
    with files.replacing(folder / TENSORS, overwrite=True) as temporary:
        checkpoint.write_safetensors(temporary, arrays, about)
    card = card_of(outcome.record, folder.resolve().name)
    card = replace(card, source=f"{card.source}; see {README}", sha256={TENSORS: file_hash(folder / TENSORS)})
    _text(folder / CONFIG, json.dumps(card.to_dict(), indent=2, ensure_ascii=False) + "\n")
    return card


def write_head(head: Mapping[str, np.ndarray], path: Path) -> None:
    """Write the six tensors of a head as ``head_only.pt``: a plain float32 state_dict, as published."""
    buffer = io.BytesIO()
    state = {name: torch.from_numpy(np.array(value, np.float32)) for name, value in head.items()}
    torch.save(state, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, buffer.getvalue(), overwrite=True)


def draw(log: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss and event F1 over the epochs. Raises MissingDependencyError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingDependencyError("matplotlib", "plot", "drawing") from error
    steps = [(e["epoch"], e["loss"]) for e in log if "loss" in e]
    epochs = [e for e in log if BEST in e]
    figure = Figure(figsize=(8, 6), dpi=100, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(*zip(*steps, strict=True), color="#b8c4cc", linewidth=0.8, label="training, each step")
    middle = [np.mean([v for x, v in steps if e["epoch"] - 1 < x <= e["epoch"]]) for e in epochs]
    times = [e["epoch"] for e in epochs]
    above.plot(times, middle, "o-", color="#2e86ab", label="training, mean of the epoch")
    above.plot(times, [e["eval_loss"] for e in epochs], "s-", color="#e4572e", label="validation")
    above.set_yscale("log")
    above.set_ylabel("loss")
    styles = (
        ("event_precision", "precision", "^--"),
        ("event_recall", "recall", "v--"),
        (BEST, "event F1", "o-"),
    )
    for (name, label, style), colour in zip(styles, ("#3b8f4f", "#8d5a97", "#2e86ab"), strict=True):
        below.plot(times, [e[name] for e in epochs], style, color=colour, label=label)
    best = max(epochs, key=lambda e: e[BEST])  # the first of equals, as the run chose
    below.axvline(best["epoch"], color="#999999", linewidth=0.8)
    below.annotate(f"kept: {best[BEST]:.3f}", (best["epoch"], best[BEST]), (4, 6), textcoords="offset points")
    below.set_ylim(-0.02, 1.05)
    below.set_ylabel("validation, events")
    below.set_xlabel("epoch")
    for axes in (above, below):
        axes.legend(fontsize=8, loc="best")
        axes.grid(alpha=0.25)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    files.write(path, buffer.getvalue(), overwrite=True)


def readme(outcome: Outcome, card: Card, command: Sequence[str]) -> str:
    """The model card: what it is, how it was made, how good it was on what chose it."""
    record, figures = outcome.record, outcome.figures
    origin = "soundscapes made while training" if record["data"]["made"] else "recordings"
    rows = [
        (
            "encoder",
            f"{record['encoder']['name']} (sha256 {record['encoder']['sha256'][:16]} of its float32 tensors)",
        ),
        ("mode", _MODES[record["mode"]].format(**record["settings"])),
        ("trainable parameters", f"{record['trainable']:,}"),
        ("labels", ", ".join(record["labels"])),
        ("windows", f"{card.window_s:g} s, {card.overlap_s:g} s overlap"),
        (
            "training data",
            f"{record['data']['train']} {origin} (an epoch), {record['data']['val']} for validation",
        ),
        ("batch, precision, seed", f"{record['batch']}, {record['precision']}, {record['seed']}"),
    ]
    rows += [(s.variable, f"{record['settings'][s.name]}") for s in SETTINGS if s.name not in _PATHS]
    lines = [
        f"# {card.name}",
        f"{card.title}. Made by vbannotate {__version__} (torch {torch.__version__}).",
        f"Use: `vbannotate detect RECORDING --model {outcome.record['settings']['out_dir']}`",
        f"Made by:\n\n```\n{shlex.join(command)}\n```",
        _table(("what", "value"), rows),
        f"## Validation\n\nEpoch {outcome.best_epoch:g} was kept: the best event F1 (pooled, IoU 0.5, at the "
        "settings above) on the validation recordings. They chose it, so judge the model on others: "
        "`vbannotate evaluate detector`.",
        _table(("figure", "value"), [(name, f"{value:.3f}") for name, value in figures.items()]),
        f"`{PICTURE}` and `log.jsonl` show the whole run.",
        "The encoder keeps its own licence (Whisper: MIT, Copyright (c) 2022 OpenAI).",
    ]
    return "\n\n".join(lines) + "\n"


_PATHS = ("data_dir", "out_dir", "resume_mode", "init_weights")
_MODES = {
    "frozen": "frozen: the head alone",
    "lora": "LoRA of rank {lora_rank}, alpha {lora_alpha:g} on q_proj and v_proj, merged; and the head",
    "full": "full: encoder and head",
}


def _table(head: tuple[str, str], rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join(lines)


def _text(path: Path, text: str) -> None:
    files.write(path, text.encode(), overwrite=True)
