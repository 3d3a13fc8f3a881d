"""Servers that several PostHub processes share: the first one starts them, the last one stops them.

Every process holds a shared kernel lock on ``postgres.users`` or ``valkey.users`` in the home while it
uses that server. The kernel drops it however the process ends, so there is no list of pids that could go
stale or meet a reused pid. A keeper process stops what is left when all users have died without a word.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.errors import StoreUnavailable
from store.embedded.locks import KernelLock
from store.embedded.postgres import EmbeddedPostgres
from store.embedded.valkey import EmbeddedValkey
from store.folders import private_folder

LOCK_SECONDS = 180.0


class Server(Protocol):
    notes: tuple[str, ...]

    def start(self) -> str: ...

    def stop(self) -> None: ...


KINDS: dict[str, type[EmbeddedPostgres] | type[EmbeddedValkey]] = {
    "postgres": EmbeddedPostgres,
    "valkey": EmbeddedValkey,
}


@dataclass(frozen=True)
class Addresses:
    """Where the started servers are; an address is empty where the server was not asked for.

    ``notes`` are sentences for the person, e.g. what running as root changed on the machine.
    """

    database_uri: str
    redis_uri: str
    notes: tuple[str, ...] = ()


class EmbeddedServers:
    """The servers of one home. ``start`` and ``stop`` block: call them in a thread.

    Args:
        home: The folder that holds everything of theirs; made if missing.
        need_database: Start PostgreSQL.
        need_redis: Start Valkey.
    """

    def __init__(self, home: Path, *, need_database: bool, need_redis: bool) -> None:
        self._home = home.expanduser().absolute()
        wanted = {"postgres": need_database, "valkey": need_redis}
        self._kinds = [kind for kind, needed in wanted.items() if needed]
        self._leases: dict[str, KernelLock] = {}

    def start(self) -> Addresses:
        """Start what is needed or join what runs already. A second call changes nothing.

        Raises:
            StoreUnavailable: A server could not be started; nothing is left running by us.
        """
        private_folder(self._home)
        try:
            with start_lock(self._home):
                return self._start_all()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Leave the servers; the last process to leave stops them. A second call does nothing."""
        if not self._leases:
            return
        if not self._home.is_dir():  # somebody has removed it; the keeper ends what ran there
            self._leases.clear()
            return
        with start_lock(self._home):
            for kind in list(self._leases):
                self._leave(kind)

    def _start_all(self) -> Addresses:
        addresses: dict[str, str] = {}
        notes: list[str] = []
        for kind in self._kinds:
            if kind not in self._leases:
                self._leases[kind] = _lease(self._home, kind)
        with keeper(self._home):
            for kind in self._kinds:
                server: Server = KINDS[kind](self._home)
                addresses[kind] = server.start()
                notes += server.notes
        return Addresses(addresses.get("postgres", ""), addresses.get("valkey", ""), tuple(notes))

    def _leave(self, kind: str) -> None:
        with self._leases.pop(kind) as lease:
            lease.release()
            if lease.take():  # nobody else holds it: we were the last
                KINDS[kind](self._home).stop()


def _lease(home: Path, kind: str) -> KernelLock:
    lease = KernelLock(users_file(home, kind))
    lease.take(shared=True, seconds=LOCK_SECONDS)
    return lease


def users_file(home: Path, kind: str) -> Path:
    """The file on which every user of a server holds a shared lock."""
    return home / f"{kind}.users"


@contextlib.contextmanager
def start_lock(home: Path, *, create: bool = True) -> Iterator[None]:
    """Let one process at a time start, join, leave or stop the servers of a home.

    Raises:
        StoreUnavailable: Another process has held it for minutes, or the home is not ours to write.
    """
    try:
        lock = KernelLock(home / "start.lock", create=create)
    except OSError as error:
        raise StoreUnavailable(
            f"The data folder {home} cannot be used: {error.strerror}.",
            next_step="Set POSTHUB_HOME to a folder that you may write to.",
        ) from error
    with lock:
        if not lock.take(seconds=LOCK_SECONDS):
            raise StoreUnavailable(
                f"Another PostHub process has been starting the servers in {home} for minutes.",
                next_step="End that process, or set POSTHUB_HOME to another folder.",
            )
        yield


@contextlib.contextmanager
def keeper(home: Path) -> Iterator[None]:
    """Start the process that stops servers whose users have all died, unless it runs already.

    It detaches itself while the servers start, and is waited for at the end so that it is no child of ours.
    """
    with KernelLock(home / "keeper.lock") as alive:
        process = _spawn_keeper(home, alive.fd) if alive.take() else None
    try:
        yield
    finally:
        if process:
            process.wait()


def _spawn_keeper(home: Path, lock_fd: int) -> subprocess.Popen[bytes]:
    # It imports what we import, from wherever that comes, and knows nothing else of our environment.
    import_path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), *sys.path]))
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "store.embedded.keeper", str(home), str(lock_fd)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.defpath, "PYTHONPATH": import_path},
        cwd="/",
        start_new_session=True,
        pass_fds=(lock_fd,),
    )
