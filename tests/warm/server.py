"""Forks a process for every command that a client sends: ``python -m tests.warm.server SOCKET``.

It ends when its standard input does, and kills a command whose client is gone.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import sys
import threading
import types
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import cli.commands
import runtime.services  # noqa: F401
from gateway.build import preload
from prompts.files import shipped


def warm_up() -> None:
    for module in pkgutil.walk_packages(cli.commands.__path__, "cli.commands."):
        import_module(module.name)
    preload("litellm")
    preload("google")
    shipped()
    assert threading.active_count() == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()


def serve(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        os.write(1, b"ready\n")
        while True:
            if 0 in select.select([0, listener.fileno()], [], [])[0]:
                return
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                attend(client)
            client.close()


def attend(client: socket.socket) -> None:
    """Run one command, and tell its pid and how it ended. Returns in the command's own process only."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    header, streams, _, _ = socket.recv_fds(client, 4, 3)
    request = json.loads(_read(client, int.from_bytes(header, "big")))
    alive, held = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(alive)
        client.close()
        become(request, streams)
    os.close(held)
    client.sendall(pid.to_bytes(4, "big"))
    if alive not in select.select([0, client.fileno(), alive], [], [])[0]:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):
        client.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
    os._exit(0)


def _read(client: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        read += client.recv(size - len(read))
    return read


def become(request: dict[str, Any], streams: list[int]) -> NoReturn:
    """Be ``python`` with these arguments."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
    sys.stdout = _writer(1, "strict")
    sys.stderr = _writer(2, "backslashreplace")
    how, what, *arguments = request["arguments"]
    sys.argv = [how, *arguments]
    if how == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        assert how == "-c"
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)
    sys.exit()


def _writer(number: int, errors: str) -> io.TextIOWrapper:
    stream = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(stream, errors=errors, line_buffering=lines)


if __name__ == "__main__":
    warm_up()
    serve(sys.argv[1])
    shutil.rmtree(Path(sys.argv[1]).parent)
