"""The settings of the published training, by option, environment variable, preset or published default.

An option beats a variable, a variable a preset, a preset the default. Names and defaults are those published
with laion/vocalburst-locator; the preset ``published`` is its best run (model card): a frozen encoder with
LoRA of rank 8. All that is known of a setting stands in its line of `SETTINGS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from vbannotate.errors import UsageError

MODES = ("frozen", "lora", "full")
RESUMES = ("none", "latest", "best")
MODE_RANK = 8  # the rank that --mode lora means where nobody gives one

_WORDS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment variable, its option, its published default and how text is read."""

    variable: str
    option: str
    default: Any
    read: Callable[[Any], Any]

    @property
    def name(self) -> str:
        """The field of `Settings`."""
        return self.variable.lower()


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() not in _WORDS:
        raise ValueError("give 0 or 1")
    return _WORDS[str(value).strip().lower()]


def _number(low: float, high: float, *, whole: bool = False, above: bool = False) -> Callable[[Any], Any]:
    """A reader of numbers from `low` (`above`: and not itself) to `high`."""

    def read(value: Any) -> Any:
        kind = "a whole number" if whole else "a number"
        wanted = f"give {kind} {'above' if above else 'from'} {low:g}" + (
            f" to {high:g}" if high < math.inf else ""
        )
        try:
            number = int(value) if whole else float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(wanted) from error
        if not math.isfinite(number) or not low <= number <= high or (above and number == low):
            raise ValueError(wanted)
        return number

    return read


def _one_of(names: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if str(value).strip().lower() not in names:
            raise ValueError(f"give {', '.join(names[:-1])} or {names[-1]}")
        return str(value).strip().lower()

    return read


SETTINGS = (
    Setting("FREEZE_ENCODER", "--freeze-encoder", False, _switch),
    Setting("LORA_RANK", "--rank", 0, _number(0, 1024, whole=True)),
    Setting("LORA_ALPHA", "--alpha", 0.0, _number(0, 4096)),  # 0: 2 x rank
    Setting("POS_WEIGHT", "--pos-weight", 4.0, _number(0, 1000, above=True)),
    Setting("DET_THRESHOLD", "--threshold", 0.5, _number(0, 1)),
    Setting("POST_MERGE_GAP", "--merge-gap", 0.5, _number(0, 60)),
    Setting("POST_MIN_DUR", "--min-dur", 0.3, _number(0, 60)),
    Setting("LR", "--lr", 2e-4, _number(0, 1, above=True)),
    Setting("ENCODER_LR", "--encoder-lr", 0.0, _number(0, 1)),  # 0: as LR
    Setting("EPOCHS", "--epochs", 6, _number(1, 100_000, whole=True)),
    Setting("MAX_BSZ", "--max-batch", 0, _number(0, 4096, whole=True)),  # 0: probed
    Setting("INIT_WEIGHTS", "--init-weights", "", str),
    Setting("RESUME_MODE", "--resume", "none", _one_of(RESUMES)),
    Setting("DATA_DIR", "--data", "vb_dataset", str),
    Setting("OUT_DIR", "--output", "vb_output", str),
)

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "published": MappingProxyType(
            {
                "freeze_encoder": True,
                "lora_rank": 8,
                "lora_alpha": 0.0,  # 2 x rank, so 16
                "pos_weight": 2.0,
                "det_threshold": 0.65,
                "post_merge_gap": 0.3,
                "post_min_dur": 0.5,
                "lr": 5e-4,
                "encoder_lr": 2e-4,
                "epochs": 15,
            }
        )
    }
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The published settings in force; `lora_alpha` and `encoder_lr` are never 0 where they matter."""

    freeze_encoder: bool
    lora_rank: int
    lora_alpha: float
    pos_weight: float
    det_threshold: float
    post_merge_gap: float
    post_min_dur: float
    lr: float
    encoder_lr: float
    epochs: int
    max_bsz: int
    init_weights: str
    resume_mode: str
    data_dir: str
    out_dir: str

    @property
    def mode(self) -> str:
        """``lora`` wherever there is a rank: the encoder's own weights then stay as they are."""
        if self.lora_rank:
            return "lora"
        return "frozen" if self.freeze_encoder else "full"

    def decoding(self) -> dict[str, float]:
        """How curves become events, by the names of `vbannotate.decode.Settings`."""
        return {
            "threshold": self.det_threshold,
            "merge_gap": self.post_merge_gap,
            "min_dur": self.post_min_dur,
        }

    def to_dict(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


def resolve(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    preset: str | None = None,
    mode: str | None = None,
) -> Settings:
    """The settings in force. `options` has the fields that were given on the command line, None: not given.

    `mode` is an option, too: ``frozen`` and ``full`` mean no adapters, ``lora`` those that variable or preset
    name, else rank 8. An empty variable counts as not set. Raises UsageError that names what is wrong.
    """
    if preset is not None and preset not in PRESETS:
        raise UsageError(f"no preset {preset!r}", f"known are {', '.join(PRESETS)}")
    values: dict[str, Any] = {setting.name: setting.default for setting in SETTINGS}
    values |= PRESETS[preset] if preset else {}
    for setting in SETTINGS:
        if environment.get(setting.variable, "") != "":
            values[setting.name] = _read(setting, setting.variable, environment[setting.variable])
    if mode is not None:
        values |= _of_mode(mode, options, values)
    for setting in SETTINGS:
        if options.get(setting.name) is not None:
            values[setting.name] = _read(setting, setting.option, options[setting.name])
    values["lora_alpha"] = float(values["lora_alpha"] or 2 * values["lora_rank"])
    values["encoder_lr"] = values["encoder_lr"] or values["lr"]
    return Settings(**values)


def _of_mode(mode: str, options: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    if mode not in MODES:
        raise UsageError(f"no mode {mode!r}", f"known are {', '.join(MODES)}")
    if mode == "lora":
        if options.get("lora_rank") == 0:
            raise UsageError("--mode lora has adapters, --rank 0 has none", "leave one of them out")
        return {"freeze_encoder": True, "lora_rank": values["lora_rank"] or MODE_RANK}
    if options.get("lora_rank"):
        raise UsageError(f"--mode {mode} has no adapters", "leave out --rank, or give --mode lora")
    if options.get("freeze_encoder") is (mode == "full"):
        raise UsageError(f"--mode {mode} contradicts --[no-]freeze-encoder", "leave one of them out")
    return {"freeze_encoder": mode == "frozen", "lora_rank": 0, "lora_alpha": 0.0}


def _read(setting: Setting, where: str, value: Any) -> Any:
    try:
        return setting.read(value)
    except ValueError as error:
        raise UsageError(f"{where} {value} cannot be meant", str(error)) from error
