"""Hears at once what other processes change: PostgreSQL tells everybody who listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import psycopg
from psycopg import sql

from domain.errors import InfrastructureError
from store.addresses import CONNECT_SECONDS
from store.schema.prompts import CHANNEL

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_READY_SECONDS = 10.0
_LOOK_SECONDS = 15.0

Changed = Callable[[bool], Awaitable[None]]
"""Called when something may have changed; says whether changes are heard from now on."""


@contextlib.asynccontextmanager
async def watching(uri: str, changed: Changed) -> AsyncIterator[None]:
    """Call back after every change, on a connection of its own, and after every time that it was lost."""
    ready = asyncio.Event()
    task = asyncio.create_task(_follow(uri, changed, ready))
    try:
        with contextlib.suppress(TimeoutError):  # what is not heard is read
            await asyncio.wait_for(ready.wait(), _READY_SECONDS)
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _follow(uri: str, changed: Changed, ready: asyncio.Event) -> None:
    while True:
        try:
            await _listen(uri, changed, ready)
        except (psycopg.Error, InfrastructureError, OSError) as error:
            log.warning("Changes of prompts are not heard for a moment: %s", type(error).__name__)
        with contextlib.suppress(psycopg.Error, InfrastructureError, OSError):
            await changed(False)
        await asyncio.sleep(_AGAIN_SECONDS)


async def _listen(uri: str, changed: Changed, ready: asyncio.Event) -> None:
    connection = await psycopg.AsyncConnection.connect(uri, autocommit=True, connect_timeout=CONNECT_SECONDS)
    async with connection:
        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
        await changed(True)  # what changed before the connection listened
        ready.set()
        while True:
            async for _ in connection.notifies(timeout=_LOOK_SECONDS):
                await changed(True)
            await connection.execute("select 1")  # a connection that died without a word is found out
