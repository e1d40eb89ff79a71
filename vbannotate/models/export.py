"""Write a model as a folder of ours: card, safetensors, and ONNX; or its head alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vbannotate.errors import MissingDependencyError, ModelError, UsageError, WouldOverwriteError
from vbannotate.models import checkpoint
from vbannotate.models.base import Card
from vbannotate.models.folder import ONNX, TENSORS, Source, write_card
from vbannotate.models.locator import HEAD, Weights
from vbannotate.models.runs import HEAD_FILE
from vbannotate.provenance import file_hash

_LARGEST = 2_000_000_000  # bytes of one protobuf message, of which an ONNX file is one


def export(source: Source, target: Path, onnx_only: bool = False) -> list[Path]:
    """Write a model to the new folder `target`; gives its files.

    Weights keep their precision. The ONNX graph refers to the safetensors file, so that they lie there once;
    with `onnx_only` it holds them itself. Raises WouldOverwriteError where `target` exists.
    """

    def fill(folder: Path) -> None:
        if source.tensors:
            from vbannotate.models.loading import read_weights

            _write_weights(read_weights(source), source.card, folder, onnx_only)
        elif source.onnx is not None:
            shutil.copyfile(source.onnx, folder / ONNX)

    return _folder(source.card, target, fill)


def export_weights(weights: Weights, card: Card, target: Path, onnx_only: bool = False) -> list[Path]:
    """The same for tensors in memory."""
    return _folder(card, target, lambda folder: _write_weights(weights, card, folder, onnx_only))


def export_head(weights: Weights, card: Card, target: Path) -> list[Path]:
    """Write the head alone as published: ``head_only.pt``, six float32 tensors. Needs torch."""
    try:
        import torch
    except ImportError as error:
        raise MissingDependencyError("torch", "torch", f"writing {HEAD_FILE}") from error
    head = {name: torch.from_numpy(np.array(weights.tensors[name], np.float32)) for name in HEAD}
    return _folder(card, target, lambda folder: torch.save(head, folder / HEAD_FILE))


def _folder(card: Card, target: Path, fill: Callable[[Path], None]) -> list[Path]:
    """Fill a folder beside `target` and put it there when it is whole."""
    if target.exists():
        raise WouldOverwriteError(f"{target} exists", "give a folder that does not exist yet")
    if not target.parent.is_dir():
        raise UsageError(f"no folder {target.parent}", "make it first")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        fill(temporary)
        hashes = {path.name: file_hash(path) for path in sorted(temporary.iterdir())}
        write_card(temporary, replace(card, name=target.name, sha256=hashes))
        temporary.replace(target)
    except OSError as error:
        raise ModelError(
            f"{target}: {error.strerror or error}", "check the folder and the space left"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(target.iterdir())


def _write_weights(weights: Weights, card: Card, folder: Path, onnx_only: bool) -> None:
    from vbannotate.models import onnx_graph

    frames = card.layout.window
    if onnx_only:
        if sum(tensor.nbytes for tensor in weights.tensors.values()) > _LARGEST:
            raise ModelError(
                "one ONNX file cannot hold 2 GB", "leave out --onnx: its weights lie beside it then"
            )
        (folder / ONNX).write_bytes(onnx_graph.graph(weights, frames))
        return
    about = {"format": "pt", "licence": card.licence, "source": card.source}
    places = checkpoint.write_safetensors(folder / TENSORS, weights.tensors, about)

    def beside(name: str) -> dict[str, str]:
        offset, length = places[name]
        return {"location": TENSORS, "offset": str(offset), "length": str(length)}

    (folder / ONNX).write_bytes(onnx_graph.graph(weights, frames, beside))
