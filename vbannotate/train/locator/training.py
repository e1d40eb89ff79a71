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
from collections.abc import Callable, Sequence
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
from vbannotate.errors import StartError, UsageError
from vbannotate.events import BURST
from vbannotate.models import published
from vbannotate.synth.on_the_fly import Stream
from vbannotate.train.locator import checkpoints, data, encoder, network
from vbannotate.train.locator.data import Clip, Windows
from vbannotate.train.locator.encoder import Source
from vbannotate.train.locator.network import Locator
from vbannotate.train.locator.options import Settings
from vbannotate.train.locator.scoring import Scorer
from vbannotate.train.locator.states import CACHE, States

BEST = "event_f1"  # what checkpoints are chosen by
CPU_BATCH = 8  # a CPU that runs out of memory does not say so: nothing is probed there
LARGEST_BATCH = 64
LOG = "log.jsonl"
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

_KEPT = 3  # checkpoints beside the best
_WARM_UP = 0.05  # share of the steps
_CLIP = 1.0  # norm of a gradient
_TIMES = ("runtime", "per_second")  # entries of the log that are never the same twice


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
class Report:
    """Where progress goes: lines for people, warnings, and (what, done, total) for a moving line."""

    line: Callable[[str], None] = print
    warn: Callable[[str], None] = print
    step: Callable[[str, int, int], None] = lambda what, done, total: None


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
    device, precision = _device(run.device), _precision(run.precision, run.device)
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
    for callback in (*callbacks, _Keeper(folder, record, run.save_steps), _Teller(report, settings.epochs)):
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


def _device(name: str) -> str:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if name not in ("auto", "cuda"):
        raise UsageError(f"unknown device {name!r}", "give auto, cpu or cuda")
    if not torch.cuda.is_available():
        raise StartError("device cuda: torch sees no GPU here", "give --device auto or cpu")
    return "cuda"


def _precision(name: str, device: str) -> str:
    """``auto``: bfloat16 on a GPU that has it, float16 on one that has not, float32 on a CPU."""
    if name not in PRECISIONS:
        raise UsageError(f"unknown precision {name!r}", f"known are {', '.join(PRECISIONS)}")
    on_gpu = _device(device) == "cuda"
    if name == "fp16" and not on_gpu:
        raise StartError("precision fp16 needs a GPU", "give --precision bf16, fp32 or auto")
    if name != "auto":
        return name
    return ("bf16" if torch.cuda.is_bf16_supported() else "fp16") if on_gpu else "fp32"


def probe(model: Locator, dataset: Any, device: str, largest: int = LARGEST_BATCH) -> int:
    """The largest batch (a power of two) whose step fits the GPU's memory; `CPU_BATCH` without a GPU."""
    if device == "cpu":
        return CPU_BATCH
    example = {name: torch.as_tensor(value)[None].to(device) for name, value in dataset[0].items()}
    model = model.to(device).train()
    moments = [torch.zeros_like(p) for p in model.parameters() if p.requires_grad for _ in range(2)]
    size = largest
    with torch.random.fork_rng():
        while size and not _fits(model, {n: t.expand(size, *t.shape[1:]) for n, t in example.items()}):
            size //= 2
    del moments
    if not size:
        raise StartError(
            "not even one window fits the GPU's memory", "give --device cpu or a smaller encoder"
        )
    return min(size, 1 << max(0, len(dataset) - 1).bit_length())


def _fits(model: Locator, batch: dict[str, torch.Tensor]) -> bool:
    try:
        model(**batch)["loss"].backward()
    except torch.cuda.OutOfMemoryError:
        return False
    finally:
        model.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return True


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


class _Keeper(TrainerCallback):
    """Keeps the log and the checkpoints such that a kill at any moment loses nothing but time."""

    def __init__(self, folder: Path, record: dict[str, Any], save_steps: int) -> None:
        self._folder, self._record, self._save_steps = folder, record, save_steps

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The log up to here: what was logged after the checkpoint comes again."""
        entries = [entry for entry in map(_entry, state.log_history) if entry]
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        temporary = self._folder / f".{LOG}.tmp"
        temporary.write_text(text, "utf-8")
        temporary.replace(self._folder / LOG)

    def on_epoch_begin(
        self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any
    ) -> None:
        dataset = getattr(train_dataloader, "dataset", None)
        if dataset is not None and hasattr(dataset, "epoch"):  # soundscapes made while training
            dataset.epoch = int(round(state.epoch or 0, 6))

    def on_log(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if entry := _entry(state.log_history[-1]):
            with (self._folder / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        within = abs(state.epoch - round(state.epoch)) > 1e-6  # the epoch's own comes after its figures
        if self._save_steps and state.global_step % self._save_steps == 0 and within:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        path = self._folder / checkpoints.FOLDER / f"checkpoint-{state.global_step}"
        checkpoints.close(path, self._record)


def _entry(logged: dict[str, Any]) -> dict[str, Any] | None:
    """A line of the log: a step's loss or an epoch's figures, without what the clock decides."""
    if "loss" not in logged and "eval_loss" not in logged:
        return None
    plain = {
        name.removeprefix("eval_") if name != "eval_loss" else name: value
        for name, value in logged.items()
        if not name.endswith(_TIMES)
    }
    return dict(sorted(plain.items(), key=lambda item: (item[0] not in ("epoch", "step"), item[0])))


class _Teller(TrainerCallback):
    """Tells people where the run is, and when it will be done."""

    def __init__(self, report: Report, epochs: int) -> None:
        self._report, self._epochs = report, epochs

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._report.step("steps", state.global_step, state.max_steps)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        figures = metrics or {}
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        steps = max(1, round(state.max_steps / self._epochs))
        self._report.line(
            f"epoch {round(state.epoch or 0)} of {self._epochs}: loss {np.mean(losses[-steps:]):.4f}, "
            f"validation F1 {figures['eval_event_f1']:.3f} (precision {figures['eval_event_precision']:.3f}, "
            f"recall {figures['eval_event_recall']:.3f}), detection {figures['eval_detection_accuracy']:.3f}"
        )


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
    log = [entry for entry in map(_entry, state.log_history) if entry]
    chosen = next(e for e in log if e["step"] == state.best_global_step and BEST in e)
    figures = {name: value for name, value in chosen.items() if name not in ("step", "epoch")}
    return Outcome(model.eval(), source, record, log, figures, chosen["epoch"])
