"""Files of the model hub: found in its cache without a network, fetched only when asked for."""

from __future__ import annotations

import os
from pathlib import Path

from vbannotate.errors import MissingDependencyError, ModelError
from vbannotate.models.registry import Entry
from vbannotate.provenance import file_hash


def cached(entry: Entry) -> Path | None:
    """The file of an entry if it was fetched before, by this program or another. Never opens a connection.

    None, too, where the hub's package is not installed.
    """
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(entry.repository, entry.file)
    return Path(found) if isinstance(found, (str, os.PathLike)) else None


def required(entry: Entry) -> Path:
    """The cached file. Raises ModelError that says how to fetch it."""
    path = cached(entry)
    if path is None:
        raise ModelError(
            f"model {entry.name} is not on this computer ({entry.size / 1e6:.0f} MB)",
            f"fetch it once with: vbannotate models pull {entry.name}, or give the path of its {entry.file}",
        )
    return path


def pull(entry: Entry) -> Path:
    """Fetch the file into the hub's cache, or resume, and check its hash where one is published.

    Raises ModelError where it cannot be had or is not the published one, MissingDependencyError without the
    hub's package.
    """
    try:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError as error:
        raise MissingDependencyError("huggingface_hub", "hub", "fetching a published model") from error

    address = f"https://huggingface.co/{entry.repository}/resolve/main/{entry.file}"
    try:
        path = Path(hf_hub_download(entry.repository, entry.file))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"{entry.name} could not be fetched ({reason})",
            f"check the connection, or fetch {address} elsewhere and give its path",
        ) from error
    if entry.sha256 and (found := file_hash(path)) != entry.sha256:
        raise ModelError(
            f"{path} is not the published {entry.file} (sha256 {found[:12]}..., not {entry.sha256[:12]}...)",
            "delete it and pull again",
        )
    return path
