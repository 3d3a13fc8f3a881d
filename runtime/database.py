"""Opens the database alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.settings import Settings
from runtime.stores import open_stores
from store.database import Database, upgrade


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
