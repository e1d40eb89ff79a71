"""The model folder of `adapt`: the old network with another head, its settings, and what is known of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import files, models
from vbannotate.errors import ModelError
from vbannotate.models.folder import CONFIG, ONNX, README
from vbannotate.provenance import file_hash
from vbannotate.train.adapt import fit, graph, point, states
from vbannotate.train.adapt.decide import Outcome
from vbannotate.train.adapt.work import Fitted, Prepared, Work

_DIFFERENCE = 0.02  # of a probability, between the fitted head and the file that was written


def write(work: Work, folder: Path, fitted: Fitted, outcome: Outcome, check: Prepared) -> None:
    """Write the model with another head, and check that the file gives what the head gave."""
    assert work.source.onnx is not None
    config = json.loads((work.source.onnx.parent / CONFIG).read_bytes())
    old = f"{config['name']} {config.get('version', '')}".strip()
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        files.write(temporary / ONNX, work.split.with_parameters(fitted.parameters))
        told = {**outcome.to_dict(), "model": old, "model_sha256": file_hash(work.source.onnx)}
        old_settings, granularity = work.resolved.default, work.card.granularity
        config |= point.moved(config, granularity, work.resolved.preset, old_settings, fitted.settings)
        config |= {
            "name": folder.name,
            "title": f"{config.get('title', old)}; its head adapted to {len(outcome.before)} recordings",
            "source": f"adapted from {old} by vbannotate train detector --from-corrections",
            "sha256": {ONNX: file_hash(temporary / ONNX)},
            "adapted": told,
        }
        files.write(temporary / CONFIG, (json.dumps(config, indent=1, ensure_ascii=False) + "\n").encode())
        files.write(temporary / README, _readme(folder.name, old, config, outcome).encode())
        _check(work, temporary, fitted.parameters, check)
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check(work: Work, folder: Path, parameters: graph.Parameters, one: Prepared) -> None:
    from vbannotate.audio import open_stream

    work.head.load(parameters)
    ours = fit.probabilities(work.head, one.windows.states)
    curve = states.stitched(ours, one.samples, work.card.layout)[:, work.card.column]
    locator = models.load(folder, device="cpu", backend="onnx", granularity=work.card.granularity)
    with open_stream(one.item.path) as stream:
        theirs = np.concatenate([*locator.scores(block[:, 0] for block in stream.blocks())])[:, 0]
    difference = float(np.abs(curve - theirs).max())
    if difference > _DIFFERENCE:
        raise ModelError(
            f"the adapted model differs by {difference:.3f} from the head that was fitted",
            "report this with the versions of torch, onnx and onnxruntime",
        )


def _readme(name: str, old: str, config: dict[str, Any], outcome: Outcome) -> str:
    lines = [
        f"# {name}",
        f"{old}, its head adapted to {len(outcome.before)} corrected recordings; the encoder is unchanged.",
        f"{outcome.answer()[0].upper()}{outcome.answer()[1:]}.",
        "Threshold and peak were chosen with the head; the other presets moved along with them.",
        "The figures are cross-validated: each recording was judged by a head that was not fitted on it. "
        "The head in this folder was fitted on all.",
        f"Licence: {config.get('licence') or 'unknown'}.",
        f"Use: `vbannotate detect RECORDING --model {name}`",
    ]
    return "\n\n".join(lines) + "\n"
