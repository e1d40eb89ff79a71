"""Open recordings with libav, without ever opening anything else.

A file is handed over as an open Python file, so its name is never taken for a protocol (`http:x.wav`), and
files that only point elsewhere (playlists, concat scripts, SDP) are refused: no other file and no address is
opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbannotate.audio.endings import wrapped
from vbannotate.errors import MediaError

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

# Containers and bare streams that hold sound in the file itself, by the names of libav's demuxers.
DEMUXERS = (
    "aa,aac,aax,ac3,adts,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,dv,eac3,f4v,flac,flv,gsm,"
    "gxf,iff,ivf,latm,loas,matroska,mlp,mmf,mov,mp3,mpc,mpc8,mpeg,mpegts,mulaw,mxf,nistsphere,nut,oga,ogg,ogv,"
    "oma,pvf,qcp,rm,shn,smjpeg,sox,spdif,spx,tak,truehd,tta,voc,vqf,w64,wav,webm,wsvqa,wtv,wv,xwma"
)
OPTIONS = {"format_whitelist": DEMUXERS, "protocol_whitelist": "none"}
BUFFER = 1 << 16  # bytes a read
MEND = "check that it plays, or convert it to WAV"


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """The container of a recording. Raises MediaError with one line for whatever is wrong with the file."""
    import av

    options = OPTIONS
    if path.is_dir():
        raise MediaError(f"{path} is a folder", "name a recording")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise MediaError(f"{path} is empty (0 bytes)", "copy or export it again")
            file.seek(0)
            if wrapped(path):
                options = OPTIONS | {"ignore_length": "1"}
            try:
                container = av.open(
                    file, options=options, buffer_size=BUFFER, io_open=_refuse, metadata_errors="replace"
                )
            except (av.error.FFmpegError, ValueError) as error:
                raise MediaError(*_reason(path)) from error
            with container:
                yield container  # type: ignore[misc]  # av.open is typed for both directions
    except FileNotFoundError as error:
        raise MediaError(f"file not found: {path}", "check the name") from error
    except OSError as error:
        if isinstance(error, av.error.FFmpegError):
            raise MediaError(f"{path}: reading failed ({error.strerror})", MEND) from error
        raise MediaError(
            f"{path}: {error.strerror or error}", "check that it is a file you may read"
        ) from error


def _refuse(url: str, flags: int, options: dict[str, Any]) -> Any:
    raise PermissionError(f"a recording may not open {url}")


def _reason(path: Path) -> tuple[str, str]:
    """What is wrong with a file that libav does not open, and how to mend it."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return f"{path}: the MP4 file is not complete, its index is missing", "copy or export it again"
    if head.startswith((b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"\x1aE\xdf\xa3", b"FORM")):
        return f"{path}: the file is damaged or cut off and cannot be opened", "copy or export it again"
    return f"{path} is not a recording that can be read", MEND


def audio_stream(container: InputContainer, path: Path) -> AudioStream:
    """The stream that players take by default. Raises MediaError where there is none."""
    if not container.streams.audio:
        if any(not _is_cover(stream) for stream in container.streams.video):
            raise MediaError(f"{path} is a video without sound", "give the recording that holds the sound")
        raise MediaError(f"{path} holds no audio", MEND)
    stream: Any = container.streams.best("audio") or container.streams.audio[0]
    if stream.codec_context is None:
        raise MediaError(f"{path}: the sound is stored in an unknown way", "convert it to WAV")
    return stream


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)
