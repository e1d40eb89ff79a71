"""Where hosts look, how launchers are quoted, and that an installation can be taken back without a trace."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.elan_player import lint
from vbannotate import __version__
from vbannotate.errors import VbannotateError
from vbannotate.hosts import NAMES, install, launchers, places
from vbannotate.hosts.places import LINUX, MACOS, WINDOWS, Machine

SYSTEMS = (LINUX, MACOS, WINDOWS)
PYTHON = {
    LINUX: "/home/ü/it's $HOME/`x`/bin/python",
    MACOS: "/Users/A B/.venv/bin/python3",
    WINDOWS: r"C:\Program Files (x86)\100% Ü & Co\Scripts\python.exe",
}
ELAN = {
    LINUX: ["home/ELAN_6-4/app", "home/apps/ELAN_7-0/app", "root/opt/elan-6.9/lib/app"],
    MACOS: ["root/Applications/ELAN_6.9.app/Contents/app", "root/Applications/ELAN_7.0.app/Contents/app"],
    WINDOWS: ["home/AppData/Local/ELAN_6-4/app", "home/AppData/Local/ELAN_6.9/app"],
}
AUDACITY = {
    LINUX: "home/.local/share/audacity/plug-ins",
    MACOS: "home/Library/Application Support/audacity/Plug-Ins",
    WINDOWS: "home/AppData/Roaming/audacity/Plug-Ins",
}
PRAAT = {
    LINUX: ["home/.praat-dir", "home/.config/praat"],
    MACOS: ["home/Library/Preferences/Praat Prefs", "home/Library/Application Support/Praat"],
    WINDOWS: ["home/Praat", "home/AppData/Roaming/Praat"],
}


def machine(tmp_path: Path, system: str, **env: str) -> Machine:
    """A user with an empty home on an empty computer."""
    for name in ("home", "root"):
        (tmp_path / name).mkdir(exist_ok=True)
    return Machine(system, tmp_path / "home", env, tmp_path / "root")


def furnished(tmp_path: Path, system: str) -> Machine:
    """The same with all three hosts, ELAN and Praat in two versions."""
    for folder in (*ELAN[system], *PRAAT[system]):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ELAN[system]:
        (tmp_path / folder / "elan-6.9.jar").touch()
    return machine(tmp_path, system)


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


def arguments_in_cmd(line: str) -> list[str]:
    """The words of a command line in a batch file, as cmd.exe and then C's start-up code split them."""
    assert not re.search(r"(?<!%)%(?!%)", line.replace("%%", "")), "a lone percent sign would be a variable"
    line = line.replace("%%", "%")
    outside = "".join(line.split('"')[::2])
    assert not re.search(r"[&|<>^()!]", outside), "cmd.exe acts on these outside of quotes"
    assert line.count('"') % 2 == 0
    return ["".join(pair) for pair in re.findall(r'"([^"]*)"|([^\s"]+)', line)]


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_host_is_found_in_every_version(tmp_path, system):
    here = furnished(tmp_path, system)
    assert places.elan(here) == [
        tmp_path / folder / "extensions" for folder in sorted(ELAN[system], key=_number)
    ]
    assert places.audacity(here) == [tmp_path / AUDACITY[system]]
    assert places.praat(here) == [tmp_path / folder for folder in PRAAT[system]]


def _number(folder: str) -> str:
    match = re.search(r"(\d)[-.](\d)", folder)
    assert match
    return ".".join(match.groups())


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("host", NAMES)
def test_install_again_and_uninstall_leaves_nothing(tmp_path, system, host):
    here = furnished(tmp_path, system)
    before = snapshot(tmp_path)
    done = install.install(host, here, python=sys.executable)
    assert len(done) == {"elan": len(ELAN[system]), "praat": 2, "audacity": 1}[host]
    assert [p.state for p in install.status(host, here)] == ["ok"] * len(done)
    first = snapshot(tmp_path)
    install.install(host, here, python=sys.executable)
    assert snapshot(tmp_path) == first
    assert install.uninstall(host, here) == done
    after = snapshot(tmp_path)
    made = {p for p in after if p not in before}
    # Only folders that a host shares stay: ELAN's extensions, Audacity's Plug-Ins and what they lie in.
    assert all(
        after[p] is None and Path(p).name in ("extensions", *Path(AUDACITY[system]).parts) for p in made
    )
    assert {p: after[p] for p in before} == before
    assert install.uninstall(host, here) == []


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_recognizer_is_what_elan_wants_on_each_system(tmp_path, system):
    here = furnished(tmp_path, system)
    for folder in install.install("elan", here, python=PYTHON[system]):
        assert lint(folder / "vbannotate.cmdi", system) == []
        names = {path.name for path in folder.iterdir()}
        launcher = "run.bat" if system == WINDOWS else "run.sh"
        assert names == {"vbannotate.cmdi", "help.html", launcher, "installed.json"}
        assert (folder / "help.html").read_bytes().isascii()  # Java's old viewer guesses the charset


def test_the_batch_file_calls_the_interpreter_whatever_its_path(tmp_path):
    python = PYTHON[WINDOWS]
    data = install.contents("elan", WINDOWS, python)["run.bat"]
    assert not data.startswith(b"\xef\xbb\xbf") and data.count(b"\r\n") == data.count(b"\n")
    lines = data.decode("utf-8").split("\r\n")
    assert lines.index("chcp 65001 <nul >nul") < next(n for n, line in enumerate(lines) if "-m" in line)
    words = arguments_in_cmd(next(line for line in lines if "-m" in line))
    assert words == [python, "-X", "utf8", "-m", "vbannotate", "plugins", "run-elan"]


def test_a_quote_in_a_windows_path_is_refused():
    with pytest.raises(VbannotateError, match="cannot be called from a batch file"):
        launchers.for_cmd('C:\\a"b\\python.exe')


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_the_shell_script_calls_the_interpreter_whatever_its_path(tmp_path):
    program = tmp_path / "it's $HOME `x` ü" / "py thon"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s|" "$PYTHONUTF8" "$@"\n')
    program.chmod(0o755)
    script = tmp_path / "run.sh"
    script.write_bytes(install.contents("elan", LINUX, str(program))["run.sh"])
    run = subprocess.run(["/bin/sh", script], capture_output=True, check=True, env={"LC_ALL": "C"})
    assert run.stdout == b"PROGRESS: 0% starting\n1|-X|utf8|-m|vbannotate|plugins|run-elan|"


def test_praat_gets_the_interpreter_as_one_string():
    data = install.contents("praat", LINUX, '/a "b"/ü/python')["common.praat"].decode()
    assert 'runSubprocess: "/a ""b""/ü/python", "-X", "utf8", "-m", "vbannotate"' in data
    assert "@PYTHON@" not in data


def test_the_plugins_are_thin():
    for host in NAMES:
        for name, data in install.contents(host, LINUX, "/x/python").items():
            assert b"import vbannotate" not in data and len(data) < 10_000, name
            assert b"@PYTHON@" not in data and b"@VERSION@" not in data, name


def test_a_folder_by_hand_is_remembered_until_it_is_uninstalled(tmp_path):
    here = machine(tmp_path, LINUX)
    own = tmp_path / "my elan" / "extensions"
    with pytest.raises(
        VbannotateError, match="no ELAN found on this computer; name its extensions folder with --dir"
    ):
        install.install("elan", here)
    assert install.install("elan", here, own) == [own / "vbannotate"]
    assert [p.folder for p in install.status("elan", here)] == [own]
    assert install.install("elan", here) == [own / "vbannotate"]
    assert install.uninstall("elan", here) == [own / "vbannotate"]
    assert install.status("elan", here) == []


def test_files_of_others_stay(tmp_path):
    here = furnished(tmp_path, LINUX)
    (folder,) = install.install("praat", here, tmp_path / "home" / ".praat-dir")
    note = folder / "my notes.txt"
    note.write_text("mine")
    install.uninstall("praat", here)
    assert list(folder.iterdir()) == [note]
    with pytest.raises(VbannotateError, match="was not made by vbannotate; move it away"):
        install.install("praat", here)
    foreign = tmp_path / AUDACITY[LINUX] / install.NYQUIST
    foreign.parent.mkdir(parents=True)
    foreign.write_text(";nyquist plug-in\n")
    with pytest.raises(VbannotateError, match="was not made by vbannotate"):
        install.install("audacity", here)
    assert install.uninstall("audacity", here) == [] and foreign.exists()
    assert "is not ours" in install.status("audacity", here)[0].state


def test_what_is_wrong_with_an_installation_is_said(tmp_path):
    here = furnished(tmp_path, LINUX)
    (folder,) = install.install("praat", here, tmp_path / "home" / ".praat-dir", python=sys.executable)

    def state() -> str:
        return install.status("praat", here)[0].state

    record = json.loads((folder / "installed.json").read_text("utf-8"))
    assert record["version"] == __version__ and record["python"] == sys.executable
    (folder / "compare.praat").write_text("edited")
    assert state() == "compare.praat was changed; install again"
    (folder / "compare.praat").unlink()
    assert state() == "compare.praat is missing; install again"
    install.install("praat", here, python="/gone/python")
    assert state() == "the Python that it calls is gone (/gone/python); install again"
    install.install("praat", here, python=sys.executable)
    assert state() == "ok"
    record = json.loads((folder / "installed.json").read_text("utf-8"))
    (folder / "installed.json").write_text(json.dumps({**record, "version": "0.0.1"}))
    assert state() == f"of version 0.0.1, this is {__version__}; install again"


def test_a_record_cannot_lead_out_of_its_folder(tmp_path):
    here = furnished(tmp_path, LINUX)
    (folder,) = install.install("praat", here, tmp_path / "home" / ".praat-dir")
    victim = tmp_path / "home" / "thesis.txt"
    victim.write_text("precious")
    record = json.loads((folder / "installed.json").read_text("utf-8"))
    (folder / "installed.json").write_text(json.dumps({**record, "files": {"../../thesis.txt": "x"}}))
    with pytest.raises(VbannotateError, match="remove the folder by hand"):
        install.uninstall("praat", here)
    assert victim.exists()


def test_the_folders_of_the_environment_win(tmp_path):
    here = machine(
        tmp_path, LINUX, XDG_DATA_HOME=str(tmp_path / "data"), XDG_CONFIG_HOME=str(tmp_path / "conf")
    )
    assert places.audacity(here) == [tmp_path / "data" / "audacity" / "plug-ins"]
    (tmp_path / "conf" / "praat").mkdir(parents=True)
    assert places.praat(here) == [tmp_path / "conf" / "praat"]


def test_praat_was_never_started(tmp_path):
    with pytest.raises(VbannotateError, match="no Praat found on this computer; start Praat once"):
        install.install("praat", machine(tmp_path, WINDOWS))
