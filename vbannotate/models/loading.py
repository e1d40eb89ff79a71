"""From files to a running locator: which backend, which device."""

from __future__ import annotations

import ctypes
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from vbannotate.errors import MissingDependencyError, ModelError, StartError, UsageError
from vbannotate.models import checkpoint, locator
from vbannotate.models.base import Card, Network, Windowed
from vbannotate.models.folder import Source

if TYPE_CHECKING:
    from vbannotate.models.locator import Weights

BACKENDS = ("auto", "torch", "onnx")
CUDA_BATCH = 8  # windows at once on a GPU; on a CPU more than one gains nothing

_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def open_locator(
    source: Source,
    device: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
    bf16: bool = False,
) -> Windowed:
    """Load a locator's files. `bf16`: on CUDA under bfloat16 autocast, as the published script runs there.

    Raises ModelError, UsageError, StartError or MissingDependencyError, each with the way out.
    """
    backend, device = choose(source, device, backend)
    batch = CUDA_BATCH if device.startswith("cuda") else 1
    if backend == "onnx" and source.onnx is not None:
        from vbannotate.models import onnx_backend

        return Windowed(source.card, onnx_backend.network(source.onnx, device, threads), batch)
    weights = read_weights(source)
    card = _labelled(replace(source.card, bands=weights.bands), weights.labels)
    if backend == "torch":
        from vbannotate.models import torch_backend

        return Windowed(card, torch_backend.network(weights, device, threads, bf16 and batch > 1), batch)
    return Windowed(card, _onnx_network(weights, card.layout.window, device, threads), batch)


def _onnx_network(weights: Weights, frames: int, device: str, threads: int | None) -> Network:
    """Run tensors by ONNX Runtime: from their file where it can map them, else from memory."""
    from vbannotate.models import onnx_backend, onnx_graph

    places = {name: checkpoint.location(tensor) for name, tensor in weights.tensors.items()}
    folders = {place[0].parent if place else None for place in places.values()}

    def place(name: str) -> dict[str, str]:
        path, offset = places[name] or (Path("memory"), 0)
        length = weights.tensors[name].nbytes
        return {"location": path.name, "offset": str(offset), "length": str(length)}

    graph = onnx_graph.graph(weights, frames, place)
    folder = folders.pop()
    if folders or folder is None or not onnx_backend.maps_folders():
        return onnx_backend.network(graph, device, threads, tensors=weights.tensors)
    return onnx_backend.network(graph, device, threads, folder=folder)


def read_weights(source: Source) -> Weights:
    """The tensors of a source; its files may be one, or a head and an encoder."""
    read = {path: checkpoint.read(path) for path in source.tensors}
    heads = [path for path, tensors in read.items() if locator.HEAD[0] in tensors]
    if len(heads) != 1:
        names = ", ".join(path.name for path in source.tensors)
        raise ModelError(
            f"{source.card.name}: {len(heads)} locator heads in {names}", "keep one head in the folder"
        )
    others = [path for path in read if path != heads[0]]
    if len(others) > 1:
        raise ModelError(
            f"{source.card.name}: more than one encoder beside {heads[0].name}", "keep one in the folder"
        )
    return locator.arrange(read[heads[0]], str(heads[0]), read[others[0]] if others else None)


def choose(source: Source, device: str, backend: str) -> tuple[str, str]:
    """The backend and device that "auto" means here; a wish that cannot be met is an error."""
    if backend not in BACKENDS:
        raise UsageError(f"unknown backend {backend!r}", f"known are {', '.join(BACKENDS)}")
    if not _DEVICE.fullmatch(device):
        raise UsageError(f"unknown device {device!r}", "give auto, cpu, cuda or cuda:1")
    if backend == "auto":
        backend = _auto_backend(source, device)
    if backend == "torch":
        return backend, _torch_device(source, device)
    if device == "auto":
        from vbannotate.models import onnx_backend

        device = "cuda" if onnx_backend.cuda_available() else "cpu"
    return backend, device


def _auto_backend(source: Source, device: str) -> str:
    """Torch where there may be a GPU for it; ONNX Runtime starts sooner and takes less memory on a CPU."""
    if not source.tensors or device == "cpu" or find_spec("torch") is None:
        return "onnx"
    return "torch" if device.startswith("cuda") or _has_cuda_driver() else "onnx"


def _has_cuda_driver() -> bool:
    """Whether NVIDIA's driver is installed: milliseconds, where asking torch would cost its import."""
    for name in ("libcuda.so.1", "nvcuda.dll"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False


def _torch_device(source: Source, device: str) -> str:
    if not source.tensors:
        raise ModelError(f"model {source.card.name} comes as ONNX only", "leave out --backend torch")
    if find_spec("torch") is None:
        raise MissingDependencyError("torch", "torch", "--backend torch")
    if device == "cpu":
        return device
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    if int(device.partition(":")[2] or 0) >= count:
        raise StartError(
            f"device {device}: torch sees {count} CUDA devices here", "give --device auto or cpu"
        )
    return device


def _labelled(card: Card, labels: int) -> Card:
    """The card with a name for each output of the network."""
    if len(card.labels) == labels:
        return card
    return replace(card, labels=tuple(f"burst-{number}" for number in range(1, labels + 1)))
