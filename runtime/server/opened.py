"""The services of a server's process: opened once and shared by the graph, the checkpointer, the wall and the auth.

A server may load the files that ``langgraph.json`` names by their paths, as modules of their own; this one is imported
by its name alone. LiteLLM is imported with it: inside a running server's event loop its import would block.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from runtime.installation import check_packages

check_packages()  # before a stranger's package of one of our names is imported

from gateway.build import preload  # noqa: E402
from runtime.services import Services, open_services  # noqa: E402
from runtime.settings import load  # noqa: E402

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
async def serving() -> AsyncIterator[Services]:
    """This process's services until the server ends; then everything that was opened is closed."""
    global _services
    try:
        yield await services()
    finally:
        _services = None
        await _stack.aclose()
