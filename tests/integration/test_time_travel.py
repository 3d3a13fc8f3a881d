"""Branches of a month: what is shown is what its checkpoint means, and only what differs is bought.

The real graph on PostgreSQL and the sandbox's HTTP, run as a LangGraph server runs it; judged by the providers' bill
and by what the review shows.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from graph.content import build
from nodes.intake import RunContext
from runtime.services import Services, open_services
from runtime.settings import load
from tests.integration.test_month import environment

APPROVE = {"type": "approve"}


def reject(item: str, reason: str) -> dict[str, Any]:
    return {"decisions": [{"id": item, "type": "reject", "reason": reason}]}


class Thread:
    """A thread of a server: every run has an id and a moment, and may begin at an earlier checkpoint."""

    def __init__(self, services: Services, sandbox: Any, thread_id: str = "") -> None:
        self.services, self._sandbox = services, sandbox
        self.id = thread_id or str(uuid.uuid4())
        self.graph = build(services.ports, sandbox=False).compile(checkpointer=services.saver)

    def config(self, checkpoint: str = "", run: str = "") -> Any:
        known = {"thread_id": self.id, "run_id": run or str(uuid.uuid4())}
        known["__request_start_time_ms__"] = int(time.time() * 1000)  # type: ignore[assignment]
        return {"configurable": {**known, "checkpoint_id": checkpoint} if checkpoint else known}

    async def run(self, given: Any, *, at: str = "", run: str = "", **context: Any) -> Any:
        """Run the graph, and return what it asks then; None where it asks nothing."""
        chosen = RunContext(**{"organization": "local", "tier": "ultimate", **context})
        await self.graph.ainvoke(given, self.config(at, run), context=chosen, durability="sync")
        return await self.asked()

    async def begin(self, **changes: Any) -> Any:
        name, site = next(iter(self._sandbox.sites.items()))
        request = {
            "company": name,
            "website": site,
            "month": "2027-01",
            "posts": 2,
            "platforms": ["linkedin"],
        }
        return await self.run({**request, "video": False, **changes})

    async def answer(self, decision: Any, *, at: str = "", run: str = "") -> Any:
        return await self.run(Command(resume=decision), at=at, run=run)

    async def approve_until(self, point: str) -> Any:
        while (request := await self.asked())["point"] != point:
            await self.answer(APPROVE)
        return request

    async def asked(self) -> Any:
        state = await self.graph.aget_state(self.config())
        return next((each.value for task in state.tasks for each in task.interrupts), None)

    async def checkpoint_of(self, point: str) -> str:
        """The first checkpoint at which a point was asked."""
        found = [
            state.config["configurable"]["checkpoint_id"]
            async for state in self.graph.aget_state_history(self.config())
            for task in state.tasks
            for each in task.interrupts
            if each.value["point"] == point
        ]
        return str(found[-1])

    async def values(self) -> Any:
        return (await self.graph.aget_state(self.config())).values

    def bought(self) -> int:
        return len(self._sandbox.bill())


def shown(request: Any, item: str = "") -> dict[str, str]:
    """What a person reads of each item."""
    texts = {action["args"]["id"]: action["description"] for action in request["action_requests"]}
    return {name: text for name, text in texts.items() if not item or name == item}


@pytest.fixture
async def services(
    sandbox: Any, tmp_path: Path, database_uri: str, redis_uri: str
) -> AsyncIterator[Services]:
    async with open_services(load(environment(sandbox, tmp_path, database_uri, redis_uri))) as opened:
        yield opened


@pytest.fixture
def thread(services: Services, sandbox: Any) -> Thread:
    return Thread(services, sandbox)


async def test_a_fork_with_edited_dna_shows_personas_that_are_made_of_it_and_pays_for_them_alone(
    thread: Thread,
) -> None:
    await thread.begin()
    old = await thread.approve_until("personas")
    dna, before = await thread.checkpoint_of("dna"), thread.bought()
    edit = {"decisions": [{"id": "dna", "type": "edit", "edited": {"mission": "Pražíme pro hory."}}]}
    new = await thread.answer(edit, at=dna)
    assert (new["point"], thread.bought() - before) == ("personas", 1)
    assert not set(shown(new).values()) & set(shown(old).values())
    assert new["tokens"] != old["tokens"]


async def test_a_fork_of_an_edited_state_makes_new_content_of_it(thread: Thread) -> None:
    await thread.begin()
    old = await thread.approve_until("personas")
    fork = await thread.graph.aupdate_state(
        thread.config(await thread.checkpoint_of("dna")), {"business_field": "Horská pražírna kávy"}
    )
    before = thread.bought()
    assert (await thread.run(None, at=fork["configurable"]["checkpoint_id"]))["point"] == "dna"
    new = await thread.answer(APPROVE)
    assert (new["point"], thread.bought() - before) == ("personas", 1)
    assert not set(shown(new).values()) & set(shown(old).values())


async def test_a_replay_from_an_earlier_checkpoint_buys_nothing_and_shows_what_was_shown_there(
    thread: Thread,
) -> None:
    await thread.begin()
    drafts = await thread.approve_until("posts")
    posts = await thread.checkpoint_of("posts")
    await thread.answer(reject("t01.post", "Začni příběhem."))
    before = thread.bought()
    assert await thread.run(None, at=posts) == drafts
    personas = await thread.run(None, at=await thread.checkpoint_of("personas"))
    assert personas["point"] == "personas"
    assert await thread.approve_until("posts") == drafts
    assert thread.bought() == before


async def test_a_rejection_on_a_fork_makes_its_own_text_and_the_other_branch_keeps_its_own(
    thread: Thread,
) -> None:
    await thread.begin()
    drafts = await thread.approve_until("posts")
    posts = await thread.checkpoint_of("posts")
    first = await thread.answer(reject("t01.post", "Začni příběhem."))
    second = await thread.answer(reject("t01.post", "Přidej čísla a příklady z praxe."), at=posts)
    texts = {shown(each)["t01.post"] for each in (drafts, first, second)}
    assert len(texts) == 3
    before = thread.bought()
    assert shown(await thread.answer(reject("t01.post", "Začni příběhem."), at=posts)) == shown(first)
    assert thread.bought() == before


async def test_what_follows_a_fork_is_made_of_the_forks_edition_and_so_is_the_package(
    thread: Thread, services: Services
) -> None:
    await thread.begin(posts=1)
    await thread.approve_until("posts")
    posts = await thread.checkpoint_of("posts")
    first = await thread.approve_until("packages")
    await thread.answer(APPROVE)
    before = thread.bought()
    edit = {"decisions": [{"id": "t01.post", "type": "edit", "edited": {"title": "Káva z hor"}}]}
    second = await thread.answer(edit, at=posts)
    assert second["point"] == "packages"
    assert thread.bought() > before
    assert shown(second) != shown(first)
    await thread.answer(APPROVE)
    page = (Path((await thread.values())["package"]) / "index.html").read_text("utf-8")
    assert "Káva z hor" in page
    again = await services.months.export(thread.id, services.settings.home / "again")
    assert "Káva z hor" in again.index.read_text("utf-8")
