"""ELAN's part in a recognizer's run, as ELAN 6.9 plays it on Linux, and the strict reader of its results.

What ELAN does, and what a recognizer must therefore do, is written in docs/guides/elan.md. `lint` looks at a
.cmdi for the three systems; `play` starts the program, feeds it, judges each line, and reads the tiers.
Everything that ELAN would swallow, misread or trip over is a fault.
"""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape

PARAMS = ("input", "output", "numparam", "textparam")
STARTS = {"Linux": "runLinux", "Darwin": "runMac", "Windows": "runWin"}
LAUNCHER = {"Linux": "run.sh", "Darwin": "run.sh", "Windows": "run.bat"}


@dataclass
class Outcome:
    """A run: how it ended, every line, (seconds, percent) of the bar, faults, and the tiers."""

    status: str = "no result"
    lines: list[str] = field(default_factory=list)
    progress: list[tuple[float, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tiers: dict[str, list[tuple[int, int, str]]] = field(default_factory=dict)
    output: Path = Path()
    seconds: float = 0.0

    @property
    def said(self) -> str:
        """The plain lines, as the report window shows them."""
        return "\n".join(line for line in self.lines if not line.startswith(("PROGRESS:", "RESULT:")))


def elements(cmdi: Path) -> list[tuple[str, ElementTree.Element]]:
    """Local name and element: ELAN heeds no namespace."""
    root = ElementTree.parse(cmdi).getroot()
    return [(e.tag.rpartition("}")[2], e) for e in root.iter() if isinstance(e.tag, str)]


def lint(cmdi: Path, system: str) -> list[str]:
    """What ELAN would refuse, drop or trip over in a .cmdi on a system."""
    found: list[str] = []
    every = elements(cmdi)
    recognizers = [e for name, e in every if name == "recognizer"]
    if "RECOGNIZER" not in [name for name, _ in every] or len(recognizers) != 1:
        return ["ELAN wants one recognizer within RECOGNIZER"]
    recognizer = recognizers[0]
    if recognizer.get("recognizerType") != "local" or not recognizer.get("info") or not recognizer.text:
        found.append("recognizer: needs type local, info and an identifier")
    command = recognizer.get(STARTS[system], "")
    if not command or re.search("[\"']", command):
        found.append(f"{STARTS[system]} {command!r}: empty, or quoted where ELAN only splits at blanks")
    found += _lint_launcher(cmdi.parent, command.split(), system)
    help_file = next((e.text for name, e in every if name == "documentation"), None)
    if not help_file or not (cmdi.parent / help_file).is_file():
        found.append("documentation: no such file")
    params = [(name, e) for name, e in every if name in PARAMS]
    ids = [(e.text or "").strip() for _, e in params]
    found += [f"{one}: used twice" for one in set(ids) if ids.count(one) > 1]
    for name, e in params:
        found += [f"{name} {(e.text or '').strip()}: {what}" for what in _lint_param(name, e)]
    if not any(name == "input" and e.get("type") in ("audio", "video") for name, e in params):
        found.append("no recording goes in")
    outputs = [e for name, e in params if name == "output"]
    if [e.get("type") for e in outputs] != ["tier"] or outputs[0].get("optional") != "false":
        found.append("ELAN makes and loads one output of type tier that is not optional")
    return found


def _lint_launcher(folder: Path, command: list[str], system: str) -> list[str]:
    """The program that a run command names."""
    words = command[2:] if system == "Windows" and command[:2] == ["cmd.exe", "/c"] else command
    if len(words) != 1:
        return [f"run command {command}: one relative program is wanted"]
    program = folder / words[0]
    if not program.is_file() or program.name != LAUNCHER[system]:
        return [f"{words[0]}: missing"]
    if system == "Windows":
        return [] if b"\r\n" in program.read_bytes() else ["a batch file needs CRLF"]
    first = program.read_bytes()[:3] == b"#!/"
    return (
        [] if first and os.access(program, os.X_OK) else [f"{words[0]}: not executable, or without #! line"]
    )


def _lint_param(name: str, e: ElementTree.Element) -> list[str]:
    found = []
    if not re.fullmatch(r"[a-z]\w{2,}", (e.text or "").strip()):
        found.append("the identifier must be a plain name of 3 letters or more")
    if not e.get("info"):
        found.append("without info ELAN drops it")
    if e.get("level") not in ("basic", "advanced"):
        found.append("level must be basic or advanced")
    if name in ("input", "output") and e.get("type") not in ("audio", "video", "tier"):
        found.append("unknown type")
    if name == "numparam":
        low, high, default = (float(e.get(key, "nan")) for key in ("min", "max", "default"))
        if not low <= default <= high or not low < high or e.get("type") not in ("int", "float"):
            found.append("min < max, a default between them, and a type are needed")
    if e.get("convoc") is not None and e.get("default") not in e.get("convoc", "").split():
        found.append("the default is not among the values (which are split at blanks)")
    return found


def request(cmdi: Path, values: dict[str, object], output: Path, encoding: str = "utf-8") -> bytes:
    """The text on standard input: all parameters in their order, numbers as Java prints floats."""
    rows = ['<param name="InvocationContext">Vocal_bursts 2026-01-31 14:30:58+0100</param>']
    for name, e in elements(cmdi):
        if name not in PARAMS:
            continue
        one = (e.text or "").strip()
        value = values.get(one, output if name == "output" else e.get("default", ""))
        text = str(float(str(value))) if name == "numparam" else str(value)
        rows.append(f'<param name="{one}">{escape(text, {chr(34): "&quot;", chr(39): "&apos;"})}</param>')
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<PARAM xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    return "\n".join([head, *rows, "</PARAM>", ""]).encode(encoding)


def play(
    cmdi: Path,
    values: dict[str, object],
    folder: Path,
    *,
    limit: float = 90.0,
    cancel_after: float | None = None,
    env: dict[str, str] | None = None,
    encoding: str = "utf-8",
) -> Outcome:
    """Run the recognizer in ELAN's way; the file for its tiers exists, empty, before it starts."""
    run = Outcome(output=Path(str(values.get("bursts", folder / "talk_bursts4711.xml"))))
    if not run.output.exists():
        run.output.touch()
    recognizer = next(e for name, e in elements(cmdi) if name == "recognizer")
    began = time.monotonic()
    process = subprocess.Popen(
        recognizer.get("runLinux", "").split(),
        cwd=cmdi.parent,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(request(cmdi, values, run.output, encoding))
        process.stdin.close()
        _listen(process, run, began, limit, cancel_after)
        run.seconds = time.monotonic() - began
        process.stdout.close()  # at RESULT, and at Cancel
        process.wait(3 if run.status == "cancelled" else 15)  # ELAN does not wait at all after RESULT
    except subprocess.TimeoutExpired:
        run.faults.append(f"lives on after {run.status}")
    finally:
        _end(process, run)
    if run.status == "done":
        run.faults += _read_tiers(run)
    return run


def _listen(process, run: Outcome, began: float, limit: float, cancel_after: float | None) -> None:
    pending = b""
    while run.status == "no result":
        now = time.monotonic() - began
        if cancel_after is not None and now >= cancel_after:
            process.terminate()  # Java's Process.destroy(): the program itself, not its children
            run.status = "cancelled"
        elif now >= limit:
            run.status = "too slow"
        elif select.select([process.stdout], [], [], 0.1)[0]:
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                run.faults.append("ended without a RESULT line")
                return
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                _judge(line, now, run)
                if run.status != "no result":
                    return


def _judge(raw: bytes, now: float, run: Outcome) -> None:
    if not raw.isascii():
        run.faults.append(f"not ASCII: {raw!r}")
    line = raw.decode("latin-1").rstrip("\r")
    run.lines.append(line)
    if line in ("RESULT: DONE.", "RESULT: FAILED."):
        run.status = "done" if "DONE" in line else "failed"
    elif line.strip() in ("0", "\x04"):
        run.faults.append(f"{line!r} alone ends the run")
    elif "RESULT:" in line:
        run.faults.append(f"RESULT is not alone on its line: {line!r}")
    elif line.startswith("PROGRESS:"):
        match = re.fullmatch(r"PROGRESS: (\d{1,2})% \S.*", line)
        if not match:
            run.faults.append(f"no progress that ELAN reads: {line!r}")
            return
        percent = int(match.group(1))
        if run.progress and percent < run.progress[-1][1]:
            run.faults.append("progress goes back")
        run.progress.append((now, percent))


def _end(process, run: Outcome) -> None:
    """Kill what is left of the program's group; what outlived Cancel is a fault."""
    ended = process.poll() is not None
    try:
        os.killpg(process.pid, 0)
        if run.status == "cancelled" and ended:
            run.faults.append("a child lives on after Cancel")
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait(5)


def _read_tiers(run: Outcome) -> list[str]:
    """Read the tiers; what ELAN would drop, cut or misread."""
    try:
        root = ElementTree.fromstring(run.output.read_bytes())
    except (OSError, ElementTree.ParseError) as error:
        return [f"no tiers can be read: {error}"]
    faults = [] if root.tag == "TIERS" and len(root) else ["root must be TIERS with a TIER in it"]
    for tier in root:
        names = tier.get("columns", "").split()
        if tier.tag != "TIER" or len(names) != 1 or names[0].startswith("#") or names[0] in run.tiers:
            faults.append(f"tier {names}: one new word is wanted")
            continue
        spans = run.tiers.setdefault(names[0], [])
        for span in tier:
            start, end = span.get("start", ""), span.get("end", "")
            if not (start.isdecimal() and end.isdecimal() and int(start) < int(end) and len(span) == 1):
                faults.append(
                    f"span {start}-{end}: whole milliseconds with a length and one value are wanted"
                )
                continue
            spans.append((int(start), int(end), span[0].text or ""))
        faults += [f"{names[0]}: {a} and {b} overlap" for a, b in pairwise(sorted(spans)) if b[0] < a[1]]
    return faults
