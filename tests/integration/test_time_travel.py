"""Branches of a month: what is shown is what its checkpoint means, and only what differs is bought.

The real graph on PostgreSQL and the sandbox's HTTP, run as a LangGraph server runs it; judged by the providers' bill
and by what the review shows.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import END
from langgraph.types import Command
from redis import Redis
from sqlalchemy import func, select

from app.deleting import delete_run
from domain.errors import InvalidInput, NotFound, NotTaken
from graph.running import compiled
from nodes.intake import RunContext
from runtime.services import Services, open_services
from runtime.settings import load
from store.checkpoints import checkpointer
from store.schema import metadata
from store.tenancy import SYSTEM
from tests.integration.test_companies import found
from tests.integration.test_month import environment

APPROVE = {"type": "approve"}


def reject(item: str, reason: str) -> dict[str, Any]:
    return {"decisions": [{"id": item, "type": "reject", "reason": reason}]}


class Thread:
    """A thread of a server: every run has an id and a moment, and may begin at an earlier checkpoint."""

    def __init__(self, services: Services, sandbox: Any, thread_id: str = "") -> None:
        self.services, self.sandbox = services, sandbox
        self.id = thread_id or str(uuid.uuid4())
        self.graph = compiled(services.ports, sandbox=False, checkpointer=services.saver)

    def config(self, checkpoint: str = "", run: str = "") -> Any:
        known = {"thread_id": self.id, "run_id": run or str(uuid.uuid4())}
        known["__request_start_time_ms__"] = int(time.time() * 1000)  # type: ignore[assignment]
        return {"configurable": {**known, "checkpoint_id": checkpoint} if checkpoint else known}

    async def run(self, given: Any, *, at: str = "", run: str = "", **context: Any) -> Any:
        """Run the graph, and return what it asks then; None where it asks nothing."""
        chosen = RunContext(**{"organization": "local", "tier": "ultimate", **context})
        await self.graph.ainvoke(given, self.config(at, run), context=chosen, durability="sync")
        return await self.asked()

    def request(self, **changes: Any) -> dict[str, Any]:
        name, site = next(iter(self.sandbox.sites.items()))
        month = {"month": "2027-01", "posts": 2, "platforms": ["linkedin"], "video": False}
        return {"company": name, "website": site, **month, **changes}

    async def begin(self, **changes: Any) -> Any:
        return await self.run(self.request(**changes))

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
        return len(self.sandbox.bill())

    async def copy(self, *, by_checkpoints_alone: bool = False) -> Thread:
        """Copy the thread as our server does, or as an engine that knows nothing of runs."""
        copied, saver = Thread(self.services, self.sandbox), self.services.saver
        async with checkpointer(self.services.database.uri) as plain:
            await (plain if by_checkpoints_alone else saver).acopy_thread(self.id, copied.id)
        return copied

    async def end(self) -> None:
        """End the thread as "Ignore" and "Mark as resolved" of Agent Inbox do."""
        await self.graph.aupdate_state(self.config(), None, as_node=END)

    async def cost(self) -> int:
        return await self.services.ledger.run_cost("local", self.id)


def shown(request: Any, item: str = "") -> dict[str, str]:
    """What a person reads of each item."""
    texts = {action["args"]["id"]: action["description"] for action in request["action_requests"]}
    return {name: text for name, text in texts.items() if not item or name == item}


async def rows_of(services: Services, run_id: str) -> set[str]:
    """The tables that still hold something of a run."""
    found = set()
    async with services.database.transaction(SYSTEM) as connection:
        for table in metadata.sorted_tables:
            if "run_id" in table.c:
                count = await connection.scalar(select(func.count()).where(table.c.run_id == run_id))
                found |= {table.name} if count else set()
    return found


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


@pytest.mark.parametrize("point", ["topics", "posts", "packages"])
async def test_a_fork_of_an_edited_state_asks_where_its_checkpoint_asked(thread: Thread, point: str) -> None:
    await thread.begin(posts=1, images=False)
    await thread.approve_until("packages")
    fork = await thread.graph.aupdate_state(
        thread.config(await thread.checkpoint_of(point)), {"business_field": "Horská pražírna kávy"}
    )
    assert (await thread.run(None, at=fork["configurable"]["checkpoint_id"]))["point"] == point


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


@pytest.mark.parametrize("alone", [False, True], ids=["with its rows", "by its checkpoints alone"])
async def test_a_copied_thread_is_a_run_of_its_own_and_the_source_keeps_its_words_and_its_books(
    thread: Thread, services: Services, alone: bool
) -> None:
    await thread.begin()
    posts = await thread.approve_until("posts")
    copy, spent = await thread.copy(by_checkpoints_alone=alone), await thread.cost()
    edit = {
        "decisions": [{"token": posts["tokens"]["t01.post"], "type": "edit", "edited": {"title": "Z kopie"}}]
    }
    if not alone:
        assert (await services.months.review(copy.id)).request["tokens"] == posts["tokens"]
    await copy.answer(edit)
    run = await services.runs.get("local", copy.id)
    assert (run.parent_run_id, run.month, (await copy.values())["run_id"]) == (thread.id, "2027-01", copy.id)
    assert "Z kopie" not in str(await thread.run(None))
    assert (await thread.asked())["tokens"] == posts["tokens"]
    assert (await thread.values())["run_id"] == thread.id
    assert (await thread.cost(), await copy.cost() > 0) == (spent, True)
    await copy.approve_until("packages")
    await copy.answer(APPROVE)
    out = Path((await copy.values())["package"])
    assert "Z kopie" in (out / "index.html").read_text("utf-8")
    assert (await services.runs.get("local", thread.id)).status == "waiting"


@pytest.mark.parametrize(("point", "item"), [("topics", "t02"), ("posts", "t01.post")])
async def test_what_a_thread_has_bought_its_copy_does_not_buy_again_nor_the_other_way_round(
    thread: Thread, point: str, item: str
) -> None:
    await thread.begin()
    await thread.approve_until(point)
    copy = await thread.copy()
    first = await copy.run(None)
    again = await copy.answer(reject(item, "Začni příběhem."))
    before = thread.bought()
    assert shown(await thread.answer(reject(item, "Začni příběhem."))) == shown(again)
    assert thread.bought() == before
    assert (first["run_id"], again["run_id"]) == (copy.id, copy.id)


async def test_another_request_on_a_thread_that_waits_is_refused_in_words_and_changes_nothing(
    thread: Thread,
) -> None:
    await thread.begin()
    posts = await thread.approve_until("posts")
    values, before = await thread.values(), thread.bought()
    asked = await thread.begin(month="2027-02", posts=1, company="Jiná firma")
    assert (asked["tokens"], thread.bought()) == (posts["tokens"], before)
    assert "through 2027-01: no other request is taken" in asked["problems"][0]
    assert "thread of its own" in asked["problems"][0]
    assert {**await thread.values(), "problems": {}} == {**values, "problems": {}}
    assert (await thread.answer(APPROVE))["point"] == "packages"


async def test_the_same_request_again_asks_what_waits(thread: Thread) -> None:
    await thread.begin()
    posts, before = await thread.approve_until("posts"), thread.bought()
    assert await thread.begin() == posts
    assert await thread.run({}) == posts
    assert thread.bought() == before


async def test_another_request_on_a_thread_whose_month_is_done_is_refused(
    thread: Thread, services: Services
) -> None:
    await thread.begin(posts=1, images=False)
    await thread.approve_until("packages")
    await thread.answer(APPROVE)
    assert await thread.asked() is None
    with pytest.raises(NotTaken, match=r"through 2027-01: no other request is taken\. Start another"):
        await thread.begin(month="2027-02")
    assert (await services.months.get(thread.id)).status == "done"


@pytest.mark.parametrize("point", ["dna", "topics", "packages"])
async def test_a_month_whose_thread_was_ended_from_outside_is_asked_again_and_can_be_finished(
    thread: Thread, services: Services, point: str
) -> None:
    await thread.begin(posts=1, images=False)
    request = await thread.approve_until(point)
    await thread.end()
    before = thread.bought()
    assert await thread.asked() is None
    waiting = await services.months.review(thread.id)
    assert (waiting.point, waiting.request["tokens"]) == (point, request["tokens"])
    assert thread.bought() == before
    await thread.approve_until("packages")
    await thread.answer(APPROVE)
    assert (await services.months.get(thread.id)).status == "done"


async def test_a_month_whose_thread_was_ended_from_outside_goes_on_by_its_request(thread: Thread) -> None:
    await thread.begin()
    posts = await thread.approve_until("posts")
    await thread.end()
    assert await thread.begin() == posts
    await thread.end()
    assert await thread.run(None) == posts


async def test_an_answer_that_was_rolled_back_is_asked_again_and_what_it_began_is_not_gone_on_with(
    thread: Thread, services: Services, sandbox: Any
) -> None:
    await thread.begin(posts=1)
    posts = await thread.approve_until("posts")
    await thread.answer(APPROVE, run="rolled-back")
    await services.saver.adelete_for_runs(["rolled-back"])
    assert await thread.asked() == posts
    media = [line for line in sandbox.bill() if line["provider"] == "nanobana"]
    again = await thread.answer(reject("t01.post", "Začni příběhem."))
    assert (again["point"], shown(again) != shown(posts)) == ("posts", True)
    assert [line for line in sandbox.bill() if line["provider"] == "nanobana"] == media


async def test_what_was_approved_and_not_made_when_a_thread_was_ended_is_made_and_bought_once(
    thread: Thread,
) -> None:
    await thread.begin(posts=1)
    await thread.approve_until("posts")
    posts = await thread.checkpoint_of("posts")
    packages, before = await thread.answer(APPROVE), thread.bought()
    approved = {"blog_posts": {"t01": {"status": "approved"}}}
    await thread.graph.aupdate_state(thread.config(posts), approved, as_node="write_post")
    await thread.end()
    assert await thread.asked() is None
    assert await thread.begin(posts=1) == packages
    assert thread.bought() == before


async def test_what_was_sent_back_and_not_made_again_when_a_thread_was_ended_is_asked_about_as_it_was(
    thread: Thread,
) -> None:
    await thread.begin(posts=1)
    drafts = await thread.approve_until("posts")
    sent_back = {"blog_posts": {"t01": {"status": "working", "revision": 1}}}
    await thread.graph.aupdate_state(thread.config(), sent_back, as_node="write_post")
    await thread.end()
    assert (await thread.begin(posts=1))["tokens"] == drafts["tokens"]


async def test_a_deleted_run_leaves_figures_and_nothing_else_and_its_copy_keeps_its_own(
    thread: Thread, services: Services
) -> None:
    await thread.begin(posts=1)
    packages = await thread.approve_until("packages")
    copy = await thread.copy()
    assert (await copy.run(None))["tokens"] == packages["tokens"]
    spent = await thread.cost()
    with pytest.raises(NotFound):
        await delete_run(services.ports, services.saver, "somebody else", thread.id)
    gone = await services.delete_run(thread.id)
    assert (gone.thread_id, gone.files) == (thread.id, 0), "the copy shows the same pictures"
    with pytest.raises(NotFound):
        await services.delete_run(thread.id)
    assert (await thread.cost(), await thread.asked(), await thread.values()) == (spent, None, {})
    assert await rows_of(services, thread.id) == {"attempts", "jobs"}
    await copy.answer(APPROVE)
    out = Path((await copy.values())["package"])
    assert list(out.rglob("*.png"))
    assert (await services.delete_run(copy.id)).files == 1
    assert not out.exists()


def _says(path: Path, words: Iterable[str]) -> bool:
    return path.is_file() and any(word.encode() in path.read_bytes() for word in words)


async def test_a_deleted_company_leaves_no_word_in_any_table_or_file_nor_in_redis(
    thread: Thread, services: Services, redis_uri: str, tmp_path: Path
) -> None:
    request = thread.request(posts=1)
    await thread.begin(posts=1)
    await thread.approve_until("packages")
    copy = await thread.copy()
    await thread.answer(APPROVE)
    title = (await thread.values())["topics"]["t01"]["title"]
    words = (request["company"], request["website"].rstrip("/").rpartition("/")[2], title)
    places = {"runs", "topics", "companies", "checkpoint_blobs", "jobs"}
    assert places <= await found(services.database.uri, *words)
    gone = await services.companies.delete(request["company"])
    assert gone.files == 1
    assert await found(services.database.uri, *words) == set()
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".png" or _says(path, words)] == []
    with Redis.from_url(redis_uri) as redis:
        assert redis.keys("posthub:cache:*") == []
    assert await thread.cost() > 0, "the ledger keeps its figures"
    assert (await copy.values(), await thread.values()) == ({}, {})


async def test_a_run_that_is_being_worked_on_is_not_deleted(thread: Thread, services: Services) -> None:
    await thread.begin(posts=1)
    await services.runs.set_status("local", thread.id, "running")
    with pytest.raises(InvalidInput, match="being worked on"):
        await services.delete_run(thread.id)
    assert await thread.asked() is not None


async def test_a_thread_that_is_deleted_on_a_server_takes_its_month_with_it_but_a_stateless_one_leaves_it(
    thread: Thread, services: Services
) -> None:
    await thread.begin(posts=1)
    stateless = Thread(services, thread.sandbox)
    graph: Any = compiled(services.ports, sandbox=False)
    by_itself = RunContext(organization="local", tier="ultimate", approve="auto")
    request = stateless.request(posts=1, images=False, month="2027-02")
    await graph.ainvoke(request, stateless.config(), context=by_itself)
    for each in (thread, stateless):
        await services.saver.adelete_thread(each.id)
    assert [run.id for run in await services.runs.list("local")] == [stateless.id]


async def test_a_state_that_names_another_organizations_month_is_answered_as_an_unknown_one(
    thread: Thread, services: Services, sandbox: Any
) -> None:
    await thread.begin(posts=1)
    theirs = await thread.values()
    empty, own = Thread(services, sandbox), Thread(services, sandbox)
    await empty.graph.aupdate_state(empty.config(), theirs, as_node="research")
    with pytest.raises(NotFound, match=f"There is no run '{thread.id}'"):
        await empty.run(None, organization="stranger")
    await own.run(own.request(posts=1), organization="stranger")
    before = thread.bought()
    named = {"organization_id": "local", "run_id": thread.id}
    await own.graph.aupdate_state(own.config(), named, as_node="research")
    with pytest.raises(NotFound, match=f"There is no run '{thread.id}'"):
        await own.run(None, organization="stranger")
    assert thread.bought() == before


async def test_a_month_that_is_deleted_while_it_is_worked_on_buys_nothing_more(
    thread: Thread, services: Services
) -> None:
    await thread.begin(posts=1)
    await services.ports.branches.delete("local", thread.id)
    before = thread.bought()
    with pytest.raises(InvalidInput, match="was deleted"):
        await thread.answer(APPROVE)
    assert thread.bought() == before
