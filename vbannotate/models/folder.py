"""A model as a folder: ``config.json`` (its card), ``README.md``, safetensors or ``model.onnx`` or both.

``model.onnx`` takes ``mel`` float32 [batch, 80, 100 * window_s] and gives ``scores`` float32
[batch, window_s * 1e6 / frame_us, labels], probabilities. Tensor files hold a Whisper encoder and the
published head (see `vbannotate.models.locator`); they may be two, ``head_only.pt`` and an encoder's file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from vbannotate import files
from vbannotate.decode import Settings
from vbannotate.errors import ModelError, UsageError
from vbannotate.models.base import Card
from vbannotate.models.checkpoint import SUFFIXES

CONFIG, ONNX, TENSORS, README = "config.json", "model.onnx", "model.safetensors", "README.md"


@dataclass(frozen=True, slots=True)
class Source:
    """What a locator is loaded from. `onnx` or `tensors` may be missing, not both."""

    card: Card
    onnx: Path | None = None
    tensors: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files."""
        return (*((self.onnx,) if self.onnx else ()), *self.tensors)


def find_files(folder: Path, card: Card) -> Source:
    """The weights in a folder. Raises ModelError where there are none."""
    onnx = folder / ONNX
    tensors = tuple(sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES))
    if not onnx.is_file() and not tensors:
        raise ModelError(f"{folder} holds no weights", f"expected {ONNX} or a safetensors file in it")
    return Source(card, onnx if onnx.is_file() else None, tensors)


def has_card(folder: Path) -> bool:
    """Whether the folder's config.json is ours; a published model may bring one of another program."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "family" in config


def read_card(folder: Path) -> Card:
    """The card in a folder's config.json. Raises ModelError for one that cannot be meant."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_bytes())
        return _card(config)
    except FileNotFoundError as error:
        raise ModelError(
            f"{folder} is no model folder: {CONFIG} is missing", "see: vbannotate models list"
        ) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, UsageError) as error:
        raise ModelError(f"{path}: {error}", "correct it, or export the model again") from error


def write_card(folder: Path, card: Card) -> None:
    """Write config.json and, for people, README.md."""
    text = json.dumps(card.to_dict(), indent=2, ensure_ascii=False) + "\n"
    files.write(folder / CONFIG, text.encode())
    lines = [
        f"# {card.name}",
        card.title,
        f"Licence: {card.licence or 'unknown'}. Source: {card.source or 'unknown'}.",
        f"Windows of {card.window_s:g} s, {card.overlap_s:g} s overlap; frames: {card.frame_us / 1000:g} ms; "
        f"labels: {', '.join(card.labels)}.",
        f"Use: `vbannotate detect RECORDING --model {folder.name}`",
    ]
    files.write(folder / README, ("\n\n".join(filter(None, lines)) + "\n").encode())


def _card(config: dict[str, Any]) -> Card:
    if config.get("sample_rate", 16_000) != 16_000:
        raise ValueError(f"sample_rate {config['sample_rate']}: locators listen at 16000 Hz")
    known = {field.name for field in fields(Card)}
    card = Card(**{key: value for key, value in config.items() if key in known})
    if not card.labels or not all(isinstance(label, str) for label in card.labels):
        raise ValueError("labels must be a list of names")
    for values in (card.settings, *card.presets.values()):
        Settings().updated(values)
    if card.layout.window <= 0:
        raise ValueError(f"window_s {card.window_s}")
    return replace(card, name=str(card.name))
