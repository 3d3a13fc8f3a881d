"""Sends an answer over HTTP, well or badly: whole, as server-sent events, slowly, in drops, cut off, or never."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.faults import Fault

MARK = {"x-posthub-sandbox": "1"}
_DROP = 16


class CutOffError(ConnectionError):
    """Raised in the middle of an answer so that the server drops the connection."""


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response that says that it comes from the sandbox."""
    return JSONResponse(value, status_code=status, headers={**MARK, **(headers or {})})


@dataclass
class WireResponse(Response):
    """An ASGI response made of pieces. One piece is a body with a length, several are a stream."""

    pieces: Sequence[bytes]
    kind: str
    stream: bool = False
    fault: Fault | None = None
    extra: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    def __post_init__(self) -> None:
        super().__init__()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self.fault.type if self.fault else ""
        if self.fault and fault == "slow":
            await asyncio.sleep(self.fault.number("seconds", 3))
        if fault == "hang" and not self._number("after_bytes", 0):
            await _until_gone(receive)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._head()})
        pieces = self._drops() if fault == "drip" else list(self.pieces)
        if fault in ("cut", "hang"):
            pieces = self._first_part()
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            if fault == "drip" or self.delay:
                await asyncio.sleep(self._number("pause", 0.25) if fault == "drip" else self.delay)
        if fault == "hang":
            await _until_gone(receive)
            return
        if fault == "cut":
            await asyncio.sleep(0.02)
            raise CutOffError("cut off on request")
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _number(self, name: str, default: float) -> float:
        return self.fault.number(name, default) if self.fault else default

    def _head(self) -> list[tuple[bytes, bytes]]:
        head = {"content-type": self.kind, **MARK, **self.extra}
        if not self.stream:
            head["content-length"] = str(sum(len(piece) for piece in self.pieces))
        return [(name.encode(), value.encode("latin-1")) for name, value in head.items()]

    def _drops(self) -> list[bytes]:
        whole = b"".join(self.pieces)
        size = int(self._number("bytes", _DROP))
        return [whole[at : at + size] for at in range(0, len(whole), size)]

    def _first_part(self) -> list[bytes]:
        if self.stream:
            return list(self.pieces[: sent_events(len(self.pieces))])
        whole = b"".join(self.pieces)
        return [whole[: max(1, int(self._number("after_bytes", len(whole) // 2)))]]


def sent_events(count: int) -> int:
    """How many of the events of a stream are sent before it is cut."""
    return max(1, count // 2)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
