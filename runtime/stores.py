"""Where PostgreSQL and Redis are; apart from the other services, so that reading commands load little."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from runtime.settings import Settings
from store.embedded import Addresses, EmbeddedServers


@dataclass(frozen=True)
class Stores:
    """Where PostgreSQL and Redis are, configured or embedded."""

    database_uri: str
    redis_uri: str
    notes: tuple[str, ...]


def embedded_servers(settings: Settings) -> EmbeddedServers:
    """Return the servers that no address is configured for, not started yet."""
    return EmbeddedServers(
        settings.home,
        need_database=settings.database_uri is None,
        need_redis=settings.redis_uri is None,
    )


def addresses_of(settings: Settings, started: Addresses) -> Stores:
    """Return where the stores are: as configured, else ours."""
    return Stores(
        settings.database_uri or started.database_uri,
        settings.redis_uri or started.redis_uri,
        started.notes,
    )


@asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Use the configured PostgreSQL and Redis, or start ours; ours are stopped by the last process to leave.

    Raises:
        StoreUnavailable: One of them does not answer or cannot be started.
    """
    servers = embedded_servers(settings)
    try:
        yield addresses_of(settings, await asyncio.to_thread(servers.start))
    finally:
        await asyncio.to_thread(servers.stop)
