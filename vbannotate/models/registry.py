"""The models that are known by name. An entry is data: to add a model, add an entry.

Facts of the published locators: https://huggingface.co/laion/vocalburst-locator (card, ``inference.py``) and
LAION-AI/vocal-burst-annotation-pipeline (``weights/locator/model.pt.sha256``).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path

from vbannotate.errors import ModelError
from vbannotate.models.base import Card
from vbannotate.models.folder import read_card

DEFAULT = "base"
BUNDLED = Path(__file__).with_name("bundled")

_REPOSITORY = "laion/vocalburst-locator"


@dataclass(frozen=True, slots=True)
class Entry:
    """A model known by name: `bundled` with the package, or one `file` of a hub `repository`.

    `size` is in bytes, `sha256` of the file where it is published.
    """

    name: str
    about: str
    bundled: bool = False
    published: Card | None = None
    aliases: tuple[str, ...] = ()
    repository: str = ""
    file: str = ""
    size: int = 0
    sha256: str = ""
    notes: tuple[str, ...] = field(default=())

    @property
    def folder(self) -> Path:
        """Where a bundled model lies."""
        return BUNDLED / self.name

    @property
    def card(self) -> Card:
        """The model's card. Raises ModelError where a bundled model is missing."""
        return self.published or read_card(self.folder)


def _recipe(threshold: float, min_dur: float, merge_gap: float) -> dict[str, float]:
    return {"threshold": threshold, "merge_gap": merge_gap, "min_dur": min_dur}


_V1 = Card(
    name="vocalburst-locator",
    title="LAION's vocal burst locator, v1 (Whisper small)",
    version="1",
    licence="Apache-2.0",
    source=f"https://huggingface.co/{_REPOSITORY}",
    settings=_recipe(0.65, 0.5, 0.3),
    presets={
        "balanced": _recipe(0.65, 0.5, 0.3),
        "precision": _recipe(0.80, 0.7, 0.3),
        "recall": _recipe(0.45, 0.2, 0.5),
        "noisy": _recipe(0.75, 0.6, 0.3),
        "short": _recipe(0.60, 0.2, 0.2),
        "long": _recipe(0.65, 1.0, 0.5),
    },
)
_V2 = Card(
    name="vocalburst-locator-v2",
    title="LAION's vocal burst locator, v2 (v1 fine-tuned on real speech)",
    version="2",
    licence="Apache-2.0",
    source=f"https://huggingface.co/{_REPOSITORY}",
    settings=_recipe(0.50, 0.10, 0.10),
    presets={"balanced": _recipe(0.50, 0.10, 0.10)},
)

ENTRIES: tuple[Entry, ...] = (
    Entry(
        "base",
        "The detector that comes with the package: trained by this project, runs at once, needs no network.",
        bundled=True,
    ),
    Entry(
        "tiny",
        "A small detector taught by base, for slow machines and long recordings: faster, less exact.",
        bundled=True,
    ),
    Entry(
        "vocalburst-locator",
        "LAION's published locator, v1: trained on synthetic scenes, for bursts of half a second and more.",
        published=_V1,
        aliases=(_REPOSITORY,),
        repository=_REPOSITORY,
        file="model.pt",
        size=972_400_000,
        sha256="28feecb8b76154e6fed5f7b044ff7245f0f97505caceec9606083ca10633cd8f",
        notes=(
            "Only the encoder and the head (358 MB of the 972) are ever read.",
            "Its card's F1 of 0.752 is not the harmonic mean of its precision and recall; compare with care.",
        ),
    ),
    Entry(
        "vocalburst-locator-v2",
        "LAION's published locator, v2: v1 fine-tuned on real speech, for bursts of a tenth of a second.",
        published=_V2,
        repository=_REPOSITORY,
        file="model_v2.pt",
        size=972_400_000,
        notes=("No hash of this file is published: pull cannot check it.",),
    ),
)


def find(name: str) -> Entry | None:
    """The entry with this name or alias."""
    return next((entry for entry in ENTRIES if name == entry.name or name in entry.aliases), None)


def by_file(name: str) -> Entry | None:
    """The entry whose published file has this name: its settings are those of the file."""
    return next((entry for entry in ENTRIES if entry.file and entry.file == name), None)


def unknown(name: str) -> ModelError:
    """The error for a name that is neither known nor a file."""
    names = [known for entry in ENTRIES for known in (entry.name, *entry.aliases)]
    near = difflib.get_close_matches(name, names, 3, 0.5) or [entry.name for entry in ENTRIES]
    return ModelError(
        f"no model or file {name!r}", f"did you mean {' or '.join(near)}? See: vbannotate models list"
    )
