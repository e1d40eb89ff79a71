"""What a recording holds and which clock it runs on: `probe`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate.audio.container import audio_stream, opened
from vbannotate.audio.endings import cut_off
from vbannotate.times import SECOND_US, format_seconds, to_us

if TYPE_CHECKING:
    from av.container import InputContainer

# Containers that state their length. Others guess it from the bit rate, or keep it per video only.
_STATES_LENGTH = {"wav", "w64", "aiff", "au", "caf", "flac", "mov", "matroska", "ogg"}


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream of a container. `start_us` and `duration_us` are as stored, before any correction."""

    index: int
    kind: str  # audio, video, subtitle, data, attachment
    codec: str
    rate: int | None = None  # Hz
    channels: int | None = None
    start_us: int | None = None
    duration_us: int | None = None
    language: str | None = None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What is known of a recording before it is decoded.

    `correction_us` is taken off every time stamp (the container's own start), `offset_us` is where the sound
    then begins on the media's clock: above 0 silence is put before it, below 0 that much is cut off.
    `duration_us` is what the container states, or None; `exact` says that the statement is not a guess.
    """

    path: str
    container: str
    size: int  # bytes
    streams: tuple[StreamInfo, ...]
    reader: str
    duration_us: int | None = None
    exact: bool = False
    start_us: int | None = None
    correction_us: int = 0
    offset_us: int = 0
    warnings: tuple[str, ...] = field(default=())

    @property
    def audio(self) -> StreamInfo:
        """The stream that is read."""
        return next(stream for stream in self.streams if stream.used)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values for JSON; times in seconds."""
        return _in_seconds(asdict(self))

    def text(self) -> str:
        """The lines that `vbannotate probe` prints."""
        lines = [f"{self.path}: {self.container}, {self.size} bytes, {_s(self.duration_us)} stated"]
        lines += [_line(stream) for stream in self.streams]
        lines += [
            f"  container starts at {_s(self.start_us)}, correction {_s(-self.correction_us)}",
            f"  sound begins at {_s(self.offset_us)} on the media's clock (read by {self.reader})",
        ]
        return "\n".join(lines)


def probe(path: str | Path) -> Probe:
    """Look into a recording without decoding it. Raises MediaError where it cannot be read or holds no
    audio."""
    path = Path(path)
    with opened(path) as container:
        return describe(container, path)


def describe(container: InputContainer, path: Path) -> Probe:
    """The Probe of an open container."""
    import av

    used = audio_stream(container, path)
    start = container.start_time or 0  # microseconds, as all of libav's container times
    stream_start = _us(used.start_time, used.time_base)
    name = container.format.name
    duration, exact = _duration(container, used, start)
    warnings = list(filter(None, [cut_off(path)]))
    if (count := len(container.streams.audio)) > 1:
        warnings.append(f"{count} audio streams; stream {used.index}, the default, is read")
    return Probe(
        path=str(path),
        container=name,
        size=path.stat().st_size,
        streams=tuple(_info(stream, stream is used) for stream in container.streams),
        reader=f"PyAV {av.__version__}",
        duration_us=duration,
        exact=exact,
        start_us=container.start_time,
        correction_us=start,
        offset_us=0 if stream_start is None else stream_start - start,
        warnings=tuple(warnings),
    )


def _duration(container: InputContainer, used: Any, start: int) -> tuple[int | None, bool]:
    """Where the sound ends on the media's clock by what is stated, and whether that can be relied on."""
    stated = _us(used.duration, used.time_base)
    if stated is not None and used.start_time is not None:
        stated += (_us(used.start_time, used.time_base) or 0) - start
    tag = used.metadata.get("DURATION")  # Matroska keeps the length of a stream as a tag
    if tag and (seconds := _clock(tag)) is not None:
        stated = seconds - start
    known = stated is not None or not container.streams.video
    if stated is None:
        stated = container.duration
    formats = set(container.format.name.split(","))
    with_header = "mp3" in formats and bool(used.start_time)
    return stated, known and stated is not None and (with_header or bool(formats & _STATES_LENGTH))


def _info(stream: Any, used: bool) -> StreamInfo:
    context = stream.codec_context
    sound = stream.type == "audio" and context is not None
    return StreamInfo(
        index=stream.index,
        kind=stream.type,
        codec=context.name if context is not None else "unknown",
        rate=context.sample_rate if sound else None,
        channels=context.layout.nb_channels if sound else None,
        start_us=_us(stream.start_time, stream.time_base),
        duration_us=_us(stream.duration, stream.time_base),
        language=stream.metadata.get("language"),
        used=used,
    )


def _us(ticks: int | None, time_base: Fraction | None) -> int | None:
    return None if ticks is None or time_base is None else to_us(Fraction(ticks) * time_base)


def _clock(text: str) -> int | None:
    """Microseconds of ``00:00:10.023000000``."""
    try:
        hours, minutes, seconds = text.strip("\0 ").split(":")
        return to_us(Fraction(hours) * 3600 + Fraction(minutes) * 60 + Fraction(seconds))
    except ValueError:
        return None


def _s(us: int | None) -> str:
    return "unknown" if us is None else f"{format_seconds(us)} s"


def _line(stream: StreamInfo) -> str:
    parts = [f"stream {stream.index}: {stream.kind} {stream.codec}"]
    if stream.rate:
        parts.append(f"{stream.rate} Hz")
    if stream.channels:
        parts.append(f"{stream.channels} channel{'s' if stream.channels > 1 else ''}")
    if stream.language:
        parts.append(stream.language)
    parts.append(f"starts at {_s(stream.start_us)}")
    parts.append(f"lasts {_s(stream.duration_us)}")
    return f"{'* ' if stream.used else '  '}{', '.join(parts)}"


def _in_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key.removesuffix("_us"): item / SECOND_US
            if key.endswith("_us") and item is not None
            else _in_seconds(item)
            for key, item in value.items()
        }
    return [_in_seconds(item) for item in value] if isinstance(value, (list, tuple)) else value
