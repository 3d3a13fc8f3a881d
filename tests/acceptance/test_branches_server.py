"""Forks, copies, rollbacks, ends and deletions over the LangGraph server's API, as Studio and an inbox send them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client

from tests.acceptance.test_langgraph_server import Server, serving, waiting

POLICY = {"dna": "auto", "personas": "auto", "topics": "ask", "posts": "ask", "packages": "ask"}
CONTEXT = {"tier": "ultimate", "approve": POLICY}
APPROVE = {"type": "approve"}


@pytest.fixture
def server(tmp_path: Path, empty_database_uri: str, redis_uri: str, sandbox_server: Any) -> Iterator[Server]:
    """A server whose langgraph.json names files, not modules."""
    with serving(tmp_path, empty_database_uri, redis_uri, sandbox_server, by_path=True) as running:
        yield running


class Thread:
    """A thread of the server; what is asked is read from its state."""

    def __init__(self, client: Any, thread_id: str, request: dict[str, Any]) -> None:
        self._client, self.id, self.request = client, thread_id, request

    async def run(self, **given: Any) -> Any:
        await self._client.runs.wait(self.id, "month", context=CONTEXT, durability="sync", **given)
        return await self.asked()

    async def answer(self, decision: Any) -> Any:
        return await self.run(command={"resume": decision})

    async def asked(self) -> Any:
        return waiting(await self._client.threads.get_state(self.id))

    async def copy(self) -> Thread:
        copied = await self._client.http.post(f"/threads/{self.id}/copy", json=None)
        return Thread(self._client, copied["thread_id"], self.request)

    async def checkpoint_of(self, point: str) -> str:
        found = [
            state["checkpoint"]["checkpoint_id"]
            for state in await self._client.threads.get_history(self.id, limit=100)
            for task in state["tasks"]
            for each in task["interrupts"]
            if each["value"]["point"] == point
        ]
        return str(found[-1])

    async def rolled_back(self, decision: Any, while_: Any) -> None:
        """Answer, and take the run back as soon as something that it does is seen."""
        run = await self._client.runs.create(
            self.id, "month", context=CONTEXT, command={"resume": decision}, durability="sync"
        )
        while not while_():
            await asyncio.sleep(0.1)
        await self._client.runs.cancel(self.id, run["run_id"], wait=True, action="rollback")


def text_of(request: Any) -> str:
    return str(request["action_requests"][0]["description"])


def rows(uri: str, table: str, run: str) -> int:
    with psycopg.connect(uri) as connection:
        found = connection.execute(f"select count(*) from {table} where run_id = %s", [run]).fetchone()
    return int(found[0]) if found else 0


async def test_branches_of_a_thread_show_their_own_are_asked_again_and_end_for_good(
    server: Server, sandbox: Any, empty_database_uri: str
) -> None:
    client = get_client(url=server.url)
    name, site = next(iter(sandbox.sites.items()))
    request = {"company": name, "website": site, "month": "2027-01", "posts": 1, "platforms": ["linkedin"]}
    thread = Thread(client, (await client.threads.create())["thread_id"], {**request, "video": False})
    assert (await thread.run(input=thread.request))["point"] == "topics"
    posts = await thread.answer(APPROVE)
    assert posts["point"] == "posts"

    # a copy: its own run, its own words; the source asks what it asked
    copy = await thread.copy()
    token = posts["tokens"]["t01.post"]
    edit = {"decisions": [{"token": token, "type": "edit", "edited": {"title": "Z kopie"}}]}
    assert (await copy.answer(edit))["run_id"] == copy.id
    assert (await thread.asked()) == posts
    with psycopg.connect(empty_database_uri) as connection:
        parent = connection.execute("select parent_run_id from runs where id = %s", [copy.id]).fetchone()
    assert parent == (thread.id,)
    assert rows(empty_database_uri, "ledger_entries", copy.id) > 0

    # a fork of an edited state: new content of it, and the topics that its checkpoint means
    topics = await thread.checkpoint_of("topics")
    await client.threads.update_state(thread.id, {"business_field": "Horská pražírna"}, checkpoint_id=topics)
    assert (await thread.run(input=None))["point"] == "topics"
    fork = await thread.answer(APPROVE)
    assert (fork["point"], text_of(fork) != text_of(posts)) == ("posts", True)

    # a rollback: the approval is taken back, the question waits, and a rejection is one
    before = len(sandbox.bill())
    sandbox.fault("slow", provider="nanobana", seconds=5)
    await thread.rolled_back(APPROVE, lambda: len(sandbox.bill()) > before)
    sandbox.clear_faults()
    assert await thread.asked() == fork
    again = await thread.answer({"type": "reject", "reason": "Začni příběhem."})
    assert (again["point"], text_of(again) != text_of(fork)) == ("posts", True)

    # ended from outside, as an inbox does it: the same request asks what waits; another one is refused in words
    await client.threads.update_state(thread.id, None, as_node="__end__")
    assert (await client.threads.get_state(thread.id))["next"] == []
    assert (await thread.run(input=thread.request))["tokens"] == again["tokens"]
    assert (await client.threads.get(thread.id))["status"] == "interrupted"
    other = await thread.run(input={**thread.request, "month": "2027-02"})
    assert (other["tokens"], "no other request" in str(other["problems"])) == (again["tokens"], True)

    # deleted for good; the copy keeps what it has
    figures = rows(empty_database_uri, "ledger_entries", thread.id)
    await client.threads.delete(thread.id)
    assert [rows(empty_database_uri, each, thread.id) for each in ("blog_posts", "topics", "outcomes")] == [
        0,
        0,
        0,
    ]
    assert (rows(empty_database_uri, "ledger_entries", thread.id), figures > 0) == (figures, True)
    assert (await copy.asked())["point"] == "packages"
