"""Detection, labels and corrections in a running Audacity, through its scripting pipe.

What the pipe can do decides how (Audacity 3.2): sound comes out by exporting the selection of one track;
labels go in, all at once, by our Nyquist plug-in, which also answers where the selection truly begins (the
pipe's own times have six digits); labels come back exactly from a saved copy of the project. The plug-in is
loaded through the Nyquist prompt, because a command of the pipe cannot have a colon in its name.
"""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbannotate import formats
from vbannotate.errors import VbannotateError
from vbannotate.events import Annotation, Event, Span, Tier
from vbannotate.hosts import install
from vbannotate.hosts.pipe import Pipe, PipeError
from vbannotate.hosts.places import Machine
from vbannotate.times import parse_seconds

Detect = Callable[[Path], Annotation]

_PROJECT, _SELECTION = 0, 1  # what times in a label file count from, as the plug-in numbers them
COMMAND = "VocalBursts:LoadLabels"  # what Audacity calls the plug-in in its list of commands


@dataclass(frozen=True, slots=True)
class Track:
    """A track that holds sound, and its place from the top, counted from 0."""

    number: int
    name: str
    length: float  # seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What the plug-in says it did: labels made, and the exact selection."""

    count: int
    start_us: int
    end_us: int


@dataclass(frozen=True, slots=True)
class Result:
    """A detection on the project's clock, and the label track it went to (None where nothing was found)."""

    annotation: Annotation
    track: str
    label_track: str | None


def detect(pipe: Pipe, find: Detect, name: str) -> Result:
    """Detect in the selection of the focused track, or in all of it; the labels go on a new track `name`."""
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as folder:
        track = focused(pipe)
        sound = export(pipe, track, Path(folder) / "selection.wav")
        annotation = find(sound)
        answer, new = _load(pipe, annotation.events, Path(folder), _SELECTION, name)
    return Result(_shifted(annotation, track.name, answer), track.name, new)


def load_labels(pipe: Pipe, annotation: Annotation, name: str) -> tuple[int, str | None]:
    """Put an annotation on a new label track; return how many labels, and the name of the track."""
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as folder:
        _select(pipe, focused(pipe))
        pipe.command("SelTrackStartToEnd")  # without a selection the plug-in would open a dialog
        answer, new = _load(pipe, annotation.events, Path(folder), _PROJECT, name)
    return answer.count, new


def read_labels(pipe: Pipe, wanted: str | None = None, guess: str | None = None) -> Tier:
    """The exact labels of one track: `wanted`, else the one called `guess`, else the only one.

    They are read from a copy that Audacity saves; the open project stays what it is.
    """
    length = max((float(track.get("end", 0)) for track in pipe.info("Tracks")), default=0.0)
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as folder:
        copy = Path(folder) / "copy.aup3"
        pipe.command("SaveCopy", _limit(length), Filename=copy)
        if not copy.exists():
            raise PipeError(
                "Audacity saved no copy of the project", "save it and read the .aup3 file instead"
            )
        tiers = formats.read(copy, "aup3").tiers
    return choose(tiers, wanted, guess)


def choose(tiers: tuple[Tier, ...], wanted: str | None, guess: str | None) -> Tier:
    """One of the label tracks. Raises VbannotateError that lists them where it is not clear which."""
    names = ", ".join(repr(tier.name) for tier in tiers) or "none"
    if wanted is not None:
        found = [tier for tier in tiers if tier.name == wanted]
    else:
        found = [tier for tier in tiers if tier.name == guess] or list(tiers)
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} label tracks" if found else "no label track"
    what += f" called {wanted!r}" if wanted is not None else ""
    raise VbannotateError(f"the project has {what} (it has: {names})", "name one with --track")


def focused(pipe: Pipe) -> Track:
    """The focused track if it holds sound, else the first selected one, else the only one."""
    sounds = [
        (number, track) for number, track in enumerate(pipe.info("Tracks")) if track.get("kind") == "wave"
    ]
    if not sounds:
        raise VbannotateError("the project in Audacity has no sound", "open a recording in Audacity first")
    by_focus = [one for one in sounds if one[1].get("focused")] or [
        one for one in sounds if one[1].get("selected")
    ]
    chosen = by_focus or (sounds if len(sounds) == 1 else [])
    if not chosen:
        raise VbannotateError("it is not clear which track is meant", "click on one track in Audacity")
    number, track = chosen[0]
    return Track(number, track["name"], float(track["end"]) - float(track["start"]))


def export(pipe: Pipe, track: Track, target: Path) -> Path:
    """Write the selection of a track, or all of it, as a mono WAV at the project's rate."""
    _select(pipe, track)
    for attempt in ("selection", "everything"):
        if attempt == "everything":
            pipe.command("SelTrackStartToEnd")
            target.unlink()
        pipe.command("Export2", _limit(track.length), Filename=target, NumChannels=1)
        if _frames(target):
            return target
    raise VbannotateError(f"track {track.name!r} is empty", "choose a track with sound")


def _select(pipe: Pipe, track: Track) -> None:
    """Select one track alone; the selected time stays."""
    pipe.command("SelectTracks", Track=track.number, TrackCount=1, Mode="Set")


def _load(
    pipe: Pipe, events: tuple[Event, ...], folder: Path, clock: int, name: str
) -> tuple[Answer, str | None]:
    """Hand labels to the plug-in and name the track that they make."""
    labels, reply = folder / "labels.txt", folder / "answer.txt"
    text = formats.render(Annotation.of(events), "audacity").decode()
    labels.write_text(f"# answer {reply.as_posix()}\n{text}", encoding="utf-8", newline="\n")
    sound = focused(pipe)
    values = f"(setf FILE {_lisp(labels)}) (setf CLOCK {clock})"
    code = f"(progn {values} (load {_lisp(plugin())}) vb-result)"
    before = _label_tracks(pipe)
    pipe.command("NyquistPrompt", _limit(len(events) / 10), Command=code, Version=4)
    answer = _read_answer(reply)
    if answer.count != len(events):
        raise PipeError(
            f"Audacity took {answer.count} of {len(events)} labels", "report this with the labels"
        )
    if not events:
        return answer, None
    after = _label_tracks(pipe)
    if len(after) <= len(before):
        raise PipeError("Audacity made no label track", "try again; see: vbannotate audacity check")
    pipe.command("SelectTracks", Track=after[-1], TrackCount=1, Mode="Set")  # a name goes to what is selected
    pipe.command("SetTrackStatus", Name=name)
    _select(pipe, sound)
    return answer, name


def _label_tracks(pipe: Pipe) -> list[int]:
    """The places of the label tracks, from the top."""
    return [number for number, track in enumerate(pipe.info("Tracks")) if track["kind"] == "label"]


def plugin() -> Path:
    """The Nyquist plug-in: the installed one if it is ours and current, else the one in the package."""
    for place in install.status("audacity", Machine.here()):
        if place.state == "ok":
            return place.folder / install.NYQUIST
    return install.sources() / "audacity" / install.NYQUIST


def _read_answer(path: Path) -> Answer:
    try:
        count, start, end = path.read_text("utf-8").split()
        return Answer(int(count), parse_seconds(start), parse_seconds(end))
    except (OSError, ValueError) as error:
        mend = "an Audacity from Flatpak or Snap cannot see our files: load the labels by its own menu"
        raise PipeError("the plug-in in Audacity did not answer", mend) from error


def _shifted(annotation: Annotation, track: str, answer: Answer) -> Annotation:
    """From the clock of the selection to that of the project."""
    by = answer.start_us
    tiers = tuple(
        Tier(tier.name, tuple(_later(event, by) for event in tier.events)) for tier in annotation.tiers
    )
    made: dict[str, Any] = {k: v for k, v in annotation.provenance.items() if k not in ("media", "clock")}
    return Annotation(tiers, media=track, examined=(Span(by, answer.end_us),), provenance=made)


def _later(event: Event, by_us: int) -> Event:
    return event.with_(onset_us=event.onset_us + by_us, offset_us=event.offset_us + by_us)


def _frames(path: Path) -> int:
    """Frames in the WAV that Audacity wrote; a selection of no length gives a file without any."""
    try:
        with wave.open(str(path), "rb") as sound:
            return sound.getnframes()
    except (OSError, EOFError, wave.Error) as error:
        raise PipeError(
            f"Audacity exported no sound ({error})", "export it by hand and use: vbannotate detect"
        ) from error


def _limit(seconds: float) -> float:
    """How long Audacity may take over so much sound; it works many times faster than real time."""
    return 30 + seconds / 5


def _lisp(path: Path) -> str:
    """A path as a string of Nyquist; forward slashes work on Windows too."""
    return '"' + path.as_posix().replace("\\", "\\\\").replace('"', '\\"') + '"'
