"""A proxy before the sandbox that breaks connections: what is asked is answered and billed there, and lost here."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)


@dataclass
class Answered:
    """What the sandbox answered: the bytes of its head and of its body."""

    head: bytes
    body: bytes

    @property
    def whole(self) -> bytes:
        return self.head + self.body


Break = Callable[[Answered], tuple[bytes, bool]]
"""What is sent on of an answer, and whether the connection is reset after it."""

WAYS: dict[str, Break] = {
    "reset before a byte": lambda answer: (b"", True),
    "end before the head": lambda answer: (b"", False),
    "half a head, end": lambda answer: (answer.head[: len(answer.head) // 2], False),
    "half a head, reset": lambda answer: (answer.head[: len(answer.head) // 2], True),
    "head alone, end": lambda answer: (answer.head, False),
    "half a body, end": lambda answer: (answer.whole[: len(answer.head) + len(answer.body) // 2], False),
    "half a body, reset": lambda answer: (answer.whole[: len(answer.head) + len(answer.body) // 2], True),
    "no HTTP": lambda answer: (b"\x16\x03\x01 what is this\r\n\r\n", False),
    "switching protocols": lambda answer: (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False),
}


@dataclass
class Breaking:
    """A running proxy. ``way`` is how it breaks what is bought; None passes everything on."""

    upstream: tuple[str, int]
    base_url: str = ""
    way: Break | None = None
    requests: Counter[str] = field(default_factory=Counter)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while await self._exchange(reader, writer):
                pass
        writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        method, path, _ = head.split(b" ", 2)
        bought = method == b"POST" and not path.endswith(b"/token")
        if bought:
            self.requests[path.decode()] += 1
        answer = await self._ask(head, body)
        if not bought or self.way is None:
            writer.write(answer.whole)
            await writer.drain()
            return False
        part, reset = self.way(answer)
        writer.write(part)
        await writer.drain()
        if reset:
            await asyncio.sleep(0.01)  # what was written has to be read before the reset overtakes it
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        return False

    async def _ask(self, head: bytes, body: bytes) -> Answered:
        first, *lines = head.rstrip(b"\r\n").split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith((b"connection:", b"accept-encoding:"))]
        reader, writer = await asyncio.open_connection(*self.upstream)
        asked = b"\r\n".join([first, *kept, b"Connection: close", b"Accept-Encoding: identity"])
        writer.write(asked + b"\r\n\r\n" + body)
        whole = await reader.read(-1)
        writer.close()
        got, _, rest = whole.partition(b"\r\n\r\n")
        return Answered(got + b"\r\n\r\n", rest)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@contextmanager
def breaking(upstream: str) -> Iterator[Breaking]:
    """Serve before a sandbox, in a thread of its own, until the end of the block."""
    at = urlsplit(upstream)
    proxy = Breaking((at.hostname or "", at.port or 80))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        asyncio.start_server(proxy.serve, "127.0.0.1", 0), loop
    ).result()
    proxy.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
