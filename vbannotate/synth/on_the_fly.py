"""Soundscapes that are made when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from vbannotate.synth.audio import Reader
from vbannotate.synth.library import Library
from vbannotate.synth.scenes import Recipe, Scene, make


@dataclass(slots=True)
class Stream:
    """Soundscapes by number: each depends on the seed and its number alone, not on what was made before.

    Without a `length` it has no end. It travels to worker processes; the clips that it has decoded do not.
    """

    library: Library
    recipe: Recipe
    seed: int
    length: int | None = None
    _reader: Reader = field(default_factory=Reader, repr=False)

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("a stream without length has no end: give one")
        return self.length

    def __getitem__(self, number: int) -> Scene:
        if number < 0 or (self.length is not None and number >= self.length):
            raise IndexError(number)
        return make(self.library, self.recipe, (self.seed, number), self._reader)

    def __getstate__(self) -> tuple:
        return self.library, self.recipe, self.seed, self.length

    def __setstate__(self, state: tuple) -> None:
        self.library, self.recipe, self.seed, self.length = state
        self._reader = Reader()
