"""Renders texts of editors in child processes that have limits, so that no template can hold this one up.

A child has no environment, no open files but its two pipes, bounded memory and bounded time, and serves one
organization alone: what one organization's template does to its child, another's never meets. Children stay
warm; one that took too long or died is replaced by the next request.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from domain.errors import InvalidInput
from prompts.rendering.child import receive, send
from prompts.rendering.compiling import MAX_OUTPUT, plain

SECONDS = 2.0
MEMORY_BYTES = 512 * 1024 * 1024
MOST_CHILDREN = 4
_START_SECONDS = 30.0
"""The first request of a child waits for its imports; the machine may be busy."""

_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from prompts.rendering.child import main; main(int(sys.argv[2]))"
)

Part = tuple[str, int]
"""A text and the line of its file on which it begins."""


class Renderer:
    """A few warm children.

    Args:
        seconds: How long one request may take.
        memory_bytes: Address space of a child.
    """

    def __init__(self, *, seconds: float = SECONDS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._seconds = seconds
        self._memory = memory_bytes
        self._idle: list[tuple[str, _Child]] = []
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(MOST_CHILDREN, thread_name_prefix="prompts")

    async def render(
        self, parts: Sequence[Part], names: Sequence[str], data: Mapping[str, Any] | None, *, owner: str = ""
    ) -> list[str]:
        """Render texts with plain data; with ``data`` None they are only compiled.

        Args:
            parts: The texts.
            names: The variables that they may use.
            data: What stands under these names.
            owner: The organization; children are never shared between two.

        Raises:
            InvalidInput: A text or the data cannot be used, or a limit was met; says which, and where.
        """
        given = None if data is None else {name: plain(value, name) for name, value in data.items()}
        request = {"parts": list(parts), "names": list(names), "data": given, "seconds": self._seconds}
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._threads, self._ask, owner, request)
        if "texts" in answer:
            return [str(text) for text in answer["texts"]]
        raise _refusal(answer["error"], self._seconds, self._memory)

    def close(self) -> None:
        """End the children; it cannot be used any more."""
        self._threads.shutdown(wait=False)
        with self._lock:
            idle, self._idle = self._idle, []
        for _, child in idle:
            child.end()

    def _ask(self, owner: str, request: Mapping[str, Any]) -> dict[str, Any]:
        child = self._take(owner)
        answer = child.ask(request, self._seconds)
        if "error" in answer and answer["error"]["code"] in {"TIME", "DIED", "MEMORY"}:
            child.end()
        else:
            self._give_back(owner, child)
        return answer

    def _take(self, owner: str) -> _Child:
        with self._lock:
            for entry in reversed(self._idle):
                if entry[0] == owner:
                    self._idle.remove(entry)
                    return entry[1]
            stale = self._idle.pop(0)[1] if len(self._idle) >= MOST_CHILDREN else None
        if stale:
            stale.end()
        return _Child(self._memory)

    def _give_back(self, owner: str, child: _Child) -> None:
        with self._lock:
            self._idle.append((owner, child))


class _Child:
    """One process. It has no environment: there is no key in it that a template could find."""

    def __init__(self, memory_bytes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM, _ROOT, str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us; the child ends with its stdin
        )
        self._warm = False

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        process = self._process
        assert process.stdin and process.stdout
        if not self._warm:
            self._exchange(
                {"parts": [], "names": [], "data": None, "seconds": _START_SECONDS}, _START_SECONDS
            )
            self._warm = True
        return self._exchange(request, seconds)

    def _exchange(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        process = self._process
        assert process.stdin and process.stdout
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        answer = None
        try:
            with suppress(OSError, ValueError, RecursionError):
                send(process.stdin, request)
                answer = receive(process.stdout, most=16 * MAX_OUTPUT)
        finally:
            timer.cancel()
        if isinstance(answer, dict) and ("texts" in answer or "error" in answer):
            return answer
        process.kill()
        return {"error": {"code": "TIME" if late.is_set() or process.wait() == -signal.SIGXCPU else "DIED"}}

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


@cache
def shared_renderer() -> Renderer:
    """The children of this process; they end with it."""
    return Renderer()


def _refusal(error: Mapping[str, Any], seconds: float, memory_bytes: int) -> InvalidInput:
    limits = {
        "TIME": f"takes longer than {seconds:g} seconds",
        "MEMORY": f"needs more than {memory_bytes // 2**20} MB of memory",
        "DIED": "broke the process in which it was rendered",
    }
    why = limits.get(str(error["code"]))
    if why:
        return InvalidInput(
            f"The template {why}.", next_step="Take loops and repetitions out of it.", limit=error["code"]
        )
    own = {"code", "message", "next_step", "money", "retryable"}
    details = {name: value for name, value in error.items() if name not in own}
    return InvalidInput(str(error["message"]), next_step=str(error["next_step"]), **details)
