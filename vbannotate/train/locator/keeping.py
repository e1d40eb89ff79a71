"""What follows a run: its log, the marks of its checkpoints, and what people are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from vbannotate.train.locator import checkpoints

BEST = "event_f1"  # what checkpoints are chosen by
LOG = "log.jsonl"

_TIMES = ("runtime", "per_second")  # entries of the log that are never the same twice


@dataclass(frozen=True, slots=True)
class Report:
    """Where progress goes: lines for people, warnings, and (what, done, total) for a moving line."""

    line: Callable[[str], None] = print
    warn: Callable[[str], None] = print
    step: Callable[[str, int, int], None] = lambda what, done, total: None


class Keeper(TrainerCallback):
    """Keeps the log and the checkpoints such that a kill at any moment loses nothing but time."""

    def __init__(self, folder: Path, record: dict[str, Any], save_steps: int) -> None:
        self._folder, self._record, self._save_steps = folder, record, save_steps

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The log up to here: what was logged after the checkpoint comes again."""
        entries = [entry for entry in map(entry_of, state.log_history) if entry]
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
        if entry := entry_of(state.log_history[-1]):
            with (self._folder / LOG).open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        within = abs(state.epoch - round(state.epoch)) > 1e-6  # the epoch's own comes after its figures
        if self._save_steps and state.global_step % self._save_steps == 0 and within:
            control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        path = self._folder / checkpoints.FOLDER / f"checkpoint-{state.global_step}"
        checkpoints.close(path, self._record)


def entry_of(logged: dict[str, Any]) -> dict[str, Any] | None:
    """A line of the log: a step's loss or an epoch's figures, without what the clock decides."""
    if "loss" not in logged and "eval_loss" not in logged:
        return None
    plain = {
        name.removeprefix("eval_") if name != "eval_loss" else name: value
        for name, value in logged.items()
        if not name.endswith(_TIMES)
    }
    return dict(sorted(plain.items(), key=lambda item: (item[0] not in ("epoch", "step"), item[0])))


class Teller(TrainerCallback):
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
