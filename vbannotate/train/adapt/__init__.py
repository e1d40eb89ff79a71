"""Adapt a detector to somebody's recordings: its head alone, from corrected annotations, in minutes.

The encoder's states of all recordings are computed once (`states`). Recordings are dealt into folds, never
splitting a group; each fold is judged by a head that was fitted on the others, mixed with base data (`fit`),
and by settings chosen with it (`point`). Held-out events decide (`decide`): a new model folder is written
only where they are found better and the base data no worse (`output`). Its network differs from the old one
in the head's tensors only (`graph`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate import models
from vbannotate.decode import EVENT
from vbannotate.errors import MissingDependencyError, UsageError, WouldOverwriteError
from vbannotate.train.adapt import inputs

if TYPE_CHECKING:
    from vbannotate.train.adapt.decide import Outcome

FEWEST_FILES = 4

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for. `base` is a folder of recordings with references, as `synth` writes it,
    `granularity` that of the corrections; `preset` names settings to judge with, `cache` a folder for states.
    `changes` are fields of `fit.Plan`.
    """

    model: str | Path = models.DEFAULT
    base: Path | None = None
    granularity: str = EVENT
    preset: str | None = None
    cache: Path | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


def adapt(folder: Path, output: Path, options: Options | None = None, report: Report = print) -> Outcome:
    """Fit the head on the corrected recordings in `folder`; write the model folder `output` if it is better.

    Raises UsageError for too few recordings, WouldOverwriteError where `output` exists, ModelError for a
    model that has no head of ours, MissingDependencyError without the extra ``train``.
    """
    for package in ("torch", "onnx"):
        if find_spec(package) is None:
            raise MissingDependencyError(package, "train", "adapting a model")
    if output.exists():
        raise WouldOverwriteError(f"{output} exists", "give a folder that does not exist yet")
    corrected, notes = inputs.read(folder)
    for note in notes:
        report(f"note: {note}")
    if len(corrected) < FEWEST_FILES or len({one.group for one in corrected}) < 2:
        raise UsageError(
            f"{len(corrected)} corrected recording(s) are too few to tell whether a head is better",
            f"correct at least {FEWEST_FILES}, of more than one speaker",
        )
    if not any(one.annotation.events for one in corrected):
        raise UsageError("the corrected files hold no events", "a head is judged by the events that it finds")
    from vbannotate.train.adapt import fit, states, work
    from vbannotate.train.adapt.output import write

    options = options or Options()
    plan, cache = fit.Plan(**options.changes), options.cache or states.CACHE
    with tempfile.TemporaryDirectory() as temporary:
        ours = work.Work.of(
            options.model, options.granularity, options.preset, plan, cache, Path(temporary), report
        )
        if options.base is None:
            report("note: no base data: what the head forgets is not measured; give --data DIR")
        outcome, head, check = work.run(ours, corrected, options.base)
        if outcome.better:
            write(ours, output, head, outcome, check)
    return outcome
