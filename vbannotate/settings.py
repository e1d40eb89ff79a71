"""Which settings apply: built-in defaults < model card < preset < settings file < options.

A settings file is TOML: ``model``, ``preset``, ``granularity`` and settings at the top, ``[labels.NAME]`` for
one label::

    preset = "recall"
    threshold = 0.4
    [labels.cough]
    min_dur = 0.06
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate import files
from vbannotate.decode import Settings
from vbannotate.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from vbannotate.models.base import Card

NAMES = tuple(f.name for f in fields(Settings))
_TOP = {"model", "preset", "granularity", "labels", "calibration", *NAMES}


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """What a settings file says. `values` holds the settings at the top, `labels` those of one label."""

    model: str | None = None
    preset: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    granularity: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings in force: `default` for labels that `labels` does not name, and where each came from.

    `calibration` maps confidences, as `vbannotate.calibrate` fitted it; empty for the model's own.
    """

    default: Settings
    labels: Mapping[str, Settings]
    origin: Mapping[str, str]
    preset: str | None = None
    calibration: Mapping[str, Any] = field(default_factory=dict)

    def of(self, label: str) -> Settings:
        """The settings of one label."""
        return self.labels.get(label, self.default)

    def to_dict(self) -> dict[str, Any]:
        """As it stands in provenance."""
        result: dict[str, Any] = {
            name: value for name, value in self.default.to_dict().items() if value is not None
        }
        if self.preset:
            result["preset"] = self.preset
        if self.labels:
            result["labels"] = {label: value.to_dict() for label, value in self.labels.items()}
        if self.calibration:
            result["calibration"] = dict(self.calibration)
        return result


def read_file(path: Path) -> SettingsFile:
    """Read a settings file. Raises UsageError with the file's name for anything it cannot mean."""
    try:
        table = tomllib.loads(files.decode(files.read(path), str(path)).text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}", "settings are TOML, such as: threshold = 0.5") from error
    for name in table:
        if name not in _TOP:
            raise UsageError(f"{path}: unknown setting {name!r}", f"known are {', '.join(sorted(_TOP))}")
    labels = table.get("labels", {})
    if not isinstance(labels, dict) or not all(isinstance(value, dict) for value in labels.values()):
        raise UsageError(f"{path}: labels must be tables", "write [labels.cough] and the settings below it")
    values = {name: table[name] for name in NAMES if name in table}
    for where, group in {"": values, **labels}.items():
        for name, value in group.items():
            if name in NAMES and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise UsageError(
                    f"{path}: {where}{'.' if where else ''}{name} = {value!r} is no number", "give a number"
                )
    return SettingsFile(
        table.get("model"),
        table.get("preset"),
        values,
        labels,
        table.get("calibration", {}),
        table.get("granularity"),
    )


def resolve(
    card: Card,
    preset: str | None = None,
    file: SettingsFile | None = None,
    options: Mapping[str, Any] | None = None,
    program: Mapping[str, Any] | None = None,
) -> Resolved:
    """Join the layers; `options` may hold None for "not given". Raises UsageError for unknown presets.

    `program` holds the settings of a published program that is imitated; they stand in place of the card's.
    """
    file = file or SettingsFile()
    given = {name: value for name, value in (options or {}).items() if value is not None}
    preset = preset or file.preset
    if preset is not None and preset not in card.presets:
        known = ", ".join(card.presets) or "none"
        raise UsageError(f"model {card.name} has no preset {preset!r}", f"its presets: {known}")
    layers = [
        ("default", Settings().to_dict()),
        (f"model {card.name}", card.settings) if program is None else ("published program", program),
        (f"preset {preset}", card.presets[preset] if preset else {}),
        ("settings file", file.values),
    ]
    base = Settings()
    merged: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, values in [*layers, ("option", given)]:
        merged |= values
        origin |= dict.fromkeys(values, name)
    default = base.updated(_consistent(merged, given))
    below_options = {name: value for _, values in layers for name, value in values.items()}
    labels = {
        label: base.updated(_consistent({**below_options, **values, **given}, given))
        for label, values in file.labels.items()
    }
    return Resolved(default, labels, origin, preset, file.calibration)


def _consistent(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A threshold given by the user may fall below a card's release; then the release goes with it."""
    result = dict(values)
    release, threshold = result.get("release"), result.get("threshold")
    if release is not None and threshold is not None and "release" not in given:
        result["release"] = min(release, threshold)
    return result
