"""Opens the database alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from runtime.servers import open_stores
from runtime.settings import Settings
from store.database import Database
from store.reading import upgrade


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
