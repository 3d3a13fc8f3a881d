"""Servers in the foreground: child processes that get our signals once, and end with us."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType

from domain.errors import InfrastructureError, InvalidInput

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Those that end a command."""

_PATIENCE_SECONDS = 15.0


def run_child(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    said: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """Run a program until it ends; signals are passed on to it.

    Args:
        command: The program and its arguments.
        cwd: Where it runs.
        said: Gets its lines on stdout; without it they go to our stdout.
        environment: Its environment; without it ours.

    Returns:
        0 when it ended because of a signal that we passed on, or by itself without a complaint.

    Raises:
        InfrastructureError: It ended by itself with a complaint.
    """
    # a session of its own: Ctrl-C would otherwise reach it twice, from the terminal and from us
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE if said else None,
        text=True,
        start_new_session=True,
    )
    received: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        received.append(number)
        process.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)
        if len(received) > 2:
            process.kill()

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}
    try:
        status = _wait(process, said)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _end(process)
    if received:
        return 0 if received[0] == signal.SIGINT else 128 + received[0]
    if status:
        raise InfrastructureError(
            f"The server ended with status {status}.", next_step="What it said stands above."
        )
    return 0


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0.

    Raises:
        InvalidInput: The port is taken, or the host is none of this machine.
    """
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidInput(
                f"{host}:{port} cannot be listened on: {error.strerror}.",
                next_step="Choose another with --port.",
            ) from error
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[str], said: Callable[[str], None] | None) -> int:
    if said and process.stdout:
        for line in process.stdout:
            said(line.rstrip("\n"))
    return process.wait()


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
