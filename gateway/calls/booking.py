"""Writes that must not be lost: not by a cancel, and not by a database that is away for a moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from domain.errors import StoreUnavailable

T = TypeVar("T")

_STORE_RETRY_SECONDS = (0.1, 0.2, 0.5, *(1.0,) * 4, *(2.0,) * 30)
"""A paid answer is kept in memory for a minute while PostgreSQL restarts, and booked soon after it is back."""


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end even if the caller is cancelled meanwhile; the cancel is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancel:
            cancelled = cancel
    if cancelled is not None:
        task.cancelled() or task.exception()  # looked at, so that asyncio does not report it as forgotten
        raise cancelled
    return task.result()


async def until_stored(
    write: Callable[[], Awaitable[T]], pauses: Sequence[float] = _STORE_RETRY_SECONDS
) -> T:
    """Repeat a write while PostgreSQL is away, for a minute: what has been paid for is not given up at once."""
    for seconds in pauses:
        try:
            return await write()
        except StoreUnavailable:
            await asyncio.sleep(seconds)
    return await write()
