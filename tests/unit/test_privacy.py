"""Nothing about a user or a recording is kept or sent by the packages underneath."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_onnx_runtime_leaves_no_traces_in_the_home_folder(tmp_path: Path):
    """Its telemetry, on by default, writes a device id below ~/.cache."""
    code = "from vbannotate.cli.app import run; import sys; sys.exit(run(['detect', 'a.wav', '-q']))"
    import numpy as np
    import soundfile

    soundfile.write(tmp_path / "a.wav", np.zeros(16_000), 16_000)
    home = tmp_path / "home"
    home.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("ORT_", "XDG_"))}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean | {"HOME": str(home)}, check=True, timeout=120
    )
    assert list(home.rglob("*")) == []
