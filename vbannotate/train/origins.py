"""Where a source of the further pools comes from, and how its files are had: a package of Debian, downloaded
and unpacked but never installed, or a repository at one commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from vbannotate.errors import StartError
from vbannotate.train import containers

UNPACKED = "carved"  # listed paths that begin so lie inside the source's archive


@dataclass(frozen=True, slots=True)
class Source:
    """A package or repository. `address` is empty for a package of Debian; `version` is the package's, or the
    commit; `archive` is kind and path (a pattern) of an archive whose sounds are listed, if any."""

    name: str
    address: str
    version: str
    archive: str
    licence: str

    def short(self) -> str:
        """The version as an index gives it."""
        return self.version[:7] if self.address else self.version


Read = Callable[[str], Path]  # the file of a listed path


def check(sources: Iterable[Source]) -> None:
    """Raise StartError where a program is missing that fetching `sources` needs."""
    for source in sources:
        for program in ("git",) if source.address else ("apt-get", "dpkg-deb"):
            if shutil.which(program) is None:
                mend = "install it" if source.address else "run this on Debian 12, or in a container of it"
                raise StartError(f"{program} is not installed", mend)


def fetch(source: Source, place: Path, say: Callable[[str], None]) -> Read:
    """Fetch a source into the empty folder `place`; the reader of its files. Raises StartError."""
    if source.address:
        return _repository(source, place)
    _package(source, place, say)
    if source.archive:
        kind, pattern = source.archive.split(" ")
        for archive in sorted(place.glob(pattern)):
            containers.unpack(kind, archive, place / UNPACKED)

    def read(path: str) -> Path:
        if not (place / path).is_file():
            raise StartError("is not in the package", "another version?")
        return place / path

    return read


def _package(source: Source, place: Path, say: Callable[[str], None]) -> None:
    said = ""
    for wanted in (f"{source.name}={source.version}", source.name):
        try:
            _run(["apt-get", "download", "-q", wanted], place)
        except StartError as error:
            said = str(error)
            continue
        deb = next(place.glob("*.deb"))
        if wanted == source.name:
            say(f"{source.name}: version {source.version} is not offered, took {deb.name}")
        _run(["dpkg-deb", "-x", deb.name, "."], place)
        deb.unlink()
        return
    raise StartError(said, "run apt-get update first; the packages are those of Debian 12")


def _repository(source: Source, place: Path) -> Read:
    _run(["git", "init", "--quiet", "--bare", "."], place)
    _run(["git", "fetch", "--quiet", "--depth", "1", source.address, source.version], place)

    def read(path: str) -> Path:
        target = place / f"file{Path(path).suffix}"
        target.write_bytes(_run(["git", "cat-file", "blob", f"{source.version}:{path}"], place))
        return target

    return read


def _run(command: list[str], folder: Path) -> bytes:
    """What a program writes. Raises StartError with its last line where it fails."""
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise StartError(f"{' '.join(command[:2])} failed ({lines[-1] if lines else 'no reason given'})")
    return done.stdout
