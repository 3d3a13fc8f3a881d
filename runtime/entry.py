"""What langgraph.json names: the graph and the checkpointer of the LangGraph server.

The server opens the checkpointer once, at its start, and asks for the graph for every run and every schema. It may name
them as ``runtime.entry:month`` or as ``./runtime/entry.py:month``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from runtime.server.opened import services, serving  # isort: skip  # before all others: it looks whose they are

from graph.content import MAX_PARALLEL, MAX_STEPS
from graph.running import compiled
from store.checkpoints import PostHubSaver
from store.money.sweeper import LEASE_SECONDS

_GRACE_SECONDS = 10.0
"""What a lease that has just run out may take to be seen."""


@asynccontextmanager
async def checkpointer() -> AsyncIterator[PostHubSaver]:
    """Checkpoints of server runs, in PostgreSQL; closing it closes everything that was opened."""
    async with serving() as opened:
        yield opened.saver


async def month() -> Any:
    """The month graph, without a checkpointer: the server brings its own."""
    opened = await services()
    graph = compiled(
        opened.ports, sandbox=opened.sandbox is not None, patience_seconds=LEASE_SECONDS + _GRACE_SECONDS
    )
    return graph.with_config(recursion_limit=MAX_STEPS, max_concurrency=MAX_PARALLEL)
