"""Where PostgreSQL and Redis are, and the start of a run's servers in threads, while libraries are imported."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from runtime import sandbox as sandbox_process
from runtime.sandbox import Sandbox
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


@dataclass(frozen=True)
class Servers:
    """What is coming up. ``sandbox`` is None where real providers are used, or none at all."""

    stores: asyncio.Future[Stores]
    sandbox: asyncio.Future[Sandbox] | None

    async def ready(self) -> tuple[Stores, Sandbox | None]:
        """Wait until they answer.

        Raises:
            StoreUnavailable: A store cannot be started.
            InfrastructureError: The sandbox did not start.
        """
        sandbox = await asyncio.shield(self.sandbox) if self.sandbox else None
        return await asyncio.shield(self.stores), sandbox


@asynccontextmanager
async def start_servers(settings: Settings, *, buys: bool = True) -> AsyncIterator[Servers]:
    """Begin to start them, and stop them at the end, also those that were still on their way.

    Args:
        settings: Which stores are ours to start, and whether a provider has a key.
        buys: False for what asks no provider: it needs no sandbox.

    Raises:
        InfrastructureError: The sandbox is needed and not installed.
    """
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        sandbox = None
        if buys and not settings.has_provider_key:
            sandbox_process.check()  # before anything is started, or imported for seconds
            home, seed = settings.home / "sandbox", settings.sandbox_seed
            sandbox = loop.run_in_executor(None, sandbox_process.start, home, seed)
            stack.push_async_callback(_stop_sandbox, sandbox)
        embedded = embedded_servers(settings)
        stores = loop.run_in_executor(None, lambda: addresses_of(settings, embedded.start()))
        stack.push_async_callback(asyncio.to_thread, embedded.stop)
        stack.push_async_callback(_settled, stores)
        yield Servers(stores, sandbox)


async def _settled(starting: asyncio.Future[Stores]) -> None:
    with contextlib.suppress(Exception):  # whoever waited for it has been told
        await asyncio.shield(starting)


async def _stop_sandbox(starting: asyncio.Future[Sandbox]) -> None:
    with contextlib.suppress(Exception):  # whoever waited for it has been told
        sandbox = await asyncio.shield(starting)
        await asyncio.to_thread(sandbox.stop)
