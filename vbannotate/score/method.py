"""How a judgement is made: the criterion with its thresholds, as numbers and as the words printed with every
figure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from vbannotate.errors import UsageError
from vbannotate.match import Criterion, Number, share, tolerance
from vbannotate.match.criteria import KINDS
from vbannotate.times import SECOND_US, from_us

CRITERIA = (*KINDS, "intersection", "time", "segment")

# What the evaluations known by these names use (DCASE 2018-2021 task 4; sed_eval's and mir_eval's defaults).
PRESETS: dict[str, dict[str, Any]] = {
    "dcase": {"criterion": "collar", "onset": 0.2, "offset": 0.2, "offset_ratio": 0.2},
    "sed_eval": {"criterion": "collar", "onset": 0.2, "offset": 0.2, "offset_ratio": 0.5},
    "mir_eval": {"criterion": "collar", "onset": 0.05, "offset": 0.05, "offset_ratio": 0.2},
}


@dataclass(frozen=True, slots=True)
class Method:
    """`one_to_one` is the criterion of matching; None for intersection, time and segment."""

    kind: str
    one_to_one: Criterion | None
    dtc: Fraction
    gtc: Fraction
    step_us: int
    by_label: bool

    def with_iou(self, iou: Number) -> Method:
        """The same method with the criterion IoU at another threshold."""
        return replace(self, kind="iou", one_to_one=Criterion.of("iou", iou=iou))

    def __str__(self) -> str:
        return f"{self._words()}, {'by label' if self.by_label else 'labels ignored'}"

    def _words(self) -> str:
        if self.kind == "intersection":
            return f"intersection (dtc {_text(self.dtc)}, gtc {_text(self.gtc)})"
        if self.kind == "time":
            return "time (exact durations)"
        if self.kind == "segment":
            return f"segments of {from_us(self.step_us):g} s"
        criterion = self.one_to_one or Criterion()
        if self.kind == "iou":
            return f"IoU >= {_text(criterion.iou)}"
        if self.kind == "overlap":
            return "any overlap"
        if self.kind == "onset" or criterion.offset_us is None:
            return f"onset within {from_us(criterion.onset_us):g} s"
        ratio = f" or {float(criterion.offset_ratio):.0%} of the length" if criterion.offset_ratio else ""
        offset = f"offset within {from_us(criterion.offset_us):g} s{ratio}"
        return f"collar (onset within {from_us(criterion.onset_us):g} s, {offset})"


DEFAULTS: dict[str, Any] = {
    "criterion": "iou",
    "iou": 0.5,
    "onset": 0.2,
    "offset": 0.2,
    "offset_ratio": 0.2,
    "dtc": 0.5,
    "gtc": 0.5,
    "step": 1.0,
}


def method_of(preset: str | None, by_label: bool, **values: Any) -> Method:
    """The method that the arguments of `score` mean; a preset replaces those that have their default value.

    Raises UsageError.
    """
    if preset is not None:
        if preset not in PRESETS:
            raise UsageError(f"unknown preset {preset!r}", f"choose from {', '.join(PRESETS)}")
        changes = PRESETS[preset].items()
        values |= {name: value for name, value in changes if values[name] == DEFAULTS[name]}
    kind = values["criterion"]
    if kind not in CRITERIA:
        raise UsageError(f"unknown criterion {kind!r}", f"choose from {', '.join(CRITERIA)}")
    step_us = round(tolerance(values["step"], "step") * SECOND_US)
    if step_us < 1:
        raise UsageError(f"step {values['step']} s is no length", "give seconds, such as 1")
    thresholds = {name: values[name] for name in ("iou", "onset", "offset", "offset_ratio")}
    matcher = Criterion.of(kind if kind in KINDS else "iou", **thresholds)
    shares = share(values["dtc"], "dtc"), share(values["gtc"], "gtc")
    return Method(kind, matcher if kind in KINDS else None, *shares, step_us, by_label)


def _text(value: Fraction) -> str:
    """A fraction as people write it: 0.5, or 1/3 where decimals do not end."""
    return f"{float(value):g}" if value == Fraction(f"{float(value):g}") else str(value)
