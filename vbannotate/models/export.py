"""Write a model as a folder of ours: card, safetensors, and ONNX."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

from vbannotate.errors import ModelError, UsageError, WouldOverwriteError
from vbannotate.models import checkpoint
from vbannotate.models.folder import ONNX, TENSORS, Source, write_card
from vbannotate.provenance import file_hash


def export(source: Source, target: Path) -> list[Path]:
    """Write a model to the new folder `target`; gives its files.

    Weights keep their precision. The ONNX graph refers to the safetensors file, so that they lie there once.
    Raises WouldOverwriteError where `target` exists.
    """
    if target.exists():
        raise WouldOverwriteError(f"{target} exists", "give a folder that does not exist yet")
    if not target.parent.is_dir():
        raise UsageError(f"no folder {target.parent}", "make it first")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        _fill(source, temporary, target.name)
        temporary.replace(target)
    except OSError as error:
        raise ModelError(
            f"{target}: {error.strerror or error}", "check the folder and the space left"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return sorted(target.iterdir())


def _fill(source: Source, folder: Path, name: str) -> None:
    if source.tensors:
        _write_weights(source, folder)
    elif source.onnx is not None:
        shutil.copyfile(source.onnx, folder / ONNX)
    hashes = {path.name: file_hash(path) for path in sorted(folder.iterdir())}
    write_card(folder, replace(source.card, name=name, source=source.card.source, sha256=hashes))


def _write_weights(source: Source, folder: Path) -> None:
    from vbannotate.models import onnx_graph
    from vbannotate.models.loading import read_weights

    weights = read_weights(source)
    about = {"format": "pt", "licence": source.card.licence, "source": source.card.source}
    places = checkpoint.write_safetensors(folder / TENSORS, weights.tensors, about)

    def beside(name: str) -> dict[str, str]:
        offset, length = places[name]
        return {"location": TENSORS, "offset": str(offset), "length": str(length)}

    (folder / ONNX).write_bytes(onnx_graph.graph(weights, source.card.layout.window, beside))
