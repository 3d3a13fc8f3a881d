"""A decision counts for exactly what its giver saw: the real graph, answered as the command line and a server do."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from domain.errors import InvalidInput
from graph.running import compiled
from nodes.intake import RunContext
from runtime.services import open_services
from runtime.settings import load
from store.content.items import Kind
from tests.integration.test_month import Studio, environment

ROOT = Path(__file__).resolve().parents[2]

Answer = dict[str, Any] | list[dict[str, Any]]


class Desk(Studio):
    """Months whose answers come as from a LangGraph server: some time after they were sent, and maybe twice."""

    environment: dict[str, str]

    async def deliver(
        self, thread: str, answer: Answer, sent_ms: int | None, by: str = "eva", request: str = "r"
    ) -> Any:
        """Give an answer that was sent at a moment, and return what is asked then."""
        await self.send(thread, answer, sent_ms, by, request)
        return await self.asked(thread)

    async def send(
        self, thread: str, answer: Answer, sent_ms: int | None, by: str = "eva", request: str = "r"
    ) -> None:
        """Give an answer that was sent at a moment."""
        run = await self.services.runs.get(self.services.settings.organization, thread)
        context = RunContext(organization=run.organization_id, tier=run.tier, approve=run.request["approve"])
        graph = compiled(self.services.ports, sandbox=False, checkpointer=self.services.saver)
        started = {} if sent_ms is None else {"__request_start_time_ms__": sent_ms}
        await graph.ainvoke(
            Command(resume=answer),
            {
                "configurable": {"thread_id": thread, "reviewer": by, "run_id": request, **started},
                "metadata": {"run_id": request},
            },
            context=context,
            durability="sync",
        )

    async def decided(self, thread: str, point: str) -> list[tuple[str, str]]:
        accepted = await self.services.decisions.accepted(await self.owner(thread))
        return [(each.item, each.decision) for each in accepted if each.point == point]


@pytest.fixture
async def desk(sandbox: Any, tmp_path: Any, database_uri: str, redis_uri: str) -> AsyncIterator[Desk]:
    given = environment(sandbox, tmp_path, database_uri, redis_uri)
    async with open_services(load(given)) as services:
        name, site = next(iter(sandbox.sites.items()))
        desk = Desk(services.months, services, name, site)
        desk.environment = given
        yield desk


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


_CHILD = """
import asyncio, json, os, signal, sys
import store.content.items
from runtime.services import open_services
from runtime.settings import load

async def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

async def main(thread):
    async with open_services(load(json.loads(sys.stdin.read()))) as services:
        {work}
        await die()

asyncio.run(main({thread!r}))
"""


def dead_after(desk: Desk, thread: str, *work: str) -> None:
    """Do something in a process of its own, which then dies by kill -9."""
    given = json.dumps(desk.environment)
    code = _CHILD.format(work="\n        ".join(work), thread=thread)
    ended = subprocess.run([sys.executable, "-P", "-c", code], input=given, text=True, cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL


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


SENT_BACK = {"decisions": [{"id": "t01.post", "type": "reject", "reason": "Začni příběhem"}]}
TOLD = r"t01.post was sent back by eva at \d{4}-\d\d-\d\d \d\d:\d\d UTC: “Začni příběhem”"


@SHAPES
async def test_an_approval_of_a_post_that_somebody_else_had_rewritten_is_refused_and_its_sibling_taken(
    desk: Desk, shape: Any
) -> None:
    thread = await desk.start(images=False, video=False)
    seen = await desk.approve_until(thread, "posts")
    await desk.deliver(thread, SENT_BACK, now_ms(), "eva")
    answer = shape(seen, type="approve")
    request = await desk.deliver(thread, answer, now_ms(), "adam")
    assert (request["point"], request["items"]) == ("posts", ["t01.post"])
    assert re.search(TOLD, request["problems"][0])
    assert sorted(await desk.decided(thread, "posts")) == [("t01", "reject"), ("t02", "approve")]
    request = await desk.deliver(thread, shape(request, type="approve"), now_ms(), "adam")
    assert request["point"] == "packages", "once he was told, he is understood"


async def test_a_second_reviewer_whose_tool_sends_an_answer_twice_is_told_and_not_taken_for_it(
    desk: Desk,
) -> None:
    thread = await desk.start(images=False, video=False, posts=1)
    await desk.approve_until(thread, "posts")
    await desk.deliver(thread, SENT_BACK, now_ms(), "eva")
    sent = now_ms()
    for _ in range(2):
        request = await desk.deliver(thread, {"type": "approve"}, sent, "adam")
        assert request["items"] == ["t01.post"]
        assert re.search(TOLD, request["problems"][0])


async def test_who_sent_a_post_back_is_understood_without_a_token(desk: Desk) -> None:
    thread = await desk.start(images=False, video=False, posts=1)
    await desk.approve_until(thread, "posts")
    await desk.deliver(thread, SENT_BACK, now_ms(), "eva")
    assert (await desk.deliver(thread, {"type": "approve"}, now_ms(), "eva"))["point"] == "packages"


async def test_who_decides_what_was_decided_a_moment_ago_is_told_by_whom(desk: Desk) -> None:
    thread = await desk.start(images=False, video=False)
    seen = await desk.approve_until(thread, "posts")
    drop = {"decisions": [{"token": seen["tokens"]["t01.post"], "type": "drop"}]}
    await desk.deliver(thread, drop, now_ms(), "eva")
    request = await desk.deliver(thread, with_tokens(seen, type="approve"), now_ms(), "adam")
    assert re.search(r"t01.post was dropped by eva at .* UTC\.", request["problems"][0])
    assert sorted(await desk.decided(thread, "posts")) == [("t01", "drop"), ("t02", "approve")]


async def test_decisions_that_were_written_down_for_an_earlier_question_are_refused_as_a_whole(
    desk: Desk, sandbox: Any
) -> None:
    thread = await desk.start()
    topics = await desk.approve_until(thread, "topics")
    kept = datetime.now(UTC)
    await desk.go_on(thread, with_tokens(topics, type="approve"))
    posts, bought = await desk.asked(thread), len(sandbox.bill())

    async def decide(given: Answer, written_at: datetime | None = None) -> None:
        await desk.months.decide(thread, given, by="eva", written_at=written_at, whole=True)

    with pytest.raises(InvalidInput, match=r"t01 \(revision 0, edition 0\); that does not wait now"):
        await decide(with_tokens(topics, type="approve"), kept)
    with pytest.raises(InvalidInput, match="written before this was asked"):
        await decide(with_ids(topics, type="approve"), kept)
    with pytest.raises(InvalidInput, match=r"'t01' does not wait .* waiting: t01.post, t02.post"):
        await decide(with_ids(topics, type="approve"))
    assert await desk.services.decisions.recorded(await desk.owner(thread)) == []
    await decide(with_tokens(posts, type="approve"), kept - timedelta(days=1))
    assert (await desk.decided(thread, "posts"), len(sandbox.bill()) - bought) == ([], 0)


@pytest.mark.parametrize("shape", [with_ids, alone])
async def test_in_process_an_answer_counts_only_for_the_question_that_was_read(
    desk: Desk, sandbox: Any, shape: Any
) -> None:
    thread = await desk.start()
    await desk.approve_until(thread, "topics")
    read = await desk.months.review(thread)
    answer = shape(read.request, type="approve")
    for recorded in (2, 0):
        bought = len(sandbox.bill())
        taken = await desk.months.decide(thread, answer, by="eva", question=read.question)
        await desk.go_on(thread)
        assert (taken.recorded, len(taken.problems)) == (recorded, 0 if recorded else 1)
    request = await desk.asked(thread)
    assert (request["point"], len(sandbox.bill()) - bought) == ("posts", 0)


async def test_of_two_who_decide_one_thing_at_once_the_first_counts_and_the_second_is_told(
    desk: Desk,
) -> None:
    thread = await desk.start(images=False, video=False, posts=1)
    await desk.approve_until(thread, "posts")
    first = await desk.months.decide(thread, SENT_BACK, by="eva")
    second = await desk.months.decide(thread, {"type": "approve"}, by="adam")
    same = await desk.months.decide(thread, SENT_BACK, by="eva")
    assert (first.recorded, second.recorded, same.problems) == (1, 0, ())
    assert re.search(TOLD, second.problems[0])
    assert "sent back by eva" in (await desk.months.review(thread)).decided[0]
    await desk.go_on(thread)
    assert await desk.decided(thread, "posts") == [("t01", "reject")]


async def test_a_rolled_back_approval_decides_nothing_and_what_is_decided_then_counts(
    desk: Desk, sandbox: Any
) -> None:
    thread = await desk.start(images=False, video=False, posts=1)
    posts = await desk.approve_until(thread, "posts")
    await desk.deliver(thread, with_tokens(posts, type="approve"), now_ms(), request="rolled-back")
    await desk.services.saver.adelete_for_runs(["rolled-back"])
    again = await desk.asked(thread)
    assert (again["tokens"], await desk.decided(thread, "posts")) == (posts["tokens"], [])
    await desk.deliver(thread, SENT_BACK, now_ms(), "adam")
    assert await desk.decided(thread, "posts") == [("t01", "reject")]
    states = {
        each.decided_by: each.state for each in await desk.services.decisions.all(await desk.owner(thread))
    }
    assert (states["eva"], states["adam"]) == ("taken back", "accepted")


async def test_what_was_recorded_before_a_kill_is_carried_out_by_whoever_goes_on(
    desk: Desk, sandbox: Any
) -> None:
    thread = await desk.start()
    await desk.approve_until(thread, "posts")
    dead_after(desk, thread, "await services.months.decide(thread, {'type': 'approve'}, by='eva')")
    bought = len(sandbox.bill())
    assert (await desk.asked(thread))["point"] == "posts"
    await desk.go_on(thread)
    assert (await desk.asked(thread))["point"] == "packages"
    assert await desk.decided(thread, "posts") == [("t01", "approve"), ("t02", "approve")]
    first = len(sandbox.bill()) - bought
    await desk.go_on(thread)
    assert (first > 0, len(sandbox.bill()) - bought) == (True, first), "carried out once"


async def test_what_was_being_carried_out_at_a_kill_is_done_once_and_asked_of_nobody(
    desk: Desk, sandbox: Any
) -> None:
    thread = await desk.start(images=False, video=False)
    posts = await desk.approve_until(thread, "posts")
    edit = {"id": "t01.post", "type": "edit", "edited": {"metaTitle": "Nový titulek"}}
    answer = {"decisions": [edit, {"id": "t02.post", "type": "approve"}]}
    dead_after(
        *(desk, thread),
        "store.content.items.Items.mark = die",  # what the review does last for an item that it approved
        f"await services.months.decide(thread, {answer!r}, by='eva')",
        "async for _ in services.months.advance(thread): pass",
    )
    assert (await desk.asked(thread))["tokens"] == posts["tokens"], "the thread has not heard of it"
    await desk.go_on(thread)
    assert (await desk.asked(thread))["point"] == "packages"
    assert await desk.decided(thread, "posts") == [("t01", "edit"), ("t02", "approve")]
    history = await desk.services.items.history(await desk.owner(thread), Kind.POST, "t01")
    assert [each.edition for each in history] == [0, 1]


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
