"""A small process that outlives its parents: ``python -m store.embedded.keeper HOME LOCK_FD``.

It stops servers that nobody uses any more because every user was killed, and ends when none is left. It
holds the lock behind LOCK_FD while it lives, so that each home has at most one keeper.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from domain.errors import StoreUnavailable
from store.embedded.locks import is_free
from store.embedded.servers import KINDS, start_lock, users_file
from store.embedded.valkey import EmbeddedValkey

POLL_SECONDS = 2.0


def keep(home: Path, lock_fd: int) -> None:
    """Watch until no server of this home has a user."""
    valkey: int | None = None
    while True:
        time.sleep(POLL_SECONDS)
        if not home.is_dir():
            # PostgreSQL ends by itself without its folder; Valkey would not, and can be reached no more.
            if valkey:
                os.kill(valkey, signal.SIGTERM)
            return
        valkey = EmbeddedValkey(home).pid()
        with contextlib.suppress(StoreUnavailable), start_lock(home, create=False):
            if not _stop_unused(home):
                os.close(lock_fd)  # before the start lock is free: the next start must see us gone
                return


def _stop_unused(home: Path) -> bool:
    """Stop the servers without users; tells whether any other is left."""
    used = False
    for kind, server in KINDS.items():
        if is_free(users_file(home, kind)):
            server(home).stop()
        else:
            used = True
    return used


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # the process that started us waits for this one and is not our parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    keep(Path(sys.argv[1]), int(sys.argv[2]))
