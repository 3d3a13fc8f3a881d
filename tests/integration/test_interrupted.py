"""A run of the tests that is interrupted leaves nothing running."""

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

import psutil
import pytest

ROOT = Path(__file__).parents[2]
_GONE_SECONDS = 600.0
"""Generous: the keeper looks every two seconds, and PostgreSQL takes its time on a busy machine."""

_SERVERS = """
import sys
from pathlib import Path
from tests.chaos.surroundings import Postgres, Valkey
servers = [Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[1]))]
print("ready", flush=True)
sys.stdin.read()
"""
_HANGS = """
import subprocess, sys, time
from pathlib import Path

def test_that_hangs():
    command = [sys.executable, "-c", "import time; time.sleep(1200)"]
    process = subprocess.Popen(command, start_new_session=True, env={})
    made = Path(__file__).with_name("made")
    made.write_text(str(process.pid))
    made.rename(made.with_name("pid"))
    time.sleep(1200)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="ph-int-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


def running(home: Path) -> list[str]:
    """The command lines that name a home."""
    lines = (" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))
    return [line for line in lines if str(home) in line]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.timeout(1500)
def test_servers_of_a_chaos_run_that_was_ended_from_outside_are_stopped(
    home: Path, how: signal.Signals
) -> None:
    command = [sys.executable, "-c", _SERVERS, str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert any("postgres" in line for line in running(home))
        process.send_signal(how)
        process.wait(60)
    deadline = time.monotonic() + _GONE_SECONDS
    while (left := running(home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def ctrl_c(run: subprocess.Popen[bytes]) -> None:
    """As a terminal does it: everything in the foreground hears it."""
    os.killpg(run.pid, signal.SIGINT)


def kill_pytest(run: subprocess.Popen[bytes]) -> None:
    (tests,) = psutil.Process(run.pid).children()
    tests.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a grandparent")
@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("interrupt", [ctrl_c, subprocess.Popen.terminate, kill_pytest])
def test_a_run_of_the_tests_that_is_interrupted_leaves_no_process_that_a_test_has_started(
    tmp_path: Path, workers: str, interrupt: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_it.py").write_text(_HANGS)
    command = [sys.executable, "-m", "tests.supervised", "-n", workers, "-c", str(tmp_path / "pytest.ini")]
    run = subprocess.Popen(
        [*command, str(tmp_path)], cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL
    )
    left = tmp_path / "pid"
    while not left.exists():
        assert run.poll() is None
        time.sleep(0.1)
    pid = int(left.read_text())
    interrupt(run)
    assert run.wait(_GONE_SECONDS) != 0
    assert not psutil.pid_exists(pid)
