"""Counts and what follows from them. A figure that is not defined is None, never 0, 1 or NaN.

precision = hits among estimates / estimates; recall = hits among references / references; F1 their harmonic
mean, which for one-to-one matching is 2 TP / (references + estimates); F1 is undefined only if both sides
are empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from vbannotate.times import from_us

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """References and estimates and how many of each were right: int64 arrays of one shape.

    One-to-one criteria have `found` == `kept`. For `intersection` several estimates may keep one reference.
    For `time` all four are microseconds, for `segment` segments.
    """

    references: np.ndarray
    estimates: np.ndarray
    found: np.ndarray
    kept: np.ndarray

    def sum(self, axis: int | None = None) -> Counts:
        """The counts added up over an axis, or over all."""
        return Counts(*(np.asarray(getattr(self, name).sum(axis=axis)) for name in self.__slots__))

    def rows(self) -> Iterable[tuple[int, int, int, int]]:
        """(references, estimates, found, kept) of each entry of a 1-D array."""
        return zip(*(getattr(self, name).tolist() for name in self.__slots__), strict=True)


@dataclass(frozen=True, slots=True)
class Rates:
    """How counts become figures. `unit_us`: the counts are microseconds; `undefined` stands for None."""

    unit_us: bool = False
    undefined: float | None = None

    def figures(self, references: int, estimates: int, found: int, kept: int) -> Figures:
        """tp, fp, fn, precision, recall, f1 of one set of counts."""
        tp, fp, fn = found, estimates - kept, references - found
        precision, recall, f1 = fractions(references, estimates, found, kept)
        return {
            "tp": from_us(tp) if self.unit_us else tp,
            "fp": from_us(fp) if self.unit_us else fp,
            "fn": from_us(fn) if self.unit_us else fn,
            "precision": self.number(precision),
            "recall": self.number(recall),
            "f1": self.number(f1),
        }

    def number(self, value: tuple[int, int] | None) -> float | None:
        """A fraction as a number, or what stands for an undefined one."""
        return self.undefined if value is None else value[0] / value[1]

    def mean(self, counts: Counts) -> Figures:
        """The unweighted means of precision, recall and F1 over entries, each over those where it is
        defined.
        """
        columns = zip(*(fractions(*row) for row in counts.rows()), strict=True)
        names = ("precision", "recall", "f1")
        values = dict(zip(names, columns, strict=False)) or dict.fromkeys(names, ())
        result: Figures = {name: self._mean(values[name]) for name in names}
        undefined = sum(value is None for value in values["f1"])
        result["n"] = len(values["f1"]) - (undefined if self.undefined is None else 0)
        result["n_undefined"] = undefined
        return result

    def _mean(self, values: Sequence[tuple[int, int] | None]) -> float | None:
        if self.undefined is not None:
            values = [(int(self.undefined), 1) if value is None else value for value in values]
        return exact_mean([value for value in values if value is not None])


def fractions(references: int, estimates: int, found: int, kept: int) -> tuple[tuple[int, int] | None, ...]:
    """Precision, recall and F1 as (numerator, denominator), None where undefined."""
    precision = (kept, estimates) if estimates else None
    recall = (found, references) if references else None
    if not references and not estimates:
        f1 = None
    elif not found or not kept:
        f1 = (0, 1)
    else:
        f1 = (2 * kept * found, kept * references + found * estimates)
    return precision, recall, f1


def exact_mean(values: Sequence[tuple[int, int]]) -> float | None:
    """The mean of fractions, rounded once; of very many different denominators, by compensated sum."""
    if not values:
        return None
    by_denominator: dict[int, int] = {}
    for numerator, denominator in values:
        by_denominator[denominator] = by_denominator.get(denominator, 0) + numerator
    if len(by_denominator) > 200:
        import math

        return math.fsum(n / d for d, n in by_denominator.items()) / len(values)
    return float(sum((Fraction(n, d) for d, n in by_denominator.items()), Fraction(0)) / len(values))
