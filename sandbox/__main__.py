"""``python -m sandbox``: start the stand-in providers on loopback and say where they are.

The first line on stdout is JSON: ``{"base_url": …, "sites": […], "bill": …}``; it comes when the socket listens.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn

from sandbox.app import build_app
from sandbox.sites.pages import site_list
from sandbox.state import State


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one (default)")
    parser.add_argument(
        "--home", type=Path, help="folder of bill.jsonl and made videos (default: a temporary one)"
    )
    parser.add_argument("--seed", type=int, default=1, help="same seed, same answers (default: %(default)s)")
    parser.add_argument(
        "--job-seconds", type=float, default=1.0, help="how long a video takes (default: %(default)s)"
    )
    parser.add_argument(
        "--stream-delay", type=float, default=0.0, help="seconds between the events of a stream"
    )
    parser.add_argument("--no-legacy-search", action="store_true", help="answer the old chat API with 410")
    parser.add_argument("--parent-stdin", action="store_true", help="end when stdin is closed")
    return parser.parse_args()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named outright, the protocol makes asyncio switch Nagle's delay off; without it an answer takes 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(512)
    return listener


def _watch_stdin(server: uvicorn.Server) -> None:
    with contextlib.suppress(OSError, ValueError):
        while sys.stdin.buffer.read(4096):
            pass
    server.should_exit = True


async def _serve(arguments: argparse.Namespace, home: Path) -> None:
    state = State(
        arguments.seed, home, arguments.job_seconds, arguments.stream_delay, not arguments.no_legacy_search
    )
    config = uvicorn.Config(
        build_app(state),
        log_config=None,
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
        ws="none",
    )
    server = uvicorn.Server(config)
    # for a signal that comes before uvicorn listens to signals, and for the one it raises again when it has ended
    signal.signal(signal.SIGTERM, lambda *_: setattr(server, "should_exit", True))
    listener = _listen(arguments.host, arguments.port)
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    base_url = f"http://{host}:{listener.getsockname()[1]}"
    ready = {
        "base_url": base_url,
        "sites": site_list(base_url),
        "bill": str(state.bill.path),
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(ready, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    if arguments.parent_stdin:
        threading.Thread(target=_watch_stdin, args=(server,), daemon=True).start()
    await server.serve(sockets=[listener])


def main() -> None:
    """Run until SIGTERM, Ctrl-C, or the end of stdin with ``--parent-stdin``."""
    arguments = _arguments()
    with contextlib.ExitStack() as stack:
        home = arguments.home or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="posthub-sandbox-"))
        )
        with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
            asyncio.run(_serve(arguments, home))


if __name__ == "__main__":
    main()
