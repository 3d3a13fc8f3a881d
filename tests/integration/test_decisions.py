"""A decision counts for exactly what its giver saw: the real graph, answered as the command line and a server do."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langgraph.types import Command

from app.decisions import WaitingReview
from domain.errors import InvalidInput
from graph.content import build
from nodes.intake import RunContext
from runtime.services import open_services
from runtime.settings import load
from store.content.items import Kind
from tests.integration.test_month import Studio, environment

Answer = dict[str, Any] | list[dict[str, Any]]


class Desk(Studio):
    """Months whose answers come as from a LangGraph server: some time after they were sent, and maybe twice."""

    async def deliver(self, thread: str, answer: Answer, sent_ms: int | None) -> Any:
        """Give an answer that was sent at a moment, and return what is asked then."""
        run = await self.services.runs.get(self.services.settings.organization, thread)
        context = RunContext(organization=run.organization_id, tier=run.tier, approve=run.request["approve"])
        graph = build(self.services.ports, sandbox=False).compile(checkpointer=self.services.saver)
        started = {} if sent_ms is None else {"__request_start_time_ms__": sent_ms}
        await graph.ainvoke(
            Command(resume=answer),
            {"configurable": {"thread_id": thread, **started}},
            context=context,
            durability="sync",
        )
        return await self.asked(thread)

    async def decided(self, thread: str, point: str) -> list[tuple[str, str]]:
        approvals = await self.services.reviews.approvals(await self.owner(thread))
        return [(each.item, each.decision) for each in approvals if each.point == point]


@pytest.fixture
async def desk(sandbox: Any, tmp_path: Any, database_uri: str, redis_uri: str) -> AsyncIterator[Desk]:
    async with open_services(load(environment(sandbox, tmp_path, database_uri, redis_uri))) as services:
        name, site = next(iter(sandbox.sites.items()))
        yield Desk(services.months, services, name, site)


def now_ms() -> int:
    return int(time.time() * 1000)


def with_tokens(request: Any, **decision: Any) -> Answer:
    return {"decisions": [{"token": token, **decision} for token in request["tokens"].values()]}


def with_ids(request: Any, **decision: Any) -> Answer:
    return {"decisions": [{"id": item, **decision} for item in request["items"]]}


def by_position(request: Any, **decision: Any) -> Answer:
    return {"decisions": [dict(decision) for _ in request["items"]]}


def of_agent_inbox(request: Any, **decision: Any) -> Answer:
    return [{"type": "accept", "args": None} for _ in request["items"]]


def alone(request: Any, **decision: Any) -> Answer:
    return dict(decision)


SHAPES = pytest.mark.parametrize("shape", [with_tokens, with_ids, by_position, of_agent_inbox, alone])


@SHAPES
async def test_an_approval_that_is_sent_twice_at_the_topics_approves_no_post(
    desk: Desk, sandbox: Any, shape: Any
) -> None:
    thread = await desk.start()
    topics = await desk.approve_until(thread, "topics")
    answer, sent = shape(topics, type="approve"), now_ms()
    posts = await desk.deliver(thread, answer, sent)
    assert (posts["point"], posts["problems"]) == ("posts", [])
    bought = len(sandbox.bill())
    again = await desk.deliver(thread, answer, sent)
    assert (again["point"], again["items"]) == ("posts", ["t01.post", "t02.post"])
    assert re.search("decide again|does not wait", again["problems"][0])
    assert (await desk.decided(thread, "posts"), len(sandbox.bill()) - bought) == ([], 0)
    packages = await desk.deliver(thread, shape(again, type="approve"), now_ms())
    assert (packages["point"], packages["problems"]) == ("packages", [])


@pytest.mark.parametrize("shape", [with_tokens, with_ids, by_position])
async def test_packages_that_are_rejected_twice_at_once_are_made_again_once(
    desk: Desk, sandbox: Any, shape: Any
) -> None:
    thread = await desk.start(posts=1, video=False)
    packages = await desk.approve_until(thread, "packages")
    answer, sent = shape(packages, type="reject", reason="Jinak."), now_ms()
    once = await desk.deliver(thread, answer, sent)
    bought = len(sandbox.bill())
    twice = await desk.deliver(thread, answer, sent)
    assert (twice["tokens"], len(sandbox.bill()) - bought) == (once["tokens"], 0)
    assert (once["problems"], len(twice["problems"])) == ([], 1)
    assert await desk.decided(thread, "packages") == [("t01", "reject")]


async def test_an_approval_of_a_post_that_somebody_else_had_rewritten_is_refused_and_its_sibling_taken(
    desk: Desk,
) -> None:
    thread = await desk.start(images=False, video=False)
    seen = await desk.approve_until(thread, "posts")
    await desk.go_on(
        thread, {"decisions": [{"id": "t01.post", "type": "reject", "reason": "Začni příběhem."}]}
    )
    await desk.go_on(thread, with_tokens(seen, type="approve"))
    request = await desk.asked(thread)
    assert (request["point"], request["items"]) == ("posts", ["t01.post"])
    assert "t01.post (revision 0, edition 0); what waits now is t01.post (revision 1" in str(
        request["problems"]
    )
    assert sorted(await desk.decided(thread, "posts")) == [("t01", "reject"), ("t02", "approve")]


async def test_decisions_that_were_written_down_for_an_earlier_question_are_refused_as_a_whole(
    desk: Desk,
) -> None:
    thread = await desk.start()
    topics = await desk.approve_until(thread, "topics")
    kept = datetime.now(UTC)
    await desk.go_on(thread, with_tokens(topics, type="approve"))
    posts = await desk.months.review(thread)
    with pytest.raises(InvalidInput, match=r"t01 \(revision 0, edition 0\); that does not wait now"):
        posts.check(with_tokens(topics, type="approve"), written_at=kept)
    with pytest.raises(InvalidInput, match="written before this was asked"):
        posts.check(with_ids(topics, type="approve"), written_at=kept)
    posts.check(with_tokens(posts.request, type="approve"), written_at=kept - timedelta(days=1))
    with pytest.raises(InvalidInput, match=r"'t01' does not wait .* waiting: t01.post, t02.post"):
        posts.check(with_ids(topics, type="approve"))
    posts.check(with_ids(posts.request, type="approve"), written_at=datetime.now(UTC))
    assert await desk.decided(thread, "posts") == []


@pytest.mark.parametrize("shape", [with_ids, alone])
async def test_in_process_an_answer_counts_only_for_the_question_that_was_read(
    desk: Desk, sandbox: Any, shape: Any
) -> None:
    thread = await desk.start()
    await desk.approve_until(thread, "topics")
    read: WaitingReview = await desk.months.review(thread)
    answer = shape(read.request, type="approve")
    for _ in range(2):
        bought = len(sandbox.bill())
        async for _ in desk.months.advance(thread, answer=answer, question=read.question):
            pass
    request = await desk.asked(thread)
    assert (request["point"], len(request["problems"]), len(sandbox.bill()) - bought) == ("posts", 1, 0)


async def test_an_answer_of_an_engine_that_tells_no_time_counts_only_with_tokens(desk: Desk) -> None:
    thread = await desk.start()
    request = await desk.asked(thread)
    again = await desk.deliver(thread, {"type": "approve"}, None)
    assert again["point"] == "dna"
    assert "does not say what it is about" in again["problems"][0]
    assert (await desk.deliver(thread, with_tokens(request, type="approve"), None))["point"] == "personas"


async def test_what_waits_carries_a_token_of_its_very_version(desk: Desk) -> None:
    thread = await desk.start()
    personas = await desk.approve_until(thread, "personas")
    record = await desk.services.items.newest(await desk.owner(thread), Kind.PERSONA, "p1")
    assert personas["tokens"]["p1"] == f"p1-0-0-{record.content_hash[:16]}"
    assert {action["args"]["token"] for action in personas["action_requests"]} == set(
        personas["tokens"].values()
    )
    waiting = (await desk.months.review(thread)).as_json()
    assert [each["token"] for each in waiting["items"]] == list(personas["tokens"].values())
