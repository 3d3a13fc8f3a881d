"""Lists runs without opening anything else: no SQLAlchemy, no provider, no graph."""

from __future__ import annotations

import asyncio

from app.runs import RunList, newest
from runtime.servers import open_stores
from runtime.settings import Settings
from store.reading import reader, upgrade


async def newest_runs(settings: Settings, *, limit: int = 50) -> RunList:
    """List the newest runs of the settings' organization.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with open_stores(settings) as stores:
        await upgrade(stores.database_uri)
        return await asyncio.to_thread(_read, stores.database_uri, settings.organization, limit)


def _read(uri: str, organization: str, limit: int) -> RunList:
    with reader(uri) as connection:
        return newest(connection, organization, limit=limit)
