"""Run the commands in the docs and put their real output below them.

    python docs/refresh.py            rewrite the output in every ``console`` block
    python docs/refresh.py --check    only say which blocks are out of date

A block is fenced with ```console; its lines that begin with ``$ `` are run by bash in a folder with the demo
recording as ``talk.ogg`` and its labels as ``reference.txt``, one folder a page. ``...`` alone on a line of a
block stands for any lines.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """The pages that have something to run."""
    return [page for page in sorted(DOCS.rglob("*.md")) if _BLOCK.search(page.read_text("utf-8"))]


def refreshed(page: Path) -> str:
    """The text of a page with the output of its commands as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(DOCS / "demo" / "demo.ogg", Path(folder) / "talk.ogg")
        shutil.copy(DOCS / "demo" / "demo.reference.txt", Path(folder) / "reference.txt")
        return _BLOCK.sub(
            lambda match: f"```console\n{_run_block(match[1], folder)}```", page.read_text("utf-8")
        )


def _run_block(block: str, folder: str) -> str:
    text = ""
    parts = re.split(r"^(\$ .*\n)", block, flags=re.MULTILINE)
    for command, old in zip(parts[1::2], parts[2::2], strict=True):
        new = _run(command[2:], folder)
        text += command + (old if _fits(old, new) else new)
    return text


def _run(command: str, folder: str) -> str:
    environment = os.environ | {
        "COLUMNS": "100",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    output = (done.stdout + done.stderr).replace(folder + os.sep, "")
    return output if not output or output.endswith("\n") else output + "\n"


def _fits(shown: str, output: str) -> bool:
    """Whether what a block shows is the output, with ``...`` for any lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line) for line in shown.splitlines(True)
    )
    return re.fullmatch(pattern, output) is not None


def main() -> int:
    """Rewrite or check all pages."""
    stale = 0
    for page in pages():
        new = refreshed(page)
        if new != page.read_text("utf-8"):
            stale += 1
            print(
                f"{page.relative_to(DOCS)} is out of date"
                if "--check" in sys.argv
                else f"{page.relative_to(DOCS)} rewritten"
            )
            if "--check" not in sys.argv:
                page.write_text(new, "utf-8")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
