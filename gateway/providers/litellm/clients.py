"""LiteLLM's HTTP clients: it keeps them by event loop, and leaves their connections to the garbage collector."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import MutableMapping
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import litellm

_users: MutableMapping[asyncio.AbstractEventLoop, WeakSet[Any]] = WeakKeyDictionary()


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
