"""What a locator is: sound in, frame probabilities out.

A new family of networks is one module that makes something with the four members of `Locator`, and a line in
`vbannotate.models.FAMILIES`. Most families only have to turn mel windows into probabilities: give such a
function to `Windowed`, which does the windows, the cross-fade and the streaming.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from vbannotate.decode import EVENT
from vbannotate.errors import UsageError
from vbannotate.models.mel import BANDS, RATE, log_mel
from vbannotate.models.windows import Layout, curve

FRAME_US = 20_000  # one frame of a Whisper encoder

Network = Callable[[np.ndarray], np.ndarray]
"""Log-mel float32 [batch, 80, 100 * seconds] -> probabilities float32 [batch, 50 * seconds, labels]."""


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a model. `settings` and each of `presets` hold fields of `vbannotate.decode.Settings`.

    `bands` is how many mel bands the network takes. `sha256` holds the hashes of the weights by file name
    where the card states them.

    A network may give more columns than labels: with `granularities` ("event", "pulse") the labels once for
    each of them, then a column for each of `kinds`. `pulse` holds the settings at granularity pulse, and
    `granularity` says which one the card stands for.
    """

    name: str
    title: str = ""
    family: str = "locator"
    version: str = ""
    licence: str = ""
    source: str = ""
    labels: tuple[str, ...] = ("burst",)
    frame_us: int = FRAME_US
    window_s: float = 30.0
    overlap_s: float = 5.0
    bands: int = BANDS
    settings: Mapping[str, Any] = field(default_factory=dict)
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    granularities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    pulse: Mapping[str, Any] = field(default_factory=dict)
    granularity: str = EVENT

    def __post_init__(self) -> None:
        for name in ("labels", "granularities", "kinds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("settings", "presets", "sha256", "pulse"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def identity(self) -> dict[str, Any]:
        """What provenance says of the model."""
        known = {
            "name": self.name,
            "version": self.version,
            "source": self.source,
            "sha256": dict(self.sha256),
            "granularity": "" if self.granularity == EVENT else self.granularity,
        }
        return {key: value for key, value in known.items() if value}

    def to_dict(self) -> dict[str, Any]:
        """All fields as they stand in a config.json."""
        result = {}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Mapping):
                value = {key: dict(v) if isinstance(v, Mapping) else v for key, v in value.items()}
            result[name] = value
        return result

    def at(self, granularity: str) -> Card:
        """The card for a granularity. Raises UsageError where the model does not have it."""
        if granularity == self.granularity:
            return self
        if granularity not in self.granularities:
            known = ", ".join(self.granularities) or EVENT
            raise UsageError(
                f"model {self.name} has no granularity {granularity!r}",
                f"it has: {known}" + ("; try --preset short" if "short" in self.presets else ""),
            )
        settings = {**self.settings, **self.pulse}
        return replace(self, granularity=granularity, settings=settings, presets={"balanced": settings})

    @property
    def column(self) -> int:
        """The network's column of the first label at this granularity."""
        place = self.granularities.index(self.granularity) if self.granularities else 0
        return place * len(self.labels)

    @property
    def layout(self) -> Layout:
        """The windows that the network is run on."""
        frames_a_second = 1_000_000 // self.frame_us
        window, overlap = round(self.window_s * frames_a_second), round(self.overlap_s * frames_a_second)
        return Layout(window, overlap, RATE * self.frame_us // 1_000_000)


class Locator(Protocol):
    """A network ready to run."""

    @property
    def card(self) -> Card: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of burst whose shares follow the labels' columns; empty unless they were asked for."""
        ...

    @property
    def frame_us(self) -> int: ...

    def scores(self, blocks: Iterable[np.ndarray], padded: bool = False) -> Iterator[np.ndarray]:
        """Sound as float32 [samples] blocks at 16 kHz -> probabilities float32 [frames, labels + kinds].

        Memory does not grow with the length, and the curve does not depend on the size of the blocks. It has
        a frame for each begun 20 ms; with `padded`, sound shorter than one window gives all frames of the
        window, the silence behind it included, as the published script sees it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Windowed:
    """A locator that runs a network on overlapping windows of log-mel. `batch` windows go in at once."""

    card: Card
    network: Network
    batch: int = 1
    kinds: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.card.labels

    @property
    def frame_us(self) -> int:
        """Length of a frame in microseconds."""
        return self.card.frame_us

    def scores(self, blocks: Iterable[np.ndarray], padded: bool = False) -> Iterator[np.ndarray]:
        """See `Locator.scores`."""
        return curve(blocks, self._run, self.card.layout, self.batch, padded)

    def _run(self, windows: list[np.ndarray]) -> np.ndarray:
        scores = self.network(np.stack([log_mel(window, self.card.bands) for window in windows]))
        found = scores[..., self.card.column :][..., : len(self.labels)]
        if not self.kinds:
            return found
        return np.concatenate([found, scores[..., -len(self.kinds) :]], axis=-1)

    def naming(self) -> Windowed:
        """The same with the columns of the model's kinds. Raises UsageError where it has none."""
        if not self.card.kinds:
            raise UsageError(f"model {self.card.name} does not tell kinds apart", "leave out --kinds")
        return replace(self, kinds=self.card.kinds)
