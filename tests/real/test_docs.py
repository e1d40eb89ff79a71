"""The docs tell the truth: every command runs and prints what the page shows; every command has a page."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from vbannotate.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
_spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
refresh = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(refresh)


@pytest.mark.parametrize("page", refresh.pages(), ids=lambda p: str(p.relative_to(refresh.DOCS)))
def test_commands_print_what_the_page_shows(page):
    if shutil.which("vbannotate", path=str(Path(sys.executable).parent)) is None:
        pytest.skip("vbannotate is not installed in this environment")
    assert refresh.refreshed(page) == page.read_text("utf-8")


def commands(group, prefix=""):
    """The commands below a group by their full names."""
    found = {}
    for name, command in group.commands.items():
        if command.hidden:
            continue
        found |= (
            commands(command, f"{prefix}{name} ")
            if hasattr(command, "commands")
            else {prefix + name: command}
        )
    return found


ALL = commands(typer.main.get_command(app))


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_help_and_stands_in_the_docs(name):
    command = ALL[name]
    assert command.help
    for parameter in command.params:
        if parameter.param_type_name == "option" and not parameter.hidden:
            assert parameter.help, f"{name} {parameter.opts[-1]} has no help"
    text = "".join(page.read_text("utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert f"vbannotate {name}" in text


def test_links_in_the_docs_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_readme_demo_command_runs(tmp_path):
    """The part after the installation, in a copy, by this environment."""
    text = (ROOT / "README.md").read_text("utf-8")
    line = re.search(r"<!-- demo -->\n```\n(.*?)\n```", text)[1]
    command = line.split(" && ", 1)[1].replace("vbannotate ", "", 1).split()
    command[command.index("-o") + 1] = str(tmp_path / "result")
    done = subprocess.run(
        [sys.executable, "-m", "vbannotate", *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "result").iterdir()}
    assert names == {"demo.txt", "demo.TextGrid", "demo.eaf", "demo.srt", "demo.vb.json", "demo.wav"}


def test_the_readme_python_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)[1]
    assert len(code.splitlines()) == 6
    monkeypatch.chdir(tmp_path)
    exec(code.replace('"docs/', f'"{ROOT.as_posix()}/docs/'), {})
    assert (tmp_path / "demo.TextGrid").exists()
    assert "confidence" in capsys.readouterr().out
