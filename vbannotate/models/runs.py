"""What training leaves besides a finished model: checkpoints, and adapters that are not merged yet.

A checkpoint of ``vbannotate train`` is a folder with ``run.json`` (the record of the run) and
``model.safetensors``: a head, mostly an encoder, and with LoRA the adapters beside the weights that they
adapt. An adapter's folder is what peft writes (``adapter_config.json``, ``adapter_model.safetensors``) with
the head beside it. Merging is W + (alpha / rank) B A for each adapted W (Hu et al. 2021, "LoRA", 2106.09685),
done here with numpy: neither peft nor torch is needed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate.errors import ModelError
from vbannotate.models import checkpoint
from vbannotate.models.base import Card
from vbannotate.models.checkpoint import Tensors
from vbannotate.models.folder import TENSORS
from vbannotate.models.locator import HEAD, Weights, arrange, encoder_prefix

RECORD = "run.json"
ADAPTER_CONFIG, ADAPTER = "adapter_config.json", "adapter_model.safetensors"
HEAD_FILE = "head_only.pt"
PUBLISHED_OVERLAP = 5.0  # seconds, of windows of 30

_DOWN, _UP, _BASE = ".lora_A.", ".lora_B.", ".base_layer."
_WRAPPING = "base_model.model."  # what peft puts before the names of what it adapts


def is_run(path: Path) -> bool:
    """Whether a folder is a checkpoint of a run or holds adapters."""
    return ((path / RECORD).is_file() and not (path / "config.json").is_file()) or is_adapter(path)


def is_adapter(path: Path) -> bool:
    """Whether a folder holds adapters as peft writes them."""
    return (path / ADAPTER_CONFIG).is_file() and (path / ADAPTER).is_file()


def read(path: Path, encoder: Tensors | None = None, merge: bool = False) -> tuple[Weights, Card]:
    """The model of a checkpoint or an adapter's folder, and its card.

    `encoder` (``encoder.*``) is the one that was trained on, where the folder does not hold it. Adapters are
    merged if `merge`, else they are an error. Raises ModelError where something is missing.
    """
    tensors = checkpoint.read(path / (ADAPTER if is_adapter(path) else TENSORS))
    adapters = {name: value for name, value in tensors.items() if _DOWN in name or _UP in name}
    if adapters and not merge:
        raise ModelError(f"{path} holds adapters that are not merged", "give --merge-lora")
    if merge and not adapters:
        raise ModelError(f"{path} holds no adapters", "leave out --merge-lora")
    head = tensors if HEAD[0] in tensors else _head_beside(path)
    whole = {name: head[name] for name in HEAD if name in head}
    plain = _plain(tensors, adapters)
    if encoder_prefix(plain) is not None:
        encoder = plain
    elif encoder is None:
        raise ModelError(f"{path} does not hold the encoder", "give the one it was trained on with --encoder")
    prefix = encoder_prefix(encoder) or ""
    whole |= {f"encoder.{key[len(prefix) :]}": t for key, t in encoder.items() if key.startswith(prefix)}
    if adapters:
        whole = merged(whole, adapters, _scale(path, adapters))
    return arrange(whole, str(path)), card_of(_record(path), path.resolve().name)


def merged(tensors: Mapping[str, np.ndarray], adapters: Mapping[str, np.ndarray], scale: float) -> Tensors:
    """`tensors` (``encoder.*``) with the adapters added, float32 where they are. Raises ModelError for
    adapters of something else.
    """
    result = dict(tensors)
    for name, down in adapters.items():
        if _DOWN not in name:
            continue
        up = adapters.get(name.replace(_DOWN, _UP))
        target = _target(name)
        weight = result.get(target)
        if up is None or weight is None or (up.shape[0], down.shape[1]) != weight.shape:
            raise ModelError(
                f"{name} fits no weight", "merge with the encoder that the adapters were trained on"
            )
        product = np.asarray(up, np.float32) @ np.asarray(down, np.float32)
        result[target] = np.asarray(weight, np.float32) + np.float32(scale) * product
    return result


def card_of(record: Mapping[str, Any], name: str) -> Card:
    """The card of a model by the record of its run; published values for what the record does not say."""
    settings = record.get("settings", {})
    names = {"threshold": "det_threshold", "merge_gap": "post_merge_gap", "min_dur": "post_min_dur"}
    decoding = {key: settings[value] for key, value in names.items() if value in settings}
    encoder = record.get("encoder", {})
    window = float(record.get("window_s", 30.0))
    return Card(
        name=name,
        title=f"Vocal bursts: {encoder.get('name', 'Whisper')} and the published head",
        version="1",
        source="vbannotate train detector",
        labels=tuple(record.get("labels", ("burst",))),
        window_s=window,
        overlap_s=overlap_of(window),
        bands=int(encoder.get("bands", 80)),
        settings=decoding,
        presets={"balanced": decoding},
    )


def overlap_of(window_s: float) -> float:
    """Seconds that windows overlap: as published for 30 s, a fifth of shorter ones in whole frames."""
    return PUBLISHED_OVERLAP if window_s == 30 else round(window_s / 5 * 50) / 50


def _head_beside(path: Path) -> Tensors:
    if not (path / HEAD_FILE).is_file():
        raise ModelError(f"{path} holds no head", f"put the {HEAD_FILE} of the run into it")
    return checkpoint.read(path / HEAD_FILE)


def _plain(tensors: Tensors, adapters: Tensors) -> Tensors:
    """The weights without peft's additions to their names."""
    return {
        name.replace(_BASE, ".").replace(_WRAPPING, ""): value
        for name, value in tensors.items()
        if name not in adapters
    }


def _target(name: str) -> str:
    """The weight that an adapter's tensor belongs to: ``encoder.layers.0.self_attn.q_proj.weight``."""
    module = name.split(_DOWN)[0].replace(_WRAPPING, "")
    return f"{module if module.startswith('encoder.') else f'encoder.{module}'}.weight"


def _scale(path: Path, adapters: Mapping[str, np.ndarray]) -> float:
    """Alpha / rank, or alpha / sqrt(rank) where peft was told so."""
    rank = next(value.shape[0] for name, value in adapters.items() if _DOWN in name)
    if is_adapter(path):
        config = _json(path / ADAPTER_CONFIG)
        if config.get("use_dora") or config.get("alpha_pattern") or config.get("rank_pattern"):
            raise ModelError(f"{path}: adapters of another kind than plain LoRA", "merge them with peft")
        alpha = float(config["lora_alpha"])
        return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
    return float(_json(path / RECORD)["settings"]["lora_alpha"]) / rank


def _record(path: Path) -> dict[str, Any]:
    return _json(path / RECORD) if (path / RECORD).is_file() else {}


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: {error}", "train again, or mend the file") from error
