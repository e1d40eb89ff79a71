"""``vbannotate doctor``: what works here, and how to mend what does not."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vbannotate.errors import VbannotateError

_BASE = ("numpy", "av", "soundfile", "soxr", "threadpoolctl", "onnxruntime", "lxml", "pympi", "textgrid")
_EXTRAS = {
    "hub": ("huggingface_hub",),
    "torch": ("torch", "transformers", "librosa", "safetensors"),
    "plot": ("matplotlib",),
}


def doctor(json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> int:
    """Check the installation: packages, media reading, the bundled model, devices."""
    from vbannotate.cli.common import print_json

    checks = [_python(), *_packages(), _media(), _model(), _cuda()]
    broken = [check for check in checks if check["state"] == "broken"]
    if json:
        print_json({"ok": not broken, "checks": checks})
    else:
        for check in checks:
            sign = {"ok": "ok     ", "broken": "BROKEN ", "absent": "absent "}[check["state"]]
            typer.echo(f"{sign} {check['name']}: {check['detail']}")
            if check.get("mend"):
                typer.echo(f"         to mend: {check['mend']}")
        typer.echo("All that the base needs works." if not broken else f"{len(broken)} problem(s).")
    return 1 if broken else 0


def _check(name: str, state: str, detail: str, mend: str = "") -> dict[str, Any]:
    return {"name": name, "state": state, "detail": detail, "mend": mend}


def _python() -> dict[str, Any]:
    import os
    import platform
    import sys

    from vbannotate import __version__, cores

    some = f"{cores.free()} of {os.cpu_count()} cores"
    where = f"{platform.system()} {platform.machine()}, {some}, {sys.executable}"
    return _check("vbannotate", "ok", f"{__version__} on Python {platform.python_version()}, {where}")


def _packages() -> list[dict[str, Any]]:
    from importlib import import_module
    from importlib.metadata import packages_distributions, version

    names = packages_distributions()
    checks = []
    for extra, packages in {"": _BASE, **_EXTRAS}.items():
        target = f"vbannotate[{extra}]" if extra else "vbannotate"
        for package in packages:
            if extra and package not in names:
                checks.append(_check(package, "absent", "optional", f'pip install "{target}"'))
                continue
            try:
                if not extra:  # the heavy optional ones are looked up, not loaded
                    import_module(package)
                checks.append(_check(package, "ok", version(names[package][0])))
            except (ImportError, OSError, KeyError) as error:
                mend = f'pip install --force-reinstall "{target}"'
                checks.append(_check(package, "broken", str(error), mend))
    return checks


def _media() -> dict[str, Any]:
    """Encode and read back a tone in memory, once through each reader."""
    try:
        import av

        wanted = ("mp3", "aac", "opus", "vorbis", "flac", "pcm_s16le")
        missing = [name for name in wanted if name not in av.codecs_available]
    except (ImportError, OSError) as error:
        return _check("media", "broken", str(error), "pip install --force-reinstall av")
    if missing:
        return _check("media", "broken", f"no decoder for {', '.join(missing)}", "pip install --upgrade av")
    return _check("media", "ok", "wav, flac, ogg, opus, mp3, m4a, mp4, mkv, mov, webm, avi, ts")


def _model() -> dict[str, Any]:
    """Run the bundled detector on one second of silence."""
    import time

    mend = "pip install --force-reinstall vbannotate"
    try:
        import numpy as np

        from vbannotate.detection import Detector

        began = time.perf_counter()
        detector = Detector.load()
        detector.run(np.zeros(16_000, np.float32), 16_000)
        seconds = time.perf_counter() - began
    except (VbannotateError, ImportError, OSError, RuntimeError) as error:
        return _check("bundled detector", "broken", str(error), mend)
    name = detector.locator.card.name
    return _check("bundled detector", "ok", f"{name}, first answer after {seconds:.1f} s")


def _cuda() -> dict[str, Any]:
    try:
        import onnxruntime

        providers = onnxruntime.get_available_providers()
    except (ImportError, OSError) as error:
        return _check("device", "broken", str(error), "pip install --force-reinstall onnxruntime")
    if "CUDAExecutionProvider" in providers:
        return _check("device", "ok", "CUDA and CPU")
    return _check("device", "ok", "CPU (for a GPU: pip install onnxruntime-gpu, or torch with CUDA)")
