"""Other people's labels: the table ``MAP.toml``.

``[labels]`` from = "to" renames labels (several may become one; what is one to one is undone on the way
back); ``[texts]`` label = "[cue text]" gives subtitles their texts.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from vbannotate.errors import FormatError, VbannotateError
from vbannotate.events import Annotation

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`labels`: label -> label; `texts`: label -> cue text."""

    labels: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    texts: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def apply(self, annotation: Annotation) -> Annotation:
        """The annotation with its labels renamed; others stay."""
        return _renamed(annotation, self.labels)

    def rename(self, annotation: Annotation, name: str, known: Iterable[str] = ()) -> Annotation:
        """As `apply`, with a warning for each label of the file called `name` that nobody knows."""
        lines = [
            f"{name}: label {label!r} is not in the map" + (f"; did you mean {near!r}?" if near else "")
            for label, near in self.unknown(annotation, known).items()
        ]
        return self.apply(annotation).with_(warnings=(*annotation.warnings, *lines))

    def undo(self, annotation: Annotation) -> Annotation:
        """The annotation with those labels named back that only one label was renamed to."""
        return _renamed(annotation, self.inverse())

    def inverse(self) -> dict[str, str]:
        """to -> from, where one label alone becomes `to` and `to` is not itself renamed."""
        times = Counter(self.labels.values())
        return {new: old for old, new in self.labels.items() if times[new] == 1 and new not in self.labels}

    def unknown(self, annotation: Annotation, known: Iterable[str] = ()) -> dict[str, str | None]:
        """Labels that the table does not name, each with the nearest that it does, or None.

        `known` are further labels that need no renaming. A table without `[labels]` knows all.
        """
        if not self.labels:
            return {}
        names = list(dict.fromkeys((*self.labels, *self.labels.values(), *known)))
        lower = {name.lower(): name for name in reversed(names)}
        found: dict[str, str | None] = {}
        for label in sorted({event.label for event in annotation.events} - set(names)):
            near = get_close_matches(label.lower(), lower, n=1, cutoff=0.6)
            found[label] = lower[near[0]] if near else None
        return found


def load(path: Path) -> Vocabulary:
    """Read a MAP.toml. Raises FormatError that names what is wrong."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise VbannotateError(f"file not found: {path}", "check the name") from error
    except OSError as error:
        raise VbannotateError(
            f"{path}: {error.strerror or error}", "check that it is a file you may read"
        ) from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Vocabulary:
    """The table in the bytes of a file called `name`."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        top = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"{name}: {error}", "names with blanks or umlauts go in quotes") from error
    if surplus := sorted(set(top) - {"labels", "texts"}):
        raise FormatError(f"{name}: unknown table [{surplus[0]}]", "known are [labels] and [texts]")
    return Vocabulary(_table(top, "labels", name), _table(top, "texts", name))


def _table(top: Mapping[str, Any], key: str, name: str) -> Mapping[str, str]:
    found = top.get(key, {})
    if not isinstance(found, dict):
        raise FormatError(f"{name}: {key} is not a table", f"begin it with a line [{key}]")
    for label, value in found.items():
        if not isinstance(value, str):
            raise FormatError(f"{name}: [{key}] {label} is not a text", f'write {label} = "..."')
    return MappingProxyType(dict(found))


def _renamed(annotation: Annotation, names: Mapping[str, str]) -> Annotation:
    if not names:
        return annotation
    tiers = (
        replace(tier, events=tuple(e.with_(label=names.get(e.label, e.label)) for e in tier.events))
        for tier in annotation.tiers
    )
    return annotation.with_(tiers=tuple(tiers))
