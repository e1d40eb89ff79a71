"""Getting a source: from the hub or by git, into the user's data folder, and only when it was asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from subprocess import PIPE

from vbannotate.audio import is_media
from vbannotate.errors import MissingDependencyError, StartError, UsageError, VbannotateError
from vbannotate.sources import catalogue, index
from vbannotate.sources.catalogue import Entry
from vbannotate.sources.folder import Found, Progress, Wanted, scan

FILES = "files"  # what was fetched, beside the table


class FetchError(StartError):
    """A source could not be fetched."""


def get(entry: Entry, folder: Path | None = None, progress: Progress | None = None) -> tuple[Path, Found]:
    """Fetch a source below `folder` (default: where sources are kept) and write its table.

    What is there already is not fetched again; a broken transfer from the hub goes on where it stopped.
    Returns the table's path and what it holds. Raises UsageError for what only a person can get, FetchError
    where it cannot be had.
    """
    if entry.how == catalogue.HAND:
        raise UsageError(f"{entry.name} is got by hand ({entry.address})", entry.note or "then: sources add")
    home = (folder or index.home()) / entry.name
    files = home / FILES
    if entry.how == catalogue.GIT:
        _clone(entry, files)
    else:
        _download(entry, files)
        for archive in sorted(files.rglob("*.tar")):
            _unpack(archive)
    if entry.kinds == ("soundscapes",):
        return files, Found([], [f"ready soundscapes lie in {files}; synth does not draw from them"])
    wanted = Wanted(entry.name, entry.licence, lang=entry.lang, rules=entry.rules)
    found = scan(files, wanted, progress)
    table = home / index.NAME
    index.write(table, found.clips, overwrite=True)
    return table, found


def _clone(entry: Entry, target: Path) -> None:
    """One commit without its history. A clone that breaks leaves nothing that looks whole."""
    if (target / ".git" / "vbannotate-whole").exists():
        return
    if target.exists() and not (target / ".git").exists() and any(target.iterdir()):
        raise UsageError(f"{target} holds other files", "give another --output")
    if target.exists():
        shutil.rmtree(target)  # our own clone, broken off
    target.mkdir(parents=True)
    revision = entry.revision or "HEAD"
    steps = (
        ("init", "--quiet"),
        ("fetch", "--depth", "1", "--progress", entry.address, revision),
        ("checkout", "--quiet", "FETCH_HEAD"),
    )
    for step in steps:
        _git(entry, target, step)
    (target / ".git" / "vbannotate-whole").touch()


def _git(entry: Entry, folder: Path, arguments: tuple[str, ...]) -> None:
    """Run git in `folder`; its progress goes to the terminal."""
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0"}
    command = ["git", "-c", "core.autocrlf=false", *arguments]
    try:
        with subprocess.Popen(command, cwd=folder, env=environment, stderr=PIPE, text=True) as process:
            said = _shown(process)
    except FileNotFoundError as error:
        raise FetchError(
            "git is not installed", f"install it, or fetch {entry.address} yourself and: sources add FOLDER"
        ) from error
    if process.returncode:
        raise FetchError(
            f"{entry.name} could not be fetched ({said or 'git failed'})",
            f"check the connection, or fetch {entry.address} elsewhere and: sources add FOLDER",
        )


def _shown(process: subprocess.Popen[str]) -> str:
    """Pass git's progress on to a terminal; its last line is returned."""
    import sys

    last = ""
    for line in process.stderr or ():
        last = line.strip() or last
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{last[:100]:<100}")
    if sys.stderr.isatty() and last:
        sys.stderr.write("\r" + " " * 100 + "\r")
    return last


def _download(entry: Entry, target: Path) -> None:
    """The wanted files of a data set of the hub; files that are whole are not fetched again."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingDependencyError("huggingface_hub", "hub", "fetching a source from the hub") from error

    try:
        snapshot_download(
            entry.address, repo_type="dataset", local_dir=target, allow_patterns=list(entry.patterns) or None
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise FetchError(
            f"{entry.name} could not be fetched ({reason})",
            f"check the connection, or fetch https://huggingface.co/datasets/{entry.address} elsewhere and:"
            " sources add FOLDER",
        ) from error


def _unpack(archive: Path) -> None:
    """The sound files of an archive, into a folder of its name; nothing is written outside of that."""
    target = archive.with_suffix("")
    whole = target / ".whole"
    if whole.exists():
        return
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                name = Path(member.name)
                if not member.isfile() or not is_media(name) or ".." in name.parts or name.is_absolute():
                    continue
                path = target / name
                path.parent.mkdir(parents=True, exist_ok=True)
                content = packed.extractfile(member)
                assert content is not None
                with content, path.open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (tarfile.TarError, OSError) as error:
        raise VbannotateError(f"{archive}: {error}", "delete it and get the source again") from error
    target.mkdir(exist_ok=True)
    whole.touch()
