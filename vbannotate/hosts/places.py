"""Where ELAN, Audacity and Praat look for plug-ins.

Sources: ELAN 6.9 looks into ``app/extensions`` inside the program (one folder a version, none per user);
Praat's manual, page "preferences folder" (6 and 7 differ); Audacity's manual, page "Nyquist plug-ins".
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vbannotate.errors import UsageError, VbannotateError

LINUX, MACOS, WINDOWS = "Linux", "Darwin", "Windows"

# Folders of ELAN's program, in which `extensions` lies or may be made; `~` is the home.
_ELAN = {
    LINUX: [
        *(f"{top}/{name}/{app}" for top in ("~", "~/*", "/opt", "/usr/local", "/usr/share", "/usr/lib")
          for name in ("ELAN*", "elan*") for app in ("app", "lib/app")),
    ], MACOS: [f"{top}/ELAN*.app/Contents/{app}" for top in ("/Applications", "/Applications/*",
    "~/Applications")
            for app in ("app", "Java")],
    WINDOWS: [f"{top}/ELAN*/{app}" for top in ("%LOCALAPPDATA%", "%LOCALAPPDATA%/Programs", "%ProgramFiles%",
              "%ProgramFiles(x86)%", "~/Desktop", "~/Downloads") for app in ("app", ".")],
}  # fmt: skip

_AUDACITY = {
    LINUX: [
        "%XDG_DATA_HOME%/audacity/plug-ins",
        "~/.audacity-data/Plug-Ins",
        "~/.audacity-files/plug-ins",
        "~/.var/app/org.audacityteam.Audacity/data/audacity/plug-ins",  # Flatpak
    ],
    MACOS: ["~/Library/Application Support/audacity/Plug-Ins"],
    WINDOWS: ["%APPDATA%/audacity/Plug-Ins"],
}
_AUDACITY_SETTINGS = {
    LINUX: ["%XDG_CONFIG_HOME%/audacity/audacity.cfg", "~/.audacity-data/audacity.cfg"],
    MACOS: ["~/Library/Application Support/audacity/audacity.cfg"],
    WINDOWS: ["%APPDATA%/audacity/audacity.cfg"],
}

# The folders of Praat 6 and of Praat 7, in this order.
_PRAAT = {
    LINUX: ["~/.praat-dir", "%XDG_CONFIG_HOME%/praat"],
    MACOS: ["~/Library/Preferences/Praat Prefs", "~/Library/Application Support/Praat"],
    WINDOWS: ["~/Praat", "%APPDATA%/Praat"],
}
_PRAAT_PROGRAM = {
    LINUX: [],
    MACOS: ["/Applications/Praat.app/Contents/MacOS/Praat", "~/Applications/Praat.app/Contents/MacOS/Praat"],
    WINDOWS: ["%ProgramFiles%/Praat/Praat.exe", "~/Desktop/Praat.exe", "~/Downloads/Praat.exe"],
}

_DATA = {
    LINUX: "%XDG_DATA_HOME%/vbannotate",
    MACOS: "~/Library/Application Support/vbannotate",
    WINDOWS: "%LOCALAPPDATA%/vbannotate",
}
_DEFAULTS = {
    "XDG_DATA_HOME": "~/.local/share",
    "XDG_CONFIG_HOME": "~/.config",
    "APPDATA": "~/AppData/Roaming",
    "LOCALAPPDATA": "~/AppData/Local",
    "ProgramFiles": "C:/Program Files",
    "ProgramFiles(x86)": "C:/Program Files (x86)",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """The system, home folder and environment that folders are looked for with; tests make their own."""

    system: str
    home: Path
    env: Mapping[str, str] = field(default_factory=dict)
    root: Path = Path("/")

    @classmethod
    def here(cls) -> Machine:
        """This computer and this user."""
        return cls(platform.system(), Path.home(), os.environ)

    def expand(self, pattern: str) -> Path:
        """A pattern of the tables above as a path, with `~` and `%NAME%` filled in."""
        if match := re.match(r"%(.+?)%(.*)", pattern):
            name, rest = match.groups()
            value = self.env.get(name)
            return Path(value + rest) if value else self.expand(_DEFAULTS[name] + rest)
        if pattern.startswith("~"):
            return self.home / pattern[2:]
        return self.root / pattern.lstrip("/") if self.root != Path("/") else Path(pattern)

    def found(self, pattern: str) -> Iterator[Path]:
        """What exists under a pattern with stars; unreadable folders are passed over."""
        path = self.expand(pattern)
        base = Path(
            *path.parts[: next((n for n, part in enumerate(path.parts) if "*" in part), len(path.parts))]
        )
        if base == path:
            if path.exists():
                yield path
            return
        try:
            yield from base.glob(str(path.relative_to(base)))
        except OSError:
            return


def elan(machine: Machine) -> list[Path]:
    """The extensions folder of every ELAN on the machine, the newest version last."""
    found: dict[Path, None] = {}
    for pattern in _ELAN[_known(machine)]:
        for app in machine.found(pattern):
            if app.is_dir() and _is_elan(app):
                found.setdefault(app.resolve() / "extensions")
    return sorted(found, key=lambda path: (_version(path), str(path)))


def audacity(machine: Machine) -> list[Path]:
    """Audacity's Plug-Ins folders of this user: the usual one always, others where they exist."""
    usual, *others = (machine.expand(pattern) for pattern in _AUDACITY[_known(machine)])
    return [usual, *(path for path in others if path.is_dir() or path.parent.is_dir())]


def audacity_settings(machine: Machine) -> Path | None:
    """The settings file of Audacity, or None where Audacity was never started."""
    return _first_file(machine, _AUDACITY_SETTINGS[_known(machine)])


def praat(machine: Machine) -> list[Path]:
    """Praat's preferences folders: those that exist, else the one that the installed Praat will look in."""
    six, seven = (machine.expand(pattern) for pattern in _PRAAT[_known(machine)])
    found = [path for path in (six, seven) if path.is_dir()]
    if not found and (program := praat_program(machine)):
        found = [seven if praat_version(program) >= (7,) else six]
    return found


def praat_program(machine: Machine) -> Path | None:
    """Praat itself, where it can be found."""
    if machine.root == Path("/") and (path := shutil.which("praat", path=machine.env.get("PATH"))):
        return Path(path)
    return _first_file(machine, _PRAAT_PROGRAM[_known(machine)])


def praat_version(program: Path) -> tuple[int, ...]:
    """The version that a Praat program tells, or () where it tells none."""
    try:
        run = subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(rb"Praat (\d+)\.(\d+)(?:\.(\d+))?", run.stdout)
    return tuple(int(part) for part in match.groups() if part) if match else ()


def data_folder(machine: Machine) -> Path:
    """Where vbannotate keeps its own notes about this user's installations."""
    return machine.expand(_DATA[_known(machine)])


def _known(machine: Machine) -> str:
    if machine.system not in (LINUX, MACOS, WINDOWS):
        raise UsageError(f"no plug-in folders are known for {machine.system}", "name the folder with --dir")
    return machine.system


def _first_file(machine: Machine, patterns: list[str]) -> Path | None:
    return next((path for pattern in patterns for path in machine.found(pattern) if path.is_file()), None)


def _is_elan(app: Path) -> bool:
    """A folder that holds ELAN's program, or already its extensions."""
    try:
        return (app / "extensions").is_dir() or any(app.glob("[eE][lL][aA][nN]*.jar"))
    except OSError:
        return False


def _version(path: Path) -> tuple[int, ...]:
    """6.4 of ``ELAN_6-4``, ``ELAN_6.4`` and ``ELAN_6.4.app``."""
    for part in reversed(path.parts):
        if match := re.match(r"elan[-_ ]?(\d+)(?:[.-](\d+))?", part, re.IGNORECASE):
            return tuple(int(number or 0) for number in match.groups())
    return (0, 0)


def require(folders: list[Path], host: str) -> list[Path]:
    """The folders, or VbannotateError that says how to help where there is none."""
    if folders:
        return folders
    mend = {
        "elan": "name its extensions folder with --dir (inside the program: ELAN_7-0/app/extensions)",
        "praat": "start Praat once, so that it makes its preferences folder, or name it with --dir",
        "audacity": "name its Plug-Ins folder with --dir",
    }[host]
    raise VbannotateError(
        f"no {host.capitalize() if host != 'elan' else 'ELAN'} found on this computer", mend
    )
