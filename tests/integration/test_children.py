"""Servers in the foreground, ended by signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from domain.errors import InvalidInput
from runtime.children import free_port

POSTHUB = [sys.executable, "-c", "import sys; from cli.main import main; sys.exit(main())"]
CHILD = """
import sys
from runtime.children import run_child
sys.exit(run_child([sys.executable, '-c', {code!r}], said=lambda line: sys.stdout.write(line + '\\n')))
"""
WAITS = "import signal, sys\nprint('ready', flush=True)\nsignal.pause()"
TELLS = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, lambda n, f: (print('got', n, flush=True), sys.exit(0)))\n"
    "print('ready', flush=True)\nsignal.pause()"
)


def started(code: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(code=code)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_ctrl_c_reaches_the_server_once_and_ends_with_status_0() -> None:
    process = started(TELLS)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=300)
    assert out == f"got {int(signal.SIGINT)}\n"
    assert process.returncode == 0


def test_termination_is_passed_on() -> None:
    process = started(WAITS)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM


def test_a_server_that_ends_with_a_complaint_is_a_failure() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(code="import sys; sys.exit(3)")], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "status 3" in done.stderr


def test_a_port_that_is_taken_is_refused_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InvalidInput, match="--port"):
            free_port("127.0.0.1", taken.getsockname()[1])


def test_port_0_takes_a_free_one() -> None:
    assert free_port("127.0.0.1", 0) > 0


def test_the_sandbox_says_how_to_use_it_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    environment = {**os.environ, "POSTHUB_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [*POSTHUB, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout
    try:
        said: list[str] = []
        while not (said and "Ctrl-C" in said[-1]):
            said.append(process.stdout.readline())
        text = "".join(said)
        base = next(
            line.split("=")[1].split()[0] for line in said if line.startswith("export GEMINI_BASE_URL=")
        )
        assert httpx.get(f"{base}/sandbox/bill", trust_env=False).status_code == 200
        assert "GEMINI_API_KEY=" in text
        assert f"export POSTHUB_ALLOW_PRIVATE_HOSTS={base.removeprefix('http://')}" in text
        assert text.count("/sites/") >= 3
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)
    assert process.returncode == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(base, trust_env=False)
