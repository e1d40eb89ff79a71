"""Recordings: what they hold, their clock, their sound in blocks at 16 kHz."""

from __future__ import annotations

from pathlib import Path

from vbannotate.audio.praat import praat_clock_warning, praat_shift_us
from vbannotate.audio.probing import Probe, StreamInfo, probe
from vbannotate.audio.stream import RATE, Stream, from_array, load, open_stream, reblock
from vbannotate.audio.survey import Survey, survey
from vbannotate.audio.wav import write_wav

# What a search through a folder takes for a recording. A file named by hand may have any suffix.
MEDIA_SUFFIXES = frozenset(
    """.3gp .aac .aif .aifc .aiff .amr .ape .asf .au .avi .caf .dv .flac .flv .m2ts .m4a .m4b .m4v .mka .mkv
    .mov .mp2 .mp3 .mp4 .mpeg .mpg .mts .mxf .oga .ogg .ogv .opus .snd .spx .ts .tta .voc .vob .w64 .wav .wave
    .webm .wma .wmv .wv""".split()  # noqa: SIM905
)

__all__ = [
    "MEDIA_SUFFIXES",
    "RATE",
    "Probe",
    "Stream",
    "StreamInfo",
    "Survey",
    "from_array",
    "is_media",
    "load",
    "open_stream",
    "praat_clock_warning",
    "praat_shift_us",
    "probe",
    "reblock",
    "survey",
    "write_wav",
]


def is_media(path: Path) -> bool:
    """Whether the name says that this is a recording (capitals do not matter)."""
    return path.suffix.lower() in MEDIA_SUFFIXES
