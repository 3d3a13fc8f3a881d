"""Where PostgreSQL and Redis are; apart from the other services, so that reading commands load little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runtime.settings import Settings
from store.database import Database, upgrade
from store.embedded import EmbeddedServers


@dataclass(frozen=True)
class Stores:
    """Where PostgreSQL and Redis are, configured or embedded."""

    database_uri: str
    redis_uri: str
    notes: tuple[str, ...]


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Use the configured PostgreSQL and Redis, or start ours; ours are stopped by the last process to leave.

    Raises:
        StoreUnavailable: One of them does not answer or cannot be started.
    """
    servers = EmbeddedServers(
        settings.home,
        need_database=settings.database_uri is None,
        need_redis=settings.redis_uri is None,
    )
    try:
        addresses = await asyncio.to_thread(servers.start)
        yield Stores(
            settings.database_uri or addresses.database_uri,
            settings.redis_uri or addresses.redis_uri,
            addresses.notes,
        )
    finally:
        await asyncio.to_thread(servers.stop)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Open the database alone, for what buys nothing.

    Raises:
        StoreUnavailable: It does not answer.
    """
    async with open_stores(settings) as stores:
        await upgrade(stores.database_uri)
        database = Database(stores.database_uri)
        try:
            yield database
        finally:
            await database.dispose()
