"""A decision counts for exactly what its giver saw, on the LangGraph server: each case in each shape of answer."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph_sdk import get_client
from langgraph_sdk.errors import UnprocessableEntityError

from tests.acceptance.test_langgraph_server import Server, serving, waiting
from tests.conftest import fresh_database

NUMBERS = itertools.count()
APPROVE = {"type": "approve"}
REJECT = {"type": "reject", "reason": "Začni příběhem"}


def by_tokens(asked: Any) -> Any:
    return {"decisions": [{"token": token, **APPROVE} for token in asked["tokens"].values()]}


def by_ids(asked: Any) -> Any:
    return {"decisions": [{"id": item, **APPROVE} for item in asked["items"]]}


def by_position(asked: Any) -> Any:
    return {"decisions": [APPROVE for _ in asked["items"]]}


def of_agent_inbox(asked: Any) -> Any:
    return [{"type": "accept", "args": None} for _ in asked["items"]]


def alone(asked: Any) -> Any:
    return APPROVE


SHAPES = (by_tokens, by_ids, by_position, of_agent_inbox, alone)
TOLD = r"t01.post was sent back by eva at .* UTC: “Začni příběhem”"


@pytest.fixture(scope="module")
def uri(postgres_uri: str) -> Iterator[str]:
    yield from fresh_database(postgres_uri, "template1")


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, uri: str, _valkey_uri: str, sandbox_server: Any
) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("server"), uri, _valkey_uri, sandbox_server) as running:
        yield running


def request_for(sandbox: Any) -> dict[str, Any]:
    name, site = next(iter(sandbox.sites.items()))
    return {"company": name, "website": site, "month": "2027-01", "posts": 1, "platforms": ["linkedin"]}


class Month:
    """A month of an organization of its own, so that each buys the same; asks from the topics on."""

    def __init__(self, server: Server, sandbox: Any, organization: str, uri: str) -> None:
        self._server, self.sandbox, self._uri = server, sandbox, uri
        self.organization = organization
        self.thread = ""
        self._since = sandbox.mark()

    @property
    def client(self) -> Any:
        return get_client(url=self._server.url)

    async def start(self) -> Any:
        """Let it go to its topics, and return what is asked."""
        self.thread = (await self.client.threads.create())["thread_id"]
        points = {"dna": "auto", "personas": "auto", "topics": "ask", "posts": "ask", "packages": "ask"}
        await self.client.runs.wait(
            self.thread,
            "month",
            input=request_for(self.sandbox),
            context={"tier": "ultimate", "organization": self.organization, "approve": points},
            durability="sync",
        )
        return await self.asked("topics")

    async def send(self, answer: Any, *, by: str = "eva", strategy: Any = "enqueue") -> str:
        run = await self.client.runs.create(
            self.thread,
            "month",
            command={"resume": answer},
            config={"configurable": {"reviewer": by}},
            multitask_strategy=strategy,
            durability="sync",
        )
        return str(run["run_id"])

    async def answer(self, answer: Any, point: str, *, by: str = "eva") -> Any:
        """Answer, and return what is asked then, at the point that is expected."""
        await self.client.runs.join(self.thread, await self.send(answer, by=by))
        return await self.asked(point)

    async def twice(self, answer: Any, strategy: str, point: str) -> Any:
        """Send an answer twice at once, and return what is asked then."""
        for run in [await self.send(answer), await self.send(answer, strategy=strategy)]:
            await self.client.runs.join(self.thread, run)
        return await self.asked(point)

    async def asked(self, point: str) -> Any:
        await self.at_rest()
        asked = waiting(await self.client.threads.get_state(self.thread))
        assert asked["point"] == point, asked["problems"]
        return asked

    async def at_rest(self) -> None:
        """Wait until nothing is left to run, also of what the server found in its queue."""
        while any(r["status"] in {"pending", "running"} for r in await self.client.runs.list(self.thread)):
            await asyncio.sleep(0.2)

    def decided(self, point: str) -> list[Any]:
        return self._rows(
            "select item, decision from decisions where run_id = %s and point = %s and state = 'accepted'"
            " order by decided_at",
            [self.thread, point],
        )

    def bought(self) -> Counter[str]:
        """Calls by provider, as the providers billed them: all but those that another month has booked."""
        others = {
            f"{id}"
            for (id,) in self._rows(
                "select a.id from attempts a join jobs j on j.id = a.job_id where j.run_id <> %s",
                [self.thread],
            )
        }
        lines = self.sandbox.bill(self._since)
        return Counter(line["provider"] for line in lines if line["client_request_id"] not in others)

    def booked(self) -> int:
        """Calls of the organization, whichever run made them."""
        ((calls,),) = self._rows(
            "select count(*) from attempts where organization_id = %s", [self.organization]
        )
        return int(calls)

    def bought_twice(self) -> list[Any]:
        """Calls that were settled more than once."""
        return self._rows(
            "select job_id from attempts where run_id = %s and state = 'settled' group by 1 having count(*) > 1",
            [self.thread],
        )

    def _rows(self, query: str, values: list[Any]) -> list[Any]:
        with psycopg.connect(self._uri) as connection:
            return connection.execute(query, values).fetchall()


@pytest.fixture
def month(server: Server, sandbox: Any, uri: str) -> Month:
    return Month(server, sandbox, f"organization-{next(NUMBERS)}", uri)


@pytest.fixture
def in_every_shape(server: Server, sandbox: Any, uri: str) -> Any:
    """Carries out a case in each shape of answer, side by side: nearly all of such a case is the server's waiting."""

    async def alone(case: Any, shape: Any) -> None:
        try:
            await case(Month(server, sandbox, f"organization-{next(NUMBERS)}", uri), shape)
        except Exception as wrong:
            wrong.add_note(f"answered {shape.__name__}")
            raise

    async def every(case: Any) -> None:
        await asyncio.gather(*(alone(case, shape) for shape in SHAPES))

    return every


@pytest.fixture(scope="module")
def undisturbed(server: Server, sandbox_server: Any, uri: str) -> tuple[Counter[str], Counter[str]]:
    """What a month buys that is answered once at each point: until its posts, and until its packages, are asked."""

    async def answered() -> tuple[Counter[str], Counter[str]]:
        month = Month(server, sandbox_server, "undisturbed", uri)
        posts = await month.answer(by_tokens(await month.start()), "posts")
        until_posts = month.bought()
        await month.answer(by_tokens(posts), "packages")
        return until_posts, month.bought()

    return asyncio.run(answered())


async def test_the_program_of_the_how_to_approves_what_waits(month: Month) -> None:
    await month.start()
    page = (Path(__file__).resolve().parents[2] / "docs" / "howto" / "decisions.md").read_text(
        encoding="utf-8"
    )
    program: dict[str, Any] = {}
    exec(page.split("```python\n")[1].split("```")[0], program)
    await program["approve"](month.client, month.thread)
    assert (await month.asked("posts"))["problems"] == []


@pytest.mark.parametrize(
    ("context", "said"),
    [
        ({"tier": "gold"}, "Choose one of basic, pro, ultimate."),
        ({"approve": "maybe"}, "approve"),
        ({"approve": {"post": "auto"}}, "dna, personas, topics, posts, packages"),
        ({"organization": " "}, "Give an organization's name"),
        ({"templates": {"BLOGPOST_GEN_V9": 1}}, "Did you mean BLOGPOST_GEN_V1?"),
    ],
    ids=str,
)
async def test_what_no_month_could_be_run_with_is_refused_when_it_is_given_and_not_when_it_is_run(
    month: Month, context: dict[str, Any], said: str
) -> None:
    client = month.client
    assistant = (await client.assistants.create("month", context={"tier": "pro"}))["assistant_id"]
    thread = (await client.threads.create())["thread_id"]
    yearly = {"schedule": "0 0 1 1 *", "context": context}
    for given in (
        client.assistants.create("month", context=context),
        client.assistants.create("month", config={"configurable": context}),
        client.assistants.update(assistant, context=context),
        client.crons.create("month", **yearly),
        client.crons.create_for_thread(thread, "month", **yearly),
        client.runs.create(thread, "month", input={}, context=context),
    ):
        with pytest.raises(UnprocessableEntityError, match=re.escape(said)):
            await given


async def test_an_error_says_its_code_what_is_wrong_what_it_cost_and_what_to_do(month: Month) -> None:
    thread = (await month.client.threads.create())["thread_id"]
    past = {**request_for(month.sandbox), "month": "2020-01"}
    with pytest.raises(
        Exception, match=r"InvalidInput: The month 2020-01 is in the past\. Use 20.* or a later one"
    ):
        await month.client.runs.wait(thread, "month", input=past)
    told = (await month.client.threads.get(thread))["error"]
    assert (told["code"], told["money"], told["retryable"]) == ("INVALID_INPUT", "none", False)
    assert told["message"] == f"The month 2020-01 is in the past. {told['next_step']}"


async def test_a_run_without_a_thread_that_would_ask_is_refused_before_it_pays(month: Month) -> None:
    given = {"input": request_for(month.sandbox), "context": {"organization": month.organization}}
    with pytest.raises(Exception, match=r"InvalidInput: This run has no thread.*set approve to"):
        await month.client.runs.wait(None, "month", **given)
    assert month.booked() == 0


async def test_an_answer_that_is_sent_twice_at_the_topics_approves_no_post(
    in_every_shape: Any, undisturbed: Any
) -> None:
    async def case(month: Month, shape: Any) -> None:
        answer = shape(await month.start())
        posts = await month.twice(answer, "enqueue", "posts")
        assert posts["items"] == ["t01.post"]
        assert len(posts["problems"]) == 1
        assert (month.decided("posts"), month.bought()) == ([], undisturbed[0])

    await in_every_shape(case)


@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
async def test_an_answer_that_stops_the_first_one_in_its_work_decides_what_it_was_given_to_and_no_more(
    in_every_shape: Any, strategy: str
) -> None:
    async def case(month: Month, shape: Any) -> None:
        posts = await month.twice(shape(await month.start()), strategy, "posts")
        assert posts["items"] == ["t01.post"]
        assert month.decided("topics") == [("t01", "approve")]
        assert (month.decided("posts"), month.bought()["nanobana"], month.bought_twice()) == ([], 0, [])

    await in_every_shape(case)


async def test_who_answers_to_a_post_that_another_sent_back_is_told_so_and_approves_nothing(
    in_every_shape: Any,
) -> None:
    async def case(month: Month, shape: Any) -> None:
        seen = await month.answer(by_tokens(await month.start()), "posts")
        again = {"decisions": [{"id": "t01.post", **REJECT}]}
        await month.answer(again, "posts", by="eva")
        told = await month.answer(shape(seen), "posts", by="adam")
        assert month.decided("posts") == [("t01", "reject")]
        assert month.bought()["nanobana"] == 0
        assert re.search(TOLD, told["problems"][0])
        await month.answer(by_tokens(told), "packages", by="adam")
        assert month.decided("posts") == [("t01", "reject"), ("t01", "approve")]

    await in_every_shape(case)


async def test_an_answer_that_the_server_repeats_after_its_death_approves_nothing(
    month: Month, server: Server, sandbox: Any, undisturbed: Any
) -> None:
    topics = await month.start()
    sandbox.fault("slow", provider="gemini", seconds=12)  # the queue is written down every ten seconds
    await month.answer(by_ids(topics), "posts")
    kill(server)
    sandbox.clear_faults()
    server.start()
    posts = await month.asked("posts")
    assert "sent before this was asked" in str(posts["problems"]), "the server did repeat it"
    assert (month.decided("posts"), month.bought()) == ([], undisturbed[0])
    await month.answer(APPROVE, "packages")
    assert (month.decided("posts"), month.bought()) == ([("t01", "approve")], undisturbed[1])


async def test_a_first_input_that_the_server_repeats_after_its_death_buys_nothing_and_approves_nothing(
    month: Month, server: Server, sandbox: Any, undisturbed: Any
) -> None:
    sandbox.fault(
        "slow", provider="gemini", seconds=12, times=1
    )  # the queue is written down every ten seconds
    posts = await month.answer(by_ids(await month.start()), "posts")
    await month.answer(by_tokens(posts), "packages")
    kill(server)
    server.start()
    await month.at_rest()
    asked = waiting(await month.client.threads.get_state(month.thread))
    assert (month.decided("packages"), month.bought()) == ([], undisturbed[1])
    while asked["point"] != "packages":
        asked = await month.answer(by_tokens(asked), "posts" if asked["point"] == "topics" else "packages")
    assert month.bought() == undisturbed[1]


def kill(server: Server) -> None:
    """Kill it; what it kept of its queue stays."""
    assert server.process
    os.killpg(server.process.pid, signal.SIGKILL)
    server.process.wait(timeout=60)


async def test_a_cron_makes_a_month_once_and_is_told_of_the_first_run_when_it_fires_again(
    month: Month,
) -> None:
    company = f"Kavárna {month.organization}"
    every_other_second = "* * * * * */2"
    cron = await month.client.crons.create(
        "month",
        schedule=every_other_second,
        input={**request_for(month.sandbox), "company": company, "month": "next"},
        context={"organization": month.organization},
        on_run_completed="keep",
    )
    made: list[Any] = []
    try:
        while not {"interrupted", "error"} <= {each["status"] for each in made}:
            await asyncio.sleep(0.5)
            found = await month.client.threads.search(limit=100)
            made = [each for each in found if (each["values"] or {}).get("company") == company]
    finally:
        await month.client.crons.delete(cron["cron_id"])
    (month.thread,) = [each["thread_id"] for each in made if each["status"] == "interrupted"]
    told = [each["error"]["message"] for each in made if each["status"] == "error"]
    assert all(f"already: the run {month.thread}" in words for words in told)
    assert month.booked() == sum(month.bought().values())
