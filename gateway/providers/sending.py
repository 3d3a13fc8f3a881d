"""Whether a request left is seen here, at the transport: no library's exception class is evidence of it.

One attempt is one request. A library below us that would send a second one (after a reset, to where a redirect
leads) is refused before its first byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from domain.errors import ProviderRefused
from gateway.calls.attempt import BookedAttempt, current_attempt

_FIRST_BYTE = ".send_request_headers.started"
_TUNNEL = b"CONNECT"


async def watch(request: httpx.Request) -> None:
    """Watch a request of the attempt that is being made; a hook of httpx. What belongs to no attempt is free.

    Raises:
        ProviderError: The attempt has had its request.
    """
    if attempt := current_attempt.get():
        attempt.requesting()
        request.extensions = {**request.extensions, "trace": _Trace(attempt)}


class _Trace:
    """Hears from httpcore what it is about to do."""

    def __init__(self, attempt: BookedAttempt) -> None:
        self._attempt = attempt

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_FIRST_BYTE) and info["request"].method != _TUNNEL:
            self._attempt.leaving()


class WatchedTransport(httpx.AsyncHTTPTransport):
    """A transport for libraries that build their clients themselves."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the one request of an attempt.

        Raises:
            ProviderRefused: It was redirected; the key is not carried on.
        """
        await watch(request)
        response = await super().handle_async_request(request)
        attempt = current_attempt.get()
        if attempt is not None and response.has_redirect_location:
            await response.aclose()
            raise ProviderRefused(
                f"{attempt.provider} answered with a redirect (HTTP {response.status_code}).",
                next_step="Check the provider's base URL.",
                provider=attempt.provider,
                status=response.status_code,
            )
        if attempt is not None and response.is_success:
            attempt.accepted()
        return response
