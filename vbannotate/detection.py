"""The path from a recording to an annotation, for the command line, Python and the plug-ins alike.

media -> audio blocks -> frame probabilities -> events -> annotation. Everything streams: memory does not grow
with the length of the recording, but for the events (and the curve, where it is kept or `compat` decodes it).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vbannotate import provenance
from vbannotate.decode import EVENT, Decoder, Dropped
from vbannotate.errors import UsageError
from vbannotate.events import TIER, Annotation, Event, Span, Tier
from vbannotate.scores import Scores
from vbannotate.settings import Resolved, SettingsFile, resolve
from vbannotate.times import from_us

if TYPE_CHECKING:
    from vbannotate.audio import Probe, Stream
    from vbannotate.models.base import Locator

RATE = 16_000  # what every locator listens to, Hz
Progress = Callable[[float, float | None], None]  # seconds done, seconds in all if known


@dataclass(frozen=True, slots=True)
class Detection:
    """The result for one recording. `scores` has one entry a channel and is empty unless curves were kept."""

    annotation: Annotation
    dropped: tuple[Dropped, ...] = ()
    scores: tuple[Scores, ...] = ()


@dataclass(frozen=True, slots=True)
class Detector:
    """A loaded locator with its settings; `run` may be called for any number of recordings."""

    locator: Locator
    settings: Resolved
    compat: str | None = None

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        preset: str | None = None,
        file: SettingsFile | None = None,
        options: Mapping[str, Any] | None = None,
        compat: str | None = None,
        device: str = "auto",
        backend: str = "auto",
        threads: int | None = None,
        granularity: str | None = None,
        kinds: bool = False,
    ) -> Detector:
        """Load a model by name or folder and resolve its settings. Raises ModelError and UsageError."""
        from vbannotate import models

        name = model or (file.model if file else None) or models.DEFAULT
        wanted = granularity or (file.granularity if file else None) or EVENT
        locator = models.load(name, device, backend, threads, wanted, kinds)
        program = published_settings(compat, options)
        return cls(locator, resolve(locator.card, preset, file, options, program), compat)

    def run(
        self,
        media: str | os.PathLike[str] | np.ndarray,
        sample_rate: int | None = None,
        channel: int | str | None = None,
        explain: bool = False,
        keep_scores: bool = False,
        progress: Progress | None = None,
    ) -> Detection:
        """Detect in one recording: a path, or float32 [samples] or [samples, channels] with `sample_rate`.

        `channel` is None for the mean of all, a number from 1 on, or "each" for a tier a channel.
        Raises MediaError where the recording cannot be read.
        """
        path = None if isinstance(media, np.ndarray) else Path(media)
        channels = [channel] if channel != "each" else list(range(1, _channels(media, sample_rate) + 1))
        tiers, dropped, kept, warnings = [], [], [], []
        for done, number in enumerate(channels):
            report = _share(progress, done, len(channels))
            with _open(media, sample_rate, number) as stream:
                events, lost, scores = self._run_channel(stream, explain, keep_scores, report)
            tiers.append(Tier(TIER if channel != "each" else f"{TIER}-{number}", tuple(events)))
            dropped += lost
            kept += [] if scores is None else [_named(scores, path)]
            warnings += [w for w in stream.warnings if w not in warnings]
        duration_us = stream.duration_us
        assert duration_us is not None  # the blocks were exhausted
        annotation = Annotation(
            tuple(tiers),
            media=None if path is None else str(path),
            duration_us=duration_us,
            examined=(Span(0, duration_us),),
            provenance=self.provenance(path, stream),
            warnings=tuple(warnings),
        )
        return Detection(_calibrated(annotation, self.settings), tuple(dropped), tuple(kept))

    def provenance(self, path: Path | None, stream: Stream) -> dict[str, Any]:
        """What made the annotation: model, settings, media, clock."""
        clock = None if stream.probe is None else _clock(stream.probe)
        model = self.locator.card.identity()
        return provenance.of_detection(model, self.settings.to_dict(), path, clock, self.compat)

    def _run_channel(
        self, stream: Stream, explain: bool, keep: bool, progress: Progress | None
    ) -> tuple[list[Event], list[Dropped], Scores | None]:
        curves: list[np.ndarray] = []
        # The published script sees the silence that fills the window behind a short recording, too.
        blocks = self.locator.scores(_mono(stream, progress), padded=self.compat is not None)
        if keep or self.compat:
            blocks = _tee(blocks, curves)
        labels = self.locator.labels
        if self.compat:
            for _ in blocks:
                pass
            whole = _join(curves, len(labels))
            events = _decode_compat(self.compat, whole, labels, self.settings, stream.duration_us)
            dropped: list[Dropped] = []
        else:
            events, dropped = decode_stream(
                blocks,
                labels,
                self.settings,
                self.locator.frame_us,
                lambda: stream.duration_us,
                explain,
                self.locator.kinds,
            )
        if not keep:
            return events, dropped, None
        card, duration = self.locator.card, stream.duration_us
        kept = _join(curves, len(labels))[:, : len(labels)]
        return (
            events,
            dropped,
            Scores(kept, labels, card.name, self.locator.frame_us, 0, duration, granularity=card.granularity),
        )


def detect(
    media: str | os.PathLike[str] | np.ndarray,
    *,
    model: str | Path | None = None,
    preset: str | None = None,
    threshold: float | None = None,
    merge_gap: float | None = None,
    min_dur: float | None = None,
    compat: str | None = None,
    device: str = "auto",
    backend: str = "auto",
    granularity: str | None = None,
    progress: Progress | None = None,
    sample_rate: int | None = None,
    **more: Any,
) -> Annotation:
    """Find the vocal bursts of one recording: a path, or a float array with `sample_rate` in Hz.

    Lengths in seconds; None takes the model's own setting. `more` takes the settings peak, release, pad and
    smooth. `granularity` is "event" (a series is one event) or "pulse" (each of its sounds is). `compat` is
    "v1", "v1-median" or "v2": the published post-processing, digit for digit. `progress` is called with the
    seconds done and the seconds in all (None if unknown). For many recordings make one `Detector`.
    """
    options = {"threshold": threshold, "merge_gap": merge_gap, "min_dur": min_dur, **more}
    detector = Detector.load(model, preset, None, options, compat, device, backend, granularity=granularity)
    return detector.run(media, sample_rate, progress=progress).annotation


def decode_stream(
    blocks: Iterable[np.ndarray],
    labels: Sequence[str],
    resolved: Resolved,
    frame_us: int,
    duration_us: Callable[[], int | None],
    explain: bool = False,
    kinds: Sequence[str] = (),
) -> tuple[list[Event], list[Dropped]]:
    """Decode blocks of float32 [frames, labels + kinds] with each label's settings; events in order of onset.

    `duration_us` is called after the last block, when the end of the media is known.
    """
    decoders = [Decoder(resolved.of(label), frame_us, label, explain, kinds) for label in labels]
    events: list[Event] = []
    for block in blocks:
        for column, decoder in enumerate(decoders):
            events += decoder.feed(block[:, column], block[:, len(labels) :] if kinds else None)
    for decoder in decoders:
        events += decoder.finish(duration_us())
    dropped = [d for decoder in decoders for d in decoder.dropped]
    return sorted(events, key=Event.key), sorted(dropped, key=lambda d: (d.onset_us, d.offset_us))


def redecode(kept: Scores, resolved: Resolved, compat: str | None = None, explain: bool = False) -> Detection:
    """Decode a kept curve anew, without its model."""
    dropped: list[Dropped] = []
    if compat:
        events = _decode_compat(compat, kept.scores, kept.labels, resolved, kept.duration_us)
    else:
        events, dropped = decode_stream(
            [kept.scores], kept.labels, resolved, kept.frame_us, lambda: kept.duration_us, explain
        )
    if kept.start_us:
        events = [
            e.with_(onset_us=e.onset_us + kept.start_us, offset_us=e.offset_us + kept.start_us)
            for e in events
        ]
    end = kept.start_us + (kept.duration_us or len(kept.scores) * kept.frame_us)
    model = {"name": kept.model}
    if kept.granularity != EVENT:
        model["granularity"] = kept.granularity
    made_by = provenance.of_detection(model, resolved.to_dict(), None, None, compat)
    annotation = Annotation.of(
        events, media=kept.media, duration_us=end, examined=(Span(kept.start_us, end),), provenance=made_by
    )
    return Detection(_calibrated(annotation, resolved), tuple(dropped))


def published_settings(compat: str | None, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The settings that the published program of a compat mode uses; None without a mode.

    Raises UsageError for an unknown mode and for settings that the published program does not have.
    """
    if compat is None:
        return None
    from vbannotate.compat import DEFAULTS

    if compat not in DEFAULTS:
        raise UsageError(f"unknown compat mode {compat!r}", f"known are {', '.join(DEFAULTS)}")
    given = {name for name, value in (options or {}).items() if value is not None}
    if extra := given - set(DEFAULTS[compat]):
        named = ", ".join(f"--{name}" for name in sorted(extra))
        raise UsageError(f"{named}: not part of --compat {compat}", "leave it out, or leave out --compat")
    return DEFAULTS[compat]


def _decode_compat(
    mode: str,
    scores: np.ndarray,
    labels: Sequence[str],
    resolved: Resolved,
    duration_us: int | None,
) -> list[Event]:
    from vbannotate import compat

    events = []
    for column, label in enumerate(labels):
        used = resolved.of(label)
        values = used.threshold, used.merge_gap, used.min_dur
        events += [e.with_(label=label) for e in compat.decode(mode, scores[:, column], *values, duration_us)]
    return sorted(events, key=Event.key)


def _calibrated(annotation: Annotation, resolved: Resolved) -> Annotation:
    """Confidences as the share that the user kept, where a settings file holds that map."""
    if not resolved.calibration:
        return annotation
    from vbannotate.calibrate import Calibration

    return Calibration.of(resolved.calibration).apply(annotation)


def _open(
    media: str | os.PathLike[str] | np.ndarray, sample_rate: int | None, channel: int | str | None
) -> Stream:
    from vbannotate import audio

    if isinstance(media, np.ndarray):
        if sample_rate is None:
            raise UsageError("an array has no sample rate", "give sample_rate= in Hz")
        return audio.from_array(media, sample_rate, channel)
    return audio.open_stream(Path(media), channel)


def _clock(probe: Probe) -> dict[str, Any]:
    """Where the media's zero was put, in seconds, and by which reader."""
    return {
        "reader": probe.reader,
        "container_start": None if probe.start_us is None else from_us(probe.start_us),
        "correction": from_us(probe.correction_us),
        "offset": from_us(probe.offset_us),
    }


def _channels(media: str | os.PathLike[str] | np.ndarray, sample_rate: int | None) -> int:
    with _open(media, sample_rate, "each") as stream:
        return stream.channels


def _mono(stream: Stream, progress: Progress | None) -> Iterator[np.ndarray]:
    """The one channel of the stream, float32 [samples], reporting progress as it is taken."""
    total = None if stream.expected_us is None else stream.expected_us / 1e6
    samples = 0
    for block in stream.blocks():
        yield block[:, 0]
        samples += len(block)
        if progress is not None:
            progress(samples / RATE, total)


def _share(progress: Progress | None, done: int, parts: int) -> Progress | None:
    """Progress of one of several passes over the same recording."""
    if progress is None or parts == 1:
        return progress

    def report(seconds: float, total: float | None) -> None:
        progress(seconds + done * (total or seconds), None if total is None else total * parts)

    return report


def _tee(blocks: Iterable[np.ndarray], into: list[np.ndarray]) -> Iterator[np.ndarray]:
    for block in blocks:
        into.append(block)
        yield block


def _join(curves: list[np.ndarray], labels: int) -> np.ndarray:
    return np.concatenate(curves) if curves else np.zeros((0, labels), np.float32)


def _named(scores: Scores, path: Path | None) -> Scores:
    return scores if path is None else replace(scores, media=str(path))
