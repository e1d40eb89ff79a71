"""Models: known by name (`registry`), or a file or folder of one's own; loaded into a `Locator`.

`load` is the only way in. A new family of networks is a module with a function like `loading.open_locator`
and a line in `FAMILIES`; a new model of a known family is an entry in `registry.ENTRIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vbannotate.decode import EVENT
from vbannotate.errors import ModelError
from vbannotate.models import published, registry, runs
from vbannotate.models.base import Card, Locator, Windowed
from vbannotate.models.checkpoint import SUFFIXES
from vbannotate.models.folder import Source, find_files, has_card, read_card
from vbannotate.models.loading import open_locator
from vbannotate.models.registry import DEFAULT

__all__ = ["DEFAULT", "FAMILIES", "Card", "Locator", "Source", "card", "load", "locate"]

FAMILIES: Mapping[str, Callable[..., Windowed]] = MappingProxyType({"locator": open_locator})


def load(
    name: str | Path,
    device: str = "auto",
    backend: str = "auto",
    threads: int | None = None,
    granularity: str = EVENT,
    kinds: bool = False,
) -> Locator:
    """Load a model by its name or from a file or folder. Nothing is downloaded.

    `device` is auto, cpu, cuda or cuda:N; `backend` auto, torch or onnx; `threads` None for all free cores;
    `granularity` event or pulse; with `kinds` the locator tells kinds of burst apart, if the model does.
    Raises ModelError, UsageError, StartError or MissingDependencyError.
    """
    source = locate(name)
    source = replace(source, card=source.card.at(granularity))
    locator = FAMILIES[source.card.family](source, device, backend, threads)
    return locator.naming() if kinds else locator


def card(name: str | Path) -> Card:
    """The card of a model without loading it, and without its file being there if it is known by name."""
    entry = registry.find(str(name))
    return entry.card if entry else locate(name).card


def locate(name: str | Path) -> Source:
    """The files of a model. Raises ModelError where there are none."""
    entry = registry.find(str(name))
    if entry is None:
        return _from_path(Path(name))
    if entry.bundled:
        return find_files(entry.folder, entry.card)
    from vbannotate.models import hub

    return Source(entry.card, tensors=(hub.required(entry),))


def _from_path(path: Path) -> Source:
    if path.is_file():
        return _from_file(path)
    if not path.is_dir():
        raise registry.unknown(str(path))
    if has_card(path):
        own = read_card(path)
        if own.family not in FAMILIES:
            raise ModelError(
                f"{path}: unknown model family {own.family!r}", f"this version knows {', '.join(FAMILIES)}"
            )
        return find_files(path, own)
    if runs.is_run(path):
        raise ModelError(
            f"{path} is a checkpoint or holds adapters", f"run: vbannotate models export {path} -o DIR"
        )
    known = [path / entry.file for entry in registry.ENTRIES if entry.file and (path / entry.file).is_file()]
    if known:
        return _from_file(known[0])
    return find_files(path, _published_card(path))


def _from_file(path: Path) -> Source:
    if path.suffix == ".onnx":
        return find_files(path.parent, read_card(path.parent))
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path} is no model file", f"known are folders and {', '.join(SUFFIXES)}")
    return Source(_published_card(path), tensors=(path,))


def _published_card(path: Path) -> Card:
    """The settings of the published model whose file bears this name, else of v1; a config.json beside the
    file that is not ours changes them.
    """
    entry = registry.by_file(path.name) or registry.find("vocalburst-locator")
    assert entry is not None
    title = f"{path.name}, a checkpoint in the layout of {entry.name}"
    folder = path if path.is_dir() else path.parent
    stated = {} if has_card(folder) else published.settings(folder)
    settings = {**entry.card.settings, **stated}
    return replace(
        entry.card, name=path.name, title=title, version="", licence="", source="", settings=settings
    )
