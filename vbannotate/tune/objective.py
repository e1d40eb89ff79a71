"""What is to be made good, as one number of counts, so that settings and resamples can be compared.

f1, fbeta=B      the F measure of the pooled counts
precision=P      the highest recall at a precision of at least P
recall=R         the highest precision at a recall of at least R
fa-per-hour=N    the highest recall at no more than N false alarms an hour

A bound that is missed costs ten times the shortfall, which makes the last three comparable numbers, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vbannotate.errors import UsageError

_COST = 10.0
_HOUR_US = 3.6e9


@dataclass(frozen=True, slots=True)
class Objective:
    """`kind` is f1, fbeta, precision, recall or fa-per-hour; `value` its number."""

    kind: str = "f1"
    value: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Objective:
        """From ``f1``, ``fbeta=0.5``, ``precision=0.9``, ``recall=0.9``, ``fa-per-hour=5``, or UsageError."""
        kind, _, number = text.partition("=")
        mend = "give f1, fbeta=B, precision=P, recall=R or fa-per-hour=N"
        if kind == "f1" and not number:
            return cls()
        try:
            value = float(number)
        except ValueError:
            raise UsageError(f"objective {text!r} is not known", mend) from None
        share = kind in ("precision", "recall")
        if kind not in ("fbeta", "precision", "recall", "fa-per-hour") or not 0 < value < (
            1.0001 if share else 1e6
        ):
            raise UsageError(f"objective {text!r} is not known", mend)
        return cls(kind, value)

    def __str__(self) -> str:
        return "F1" if self.kind == "f1" else f"{self.kind}={self.value:g}"

    def merit(
        self, tp: ArrayLike, estimates: ArrayLike, references: ArrayLike, judged_us: ArrayLike
    ) -> np.ndarray:
        """The number to make large, float64, for counts of shapes that fit; 0 where it is not defined."""
        tp, estimates, references, judged_us = (
            np.asarray(value, np.float64) for value in (tp, estimates, references, judged_us)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            if self.kind in ("f1", "fbeta"):
                square = self.value**2
                return np.nan_to_num((1 + square) * tp / (square * references + estimates))
            precision, recall = np.nan_to_num(tp / estimates, nan=1.0), np.nan_to_num(tp / references)
            if self.kind == "precision":
                return recall - _COST * np.maximum(0, self.value - precision)
            if self.kind == "recall":
                return precision - _COST * np.maximum(0, self.value - recall)
            alarms = (estimates - tp) * _HOUR_US / judged_us
            return recall - _COST * np.maximum(0, alarms / self.value - 1)
