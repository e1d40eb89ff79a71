"""Running an installed plug-in as its host would, and saying what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from vbannotate.errors import VbannotateError
from vbannotate.hosts import audacity, install, pipe, places
from vbannotate.hosts.install import FOLDER, Place
from vbannotate.hosts.launchers import for_praat, for_xml
from vbannotate.hosts.places import LINUX, MACOS, WINDOWS, Machine

LIMIT_S = 120.0  # the first start after an installation compiles modules and loads the model
_RUN = {LINUX: "runLinux", MACOS: "runMac", WINDOWS: "runWin"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `ok` is None for what could not be looked at."""

    ok: bool | None
    what: str
    mend: str = ""


def check(host: str, machine: Machine, folder: Path | None = None) -> list[Finding]:
    """Everything that can be found out about a plug-in on this computer."""
    found = list(_installed(host, machine, folder))
    working = [one for one in install.status(host, machine, folder) if one.state == "ok"]
    run = {"elan": _elan, "praat": _praat, "audacity": _audacity}[host]
    return [*found, *run(machine, working)]


def _installed(host: str, machine: Machine, folder: Path | None) -> Iterator[Finding]:
    again = f"run: vbannotate plugins install {host}"
    all_places = install.status(host, machine, folder)
    if not all_places:
        yield Finding(False, f"no folder of {host} was found", f"{again} --dir FOLDER")
    for place in all_places:
        if place.state == "none":
            yield Finding(False, f"{place.folder}: not installed", again)
        elif place.state == "ok":
            yield Finding(True, f"{place.folder}: installed, version {place.version}")
        else:
            yield Finding(False, f"{place.folder}: {place.state}", again)


def _elan(machine: Machine, working: Sequence[Place]) -> Iterator[Finding]:
    for place in working:
        folder = place.folder / str(FOLDER["elan"])
        problem = run_recognizer(folder, machine)
        yield Finding(
            problem is None, f"{folder}: run as ELAN runs it" + (f": {problem}" if problem else ", works")
        )
    if working:
        yield Finding(None, "whether ELAN lists it can be seen in ELAN only (restart ELAN; tab Recognizers)")


def run_recognizer(folder: Path, machine: Machine) -> str | None:
    """Start the recognizer in `folder` as ELAN does, on two seconds of noise; what went wrong, or None."""
    try:
        root = ElementTree.parse(folder / "vbannotate.cmdi").getroot()
    except (OSError, ElementTree.ParseError) as error:
        return f"the .cmdi cannot be read ({error})"
    elements = {e.tag.rpartition("}")[2]: e for e in root.iter() if isinstance(e.tag, str)}
    command = elements["recognizer"].get(_RUN[machine.system], "").split()  # ELAN knows no quoting
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as scratch:
        sound, output = noise(Path(scratch) / "a test.wav"), Path(scratch) / "bursts.xml"
        output.touch()
        values = _defaults(root) | {"source": str(sound), "bursts": str(output)}
        try:
            run = subprocess.run(
                command, cwd=folder, env=_bare(), input=_param(values), stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, timeout=LIMIT_S, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it could not be run ({error})"
        return _judge(run.stdout.decode("utf-8", "replace").splitlines(), output)


def _judge(lines: Sequence[str], output: Path) -> str | None:
    """What ELAN would say to these lines and this file."""
    if "RESULT: DONE." not in lines:
        told = [line for line in lines if line.strip() and not line.startswith(("PROGRESS:", "RESULT:"))]
        return " / ".join(told[-3:]) or "it ended without a word"
    try:
        root = ElementTree.parse(output).getroot()
    except (OSError, ElementTree.ParseError) as error:
        return f"its result cannot be read ({error})"
    return None if root.tag == "TIERS" and len(root) else "its result holds no tier"


def _defaults(root: ElementTree.Element) -> dict[str, str]:
    """The values that ELAN sends where the user touches nothing; numbers as Java prints floats."""
    values = {}
    for element in root.iter():
        kind = str(element.tag).rpartition("}")[2]
        if kind in ("numparam", "textparam"):
            default = element.get("default", "")
            values[(element.text or "").strip()] = str(float(default)) if kind == "numparam" else default
    return values


def _param(values: Mapping[str, str]) -> bytes:
    rows = "\n".join(f'<param name="{name}">{for_xml(value)}</param>' for name, value in values.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<PARAM>\n{rows}\n</PARAM>\n'.encode()


def _bare() -> dict[str, str]:
    """The poor environment of a program started from the desktop: a short PATH and no locale."""
    env = dict(os.environ)
    if sys.platform != "win32":
        env = {k: v for k, v in env.items() if k not in ("LANG", "LANGUAGE") and not k.startswith("LC_")}
        env |= {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return env


def _praat(machine: Machine, working: Sequence[Place]) -> Iterator[Finding]:
    program = places.praat_program(machine)
    if working and program is None:
        yield Finding(
            None, "Praat itself was not found, so it could not be run", "start a command from Praat's menu"
        )
        return
    for place in working:
        problem = run_praat(Path(str(program)), place.folder / str(FOLDER["praat"]))
        yield Finding(
            problem is None, f"{place.folder}: run in Praat" + (f": {problem}" if problem else ", works")
        )


def run_praat(program: Path, folder: Path) -> str | None:
    """Annotate two seconds of noise in Praat, headless; what went wrong, or None."""
    script = (
        'Create Sound from formula: "noise", 1, 0, 2, 16000, "randomGauss (0, 0.01)"\n'
        f"runScript: {for_praat((folder / 'annotate_sound.praat').as_posix())}, "
        '"default", "preset", "preset", "one", "no", ""\n'
        'writeInfoLine: numberOfSelected ("TextGrid")\n'
    )
    with tempfile.TemporaryDirectory(prefix="vbannotate-") as scratch:
        path = Path(scratch) / "check.praat"
        path.write_text(script, encoding="utf-8")
        try:
            run = subprocess.run([program, "--run", path], capture_output=True, timeout=LIMIT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"it could not be run ({error})"
    said = run.stderr.decode("utf-8", "replace").strip()
    if run.returncode or run.stdout.split()[-1:] != [b"1"]:
        return " ".join(said.split())[-300:] or "it gave no TextGrid"
    return None


def _audacity(machine: Machine, working: Sequence[Place]) -> Iterator[Finding]:
    enabled = pipe.module_enabled(machine)
    if enabled is None:
        yield Finding(None, "Audacity has no settings yet", "start Audacity once")
    else:
        mend = "" if enabled else pipe.ENABLE
        yield Finding(
            enabled, f"the scripting pipe is {'on' if enabled else 'off'} in Audacity's settings", mend
        )
    try:
        with pipe.connect() as connection:
            names = [command["id"] for command in connection.info("Commands")]
    except VbannotateError as error:
        yield Finding(False, f"Audacity cannot be reached: {error.what}", error.mend)
        return
    yield Finding(True, "Audacity answers")
    listed = audacity.COMMAND in names
    mend = "" if listed else "restart Audacity; in Tools > Plugin Manager enable 'Vocal bursts: load labels'"
    yield Finding(
        listed, f"Audacity {'lists' if listed else 'does not list'} the plug-in in its Analyze menu", mend
    )


def noise(path: Path) -> Path:
    """Two seconds of faint noise, always the same, as a WAV."""
    import random

    samples = random.Random(1)
    data = b"".join(int(samples.gauss(0, 200)).to_bytes(2, "little", signed=True) for _ in range(32_000))
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(data)
    return path
