"""What the commands in Praat's menus call: detect for a Sound, add to a TextGrid, compare with a prediction.

Praat hands over files and the texts of its form. The answer is a file too, "ok" or the error in a line:
Praat 6.3 neither gives our output back nor tells how a program ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vbannotate import files, formats
from vbannotate.errors import UsageError, VbannotateError
from vbannotate.events import Annotation, Span, Tier
from vbannotate.formats.base import WriteOptions
from vbannotate.times import parse_seconds

TASKS = ("annotate", "add", "compare")
AS_PRESET = "preset"  # what a field of the form says where the preset decides


@dataclass(frozen=True, slots=True)
class Request:
    """One call from Praat. `start` and `end` are the domain of the sound, digit for digit as Praat has it."""

    task: str
    input: Path  # the recording; for "compare" the prediction
    result: Path
    grid: Path | None = None
    start: str = "0"
    end: str = "0"
    preset: str | None = None
    threshold: float | None = None
    min_dur: float | None = None
    tiers: str = "one"
    confidence: bool = False
    keep: Path | None = None

    @property
    def options(self) -> WriteOptions:
        """How tiers are written."""
        return WriteOptions(tiers=self.tiers, confidence=self.confidence)


def serve(request: Callable[[], Request], answer: Path) -> int:
    """Do what Praat asks, and write "ok" or the error to `answer`; `request` may find the form wrong."""
    code, text = 0, "ok"
    try:
        work(request())
    except VbannotateError as error:
        code, text = error.exit_code, str(error)
    except Exception as error:  # a bug: Praat shows nothing but the answer
        code, text = 1, f"unexpected {type(error).__name__}: {error}; please report it"
    files.write(answer, " ".join(text.split()).encode(), overwrite=True)
    return code


def work(request: Request) -> None:
    """Write the result of one call. Raises VbannotateError."""
    if request.task == "compare":
        assert request.grid is not None
        files.write(request.result, compared(request.input, request.grid).encode(), overwrite=True)
        return
    annotation = on_clock_of(detect(request), request.start, request.end)
    if request.keep is not None:
        formats.write(annotation, request.keep, "native")
    if request.task == "annotate":
        data = formats.render(annotation, "textgrid", request.options)
    else:
        assert request.grid is not None
        merge = formats.module("textgrid").merge
        arranged = formats.arrange(annotation, request.tiers)
        data = merge(files.read(request.grid), arranged, request.options, "the TextGrid", None).data
    files.write(request.result, data, overwrite=True)


def compared(prediction: Path, grid: Path) -> str:
    """The report on what a person changed, as ``vbannotate corrections`` prints it."""
    from vbannotate.corrections import correct, summary

    name = "the TextGrid"  # its file is one of ours, with a name that means nothing to anybody
    predicted, data = formats.read(prediction), files.read(grid)
    corrected = formats.parse(data, name, "textgrid")
    found = {name: correct(predicted, corrected, format="textgrid", name=name, data=data)}
    return summary.table(found, summary.summary(found))


def detect(request: Request) -> Annotation:
    """The events of the sound that Praat has saved, from its own beginning."""
    from vbannotate.detection import Detector

    options = {"threshold": request.threshold, "min_dur": request.min_dur}
    return Detector.load(None, request.preset, None, options).run(request.input).annotation


def on_clock_of(annotation: Annotation, start: str, end: str) -> Annotation:
    """Events on the clock of a sound that begins at `start` and ends at `end`, none outside of it.

    The texts go into the TextGrid as they are: its domain must equal that of the sound to the last digit.
    """
    start_us, end_us = parse_seconds(start), parse_seconds(end)
    tiers = []
    for tier in annotation.tiers:
        moved = [
            e.with_(onset_us=e.onset_us + start_us, offset_us=min(e.offset_us + start_us, end_us))
            for e in tier.events
        ]
        tiers.append(Tier(tier.name, tuple(e for e in moved if e.onset_us < e.offset_us)))
    made = {key: value for key, value in annotation.provenance.items() if key not in ("media", "clock")}
    return Annotation(
        tuple(tiers),
        duration_us=end_us,
        examined=(Span(start_us, end_us),),
        provenance=made,
        extra={"textgrid": {"xmin": start, "xmax": end}},
        warnings=annotation.warnings,
    )


def field_number(text: str, name: str) -> float | None:
    """A number that a person typed, with point or comma; None for "preset" and for nothing."""
    if text.strip().lower() in ("", AS_PRESET):
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        raise UsageError(f"{name} is {text!r}", f"give a number such as 0.5, or: {AS_PRESET}") from None
