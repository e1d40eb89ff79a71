"""Choose settings on validation curves: one descent over a small grid per preset, for what its name
promises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from vbannotate.decode import Settings
from vbannotate.train.judge import Counts, count, events, pulses
from vbannotate.train.sets import Item

Curves = list[np.ndarray]
Measured = dict[str, tuple[Sequence[Item], Curves]]  # set name -> recordings and their curves

GRID: dict[str, tuple] = {
    "threshold": (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8),
    "peak": (None, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.985, 0.99, 0.995),
    "merge_gap": (0.1, 0.16, 0.2, 0.26, 0.3, 0.36, 0.4, 0.44, 0.48),
    "min_dur": (0.06, 0.08, 0.1, 0.12, 0.16),
    "smooth": (1, 3, 5),
}
PULSE_GRID: dict[str, tuple] = {
    "merge_gap": (
        0.0,
        0.04,
        0.06,
        0.1,
        0.14,
        0.18,
    ),  # pulses less than 0.2 s apart are one in every reference
    "min_dur": (0.04, 0.06, 0.08),
}
START = Settings(threshold=0.4, merge_gap=0.4, min_dur=0.08, peak=0.85)

Measure = Callable[[Settings], float]


def presets(measured: Measured) -> dict[str, Settings]:
    """Settings by preset; ``balanced`` is the default of the model."""
    plain = _plain(measured)

    def total(settings: Settings, *names: str, keep: Callable[[Item], bool] = lambda item: True) -> Counts:
        return sum((pooled(measured[name], settings, keep, once=True) for name in names), Counts())

    def quiet(item: Item) -> bool:
        levels = [e["snr"] for e in item.details]
        return item.background in ("music", "env", "speech") and (not levels or float(np.mean(levels)) < 5)

    def longer(settings: Settings) -> float:
        """F1 of the events of a second and more: shorter references neither count nor excuse."""
        result = Counts()
        for name in ("scenes", *plain):
            items, curves = measured[name]
            for item, found in zip(items, events(curves, items, settings), strict=True):
                result += count([e for e in item.events if e.duration >= 1], found, item.seconds)
        return result.f1

    balanced = descend(lambda s: total(s, "scenes", *plain).f1, START)
    return {
        "balanced": balanced,
        "precision": descend(lambda s: total(s, "scenes", *plain).f(0.4), balanced),
        "recall": descend(lambda s: total(s, "scenes", *plain).f(2.5), balanced),
        "noisy": descend(lambda s: total(s, "scenes", "music", "env", keep=quiet).f1, balanced),
        "short": descend(
            lambda s: total(s, "short", *plain).f1,
            replace(balanced, merge_gap=0.1, min_dur=0.06),
            fixed=("merge_gap",),
            grid={**GRID, "min_dur": (0.04, 0.06, 0.08)},
        ),
        "long": descend(
            longer, replace(balanced, min_dur=0.8), grid={**GRID, "min_dur": (0.7, 0.8, 0.9, 1.0)}
        ),
    }


def _plain(measured: Measured) -> tuple[str, ...]:
    """The sets without bursts, whose false events every setting pays for."""
    return "speech", "music", "env", *({"cried"} & measured.keys())


def pulse(measured: Measured) -> Settings:
    """Settings for single pulses, from their curves; references are the pulses of each event."""
    inner = {name: ([pulses(item) for item in items], curves) for name, (items, curves) in measured.items()}

    def total(settings: Settings) -> float:
        names = ("scenes", "short", *_plain(measured), *(n for n in ("coughs",) if n in inner))
        return sum((pooled(inner[name], settings) for name in names), Counts()).f1

    start = Settings(threshold=0.4, merge_gap=0.06, min_dur=0.06, peak=0.85)
    return descend(total, start, grid=GRID | PULSE_GRID)


def pooled(
    measured: tuple[Sequence[Item], Curves],
    settings: Settings,
    keep: Callable[[Item], bool] = lambda item: True,
    once: bool = False,
) -> Counts:
    """Counts over a set. With `once` a recording without bursts counts one false event at most: a short
    sound that is repeated there would decide settings alone.
    """
    chosen = [(i, c) for i, c in zip(*measured, strict=True) if keep(i)]
    items, curves = [i for i, _ in chosen], [c for _, c in chosen]
    found = events(curves, items, settings)
    if once:
        found = [f if item.events else f[:1] for item, f in zip(items, found, strict=True)]
    return sum((count(i.events, f, i.seconds) for i, f in zip(items, found, strict=True)), Counts())


def descend(
    measure: Measure, start: Settings, fixed: Sequence[str] = (), grid: dict[str, tuple] | None = None
) -> Settings:
    """Improve one setting after the other until none does; of equals the middle of the best stretch is
    taken.
    """
    best, grid = start, grid or GRID
    value = measure(best)
    for _ in range(4):
        before = best
        for name, options in grid.items():
            if name in fixed:
                continue
            scores = [measure(replace(best, **{name: option})) for option in options]
            top = max(scores)
            if top < value:
                continue
            level = [k for k, score in enumerate(scores) if score >= top - 5e-4]
            chosen = level[len(level) // 2]
            best, value = replace(best, **{name: options[chosen]}), scores[chosen]
        if best == before:
            break
    return best
