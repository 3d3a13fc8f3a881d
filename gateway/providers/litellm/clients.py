"""LiteLLM's HTTP clients: watched as all of ours, for it sends again by itself after a connection broke.

It keeps them by event loop, and leaves their connections to the garbage collector.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import httpx
import litellm
from litellm.llms.custom_httpx import http_handler

from gateway.providers.sending import WatchedTransport
from gateway.providers.wire import trusted_authorities

_users: MutableMapping[asyncio.AbstractEventLoop, WeakSet[Any]] = WeakKeyDictionary()


def watch_clients() -> None:
    """Have LiteLLM send everything through our transport, also by a proxy of the environment.

    The clients that its import has made are made again.
    """
    litellm.disable_aiohttp_transport = True
    setattr(http_handler, "AsyncHTTPTransport", WatchedTransport)  # noqa: B010 - what its proxies are made of
    setattr(http_handler.AsyncHTTPHandler, "create_async_transport", staticmethod(_transport))  # noqa: B010
    for made in tuple(litellm.in_memory_llm_clients_cache.cache_dict.values()):
        if isinstance(made, http_handler.AsyncHTTPHandler):
            made._client = made.create_client(made.timeout, made.event_hooks, made.ssl_verify)


def _transport(**its_choice: Any) -> httpx.AsyncHTTPTransport:
    return WatchedTransport(verify=trusted_authorities())


def use_clients(engine: object) -> None:
    """Note that an engine makes calls in this event loop."""
    _users.setdefault(asyncio.get_running_loop(), WeakSet()).add(engine)


async def leave_clients(engine: object) -> None:
    """Note that an engine makes no more calls; the last one closes what LiteLLM keeps for this event loop."""
    loop = asyncio.get_running_loop()
    users = _users.get(loop, WeakSet())
    users.discard(engine)
    if users:
        return
    for client in _take_clients(loop):
        closing = client.close() if hasattr(client, "close") else None
        if inspect.isawaitable(closing):
            await closing


def _take_clients(loop: asyncio.AbstractEventLoop) -> list[Any]:
    """Take out of LiteLLM what it keeps for an event loop, and its one client for streams; it makes new ones."""
    cache: Any = litellm.in_memory_llm_clients_cache
    streams = vars(litellm).pop("module_level_aclient", None)
    its = {key: client for key, client in cache.cache_dict.items() if client is streams or _is_of(loop, key)}
    for key in its:
        cache.delete_cache(key)
    return [streams, *its.values()]


def _is_of(loop: asyncio.AbstractEventLoop, key: str) -> bool:
    return key.endswith(f"-{id(loop)}")
