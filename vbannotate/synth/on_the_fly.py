"""Soundscapes that are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from vbannotate.errors import UsageError
from vbannotate.synth.audio import Reader
from vbannotate.synth.library import HARD, Library
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


def present(recipe: Recipe, kinds: Iterable[str]) -> dict[str, float]:
    """The backgrounds of a recipe, with their weights, that clips of these kinds can make."""
    here = {*kinds, None}
    return {name: share for name, share in recipe.backgrounds.items() if _clips_of(name) in here}


def check(library: Library, recipe: Recipe, where: str = "") -> None:
    """Raise UsageError where a library does not hold what a recipe draws; `where` says what library."""
    wanted = {_clips_of(name) for name, share in recipe.backgrounds.items() if share}
    if recipe.empty < 1:
        wanted.add("burst")
    if recipe.cried:
        wanted.add("speech")
    missing = sorted(kind for kind in wanted if kind and kind not in library.kinds)
    if missing:
        here = ", ".join(sorted(library.kinds)) or "none"
        raise UsageError(
            f"no clips of kind {' and '.join(missing)}{where}",
            f"here are {here}; add sources of that kind, or leave it out",
        )
    if recipe.hard and HARD not in library.kinds:
        raise UsageError("no clips that resemble bursts and are none", "add some with: sources add --hard")


def _clips_of(background: str) -> str | None:
    """The kind of clip that a background is made of; None for silence."""
    return {"silence": None, "real": "continuous"}.get(background, background)
