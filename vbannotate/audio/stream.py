"""Recordings as blocks of 16 kHz sound: `open_stream`, `from_array`, `load`.

Channels are averaged first and resampled then (soxr HQ), as the published locator's script does with
soundfile and librosa; the result equals theirs sample for sample, whatever the size of the pieces on the way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vbannotate.audio.prefetch import prefetched
from vbannotate.audio.probing import Probe
from vbannotate.audio.source import open_source, to_float
from vbannotate.errors import MediaError, UsageError
from vbannotate.times import SECOND_US

RATE = 16_000  # Hz, what the networks take
LOUDEST = 1e9  # a float sample beyond this is no sound but damage, like NaN and infinity


class Stream:
    """Sound at 16 kHz from media time zero, to be read once. Close it, use it in `with`, or exhaust `blocks`.

    `expected_us` is the length that the container states (None if it does not), for progress; `duration_us`
    is the true length, known once the blocks are exhausted. `warnings` grows while reading.
    """

    rate = RATE

    def __init__(
        self, pieces: Iterator[np.ndarray], rate: int, channels: int, channel: int | str | None
    ) -> None:
        self.source_rate = rate  # Hz
        self.source_channels = channels
        self.probe: Probe | None = None
        self.expected_us: int | None = None
        self.duration_us: int | None = None
        self.warnings: list[str] = []
        self._pick = _picker(channel, channels)
        self.channels = channels if channel == "each" else 1
        self._pieces = pieces
        self._close: Callable[[], None] = lambda: None
        self._replaced = 0
        self._blocks: Iterator[np.ndarray] | None = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop decoding and close the file."""
        if self._blocks is not None:
            self._blocks.close()  # type: ignore[attr-defined]
        self._close()

    def blocks(self) -> Iterator[np.ndarray]:
        """float32 [samples, channels] at 16 kHz, about a second each; decoded ahead in a thread of its
        own."""
        self._blocks = prefetched(self._resampled())
        return self._blocks

    def _resampled(self) -> Iterator[np.ndarray]:
        samples, given = 0, 0
        resampler = None
        if self.source_rate != RATE:
            import soxr

            resampler = soxr.ResampleStream(
                self.source_rate, RATE, self.channels, dtype="float32", quality="HQ"
            )
        for piece in self._pieces:
            samples += len(piece)
            block = self._pick(self._clean(piece))
            if resampler is not None:
                block = resampler.resample_chunk(block)
            given += len(block)
            if len(block):
                yield block
        if resampler is not None:
            block = resampler.resample_chunk(np.zeros((0, self.channels), np.float32), last=True)
            # librosa fills up or cuts to this very number; its float product is part of the published result.
            missing = math.ceil(samples * (RATE / self.source_rate)) - given
            yield np.concatenate(
                [block, np.zeros((max(0, missing - len(block)), self.channels), np.float32)]
            )[:missing]
        if not samples:
            raise MediaError(f"{self.probe.path if self.probe else 'the array'} holds no audio (0 samples)")
        self.duration_us = round(samples * SECOND_US / self.source_rate)
        if self._replaced:
            self.warnings.append(
                f"{self._replaced} samples were no numbers (NaN, infinite) and became silence"
            )

    def _clean(self, piece: np.ndarray) -> np.ndarray:
        good = np.abs(piece) < LOUDEST  # False for NaN
        if good.all():
            return piece
        self._replaced += int(good.size - np.count_nonzero(good))
        return np.where(good, piece, np.float32(0))


def open_stream(path: str | Path, channel: int | str | None = None) -> Stream:
    """Open a recording. `channel` None: mean of all channels; 1, 2 ...: that one; "each": all, side by side.

    Raises MediaError for a file that cannot be read or holds no audio, UsageError for a channel that it
    lacks.
    """
    source = open_source(Path(path))
    try:
        stream = Stream(source.pieces(), source.rate, source.channels, channel)
    except BaseException:
        source.close()
        raise
    stream.probe = source.probe
    stream.expected_us = source.probe.duration_us
    stream.warnings = source.warnings
    stream._close = source.close
    return stream


def from_array(array: np.ndarray, sample_rate: float, channel: int | str | None = None) -> Stream:
    """A Stream of sound in memory, [samples] or [samples, channels]; integers are scaled by their type."""
    array = np.asarray(array)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise UsageError(
            f"sound of shape {array.shape}, type {array.dtype}",
            "give numbers, [samples] or [samples, channels]",
        )
    if array.shape[1] > max(64, array.shape[0]):
        raise UsageError(
            f"sound with {array.shape[1]} channels", "give [samples, channels]: transpose the array"
        )
    if not (sample_rate > 0 and float(sample_rate).is_integer()):
        raise UsageError(f"a sample rate of {sample_rate}", "give a whole number of Hz, such as 16000")
    if not array.size:
        raise MediaError("the array holds no audio (0 samples)")
    rate = int(sample_rate)
    pieces = (to_float(np.ascontiguousarray(array[at : at + rate])) for at in range(0, len(array), rate))
    stream = Stream(pieces, rate, array.shape[1], channel)
    stream.expected_us = round(len(array) * SECOND_US / rate)
    return stream


def load(path: str | Path, channel: int | str | None = None) -> tuple[np.ndarray, int]:
    """All of a recording at once: float32 [samples, channels] and 16000. Memory grows with its length."""
    with open_stream(path, channel) as stream:
        return np.concatenate(list(stream.blocks())), RATE


def reblock(blocks: Iterator[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same samples in blocks of exactly `size`; the last may be shorter, none is empty."""
    waiting: list[np.ndarray] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count < size:
            continue
        joined = np.concatenate(waiting)
        whole = count - count % size
        for start in range(0, whole, size):
            yield joined[start : start + size]
        waiting, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)


def _picker(channel: int | str | None, channels: int) -> Callable[[np.ndarray], np.ndarray]:
    """The function that makes [samples, channels] of a block into the channels asked for."""
    if channel == "each":
        return lambda block: block
    if channel is None:
        return (lambda block: block) if channels == 1 else (lambda block: block.mean(axis=1, keepdims=True))
    number = int(channel) if str(channel).isdecimal() else 0
    if not 1 <= number <= channels:
        which = "channel 1" if channels == 1 else f"channels 1 to {channels}"
        raise UsageError(f"no channel {channel!r}: the recording has {which}", 'give one of them, or "each"')
    return lambda block: np.ascontiguousarray(block[:, number - 1 : number])
