"""What surrounds a run of the graph, whichever engine streams it: checks before money, the lock, how it stands."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from langgraph.types import Command

from domain.errors import InvalidInput, NotFound
from graph.running import MonthGraph, compiled
from runtime.services import Services, open_services
from runtime.settings import load
from tests.integration.test_month import environment

ASKED: Mapping[str, Any] = {"month": "2027-01", "posts": 1, "platforms": ["linkedin"]}


class Engine:
    """Runs the graph as a server does: it hands over an input, a thread and a context, and knows nothing else."""

    def __init__(self, services: Services, sandbox: Any) -> None:
        self.services = services
        self.sandbox = sandbox
        self.name, self.site = next(iter(sandbox.sites.items()))

    def graph(self, *, kept: bool = True) -> MonthGraph:
        saver = self.services.saver if kept else None
        return compiled(self.services.ports, sandbox=False, checkpointer=saver, patience_seconds=0.2)

    async def run(
        self, given: Any = None, *, thread: str = "", context: Any = None, kept: bool = True
    ) -> str:
        thread = thread or str(uuid.uuid4())
        given = {**ASKED, "company": self.name, "website": self.site} if given is None else given
        config: Any = {"configurable": {"thread_id": thread}}
        durable: Any = {"durability": "sync"} if kept else {}
        await self.graph(kept=kept).ainvoke(given, config, context=context, **durable)
        return thread

    async def run_of(self, thread: str) -> Any:
        return await self.services.runs.get("local", thread)


@pytest.fixture
async def engine(sandbox: Any, tmp_path: Any, database_uri: str, redis_uri: str) -> AsyncIterator[Engine]:
    async with open_services(load(environment(sandbox, tmp_path, database_uri, redis_uri))) as services:
        yield Engine(services, sandbox)


async def test_a_run_that_would_ask_where_nobody_can_answer_is_refused_before_it_pays(engine: Engine) -> None:
    bought = len(engine.sandbox.bill())
    for approve in ("ask", {"dna": "auto", "personas": "auto"}):
        with pytest.raises(InvalidInput, match="nobody could answer"):
            await engine.run(context={"approve": approve}, kept=False)
    assert len(engine.sandbox.bill()) == bought


async def test_a_run_that_asks_nothing_needs_no_thread(engine: Engine) -> None:
    everything = {"approve": "auto", "tier": "basic"}
    thread = await engine.run(context=everything, kept=False)
    assert (await engine.run_of(thread)).status == "done"


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"tier": "gold"}, "tier"),
        ({"approve": "maybe"}, "approve"),
        ({"organization": ""}, "organization"),
        ({"templates": ["DNA_V1"]}, "templates"),
    ],
)
async def test_a_context_that_cannot_be_is_refused_in_words(
    engine: Engine, context: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        await engine.run(context=context)


async def test_a_website_that_cannot_be_read_is_refused_before_the_month_is_opened(engine: Engine) -> None:
    bought, thread = len(engine.sandbox.bill()), str(uuid.uuid4())
    with pytest.raises(InvalidInput, match="website cannot be used"):
        await engine.run(
            {**ASKED, "company": "Nikdo", "website": f"{engine.sandbox.base_url}/nothing-here"}, thread=thread
        )
    with pytest.raises(NotFound):
        await engine.run_of(thread)
    assert len(engine.sandbox.bill()) == bought


async def test_a_run_waits_is_done_or_failed_by_what_its_thread_says(engine: Engine) -> None:
    thread = await engine.run()
    waiting = await engine.run_of(thread)
    assert (waiting.status, waiting.waiting_at) == ("waiting", "dna")
    await engine.services.runs.set_status("local", thread, "running")  # as after a kill between the two
    await engine.run(Command(resume={"type": "later"}), thread=thread)
    assert (await engine.run_of(thread)).status == "waiting"


async def test_an_answer_to_a_question_that_does_not_wait_is_refused_and_changes_nothing(
    engine: Engine,
) -> None:
    thread = await engine.run()
    bought = len(engine.sandbox.bill())
    with pytest.raises(InvalidInput, match="nothing that waits"):
        await engine.run(Command(resume={"0" * 32: {"type": "approve"}}), thread=thread)
    assert (await engine.run_of(thread)).status == "waiting"
    assert len(engine.sandbox.bill()) == bought


async def test_a_run_that_another_process_has_in_hand_is_refused_to_every_engine(engine: Engine) -> None:
    thread = await engine.run()
    async with engine.services.runs.exclusive("local", thread, owner="somebody else"):
        with pytest.raises(InvalidInput, match="worked on by another process"):
            await engine.run(Command(resume={"type": "approve"}), thread=thread)
    assert (await engine.run_of(thread)).status == "waiting"


async def test_a_month_of_other_providers_is_refused_to_every_engine(engine: Engine) -> None:
    thread = await engine.run()
    other = compiled(engine.services.ports, sandbox=True, checkpointer=engine.services.saver)
    with pytest.raises(InvalidInput, match="never mixed"):
        await other.ainvoke(Command(resume={"type": "approve"}), {"configurable": {"thread_id": thread}})
