"""Whisper encoders of any size to train on: a file, a folder as transformers writes it, or a hub name.

Hub names are looked up in the hub's cache; nothing is fetched unless that was asked for (`pull`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vbannotate.errors import MissingDependencyError, ModelError
from vbannotate.models import checkpoint
from vbannotate.models.locator import HEAD, HEAD_WIDTH, arrange, encoder_prefix

SIZES = ("tiny", "base", "small", "medium", "large", "large-v2", "large-v3", "large-v3-turbo", "turbo")
DEFAULT = "small"  # what the published models are made of

_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "model.pt")
_PREFIX = "encoder."


@dataclass(frozen=True, slots=True)
class Source:
    """An encoder's tensors as ``encoder.*``, memory-mapped; `name` is for people, `digest` tells it from
    others.
    """

    name: str
    tensors: Mapping[str, np.ndarray]
    digest: str

    @property
    def width(self) -> int:
        """Dimensions of a state."""
        return self.tensors["encoder.conv1.weight"].shape[0]

    @property
    def bands(self) -> int:
        """Mel bands that it listens to."""
        return self.tensors["encoder.conv1.weight"].shape[1]

    @property
    def positions(self) -> int:
        """Frames of the longest window."""
        return self.tensors["encoder.embed_positions.weight"].shape[0]


def find(name: str, pull: bool = False) -> Source:
    """The encoder of a file, folder, size (``base``) or hub name (``openai/whisper-base``).

    Raises ModelError where it is not to be had.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return of_tensors(path.resolve().name, _of_folder(path))
    if path.is_file():
        return of_tensors(path.name, checkpoint.read(path))
    repository = f"openai/whisper-{name}" if name in SIZES else name
    if repository.count("/") != 1 or path.suffix in checkpoint.SUFFIXES:
        raise ModelError(
            f"no encoder {name!r}", f"give a file, a folder, a hub name, or one of {', '.join(SIZES)}"
        )
    return of_tensors(repository, checkpoint.read(_of_hub(repository, pull)))


def of_tensors(name: str, tensors: Mapping[str, np.ndarray]) -> Source:
    """The encoder among some tensors, whatever stands before its names. Raises ModelError without one."""
    prefix = encoder_prefix(tensors)
    if prefix is None:
        raise ModelError(f"{name} holds no Whisper encoder", "give a Whisper model or its encoder")
    own = {_PREFIX + key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}
    own = {key: value for key, value in own.items() if "lora_" not in key}
    width = own["encoder.conv1.weight"].shape[0]
    if width % HEAD_WIDTH:
        raise ModelError(f"{name}: width {width} is no multiple of {HEAD_WIDTH}", "give a Whisper encoder")
    return Source(name, own, digest(own))


def digest(tensors: Mapping[str, np.ndarray]) -> str:
    """A hash of names and values as float32, so the same encoder in half precision bears the same name."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode())
        found.update(np.ascontiguousarray(tensors[name], np.float32).data)
    return found.hexdigest()


def initial(path: Path) -> tuple[dict[str, np.ndarray], Source | None]:
    """Head and, where there is one, encoder of weights to start from, in the published layout.

    `path` is a file (``model.pt``, ``head_only.pt``, safetensors) or a folder that holds one such.
    """
    file = path
    if path.is_dir():
        found = [path / name for name in (*_FILES, "head_only.pt", "head/head_only.pt")]
        file = next((p for p in found if p.is_file() and p.suffix != ".json"), path)
    if not file.is_file():
        raise ModelError(f"no weights in {path}", "give a model.pt, a head_only.pt or a model folder")
    tensors = checkpoint.read(file)
    if any(name not in tensors for name in HEAD):
        raise ModelError(
            f"{file} has no locator head", "give a file in the layout of laion/vocalburst-locator"
        )
    head = {name: np.array(tensors[name], np.float32) for name in HEAD}
    if encoder_prefix(tensors) is None:
        return head, None
    return head, of_tensors(file.name, arrange(tensors, str(file)).tensors)


def _of_folder(folder: Path) -> dict[str, np.ndarray]:
    for name in _FILES:
        file = folder / name
        if file.is_file():
            return _sharded(file) if file.suffix == ".json" else checkpoint.read(file)
    single = [path for path in sorted(folder.iterdir()) if path.suffix in checkpoint.SUFFIXES]
    if len(single) != 1:
        raise ModelError(f"{folder}: {len(single)} files of weights", "give the file of the encoder")
    return checkpoint.read(single[0])


def _sharded(index: Path) -> dict[str, np.ndarray]:
    names = sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
    return {key: value for name in names for key, value in checkpoint.read(index.parent / name).items()}


def _of_hub(repository: str, pull: bool) -> Path:
    try:
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
    except ImportError as error:
        raise MissingDependencyError("huggingface_hub", "hub", f"the encoder {repository}") from error
    found = try_to_load_from_cache(repository, _FILES[0])
    if isinstance(found, str):
        return Path(found)
    if not pull:
        raise ModelError(
            f"encoder {repository} is not on this computer",
            "give --pull to fetch it from the hub, or the path of its model.safetensors",
        )
    try:
        return Path(hf_hub_download(repository, _FILES[0]))
    except (OSError, ValueError) as error:  # the hub's own errors are OSErrors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{repository} could not be fetched ({reason})", "check the connection and the name"
        ) from error
