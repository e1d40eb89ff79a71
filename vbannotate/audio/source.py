"""Sound of a recording at its own rate, on the media's clock, decoded by libav."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vbannotate.audio.clock import Timeline
from vbannotate.audio.container import MEND, audio_stream, opened
from vbannotate.audio.opus import NarrowOpus, open_narrow
from vbannotate.audio.probing import describe
from vbannotate.errors import MediaError
from vbannotate.times import SECOND_US, format_seconds

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame

_CUT_OFF_US = 250_000  # less missing at the end than this is padding or rounding of the container


def open_source(path: Path) -> Source | NarrowOpus:
    """The recording, by the reader that suits it best. Raises MediaError where it cannot be read."""
    source = Source(path)
    if narrow := open_narrow(path, source.probe):
        source.close()
        return narrow
    return source


class Source:
    """An open recording. `rate` and `channels` are those of the first decoded frame, which may differ from
    the header.

    Close it after use. Raises MediaError on creation where nothing decodes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.warnings: list[str] = []
        self.samples = 0  # decoded and placed so far
        with ExitStack() as stack:
            self._container = stack.enter_context(opened(path))
            self._stream = audio_stream(self._container, path)
            self.probe = describe(self._container, path)
            self._damaged = 0
            self._frames = self._decoded()
            self._first = next(self._frames, None)
            if self._first is None:
                raise MediaError(*self._nothing())
            self.rate: int = self._first.sample_rate
            self.channels: int = self._first.layout.nb_channels
            self._stack = stack.pop_all()
        self.warnings += self.probe.warnings

    def close(self) -> None:
        """Close the file."""
        self._frames.close()
        self._stack.close()

    @property
    def duration_us(self) -> int:
        """Length of what was decoded so far, on the media's clock."""
        return round(self.samples * SECOND_US / self.rate)

    def pieces(self) -> Iterator[np.ndarray]:
        """Sound from media time zero: float32 [samples, channels], about a second each."""
        length = self.probe.duration_us
        line = Timeline(self.rate, None if length is None else length * self.rate // SECOND_US)
        start = self.probe.correction_us
        batch: list[np.ndarray] = []
        size = 0
        for frame in self._uniform():
            position, base = None, frame.time_base
            if frame.pts is not None and base:
                # One fraction for each frame: arithmetic with them took half of the time of decoding.
                since_start = frame.pts * base.numerator * SECOND_US - start * base.denominator
                position = round(Fraction(since_start * self.rate, base.denominator * SECOND_US))
            silence, cut = line.place(position, frame.samples)
            self.samples = line.end
            if silence:
                yield from _float(batch)
                yield from _zeros(silence, self.channels, self.rate)
                batch, size = [], 0
            batch.append(_array(frame)[cut:])
            size += frame.samples - cut
            if size >= self.rate:
                yield from _float(batch)
                batch, size = [], 0
        yield from _float(batch)
        self._conclude(line)

    def _decoded(self) -> Generator[AudioFrame, None, None]:
        """Frames in order. Damaged packets are counted and left out; their place is filled as a gap."""
        import av

        for stream in self._container.streams:
            if stream is not self._stream:
                stream.discard = type(stream.discard).all
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError as error:
                self.warnings.append(f"reading stopped early ({error.strerror}); what came before was used")
                return
            if packet is None:
                return
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                self._damaged += 1

    def _uniform(self) -> Iterator[AudioFrame]:
        """All frames in the form of the first one; streams may change rate or channels on their way."""
        import av

        first, converter = self._first, None
        assert first is not None
        form = (first.format.name, first.layout.name, first.sample_rate)
        yield first
        for frame in self._frames:
            if (frame.format.name, frame.layout.name, frame.sample_rate) == form:
                yield frame
                continue
            if converter is None:
                converter = av.AudioResampler(*form)
                now = f"{frame.sample_rate} Hz, {frame.layout.nb_channels} channel(s)"
                self.warnings.append(f"the sound changes to {now} on its way; converted")
            yield from converter.resample(frame)

    def _conclude(self, line: Timeline) -> None:
        """Say what was mended, and whether the sound ended before its stated end."""
        if self._damaged:
            self.warnings.append(f"damaged packets skipped: {self._damaged}")
        if line.silence:
            self.warnings.append(
                f"gaps of {_seconds(line.silence, self.rate)} in all were filled with silence"
            )
        if line.jumps:
            self.warnings.append(f"the clock jumps (times: {line.jumps}); the sound was joined there")
        stated = self.probe.duration_us
        if self.probe.exact and stated is not None and stated - self.duration_us > _CUT_OFF_US:
            ends, whole = _seconds(line.end, self.rate), format_seconds(stated, 3)
            self.warnings.append(f"the sound ends at {ends} of {whole} s: the file is cut off or damaged")

    def _nothing(self) -> tuple[str, str]:
        if self._damaged:
            return f"{self.path}: no sound could be decoded from {self.probe.audio.codec}", MEND
        return f"{self.path} holds no audio (0 samples)", MEND


def _array(frame: AudioFrame) -> np.ndarray:
    """The samples of a frame as stored, [samples, channels]."""
    array = frame.to_ndarray()
    return array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)


def _float(batch: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames of a batch as one float32 block, full scale 1.0. Nothing for an empty batch."""
    if not batch or not (block := np.ascontiguousarray(np.concatenate(batch))).size:
        return
    yield to_float(block)


def to_float(block: np.ndarray) -> np.ndarray:
    """Samples of any type as float32 with full scale 1.0; unsigned bytes are centred on 128."""
    if block.dtype == np.uint8:
        return (block.astype(np.float32) - 128) / 128
    if np.issubdtype(block.dtype, np.signedinteger):
        return block.astype(np.float32) * np.float32(2.0 ** (1 - 8 * block.dtype.itemsize))
    with np.errstate(over="ignore"):
        return block.astype(np.float32, copy=False)


def _zeros(samples: int, channels: int, rate: int) -> Iterator[np.ndarray]:
    for start in range(0, samples, rate):
        yield np.zeros((min(rate, samples - start), channels), np.float32)


def _seconds(samples: int, rate: int) -> str:
    return f"{samples / rate:.3f} s"
