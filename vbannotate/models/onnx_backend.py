"""Networks run by ONNX Runtime: the default on a CPU, and all that the base install has.

A file takes ``mel`` float32 [batch, 80, 100 * seconds] and gives ``scores`` float32 [batch, frames, labels],
probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vbannotate import cores
from vbannotate.errors import ModelError, StartError

INPUT, OUTPUT = "mel", "scores"

_FOLDER = "session.model_external_initializers_file_folder_path"
_FOLDER_SINCE = (1, 21)  # older versions ignore it


def network(
    model: Path | bytes,
    device: str = "cpu",
    threads: int | None = None,
    tensors: Mapping[str, np.ndarray] | None = None,
    folder: Path | None = None,
) -> Callable[[np.ndarray], np.ndarray]:
    """A function from log-mel to probabilities; `model` is a file or its bytes.

    `tensors` are the values of initializers that the bytes name as external; or `folder` is where the files
    lie that the bytes name. Without `threads` all free cores are used. Raises ModelError for a file that
    cannot be run and StartError for a device that is not there.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # errors only: its warnings are about its own optimizer
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cores.free()
    options.inter_op_num_threads = 1
    if folder is not None:
        options.add_session_config_entry(_FOLDER, str(folder))
    if tensors:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in tensors.values()]
        options.add_external_initializers(list(tensors), values)
    try:
        source = model if isinstance(model, bytes) else str(model)
        session = onnxruntime.InferenceSession(source, options, providers=_providers(device))
    except Exception as error:  # onnxruntime raises classes of its own that it does not export
        if type(error).__module__.split(".")[0] != "onnxruntime" and not isinstance(error, RuntimeError):
            raise
        name = "the network" if isinstance(model, bytes) else str(model)
        raise ModelError(f"{name} cannot be run: {_first_line(error)}", "fetch or export it again") from error
    _check(session, model)

    def run(mel: np.ndarray) -> np.ndarray:
        return session.run([OUTPUT], {INPUT: np.ascontiguousarray(mel, np.float32)})[0]

    return run


def maps_folders() -> bool:
    """Whether this ONNX Runtime can be told where the files lie that a graph in memory names."""
    import onnxruntime

    return tuple(int(part) for part in onnxruntime.__version__.split(".")[:2]) >= _FOLDER_SINCE


def cuda_available() -> bool:
    """Whether this ONNX Runtime was built for CUDA."""
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()


def _providers(device: str) -> list[Any]:
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if not cuda_available():
        raise StartError(
            f"device {device}: this onnxruntime has no CUDA",
            "run: pip install onnxruntime-gpu, or give --backend torch or --device cpu",
        )
    number = int(device.partition(":")[2] or 0)
    return [("CUDAExecutionProvider", {"device_id": number}), "CPUExecutionProvider"]


def _check(session: Any, model: Path | bytes) -> None:
    inputs = [value.name for value in session.get_inputs()]
    outputs = [value.name for value in session.get_outputs()]
    if inputs != [INPUT] or OUTPUT not in outputs:
        raise ModelError(
            f"{model if isinstance(model, Path) else 'the network'} takes {inputs} and gives {outputs}",
            f"a locator's ONNX file takes {INPUT!r} and gives {OUTPUT!r}",
        )


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
