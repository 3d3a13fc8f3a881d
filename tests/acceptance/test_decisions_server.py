"""Answers that the LangGraph server runs a second time: sent twice at once, and repeated after a kill -9."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client

from tests.acceptance.test_langgraph_server import Server, server, waiting

__all__ = ["server"]

APPROVE = {"type": "approve"}
TWICE: dict[str, Any] = {
    "ids": {"decisions": [{"id": "t01", **APPROVE}, {"id": "t02", **APPROVE}]},
    "positions": {"decisions": [APPROVE, APPROVE]},
    "agent inbox": [{"type": "accept", "args": None}, {"type": "accept", "args": None}],
    "alone": APPROVE,
}
POLICY = {"dna": "auto", "personas": "auto", "topics": "ask", "posts": "ask", "packages": "ask"}


@pytest.fixture
def client(server: Server) -> Any:
    return get_client(url=server.url)


class Month:
    """One thread on the server that waits at its topics."""

    def __init__(self, client: Any, request: dict[str, Any]) -> None:
        self._client, self._request = client, request
        self.thread = ""

    async def to_topics(self) -> Month:
        self.thread = (await self._client.threads.create())["thread_id"]
        await self._client.runs.wait(
            self.thread,
            "month",
            input=self._request,
            context={"tier": "ultimate", "approve": POLICY},
            durability="sync",
        )
        assert (await self.asked())["point"] == "topics"
        return self

    async def send(self, answer: Any) -> str:
        run = await self._client.runs.create(
            self.thread,
            "month",
            command={"resume": answer},
            multitask_strategy="enqueue",
            durability="sync",
        )
        return str(run["run_id"])

    async def asked(self) -> Any:
        return waiting(await self._client.threads.get_state(self.thread))


def kill_keeping_its_queue(server: Server) -> None:
    assert server.process
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(timeout=60)


async def at_rest(client: Any, thread: str) -> None:
    """Wait until nothing that the server found in its queue is left to run."""
    while any(run["status"] in {"pending", "running"} for run in await client.runs.list(thread)):
        await asyncio.sleep(0.2)


def request_for(sandbox: Any) -> dict[str, Any]:
    name, site = next(iter(sandbox.sites.items()))
    return {"company": name, "website": site, "month": "2027-01", "posts": 2, "platforms": ["linkedin"]}


def media(sandbox: Any) -> list[Any]:
    return [line for line in sandbox.bill() if line["provider"] in {"nanobana", "veo"}]


def decided_posts(uri: str, thread: str) -> list[Any]:
    query = "select item, decision from approvals where run_id = %s and point = 'posts'"
    with psycopg.connect(uri) as connection:
        return connection.execute(query, [thread]).fetchall()


async def test_an_answer_that_is_sent_twice_at_the_topics_approves_no_post_and_buys_no_media(
    client: Any, empty_database_uri: str, sandbox_server: Any
) -> None:
    before = len(media(sandbox_server))
    for shape, answer in TWICE.items():
        month = await Month(client, request_for(sandbox_server)).to_topics()
        runs = await asyncio.gather(month.send(answer), month.send(answer))
        for run in runs:
            await client.runs.join(month.thread, run)
        posts = await month.asked()
        assert (shape, posts["point"], posts["items"]) == (shape, "posts", ["t01.post", "t02.post"])
        assert "sent before this was asked" in str(posts["problems"]), shape
        assert decided_posts(empty_database_uri, month.thread) == [], shape
    assert len(media(sandbox_server)) == before


async def test_an_answer_that_the_server_repeats_after_its_death_approves_nothing(
    client: Any, server: Server, empty_database_uri: str, sandbox: Any
) -> None:
    month = await Month(client, request_for(sandbox)).to_topics()
    before = len(media(sandbox))
    sandbox.fault("slow", provider="gemini", seconds=12)  # the queue is written down every ten seconds
    await client.runs.join(month.thread, await month.send(TWICE["ids"]))
    kill_keeping_its_queue(server)
    sandbox.clear_faults()
    server.start()
    again = Month(get_client(url=server.url), {})
    again.thread = month.thread
    await at_rest(get_client(url=server.url), month.thread)
    posts = await again.asked()
    assert (posts["point"], posts["items"]) == ("posts", ["t01.post", "t02.post"])
    assert "sent before this was asked" in str(posts["problems"]), "the server did repeat it"
    assert decided_posts(empty_database_uri, month.thread) == []
    assert len(media(sandbox)) == before
    await get_client(url=server.url).runs.join(month.thread, await again.send(TWICE["alone"]))
    assert (await again.asked())["point"] == "packages"
