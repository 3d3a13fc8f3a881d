"""What stands before every route of the server, the LangGraph server's own pages and metrics too."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import PostHubError
from runtime.server.callers import Callers
from store.content.file_links import ROUTE

CALLER = "posthub.caller"
"""Key of the scope: who asks; None where no key is needed."""
_FOR_EVERYBODY = frozenset({"/", "/ok"})
"""Whether the server lives; that, and nothing else, is said to whoever asks."""
_OPERATORS = ("/internal/", "/deploy")
"""What the development server shows and does for whoever asks: every thread, and deployments."""
WHO = (
    "This server answers to keys: send yours as the header x-api-key. "
    "Whoever administers it makes one with: posthub keys create EMAIL"
)


class Wall:
    """Lets requests through that need no key, or have one; notes who asks.

    Args:
        app: What is behind it.
        callers: Opens what callers are looked up with; asked with every request.
    """

    def __init__(self, app: ASGIApp, callers: Callable[[], Awaitable[Callers]]) -> None:
        self._app = app
        self._callers = callers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"} or _is_for_everybody(scope["path"]):
            await self._app(scope, receive, send)
            return
        try:
            callers = await self._callers()
            is_open = await callers.is_open_to(scope)
            caller = None if is_open else await callers.of(scope)
        except PostHubError as error:
            await _refuse(scope, receive, send, 503, str(error))
            return
        if caller is None and not is_open:
            await _refuse(scope, receive, send, 401, WHO)
            return
        if caller and scope["path"].startswith(_OPERATORS):
            await _refuse(scope, receive, send, 404, "Not Found")
            return
        await self._app({**scope, CALLER: caller}, receive, send)


def _is_for_everybody(path: str) -> bool:
    """Whether nobody is asked who asks; an address of a file proves by itself that it was given to them."""
    return path in _FOR_EVERYBODY or (path.startswith(ROUTE) and "/" not in path.removeprefix(ROUTE))


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, words: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": words[:120]})
        return
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    body = json.dumps({"detail": words}).encode()
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
