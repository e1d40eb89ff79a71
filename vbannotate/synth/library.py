"""Clips to draw from, by kind and stratum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from vbannotate.sources.clips import Clip

# What can be drawn under another name beside its kind: what `Clip.hard` marks; acted and called speech.
HARD, CALLED = "hard", "called"

_CALLED = frozenset({"emotional", "game_voice", "shouted"})  # labels of speech

# What training draws more or less often than its share: rare kinds of burst, doubtful speech.
WEIGHTS = {
    "covid19-cough/dataset/cough": 5.0,
    "ESC-10/sneeze": 7.0,
    "ESC-10/baby_cry": 2.0,
    "EmoGator/02": 2.0,
    "hedgewars-data": 0.6,
    "fillets-ng-data-cs": 0.7,
    "fillets-ng-data-nl": 0.7,
    "fillets-ng-data-cs+joined": 0.4,
    "fillets-ng-data-nl+joined": 0.4,
    "speechocean762": 1.5,
    "tuxpaint-stamps-default/animal": 2.0,
    "AMI corpus": 3.0,
    "gh-dcase2016/throat_clear": 8.0,
    "gh-soundmonster": 3.0,
    "gh-ss14-emotes": 3.0,
    "gh-tartube": 3.0,
    "gh-voxio": 3.0,
    "gh-wilhelmsfx": 3.0,
}


def _names(clip: Clip) -> tuple[str, ...]:
    if clip.hard:
        return clip.kind, HARD
    called = clip.kind == "speech" and clip.label in _CALLED and clip.quality != "unscreened"
    return (clip.kind, CALLED) if called else (clip.kind,)


class Library:
    """Clips by kind and stratum, drawn by the square root of what a stratum holds times its weight."""

    def __init__(self, clips: Iterable[Clip], weights: dict[str, float] | None = None) -> None:
        self._strata: dict[str, dict[str, list[Clip]]] = {}
        for clip in clips:
            for kind in _names(clip):
                strata = self._strata.setdefault(kind, {})
                strata.setdefault(clip.stratum, []).append(clip)
        self._weights = weights or {}
        self._tables = {kind: self._table(strata) for kind, strata in self._strata.items()}

    @property
    def kinds(self) -> frozenset[str]:
        """What can be drawn."""
        return frozenset(self._strata)

    def clips(self, kind: str) -> list[Clip]:
        """All clips of a kind."""
        return [clip for stratum in self._strata.get(kind, {}).values() for clip in stratum]

    def _table(self, strata: dict[str, list[Clip]]) -> tuple[list[str], np.ndarray]:
        names = sorted(strata)
        sizes = [
            self._weight(strata[name][0]) * np.sqrt(sum(c.seconds for c in strata[name])) for name in names
        ]
        return names, np.cumsum(sizes) / np.sum(sizes)

    def _weight(self, clip: Clip) -> float:
        for name in (clip.stratum, clip.source):
            if name in self._weights:
                return self._weights[name]
        return 1.0

    def draw(self, kind: str, rng: np.random.Generator) -> Clip:
        """One clip of a kind."""
        names, cumulated = self._tables[kind]
        stratum = self._strata[kind][names[int(np.searchsorted(cumulated, rng.random()))]]
        return stratum[int(rng.integers(len(stratum)))]

    def sibling(self, clip: Clip, rng: np.random.Generator) -> Clip:
        """Another clip of the same stratum, of the same speaker or recording if there is one."""
        stratum = self._strata[clip.kind][clip.stratum]
        own = [c for c in stratum if c.group == clip.group]
        return own[int(rng.integers(len(own)))]
