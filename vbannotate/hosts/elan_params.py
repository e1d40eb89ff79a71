"""What ELAN asks of a recognizer: the PARAM document on standard input.

``<PARAM><param name="NAME">VALUE</param>...</PARAM>``; numbers arrive as floats of Java (``30.0``), an
unset value as an empty element. ELAN 6 writes UTF-8; ELAN 5 writes the system's own charset and calls it
UTF-8.
"""

from __future__ import annotations

import locale
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from vbannotate.errors import UsageError

OUTPUT = "bursts"  # the parameter that names the file for the tiers
_DRIVE = re.compile(r"/*([A-Za-z]:[/\\].*)")


@dataclass(frozen=True, slots=True)
class Job:
    """One run: the recording, the file for the tiers, and the settings that the user has made."""

    source: Path
    output: Path
    model: str | None = None
    preset: str | None = None
    threshold: float | None = None
    min_dur: float | None = None
    merge_gap: float | None = None
    per_label: bool = True
    confidence: bool = False

    def options(self) -> dict[str, float | None]:
        """The settings of the detector, in seconds; None where the preset decides."""
        return {"threshold": self.threshold, "min_dur": self.min_dur, "merge_gap": self.merge_gap}


def parse(data: bytes) -> dict[str, str]:
    """The values by name. Raises UsageError for what is no PARAM document."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode(locale.getpreferredencoding(False), "replace")
        if "\ufffd" in text:
            text = data.decode("cp1252", "replace")
        data = text.encode()
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        raise UsageError(f"ELAN's request cannot be read ({error})", "update ELAN, or report this") from error
    return {
        one.get("name", ""): (one.text or "").strip()
        for one in root.iter()
        if isinstance(one.tag, str) and one.tag.rpartition("}")[2] == "param"
    }


def job(values: Mapping[str, str]) -> Job:
    """The run that the values ask for. Raises UsageError that names what is missing or wrong."""
    if not values.get("source"):
        raise UsageError("no recording is chosen", "choose one in the panel of the recognizer")
    if not values.get(OUTPUT):
        raise UsageError("no file for the tiers is given", "leave its field empty, then ELAN makes one")
    tiers = _choice(values, "tiers", ("per-label", "one"))
    return Job(
        source=media_path(values["source"]),
        output=media_path(values[OUTPUT]),
        model=_unless_default(values.get("model")),
        preset=_unless_default(values.get("preset")),
        threshold=_number(values, "threshold"),
        min_dur=_milliseconds(values, "min_dur_ms"),
        merge_gap=_milliseconds(values, "merge_gap_ms"),
        per_label=tiers == "per-label",
        confidence=_choice(values, "confidence", ("no", "yes")) == "yes",
    )


def media_path(text: str) -> Path:
    """The path of a file as ELAN names it: ``///home/u/a b.wav``, ``C:\\x.wav``, a path, or a URL of a file.

    ELAN leaves percent signs as they stand in the link: they are decoded only where no such file exists.
    """
    if re.match(r"(https?|rtsp)://", text, re.IGNORECASE):
        raise UsageError(f"{text} is not on this computer", "download it and link the file in ELAN")
    path = re.sub(r"\Afile:", "", text, flags=re.IGNORECASE)
    if match := _DRIVE.fullmatch(path):
        path = match.group(1)
    elif path.startswith("///"):
        path = "/" + path.lstrip("/")
    if "%" in path and not Path(path).exists() and Path(unquote(path)).exists():
        path = unquote(path)
    return Path(path)


def _unless_default(text: str | None) -> str | None:
    return None if text in (None, "", "default") else text


def _choice(values: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = values.get(name) or known[0]
    if value not in known:
        raise UsageError(f"{name} is {value!r}", f"known are {', '.join(known)}")
    return value


def _number(values: Mapping[str, str], name: str) -> float | None:
    """A number, or None for 0 and for nothing: there the preset decides.

    A slider that was never shown can give 1.4E-45, Java's smallest float, for 0.
    """
    text = values.get(name, "")
    try:
        value = float(text.replace(",", ".") or 0)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"{name} is {text!r}, not a number from 0 on", "set it again in the panel")
    return round(value, 6) or None


def _milliseconds(values: Mapping[str, str], name: str) -> float | None:
    value = _number(values, name)
    return None if value is None else (round(value) / 1000 or None)
