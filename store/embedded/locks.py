"""Locks that the kernel holds for a process: they end with it, by whatever death, and know no pid reuse."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

POLL_SECONDS = 0.02


class KernelLock:
    """An advisory lock on a file (``flock``), shared or exclusive.

    The lock belongs to the open file: a child process that inherits ``fd`` keeps it after we have closed ours.

    Args:
        path: The file.
        create: Make it where it is missing; otherwise that raises FileNotFoundError.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
        _give_to_owner_of(path.parent, self.fd)

    def take(self, *, shared: bool = False, seconds: float = 0.0) -> bool:
        """Take the lock, or change its mode; False if another has kept it for ``seconds``."""
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.fd, mode)
                return True
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
            time.sleep(POLL_SECONDS)

    def release(self) -> None:
        """Give the lock up and keep the file open."""
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the lock ends unless a child process has inherited it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> KernelLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def is_free(path: Path) -> bool:
    """Tell whether nobody holds a lock on this file, or there is none. Never makes the file."""
    try:
        with KernelLock(path, create=False) as lock:
            return lock.take()
    except FileNotFoundError:
        return True


def _give_to_owner_of(folder: Path, fd: int) -> None:
    """As root in a person's folder, leave files that the person can open afterwards."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(fd, owner.st_uid, owner.st_gid)
