"""Tensors of a file as numpy arrays, memory-mapped, without torch and without running anything from the file.

Read: torch's zip checkpoints (``torch.save`` of a state_dict since torch 1.6) and safetensors. A torch
checkpoint is a pickle; only the few names that plain tensors need are allowed, all else is refused unseen.
Tensors that nobody touches are never read from the disk: the decoder in a published checkpoint costs nothing.

Formats: https://pytorch.org/docs/stable/notes/serialization.html (stored zip members ``*/data.pkl`` and
``*/data/KEY``), https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from mmap import mmap
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vbannotate.errors import ModelError

SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
Tensors = dict[str, np.ndarray]

_BF16 = "bfloat16"  # numpy has no such type: read as uint16, widened to float32
_STORAGES = {
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "BFloat16Storage": _BF16,
    "DoubleStorage": "<f8",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "<i1",
    "ByteStorage": "<u1",
    "BoolStorage": "?",
}
_SAFE_TYPES = {
    "F32": "<f4",
    "F16": "<f2",
    "BF16": _BF16,
    "F64": "<f8",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
    "BOOL": "?",
}
_MAX_HEADER = 100_000_000  # bytes, the limit that safetensors itself sets


def read(path: Path) -> Tensors:
    """The tensors of a checkpoint by name; their pages are read when they are used.

    Raises ModelError for a file that is missing, damaged, of another kind, or that needs pickled code.
    """
    try:
        with path.open("rb") as file:
            head = file.read(10)
            if head[:4] == b"PK\x03\x04":
                return _read_torch(path, file)
            if head[8:10] == b'{"':
                return _read_safetensors(path, file)
    except FileNotFoundError as error:
        raise ModelError(f"no model file {path}", "check the name") from error
    except OSError as error:
        raise ModelError(
            f"{path}: {error.strerror or error}", "check that it is a file you may read"
        ) from error
    except (ValueError, KeyError, EOFError, struct.error, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} is damaged ({error})", "fetch it again") from error
    raise ModelError(
        f"{path} is neither a safetensors file nor a checkpoint of torch 1.6 or later",
        "save it again with torch.save(model.state_dict(), ...)",
    )


def write_safetensors(
    path: Path, tensors: Mapping[str, np.ndarray], about: Mapping[str, str]
) -> dict[str, tuple[int, int]]:
    """Write float32 and float16 tensors, `about` as metadata; gives each one's place (offset, bytes)."""
    names = {"<f4": "F32", "<f2": "F16"}
    header: dict[str, Any] = {"__metadata__": dict(about)}
    # The larger types first: then everything is aligned, as the format asks.
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    at = 0
    for name in order:
        tensor = tensors[name]
        kind = names[tensor.dtype.newbyteorder("<").str]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(np.ascontiguousarray(tensors[name]).data)
    begin = 8 + len(text)
    return {name: (begin + header[name]["data_offsets"][0], tensors[name].nbytes) for name in order}


def location(array: np.ndarray) -> tuple[Path, int] | None:
    """The file and offset that a tensor lies at as it is; None for one that exists in memory only."""
    root: Any = array
    while root is not None and not (isinstance(root, np.memmap) and isinstance(root.base, mmap)):
        root = getattr(root, "base", None)
    if root is None or root.filename is None or not array.flags.c_contiguous:
        return None
    # Links are followed: ONNX Runtime refuses data that lies outside the folder it was told.
    return Path(root.filename).resolve(), array.ctypes.data - root.ctypes.data


def _map(path: Path) -> np.ndarray:
    """The whole file, uint8. Copy-on-write: torch takes no read-only arrays without complaint."""
    return np.memmap(path, np.uint8, mode="c")


def _typed(data: np.ndarray, kind: str) -> np.ndarray:
    if kind == _BF16:
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32)
    return data.view(kind)


def _read_safetensors(path: Path, file: BinaryIO) -> Tensors:
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > _MAX_HEADER:
        raise ValueError("its header has no end")
    header = json.loads(file.read(length))
    data = _map(path)[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            if end > len(data):
                raise ValueError("it ends too early")
            tensors[name] = _typed(data[begin:end], _SAFE_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def _read_torch(path: Path, file: BinaryIO) -> Tensors:
    with zipfile.ZipFile(file) as archive:
        root = next((n[: -len("data.pkl")] for n in archive.namelist() if n.endswith("/data.pkl")), None)
        if root is None:
            raise ModelError(f"{path} is a zip file without a checkpoint", "give the model's own file")
        if archive.getinfo(root + "data.pkl").file_size > _MAX_HEADER:
            raise ValueError("its pickle is too large")
        unpickler = _Unpickler(path, _Storages(path, archive, file, root), archive.open(root + "data.pkl"))
        try:
            found = unpickler.load()
        except (pickle.UnpicklingError, TypeError, AttributeError, IndexError, AssertionError) as error:
            raise ValueError(error) from error
    if not isinstance(found, dict) or not all(isinstance(value, np.ndarray) for value in found.values()):
        raise ModelError(
            f"{path} holds more than a state_dict",
            "save only the weights: torch.save(model.state_dict(), ...)",
        )
    return dict(found)


class _Storages:
    """The stored members of a checkpoint as views of the mapped file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, file: BinaryIO, root: str) -> None:
        self._archive, self._file, self._root, self._data = archive, file, root, _map(path)

    def get(self, kind: str, key: str) -> np.ndarray:
        info = self._archive.getinfo(f"{self._root}data/{key}")
        if info.compress_type != zipfile.ZIP_STORED:
            raise ValueError("its tensors are compressed")
        self._file.seek(info.header_offset)
        header = self._file.read(30)
        name_length, extra_length = struct.unpack("<HH", header[26:30])
        begin = info.header_offset + 30 + name_length + extra_length
        if begin + info.file_size > len(self._data):
            raise ValueError("it ends too early")
        return _typed(self._data[begin : begin + info.file_size], kind)


class _Unpickler(pickle.Unpickler):
    """Knows ordered dictionaries, tensors and their storages, and refuses every other name."""

    def __init__(self, path: Path, storages: _Storages, file: Any) -> None:
        super().__init__(file)
        self._path, self._storages = path, storages

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda data, *_: data,
        }
        if (module, name) not in known:
            raise ModelError(
                f"{self._path} needs pickled code ({module}.{name}), which may do anything to this computer",
                "use a checkpoint that holds only weights (a state_dict, or safetensors)",
            )
        return known[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        _, kind, key, *_ = pid
        return self._storages.get(kind, str(key))


def _rebuild_tensor(
    storage: np.ndarray, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any
):
    """The view of a storage that a tensor is; strides count elements."""
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if (0 not in shape and not 0 <= last < len(storage)) or min((offset, *shape, *stride), default=0) < 0:
        raise ValueError("a tensor lies outside its storage")
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, strides)
