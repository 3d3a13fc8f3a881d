from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from domain.errors import StoreUnavailable
from store.embedded import Addresses, EmbeddedServers, account
from store.embedded.keeper import POLL_SECONDS
from store.embedded.locks import KernelLock, is_free
from store.embedded.postgres import EmbeddedPostgres
from store.embedded.valkey import EmbeddedValkey

CLIENT = """
import sys
from pathlib import Path
from store.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]), need_database=True, need_redis=True)
addresses = servers.start()
print(addresses.database_uri, addresses.redis_uri, flush=True)
sys.stdin.readline()
servers.stop()
"""


class Client:
    """A second process that uses the servers of a home."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.database_uri, self.redis_uri = self.process.stdout.readline().split()

    def leave(self) -> None:
        self.process.communicate("\n", timeout=300)

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ph-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        yield home
        if home.is_dir():
            EmbeddedPostgres(home).stop()
            EmbeddedValkey(home).stop()


@pytest.fixture
def clients(home: Path) -> Iterator[Callable[[], Client]]:
    started: list[Client] = []

    def start() -> Client:
        started.append(Client(home))
        return started[-1]

    yield start
    for client in started:
        client.process.kill()
        client.process.communicate()


def _both(home: Path) -> EmbeddedServers:
    return EmbeddedServers(home, need_database=True, need_redis=True)


def _serve(addresses: Addresses | Client) -> bool:
    try:
        psycopg.connect(addresses.database_uri).close()
        with redis.Redis.from_url(addresses.redis_uri) as client:
            return bool(client.ping())
    except (psycopg.OperationalError, redis.ConnectionError):
        return False


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_data_outlives_a_stop_and_is_written_safely(home: Path) -> None:
    servers = _both(home)
    with psycopg.connect(servers.start().database_uri) as connection:
        connection.execute("create table kept as select 'žluť' as word")
        settings = {
            name: connection.execute(f"show {name}").fetchone() for name in ("fsync", "max_connections")
        }
    servers.stop()
    addresses = servers.start()
    with psycopg.connect(addresses.database_uri) as connection:
        assert connection.execute("select upper(word) from kept").fetchone() == ("ŽLUŤ",)
    servers.stop()
    assert settings["fsync"] == ("on",)
    assert settings["max_connections"]
    assert int(settings["max_connections"][0]) >= 200
    assert not _serve(addresses)


def test_only_what_is_needed_is_started(home: Path) -> None:
    servers = EmbeddedServers(home, need_database=False, need_redis=True)
    addresses = servers.start()
    servers.stop()
    assert addresses.database_uri == ""
    assert not (home / "postgres").exists()


def test_starting_and_stopping_twice_does_nothing_more(home: Path) -> None:
    servers = _both(home)
    servers.stop()
    first = servers.start()
    again = servers.start()
    assert (first.database_uri, first.redis_uri) == (again.database_uri, again.redis_uri)
    servers.stop()
    servers.stop()
    assert not _serve(first)


def test_two_processes_share_the_servers_and_the_last_one_stops_them(
    home: Path, clients: Callable[[], Client]
) -> None:
    servers = _both(home)
    addresses = servers.start()
    other = clients()
    assert (other.database_uri, other.redis_uri) == (addresses.database_uri, addresses.redis_uri)
    servers.stop()
    assert _serve(other)
    other.leave()
    assert not _serve(other)


def test_processes_that_start_at_once_get_the_same_servers(home: Path, clients: Callable[[], Client]) -> None:
    command = [sys.executable, "-c", CLIENT, str(home)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    addresses = {process.stdout.readline() for process in started if process.stdout}
    for process in started:
        process.communicate("\n", timeout=300)
    assert len(addresses) == 1
    assert [process.returncode for process in started] == [0, 0, 0]


def test_a_killed_process_leaves_no_server_behind(home: Path, clients: Callable[[], Client]) -> None:
    client = clients()
    client.kill()
    _eventually(lambda: not _serve(client))
    _eventually(lambda: is_free(home / "keeper.lock"))
    assert not (home / "postgres" / "postmaster.pid").exists()


def test_a_killed_process_takes_no_server_from_another(home: Path, clients: Callable[[], Client]) -> None:
    victim, survivor = clients(), clients()
    victim.kill()
    with psycopg.connect(survivor.database_uri) as connection:
        # Longer than the keeper's round: it has looked, and has left the servers alone.
        connection.execute("select pg_sleep(3)")
    assert _serve(survivor)
    survivor.leave()
    assert not _serve(survivor)


def test_the_next_start_after_a_kill_works_at_once(home: Path, clients: Callable[[], Client]) -> None:
    client = clients()
    with psycopg.connect(client.database_uri) as connection:
        connection.execute("create table kept as select 1 as one")
    client.kill()
    servers = _both(home)
    with psycopg.connect(servers.start().database_uri) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
    servers.stop()


def test_servers_that_were_killed_themselves_are_started_anew(home: Path) -> None:
    servers = _both(home)
    addresses = servers.start()
    with psycopg.connect(addresses.database_uri) as connection:
        connection.execute("create table kept as select 1 as one")
    postmaster = int((home / "postgres" / "postmaster.pid").read_text().split()[0])
    for pid in (postmaster, int((home / "valkey" / "valkey.pid").read_text())):
        os.kill(pid, signal.SIGKILL)
    _eventually(lambda: not _serve(addresses))
    again = servers.start()
    with psycopg.connect(again.database_uri) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
    servers.stop()


def test_a_pid_file_with_a_reused_pid_ends_no_stranger(home: Path) -> None:
    servers = _both(home)
    servers.start()
    servers.stop()
    with subprocess.Popen(["sleep", "600"]) as stranger:
        lines = [
            str(stranger.pid),
            str(home / "postgres"),
            "1",
            "5432",
            str(home / "postgres"),
            "",
            "",
            "ready",
        ]
        (home / "postgres" / "postmaster.pid").write_text("\n".join(lines) + "\n")
        (home / "valkey" / "valkey.pid").write_text(str(stranger.pid))
        EmbeddedPostgres(home).stop()
        EmbeddedValkey(home).stop()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("name", ["x" * 120, "s mezerou, čárkou a % a 'uvozovkou'"])
def test_any_path_of_the_home_works(home: Path, name: str) -> None:
    servers = _both(home / name)
    addresses = servers.start()
    assert _serve(addresses)
    servers.stop()
    assert not _serve(addresses)
    sockets = [Path(addresses.redis_uri.removeprefix("unix://").split("?")[0]).parent]
    assert not any(folder.exists() for folder in sockets)


def test_a_half_made_data_folder_is_made_again(home: Path) -> None:
    leftover = home / "postgres.new-killed"
    leftover.mkdir(parents=True)
    (leftover / "PG_VERSION").write_text("18")
    servers = _both(home)
    assert _serve(servers.start())
    servers.stop()
    assert not leftover.exists()


def test_a_home_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnavailable) as caught:
        _both(tmp_path / "file" / "home").start()
    assert "POSTHUB_HOME" in caught.value.next_step


def test_a_server_that_cannot_start_is_told_with_its_own_words_and_leaves_nothing(home: Path) -> None:
    servers = _both(home)
    addresses = servers.start()
    servers.stop()
    (home / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(StoreUnavailable, match="configuration") as caught:
        servers.start()
    assert "server.log" in caught.value.next_step
    assert not _serve(addresses)
    assert is_free(home / "postgres.users")


def test_servers_whose_home_was_removed_do_not_run_on(home: Path) -> None:
    servers = _both(home)
    servers.start()
    pid = EmbeddedValkey(home).pid()
    assert pid
    with KernelLock(home / "valkey" / "alive.lock") as alive, KernelLock(home / "keeper.lock") as keeper:
        EmbeddedPostgres(home).stop()
        time.sleep(2 * POLL_SECONDS)  # the keeper has to have seen the server once
        shutil.rmtree(home)
        assert alive.take(seconds=60)
        assert keeper.take(seconds=60)
    servers.stop()


def test_a_hanging_server_is_ended_all_the_same(home: Path) -> None:
    servers = EmbeddedServers(home, need_database=False, need_redis=True)
    servers.start()
    pid = EmbeddedValkey(home).pid()
    assert pid
    os.kill(pid, signal.SIGSTOP)
    servers.stop()
    assert is_free(home / "valkey" / "alive.lock")


def test_no_key_of_a_provider_lives_on_in_a_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc to look")
    monkeypatch.setenv("GEMINI_API_KEY", "very-secret")
    servers = _both(home)
    servers.start()
    pids = [(home / "postgres" / "postmaster.pid").read_text().split()[0]]
    pids.append((home / "valkey" / "valkey.pid").read_text().strip())
    environments = [Path("/proc", pid, "environ").read_bytes() for pid in pids]
    servers.stop()
    assert all(environments)
    assert not any(b"very-secret" in environment for environment in environments)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may run PostgreSQL as somebody else")
def test_as_root_the_person_is_told_once_what_was_opened(home: Path) -> None:
    home.mkdir(parents=True, mode=0o700)
    servers = _both(home)
    first = servers.start()
    servers.stop()
    second = servers.start()
    servers.stop()
    assert len(first.notes) == 1
    assert account.NAME in first.notes[0]
    assert str(home) in first.notes[0]
    assert second.notes == ()
    assert home.stat().st_mode & 0o777 == 0o701, "others may pass, and neither list nor read"
    assert (home / "postgres").stat().st_mode & 0o077 == 0


def test_a_lock_ends_with_the_process_that_held_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from store.embedded.locks import KernelLock\n"
        "lock = KernelLock(Path(sys.argv[1])); lock.take(shared=True); print('held', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with KernelLock(tmp_path / "lock") as lock:
            assert not lock.take()
            holder.kill()
            assert lock.take(seconds=30)
