"""Labelled soundscapes, made from bursts and backgrounds and a seed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vbannotate.sources.clips import Clip
    from vbannotate.synth.on_the_fly import Stream
    from vbannotate.synth.scenes import Library, Recipe

__all__ = ["stream"]


def stream(
    clips: Library | Iterable[Clip], recipe: Recipe | None = None, seed: int = 0, length: int | None = None
) -> Stream:
    """Soundscapes by number, made when they are asked for: ``stream(clips)[7]`` is a `scenes.Scene`.

    The same as `vbannotate synth` writes from the same clips, recipe and seed. For training on the fly: it
    can be the `dataset` of a torch DataLoader with a collate function of one's own, in any number of workers.
    Without a `recipe` it is the published one with the backgrounds that there are clips for. Raises
    UsageError where there are none for what a recipe draws.
    """
    from dataclasses import replace

    from vbannotate.synth.on_the_fly import Stream, check, present
    from vbannotate.synth.scenes import PUBLISHED, Library

    library = clips if isinstance(clips, Library) else Library(clips)
    if recipe is None:
        recipe = replace(PUBLISHED, alone=True, backgrounds=present(PUBLISHED, library.kinds))
    check(library, recipe)
    return Stream(library, recipe, seed, length)
