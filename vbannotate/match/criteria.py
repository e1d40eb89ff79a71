"""When an estimate counts as a reference found: the one-to-one criteria, in exact arithmetic.

``iou``      intersection / union >= iou; two equal points have IoU 1, a point and an interval 0
``overlap``  intersection > 0 (half-open: touching intervals do not overlap)
``onset``    |onset difference| <= onset
``collar``   the same, and |offset difference| <= max(offset, offset_ratio x reference length)
``longer``   intersection / the longer of the two >= iou (the linking rule of EasyDIAg; agreement only)
``link``     intersection >= half of the shorter; a point anywhere in the closed interval. Not for scoring: it
             tells which events have to do with each other (splits, merges, edits)

Every bound is inclusive. Thresholds are fractions and times whole microseconds: floats misjudge a quarter to
a half of the pairs that lie exactly on a bound, and such pairs are common (20 ms frames, labels on a 10 ms
grid).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from vbannotate.errors import UsageError
from vbannotate.times import SECOND_US

Number = int | float | Decimal | Fraction | str

KINDS = ("iou", "overlap", "collar", "onset")  # what scoring offers


def exact(value: Number, name: str = "number") -> Fraction:
    """`value` as a fraction; a float is taken as its shortest decimal text, so 0.3 is 3/10.

    Raises UsageError for what is no finite number.
    """
    try:
        if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(value)
        return Fraction(repr(float(value)) if isinstance(value, float) else value)
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        raise UsageError(f"{name} is not a number: {value!r}", "give a number such as 0.5 or 1/2") from None


def share(value: Number, name: str) -> Fraction:
    """`value` as a fraction in (0, 1]. Raises UsageError."""
    fraction = exact(value, name)
    if not 0 < fraction <= 1:
        raise UsageError(f"{name} {value} is outside 0 to 1", "give a share such as 0.5 or 1/2")
    return fraction


def tolerance(value: Number, name: str) -> Fraction:
    """`value` as a fraction that is not negative. Raises UsageError."""
    fraction = exact(value, name)
    if fraction < 0:
        raise UsageError(f"{name} {value} is negative", "give 0 or more")
    return fraction


@dataclass(frozen=True, slots=True)
class Criterion:
    """A one-to-one criterion. `onset_us` and `offset_us` are microseconds, `offset_us` None: onset only.

    `ties` says what decides between matchings of equal size: the greatest total IoU ("iou"), then the least
    total boundary error, or the same two the other way round ("error").
    """

    kind: str = "iou"
    iou: Fraction = Fraction(1, 2)
    onset_us: int = 200_000
    offset_us: int | None = 200_000
    offset_ratio: Fraction = Fraction(1, 5)
    ties: str = "iou"

    @classmethod
    def of(
        cls,
        kind: str = "iou",
        *,
        iou: Number = Fraction(1, 2),
        onset: Number = Fraction(1, 5),
        offset: Number | None = Fraction(1, 5),
        offset_ratio: Number = Fraction(1, 5),
        ties: str = "iou",
    ) -> Criterion:
        """A criterion from seconds and shares of any number type. Raises UsageError."""
        if kind not in KINDS:
            raise UsageError(f"unknown criterion {kind!r}", f"choose from {', '.join(KINDS)}")
        return cls(
            kind,
            share(iou, "iou"),
            math.floor(tolerance(onset, "onset") * SECOND_US),
            None if offset is None else math.floor(tolerance(offset, "offset") * SECOND_US),
            tolerance(offset_ratio, "offset_ratio"),
            ties,
        )

    @classmethod
    def within(cls, tolerance_us: int) -> Criterion:
        """Both boundaries within a tolerance; ties by boundary error."""
        return cls("collar", Fraction(1, 2), tolerance_us, tolerance_us, Fraction(0), "error")

    @classmethod
    def of_longer(cls, least: Number) -> Criterion:
        """The criterion ``longer``."""
        return cls("longer", share(least, "share"))

    def accepts(self, pairs: Pairs) -> np.ndarray:
        """Which candidate pairs satisfy the criterion: bool [pairs]."""
        if self.kind == "iou":
            points = (pairs.union == 0) & (pairs.ref_on == pairs.est_on)
            enough = at_least(pairs.inter, self.iou.denominator, pairs.union, self.iou.numerator)
            return np.where(pairs.union == 0, points, enough)
        if self.kind == "overlap":
            return pairs.inter > 0
        lengths = pairs.ref_off - pairs.ref_on, pairs.est_off - pairs.est_on
        if self.kind == "longer":
            longer = np.maximum(*lengths)
            enough = at_least(pairs.inter, self.iou.denominator, longer, self.iou.numerator)
            return enough & ((longer > 0) | (pairs.ref_on == pairs.est_on))
        if self.kind == "link":  # of a point with an interval the candidates are those in the closed interval
            return 2 * pairs.inter >= np.minimum(*lengths)
        good = np.abs(pairs.ref_on - pairs.est_on) <= self.onset_us
        if self.kind == "onset" or self.offset_us is None:
            return good
        error, ratio = np.abs(pairs.ref_off - pairs.est_off), self.offset_ratio
        near = at_least(lengths[0], ratio.numerator, error, ratio.denominator)
        return good & ((error <= self.offset_us) | near)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidate pairs: boundaries, int64 [pairs], microseconds."""

    ref_on: np.ndarray
    ref_off: np.ndarray
    est_on: np.ndarray
    est_off: np.ndarray

    @property
    def inter(self) -> np.ndarray:
        """Length of the intersection."""
        inner = np.minimum(self.ref_off, self.est_off) - np.maximum(self.ref_on, self.est_on)
        return np.maximum(inner, 0)

    @property
    def union(self) -> np.ndarray:
        """Sum of the lengths less the intersection."""
        return (self.ref_off - self.ref_on) + (self.est_off - self.est_on) - self.inter

    @property
    def error(self) -> np.ndarray:
        """Boundary error: |onset difference| + |offset difference|."""
        return np.abs(self.ref_on - self.est_on) + np.abs(self.ref_off - self.est_off)


def at_least(left: np.ndarray, a: int, right: np.ndarray, b: int) -> np.ndarray:
    """``left * a >= right * b`` for arrays that are not negative, exact whatever the size of the numbers."""
    top = max(int(left.max(initial=0)) * a, int(right.max(initial=0)) * b)
    if top < 2**63:
        return left * np.int64(a) >= right * np.int64(b)
    return np.array([x * a >= y * b for x, y in zip(left.tolist(), right.tolist(), strict=True)], dtype=bool)
