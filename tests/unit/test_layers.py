"""The architecture as tests: modules import downwards only, and nothing heavy is loaded before it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "vbannotate"
LAYERS = {
    "cores": 0, "errors": 0, "times": 0,
    "events": 1, "files": 1,
    "vocabulary": 2, "audio": 2, "decode": 2, "match": 2, "provenance": 2,
    "cues": 3, "scores": 3, "compat": 3,
    "formats": 4, "settings": 4,
    "models": 5, "score": 5, "calibrate": 5, "interop": 5, "report": 5,
    "detection": 6, "outputs": 6, "plot": 6, "agreement": 6, "corrections": 6, "tune": 6,
    "inference": 7, "hosts": 7, "sources": 7,
    "synth": 8,
    "train": 9,
    "cli": 10,
}  # fmt: skip
HEAVY = {
    "numpy", "torch", "transformers", "librosa", "onnxruntime", "av", "soundfile", "soxr", "lxml", "pympi",
    "textgrid", "scipy", "matplotlib", "huggingface_hub", "safetensors", "rich",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """The parts of the package that a module imports, anywhere but for type checking."""
    found = set()
    tree = ast.parse(path.read_text("utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "vbannotate":
            names = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
            found |= {name for name in names if not name.startswith("__")}
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("vbannotate.")}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_import_downwards_only(path):
    part = path.relative_to(ROOT).with_suffix("").parts[0]
    if part in ("__init__", "__main__"):
        return
    assert part in LAYERS, f"give {part} a layer"
    for other in imports(path) - {"Annotation", "Event", "Span", "Tier", "VbannotateError"}:
        assert part == other or LAYERS[other] < LAYERS[part], f"{path.name} imports {other}"


def modules_after(code: str) -> set[str]:
    probe = f"import sys\n{code}\nprint(' '.join({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import vbannotate",
        "from vbannotate import Event, Tier, Annotation, Span",
        "from vbannotate.cli.app import run; run(['--help'])",
        "from vbannotate.cli.app import run; run(['detect', '--help'])",
        "from vbannotate.cli.app import run; run(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code):
    assert modules_after(code) & HEAVY == set()
