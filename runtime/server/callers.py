"""Who asks: from this machine without a key, as long as none was made; else only with one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from domain.people.member import Caller
from runtime.server.hosts import is_loopback
from store.people.keys import Keys

Scope = Mapping[str, Any]
"""An ASGI scope, of HTTP or a WebSocket."""

_THROUGH_A_PROXY = (b"forwarded", b"x-forwarded-for", b"x-real-ip")


class Callers:
    """Finds out who asks.

    Args:
        keys: Where keys are looked up.
        origins: Pages of these origins may ask from a browser on this machine.
    """

    def __init__(self, keys: Keys, origins: Collection[str]) -> None:
        self._keys = keys
        self._origins = origins
        self._closed = False

    async def of(self, scope: Scope) -> Caller | None:
        """Return who asks with a key; None where there is none, or it counts no more."""
        key = key_in(scope)
        return await self._keys.caller(key) if key else None

    async def is_open_to(self, scope: Scope) -> bool:
        """Whether a request needs no key: it is from this machine, and no key was made yet."""
        return is_local(scope, self._origins) and await self.are_all_local()

    async def are_all_local(self) -> bool:
        """Whether no key was made yet, so that nobody asks but programs of this machine."""
        if not self._closed:
            self._closed = await self._keys.any_made()
        return not self._closed


def key_in(scope: Scope) -> str:
    """Return the key of a request: ``x-api-key``, or ``Authorization: Bearer``; empty without one."""
    headers = _headers(scope)
    scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
    given = headers.get(b"x-api-key") or (bearer if scheme.lower() == b"bearer" else b"")
    return given.decode("latin-1").strip()


def is_local(scope: Scope, origins: Collection[str] = ()) -> bool:
    """Whether a request was sent by a program of this machine, or by a page that may.

    A page of another origin is none, nor a name that leads here (DNS rebinding), nor what a proxy passes on.
    """
    headers, client = _headers(scope), scope.get("client")
    if not client or any(name in headers for name in _THROUGH_A_PROXY):
        return False
    host = headers.get(b"host", b"").decode("latin-1")
    return is_loopback(client[0]) and is_loopback(_name(host)) and _is_ours(headers, host, origins)


def _is_ours(headers: Mapping[bytes, bytes], host: str, origins: Collection[str]) -> bool:
    origin = headers.get(b"origin")
    if origin is None:
        return True
    text = origin.decode("latin-1")
    return text in origins or text in {f"http://{host}", f"https://{host}"}


def _headers(scope: Scope) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope.get("headers", ())}


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
