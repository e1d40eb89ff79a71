"""A run of training: transformers' Trainer on windows of recordings, checkpoints chosen on event F1.

A run can be killed at any moment and goes on from its last whole checkpoint to the same curve: the order of
the data follows from the seed, the Trainer keeps optimiser and random numbers, and the log is written anew
from what the checkpoint remembers.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from transformers import (
    EvalPrediction,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)

from vbannotate.decode import Settings as Decoding
from vbannotate.errors import UsageError
from vbannotate.events import BURST
from vbannotate.models import published
from vbannotate.synth.on_the_fly import Stream
from vbannotate.train.locator import checkpoints, data, encoder, network
from vbannotate.train.locator.data import Clip, Windows
from vbannotate.train.locator.encoder import Source
from vbannotate.train.locator.keeping import BEST, Keeper, Report, Teller, entry_of
from vbannotate.train.locator.machine import device_of, precision_of, probe
from vbannotate.train.locator.network import Locator
from vbannotate.train.locator.options import Settings
from vbannotate.train.locator.scoring import Scorer
from vbannotate.train.locator.states import CACHE, States

_KEPT = 3  # checkpoints beside the best
_WARM_UP = 0.05  # share of the steps
_CLIP = 1.0  # norm of a gradient


@dataclass(frozen=True, slots=True)
class Run:
    """What is trained, on what, how. With `made`, `count` of its soundscapes an epoch take the place of the
    recordings in the data folder's ``train``; `save_steps` 0: a checkpoint after each epoch only.
    """

    settings: Settings
    encoder: str | None = None
    labels: tuple[str, ...] = (BURST,)
    window_s: float = data.WINDOW_S
    seed: int = 10
    precision: str = "auto"
    device: str = "auto"
    workers: int = 0
    save_steps: int = 0
    cache: Path = CACHE
    pull: bool = False
    made: Stream | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trained network with all that its card tells."""

    network: Locator
    source: Source
    record: dict[str, Any]
    log: list[dict[str, Any]] = field(repr=False)
    figures: dict[str, float]
    best_epoch: float


def train(run: Run, report: Report | None = None, callbacks: Sequence[TrainerCallback] = ()) -> Outcome:
    """Train, or go on training, in the folder that the settings name; gives the best network.

    `callbacks` come before those that keep checkpoints and log. Raises VbannotateError where data, encoder or
    folder do not allow it.
    """
    report, settings, folder = report or Report(), run.settings, Path(run.settings.out_dir)
    begin = checkpoints.start(folder, settings.resume_mode)
    found = data.read(Path(settings.data_dir), run.seed, need_train=run.made is None)
    for note in found.notes:
        report.warn(note)
    source, head = _weights(run)
    layout = data.layout(run.window_s)
    if layout.window > source.positions:
        raise UsageError(f"--window {run.window_s:g} s is longer than the encoder listens", "30 s at most")
    device, precision = device_of(run.device), precision_of(run.precision, run.device)
    set_seed(run.seed)
    model = _network(run, source, head)
    states = States(run.cache, source, layout) if model.encoder is None else None
    sets = _sets(run, found, layout, source, states)
    if states is not None:
        _fill(states, data.windows((*found.train, *found.val), layout), device, run.cache, report)
    batch = settings.max_bsz or probe(model, sets[0], device)
    record = _record(run, found, source, batch, precision, network.trainable(model))
    if begin is not None:
        checkpoints.same(checkpoints.read_record(begin) or {}, record, folder)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.write_record(folder, record)
    scorer = Scorer(found.val, layout, run.labels, Decoding().updated(settings.decoding()))
    trainer = _trainer(run, model, sets, scorer, batch, precision, device)
    for callback in (*callbacks, Keeper(folder, record, run.save_steps), Teller(report, settings.epochs)):
        trainer.add_callback(callback)
    with _quiet():
        trainer.train(resume_from_checkpoint=str(begin) if begin else None)
    return _best(trainer, model, source, record, folder)


def _network(run: Run, source: Source, head: dict[str, np.ndarray] | None) -> Locator:
    """The network at its start; without its encoder where that stays frozen and its states are kept."""
    settings = run.settings
    model = network.build(
        source, settings.mode, len(run.labels), settings.pos_weight, settings.lora_rank, settings.lora_alpha,
        with_encoder=settings.mode != "frozen" or run.made is not None,
    )  # fmt: skip
    if head is not None:
        model.load_head(head)
    return model


def _fill(states: States, cut: Sequence[data.Window], device: str, cache: Path, report: Report) -> None:
    fresh = states.fill(cut, device, lambda done, total: report.step("encoder states", done, total))
    if fresh:
        report.line(f"encoder states of {fresh} windows kept in {cache}")


def _weights(run: Run) -> tuple[Source, dict[str, np.ndarray] | None]:
    """The encoder, and the head to start from. Weights to start from that hold an encoder bring theirs; a
    head alone goes with the encoder that was asked for, or that the config.json beside it names.
    """
    if not run.settings.init_weights:
        return encoder.find(run.encoder or encoder.DEFAULT, run.pull), None
    path = Path(run.settings.init_weights).expanduser()
    head, own = encoder.initial(path)
    beside = published.encoder(path if path.is_dir() else path.parent)
    return own or encoder.find(run.encoder or beside or encoder.DEFAULT, run.pull), head


def _sets(
    run: Run, found: data.Data, layout: data.Layout, source: Source, states: States | None
) -> tuple[Dataset, Windows]:
    """What is trained on and what judges."""
    val = Windows(data.windows(found.val, layout), layout, run.labels, source.bands, states)
    if run.made is not None:
        from vbannotate.train.locator.made import Scenes

        return Scenes(run.made, run.count, layout, run.labels, source.bands), val
    _check_labels(run.labels, found.train)
    return Windows(data.windows(found.train, layout), layout, run.labels, source.bands, states), val


def _check_labels(labels: Sequence[str], clips: Sequence[Clip]) -> None:
    """Raise UsageError for a label that nothing bears: it could not be learnt."""
    there = {name for clip in clips for _, _, name in clip.marks}
    for label in labels:
        if (label != BURST and label not in there) or not there:
            known = ", ".join(sorted(there)) or "no events at all"
            raise UsageError(f"no training event is a {label}", f"the data hold: {known}")


def _record(
    run: Run, found: data.Data, source: Source, batch: int, precision: str, count: int
) -> dict[str, Any]:
    """What makes the run what it is: written at its start, compared when it goes on."""
    marks = [(c.path.name, round(c.seconds, 3), c.marks) for c in (*found.train, *found.val)]
    return {
        "settings": run.settings.to_dict(),
        "mode": run.settings.mode,
        "encoder": {
            "name": source.name,
            "sha256": source.digest,
            "width": source.width,
            "bands": source.bands,
        },
        "labels": list(run.labels),
        "window_s": run.window_s,
        "seed": run.seed,
        "batch": batch,
        "precision": precision,
        "trainable": count,
        "data": {
            "train": len(found.train) or run.count,
            "val": len(found.val),
            "sha256": hashlib.sha256(json.dumps(marks).encode()).hexdigest(),
            "made": run.made is not None,
        },
    }


def _trainer(
    run: Run,
    model: Locator,
    sets: tuple[Any, Windows],
    scorer: Scorer,
    batch: int,
    precision: str,
    device: str,
) -> Trainer:
    settings = run.settings
    steps = -(-len(sets[0]) // batch) * settings.epochs
    arguments = TrainingArguments(
        output_dir=str(Path(settings.out_dir) / checkpoints.FOLDER),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=batch,
        learning_rate=settings.lr,
        lr_scheduler_type="linear",
        warmup_steps=round(_WARM_UP * steps),
        max_grad_norm=_CLIP,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        seed=run.seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=_KEPT,
        metric_for_best_model=BEST,
        greater_is_better=True,
        logging_steps=1,
        logging_nan_inf_filter=False,
        label_names=["target"],
        remove_unused_columns=False,
        dataloader_num_workers=run.workers,
        dataloader_pin_memory=device != "cpu",
        disable_tqdm=True,
        report_to="none",
        log_level="error",
    )
    optimiser = torch.optim.AdamW(network.groups(model, settings.lr, settings.encoder_lr))

    def figures(prediction: EvalPrediction) -> dict[str, float]:
        logits = np.asarray(prediction.predictions, np.float32)
        return scorer(1 / (1 + np.exp(-logits)))

    trainer = Trainer(
        model,
        arguments,
        train_dataset=sets[0],
        eval_dataset=sets[1],
        compute_metrics=figures,
        optimizers=(optimiser, None),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


@contextlib.contextmanager
def _quiet() -> Any:
    """Without the warnings of torch and accelerate about machines that lack something."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _best(trainer: Trainer, model: Locator, source: Source, record: dict[str, Any], folder: Path) -> Outcome:
    from safetensors.torch import load_file

    state = trainer.state
    assert state.best_global_step is not None  # each epoch is judged
    best = checkpoints.whole(folder)[state.best_global_step]
    model = model.cpu()
    model.load_state_dict(load_file(best / checkpoints.WEIGHTS))
    log = [entry for entry in map(entry_of, state.log_history) if entry]
    chosen = next(e for e in log if e["step"] == state.best_global_step and BEST in e)
    figures = {name: value for name, value in chosen.items() if name not in ("step", "epoch")}
    return Outcome(model.eval(), source, record, log, figures, chosen["epoch"])
