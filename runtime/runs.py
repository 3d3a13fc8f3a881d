"""Lists runs without opening anything else: no SQLAlchemy, no provider, no graph."""

from __future__ import annotations

import asyncio
from functools import partial

from app.runs import RunList, newest
from runtime.servers import open_stores
from runtime.settings import Settings
from store.reading import is_current, reader, upgrade


async def newest_runs(settings: Settings, *, limit: int = 50) -> RunList:
    """List the newest runs of the settings' organization.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    async with open_stores(settings) as stores:
        read = partial(_read, stores.database_uri, settings.organization, limit)
        found = await asyncio.to_thread(read)
        if found is None:
            await upgrade(stores.database_uri)
            found = await asyncio.to_thread(read)
        assert found is not None, "an upgrade that did not bring the schema to this release's has raised"
        return found


def _read(uri: str, organization: str, limit: int) -> RunList | None:
    """Return None where the schema is not this release's."""
    with reader(uri) as connection:
        return newest(connection, organization, limit=limit) if is_current(connection) else None
