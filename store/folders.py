"""Folders that only their owner may look into."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from domain.errors import StoreUnavailable


def make_private(folder: Path) -> Path:
    """Make a folder, and every parent that is missing, for its owner alone; one that is there stays as it is.

    Raises:
        OSError: It cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
    return folder


def private_folder(folder: Path) -> Path:
    """Make a folder of ours.

    Raises:
        StoreUnavailable: It cannot be made.
    """
    try:
        return make_private(folder)
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {folder} cannot be made: {error.strerror}.",
            next_step="Set POSTHUB_HOME to a folder that you may write to.",
        ) from error


def kept_secret(path: Path) -> bytes:
    """Return the secret of a file for its owner alone; made where there is none, once for all processes.

    Raises:
        StoreUnavailable: It cannot be made or read.
    """
    try:
        if not path.exists():
            fresh = make_private(path.parent) / f".{path.name}-{secrets.token_hex(8)}"
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            fresh.unlink()
        return path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"The secret {path} cannot be kept: {error.strerror}.",
            next_step="Set POSTHUB_HOME to a folder that you may write to.",
        ) from error
