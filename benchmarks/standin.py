"""A provider that answers at once: Gemini's and OpenAI's formats over bare asyncio, in a process of its own.

Nothing is parsed but the length of the body, so that what is measured is the client and not the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TEXT = " ".join(["káva"] * 30)
_GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": _TEXT}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": 25, "candidatesTokenCount": 60, "totalTokenCount": 85},
    "modelVersion": "stand-in",
    "responseId": "stand-in",
}
_OPENAI = {
    "id": "stand-in",
    "object": "chat.completion",
    "created": 1,
    "model": "stand-in",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": _TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 25, "completion_tokens": 60, "total_tokens": 85},
}


def _answer(body: object) -> bytes:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    return head.encode() + data


_ANSWERS = {True: _answer(_GEMINI), False: _answer(_OPENAI)}


async def _serve(delay: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = (
                int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
            )
            await reader.readexactly(length)
            if delay:
                await asyncio.sleep(delay)
            writer.write(_ANSWERS[b"generatecontent" in head.split(b"\r\n")[0]])
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main(delay: float) -> None:
    server = await asyncio.start_server(
        lambda reader, writer: _serve(delay, reader, writer), "127.0.0.1", 0, backlog=1024
    )
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    os._exit(0)  # connections that are still open are nobody's concern


@contextmanager
def running(delay: float = 0.0) -> Iterator[str]:
    """Serve until the end of the block; yields the base address. ``delay`` is seconds for each answer."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.standin", str(delay)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.stdin.close()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(_main(float(sys.argv[1])))
