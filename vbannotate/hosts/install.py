"""Putting plug-ins where their hosts look, and taking away what was put there and nothing else.

ELAN and Praat get a folder of ours with ``installed.json`` in it: version, interpreter, and a hash of each
file. In Audacity's Plug-Ins folder, which is shared, lies one file that carries our name. Folders given by
hand are remembered (`places.data_folder`), so that `list` and `uninstall` know them.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vbannotate import __version__, files
from vbannotate.errors import VbannotateError
from vbannotate.hosts import launchers, places
from vbannotate.hosts.places import WINDOWS, Machine

RECORD = "installed.json"
FOLDER = {"elan": "vbannotate", "praat": "plugin_vbannotate", "audacity": None}
NYQUIST = "vocal-bursts-load-labels.ny"
_NOT_ON = {WINDOWS: ("run.sh",)}


@dataclass(frozen=True, slots=True)
class Place:
    """One folder that a host looks in. `state` of ours in it: "none", "ok", or what is wrong."""

    host: str
    folder: Path
    state: str = "none"
    version: str | None = None
    python: str | None = None


def sources() -> Path:
    """The folder ``plugins``: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_plugins", package.parent / "plugins"):
        if (folder / "elan").is_dir():
            return folder
    raise VbannotateError(
        "the plug-ins are missing from this installation", "run: pip install --force-reinstall vbannotate"
    )


def targets(host: str, machine: Machine, folder: Path | None = None) -> list[Path]:
    """The folders a host looks in, those named by hand earlier included; or just `folder`."""
    if folder is not None:
        return [folder]
    found = getattr(places, host)(machine)
    return [*found, *(path for path in _remembered(machine).get(host, []) if path not in found)]


def install(host: str, machine: Machine, folder: Path | None = None, python: str | None = None) -> list[Path]:
    """Install a plug-in into every folder its host looks in, or into `folder`; return what was installed.

    Calling it again renews what is there. Raises VbannotateError where no host is found or a folder is
    closed.
    """
    python = python or sys.executable
    done = []
    for target in places.require(targets(host, machine, folder), host):
        done.append(_install_one(host, machine, target, python))
    if folder is not None:
        _remember(machine, host, folder.absolute())
    return done


def uninstall(host: str, machine: Machine, folder: Path | None = None) -> list[Path]:
    """Remove what `install` put there; return it. Files that are not ours stay."""
    removed = []
    for target in targets(host, machine, folder):
        one = _uninstall_one(host, target)
        removed += [one] if one else []
        _forget(machine, host, target)
    return removed


def status(host: str, machine: Machine, folder: Path | None = None) -> list[Place]:
    """What lies in each folder the host looks in."""
    return [_look(host, target) for target in targets(host, machine, folder)]


def contents(host: str, system: str, python: str) -> dict[str, bytes]:
    """The files of a plug-in, by name, as they are installed on `system`."""
    result = {}
    for path in sorted((sources() / host).iterdir()):
        name = path.name
        if path.is_file() and not name.startswith(".") and name not in _NOT_ON.get(system, ("run.bat",)):
            result[name] = launchers.render(name, path.read_text("utf-8"), python)
    return result


def _install_one(host: str, machine: Machine, target: Path, python: str) -> Path:
    wanted = contents(host, machine.system, python)
    own = FOLDER[host]
    folder = target / own if own else target
    record = _record(folder) if own else {}
    if own and folder.exists() and record is None and any(folder.iterdir()):
        raise VbannotateError(
            f"{folder} exists and was not made by vbannotate", "move it away, then install again"
        )
    if not own:
        _refuse_foreign(folder / NYQUIST)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in wanted.items():
            files.write(folder / name, data, overwrite=True)
            if name.endswith(".sh"):
                (folder / name).chmod(0o755)
        if own:
            for name in set((record or {}).get("files", {})) - set(wanted):
                _inside(folder, name).unlink(missing_ok=True)
            files.write(folder / RECORD, _new_record(wanted, python), overwrite=True)
    except (OSError, VbannotateError) as error:
        mend = "close the host program, or run the command with the rights to change that folder"
        raise VbannotateError(f"{folder} cannot be written ({error})", mend) from error
    return folder if own else folder / NYQUIST


def _uninstall_one(host: str, target: Path) -> Path | None:
    own = FOLDER[host]
    if not own:
        path = target / NYQUIST
        if not path.exists() or not _is_ours(path):
            return None
        path.unlink()
        return path
    folder = target / own
    record = _record(folder)
    if record is None:
        return None
    for name in record["files"]:
        _inside(folder, name).unlink(missing_ok=True)
    (folder / RECORD).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return folder


def _look(host: str, target: Path) -> Place:
    own = FOLDER[host]
    if not own:
        path = target / NYQUIST
        if not path.exists():
            return Place(host, target)
        version = _nyquist_version(path)
        if version is None:
            return Place(host, target, f"{NYQUIST} there is not ours")
        current = (
            hashlib.sha256(contents(host, "", "")[NYQUIST]).digest()
            == hashlib.sha256(path.read_bytes()).digest()
        )
        return Place(host, target, "ok" if current else _outdated(version), version)
    folder = target / own
    record = _record(folder)
    if record is None:
        state = f"{folder} there is not ours" if folder.exists() and any(folder.iterdir()) else "none"
        return Place(host, target, state)
    return Place(host, target, _problem(folder, record), record["version"], record["python"])


def _problem(folder: Path, record: Mapping[str, Any]) -> str:
    for name, digest in record["files"].items():
        path = _inside(folder, name)
        if not path.is_file():
            return f"{name} is missing; install again"
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            return f"{name} was changed; install again"
    if not Path(record["python"]).exists():
        return f"the Python that it calls is gone ({record['python']}); install again"
    return "ok" if record["version"] == __version__ else _outdated(record["version"])


def _outdated(version: str) -> str:
    return f"of version {version}, this is {__version__}; install again"


def _new_record(wanted: Mapping[str, bytes], python: str) -> bytes:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in wanted.items()}
    record = {"program": "vbannotate", "version": __version__, "python": python, "files": hashes}
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _record(folder: Path) -> dict[str, Any] | None:
    """What `install` noted in a folder, or None where it made none."""
    try:
        record = json.loads((folder / RECORD).read_bytes())
        return record if record["program"] == "vbannotate" and isinstance(record["files"], dict) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _inside(folder: Path, name: str) -> Path:
    """A file of the record; a name that leads out of the folder is refused."""
    if Path(name).name != name:
        raise VbannotateError(f"{folder / RECORD} names {name!r}", "remove the folder by hand")
    return folder / name


def _nyquist_version(path: Path) -> str | None:
    """The version in the header of our Nyquist plug-in, or None for a file that is not ours."""
    lines = path.read_text("utf-8", "replace").splitlines()[:20]
    if ';author "vbannotate"' not in lines:
        return None
    return next((line.split()[-1] for line in lines if line.startswith(";release ")), None)


def _is_ours(path: Path) -> bool:
    return _nyquist_version(path) is not None


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not _is_ours(path):
        raise VbannotateError(
            f"{path} exists and was not made by vbannotate", "move it away, then install again"
        )


def _notes(machine: Machine) -> Path:
    return places.data_folder(machine) / "plugins.json"


def _remembered(machine: Machine) -> dict[str, list[Path]]:
    """Folders that were once named by hand, per host."""
    try:
        noted = json.loads(_notes(machine).read_bytes())
        return {host: [Path(path) for path in paths] for host, paths in noted.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(machine: Machine, host: str, folder: Path) -> None:
    noted = _remembered(machine)
    if folder not in getattr(places, host)(machine) and folder not in noted.get(host, []):
        noted.setdefault(host, []).append(folder)
        _save_notes(machine, noted)


def _forget(machine: Machine, host: str, folder: Path) -> None:
    noted = _remembered(machine)
    if folder.absolute() in noted.get(host, []):
        noted[host].remove(folder.absolute())
        _save_notes(machine, noted)


def _save_notes(machine: Machine, noted: Mapping[str, list[Path]]) -> None:
    path = _notes(machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(
        {host: [os.fspath(one) for one in folders] for host, folders in noted.items()}, indent=1
    )
    files.write(path, text.encode(), overwrite=True)
