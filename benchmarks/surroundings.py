"""Real servers for a benchmark: PostgreSQL with fsync, Valkey, and a gateway on both."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from runtime.services import Services, open_services
from runtime.settings import load
from store.database import Database
from store.embedded import EmbeddedServers
from store.reading import upgrade


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """A migrated database on an embedded PostgreSQL with its own settings: fsync and synchronous commit are on."""
    home = Path(tempfile.mkdtemp(prefix="ph-bench-"))
    servers = EmbeddedServers(home, need_database=True, need_redis=False)
    try:
        uri = (await asyncio.to_thread(servers.start)).database_uri
        await upgrade(uri)
        opened = Database(uri, pool_size=20)
        yield opened
        await opened.dispose()
    finally:
        await asyncio.to_thread(servers.stop)
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def services(base_url: str, **environment: str) -> AsyncIterator[Services]:
    """Everything that a run has, with every provider at one address."""
    home = Path(tempfile.mkdtemp(prefix="ph-bench-"))
    names = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
    keys = {f"{name}_API_KEY": "benchmark" for name in names} | {
        f"{name}_BASE_URL": base_url for name in names
    }
    settings = {"POSTHUB_HOME": str(home), "POSTHUB_MONTHLY_BUDGET_USD": "100000", **keys, **environment}
    try:
        async with open_services(load(settings)) as opened:
            yield opened
    finally:
        shutil.rmtree(home, ignore_errors=True)
