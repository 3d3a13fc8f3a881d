"""A server that is killed in the middle of a clip: the next one goes on at once, for all organizations."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client

from tests.acceptance.test_decisions_server import request_for
from tests.acceptance.test_langgraph_server import Server, server, waiting
from tests.sandbox_fixture import SandboxServer

__all__ = ["server"]

UNTIL_PACKAGES = {"dna": "auto", "personas": "auto", "topics": "auto", "posts": "auto", "packages": "ask"}
POLLED = "select lease_until from jobs where kind = 'generate_video' and provider_ref is not null"


@pytest.fixture
def sandbox_server(tmp_path: Path) -> Iterator[SandboxServer]:
    """Providers whose clips take longer than a kill."""
    slow = SandboxServer(tmp_path / "sandbox", "--job-seconds", "20")
    yield slow
    slow.stop()


async def a_clip_is_polled(uri: str) -> None:
    async with await psycopg.AsyncConnection.connect(uri, autocommit=True) as connection:
        while not await (await connection.execute(POLLED)).fetchone():
            await asyncio.sleep(0.1)


async def test_a_server_that_is_killed_while_a_clip_is_polled_holds_up_nobody(
    server: Server, empty_database_uri: str, sandbox_server: Any
) -> None:
    context: Any = {"tier": "ultimate", "approve": UNTIL_PACKAGES}
    request: Any = request_for(sandbox_server)
    client = get_client(url=server.url)
    mine, other = [(await client.threads.create())["thread_id"] for _ in range(2)]
    await client.runs.create(mine, "month", input=request, context=context, durability="sync")
    await asyncio.wait_for(a_clip_is_polled(empty_database_uri), timeout=300)
    server.kill()
    server.start()

    began = time.monotonic()
    client = get_client(url=server.url)
    for thread in (mine, other):
        await client.threads.create(thread_id=thread, if_exists="do_nothing")
        await client.threads.update(thread, metadata={"graph_id": "month"})
    elsewhere: Any = {**context, "organization": "elsewhere", "approve": "ask"}
    await asyncio.gather(
        client.runs.wait(mine, "month", input=None, context=context, durability="sync"),
        client.runs.wait(other, "month", input=request, context=elsewhere, durability="sync"),
    )
    took = time.monotonic() - began
    assert waiting(await client.threads.get_state(mine))["point"] == "packages"
    assert waiting(await client.threads.get_state(other))["point"] == "dna"
    assert took < 600, "the clip's own lease is twenty minutes"
    clips = [line for line in sandbox_server.bill() if line["provider"] == "veo"]
    assert len(clips) == 1, "the next process collects what the dead one bought"
