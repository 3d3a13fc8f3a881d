"""What langgraph.json names: the graph and the checkpointer of the LangGraph server.

The server opens the checkpointer once, at its start, and asks for the graph for every run and every schema, so
the services are opened once and shared. LiteLLM is imported with this module: inside a running server's event
loop its import would block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from runtime.installation import check_packages

check_packages()  # before a stranger's package of one of our names is imported

from gateway.build import preload  # noqa: E402
from graph.content import MAX_PARALLEL, MAX_STEPS  # noqa: E402
from graph.running import compiled  # noqa: E402
from runtime.services import Services, open_services  # noqa: E402
from runtime.settings import load  # noqa: E402
from store.checkpoints import PostHubSaver  # noqa: E402
from store.money.sweeper import LEASE_SECONDS  # noqa: E402

_GRACE_SECONDS = 10.0
"""What a lease that has just run out may take to be seen."""

_settings = load()
preload(_settings.engine, _settings.providers)

_opening = asyncio.Lock()
_stack = AsyncExitStack()
_services: Services | None = None


async def services() -> Services:
    """Return this process's services; the first to ask opens them."""
    global _services
    async with _opening:
        if _services is None:
            settings = await asyncio.to_thread(load)
            _services = await _stack.enter_async_context(open_services(settings))
    return _services


@asynccontextmanager
async def checkpointer() -> AsyncIterator[PostHubSaver]:
    """Checkpoints of server runs, in PostgreSQL; closing it closes everything that was opened."""
    global _services
    try:
        yield (await services()).saver
    finally:
        _services = None
        await _stack.aclose()


async def month() -> Any:
    """The month graph, without a checkpointer: the server brings its own."""
    opened = await services()
    graph = compiled(
        opened.ports, sandbox=opened.sandbox is not None, patience_seconds=LEASE_SECONDS + _GRACE_SECONDS
    )
    return graph.with_config(recursion_limit=MAX_STEPS, max_concurrency=MAX_PARALLEL)
