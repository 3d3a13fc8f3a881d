"""A run of the tests that is interrupted leaves nothing running."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
_GONE_SECONDS = 600.0
"""Generous: the keeper looks every two seconds, and PostgreSQL takes its time on a busy machine."""

_SERVERS = """
import sys, time
from pathlib import Path
from tests.chaos.surroundings import Postgres, Valkey
servers = [Postgres(Path(sys.argv[1])), Valkey(Path(sys.argv[1]))]
print("ready", flush=True)
time.sleep(600)
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
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert any("postgres" in line for line in running(home))
        process.send_signal(how)
        process.wait(60)
    deadline = time.monotonic() + _GONE_SECONDS
    while (left := running(home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []
