"""What the machine at hand allows: device, precision, and the largest batch."""

from __future__ import annotations

from typing import Any

import torch

from vbannotate.errors import StartError, UsageError
from vbannotate.train.locator.network import Locator

CPU_BATCH = 8  # a CPU that runs out of memory does not say so: nothing is probed there
LARGEST_BATCH = 64
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


def device_of(name: str) -> str:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return "cpu"
    if name not in ("auto", "cuda"):
        raise UsageError(f"unknown device {name!r}", "give auto, cpu or cuda")
    if not torch.cuda.is_available():
        raise StartError("device cuda: torch sees no GPU here", "give --device auto or cpu")
    return "cuda"


def precision_of(name: str, device: str) -> str:
    """``auto``: bfloat16 on a GPU that has it, float16 on one that has not, float32 on a CPU."""
    if name not in PRECISIONS:
        raise UsageError(f"unknown precision {name!r}", f"known are {', '.join(PRECISIONS)}")
    on_gpu = device_of(device) == "cuda"
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
