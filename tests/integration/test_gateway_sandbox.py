"""The gateway against the sandbox, whose bill is the judge: every attempt is booked once, to the micro-dollar."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, ImageRequest, JobKind, SearchRequest, TextRequest, VideoRequest
from domain.errors import (
    AnswerInDoubt,
    BadOutput,
    ContentBlocked,
    MediaJobFailed,
    OutputTruncated,
    PostHubError,
    ProviderBusy,
)
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.tenancy import SYSTEM

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000)
CALLS = 2000
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 18}},
    "required": ["name", "age"],
}


class Judge:
    """Compares the ledger with the sandbox's bill of the same test."""

    def __init__(self, sandbox: Any, database: Database) -> None:
        self._sandbox = sandbox
        self._database = database
        self._before = Counter(line["id"] for line in sandbox.bill())

    def bill(self) -> Counter[str]:
        lines = [line for line in self._sandbox.bill() if line["id"] not in self._before]
        costs: Counter[str] = Counter()
        for line in lines:
            costs[line["provider"]] += line["cost_micro_usd"]
        return costs

    async def ledger(self, *states: str) -> Counter[str]:
        query = text("select provider, coalesce(cost_micro, held_micro) as cost, state from attempts")
        async with self._database.transaction(SYSTEM) as connection:
            rows = (await connection.execute(query)).all()
        costs: Counter[str] = Counter()
        for row in rows:
            if row.state in states:
                costs[row.provider] += row.cost
        return costs

    async def is_equal(self) -> None:
        assert await self.ledger("held", "lost") == Counter()
        assert await self.ledger("settled") == self.bill()

    async def is_covered(self) -> None:
        """What is settled is on the bill; what is lost covers the rest of it."""
        rest = self.bill() - await self.ledger("settled")
        lost = await self.ledger("lost", "held")
        assert all(lost[provider] >= cost for provider, cost in rest.items())


@pytest.fixture(params=["litellm", "google"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(sandbox: Any, engine: str) -> GatewayConfig:
    names = ("gemini", "perplexity", "nanobana", "veo")
    providers = {name: ProviderConfig(name, "sandbox-key", sandbox.base_url) for name in names}
    return GatewayConfig(providers=providers, engine=engine, poll_seconds=0.1)  # type: ignore[arg-type]


@pytest.fixture
def judge(sandbox: Any, database: Database) -> Judge:
    return Judge(sandbox, database)


class Build:
    def __init__(self, database: Database, files: FileStore, ledger: Ledger) -> None:
        self._parts = (database, files, SafeFetcher())
        self._ledger = ledger
        self.made: list[Gateway] = []

    def __call__(self, config: GatewayConfig) -> Gateway:
        self.made.append(build_gateway(config, *self._parts, ledger=self._ledger))
        return self.made[-1]


@pytest.fixture
async def build(database: Database, files: FileStore) -> AsyncIterator[Build]:
    await Prices(database).load_shipped(shipped_prices())
    build = Build(database, files, Ledger(database, default_limit_micro=50_000_000))
    yield build
    for gateway in build.made:
        await gateway.aclose()


async def test_every_kind_of_call_is_booked_as_it_is_billed(
    build: Build, config: GatewayConfig, judge: Judge
) -> None:
    gateway = build(config)
    assert (await gateway.text(CALL, ASK)).text
    person = await gateway.structured(CALL, replace(ASK, purpose="writing", schema=SCHEMA), dict)
    assert person.value["age"] >= 18
    assert "".join([piece async for piece in gateway.stream(replace(CALL, step="stream"), ASK)])
    assert len(await gateway.embed(CALL, ["káva je dobrá", "čaj"])) == 2
    assert (await gateway.search(CALL, SearchRequest("Co dělá pražírna?"))).sources
    image = await gateway.image(CALL, ImageRequest("Šálek", "blurry", "1:1"))
    assert image.media_type == "image/png"
    assert (await gateway.video(CALL, VideoRequest("Pára", "text", "9:16", 6))).seconds == 6
    await judge.is_equal()


@pytest.mark.parametrize("video", ["omni", "veo-google"])
async def test_googles_own_images_and_videos_are_booked_as_they_are_billed(
    build: Build, config: GatewayConfig, judge: Judge, video: str
) -> None:
    gateway = build(replace(config, image_order=("gemini",), video_order=(video,)))
    assert (await gateway.image(CALL, ImageRequest("Šálek", "blurry", "9:16"))).size > 1000
    assert (await gateway.video(CALL, VideoRequest("Pára", "text", "9:16", 8))).media_type == "video/mp4"
    await judge.is_equal()


@pytest.mark.parametrize(
    ("fault", "options", "kind"),
    [
        ("status", {"status": 429, "retry_after": 60}, ProviderBusy),
        ("status", {"status": 500}, ProviderBusy),
        ("refuse", {}, ProviderBusy),
        ("safety", {}, ContentBlocked),
        ("prompt_block", {}, ContentBlocked),
        ("max_tokens", {}, OutputTruncated),
        ("empty", {}, BadOutput),
    ],
)
async def test_a_fault_with_a_known_outcome_leaves_ledger_and_bill_equal(
    build: Build,
    config: GatewayConfig,
    judge: Judge,
    sandbox: Any,
    fault: str,
    options: Any,
    kind: type[Exception],
) -> None:
    sandbox.fault(fault, provider="gemini", **options)
    gateway = build(replace(config, max_backoff_seconds=1.1, last_backoff_seconds=1.1))
    with pytest.raises(kind):
        await gateway.text(CALL, ASK)
    await judge.is_equal()


@pytest.mark.parametrize(
    ("fault", "options"), [("hang", {}), ("drip", {"bytes_per_second": 20}), ("cut", {"after_bytes": 40})]
)
async def test_a_fault_after_sending_is_booked_as_lost_and_covers_the_bill(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any, fault: str, options: Any
) -> None:
    sandbox.fault(fault, provider="gemini", **options)
    gateway = build(replace(config, text_seconds=1.0))
    with pytest.raises(AnswerInDoubt):
        await gateway.text(CALL, ASK)
    assert await judge.ledger("settled") == Counter()
    assert (await judge.ledger("lost"))["gemini"] > 0
    await judge.is_covered()


@pytest.mark.parametrize("fault", ["broken_json", "wrong_schema"])
async def test_a_structured_answer_that_never_fits_is_booked_each_time_as_it_is_billed(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any, fault: str
) -> None:
    sandbox.fault(fault, provider="gemini")

    def parse(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict) or not isinstance(value.get("age"), int) or not value.get("name"):
            raise ValueError("name and age are needed")
        return value

    gateway = build(config)
    with pytest.raises(BadOutput):
        await gateway.structured(CALL, replace(ASK, schema=SCHEMA), parse)
    await judge.is_equal()


@pytest.mark.parametrize("fault", ["job_fails", "job_filtered", "job_never_ends"])
@pytest.mark.parametrize("video", ["veo", "omni", "veo-google"])
@pytest.mark.parametrize("engine", ["google"], indirect=True)
async def test_a_video_job_that_brings_no_file_is_a_typed_failure_that_the_ledger_explains(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any, fault: str, video: str
) -> None:
    sandbox.fault(fault)
    gateway = build(replace(config, video_order=(video,), video_seconds=1.5))
    with pytest.raises((MediaJobFailed, ContentBlocked)):
        await gateway.video(CALL, VideoRequest("Pára", "text", "9:16", 8))
    await judge.is_covered()


async def test_a_hundred_calls_at_once_with_a_tenth_of_them_failing_are_booked_as_they_are_billed(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any, database: Database
) -> None:
    sandbox.fault("status", status=503, provider="gemini", probability=0.1)
    gateway = build(config)
    calls = (gateway.text(replace(CALL, item=f"item-{number}"), ASK) for number in range(100))
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(each, PostHubError) or not isinstance(each, BaseException) for each in results)
    assert sum(not isinstance(each, BaseException) for each in results) >= 99
    await judge.is_equal()
    async with database.transaction(SYSTEM) as connection:
        held = await connection.scalar(text("select held_micro from budgets"))
        spent = await connection.scalar(text("select spent_micro from budgets"))
    assert (held, spent) == (0, judge.bill()["gemini"])


@pytest.mark.parametrize("engine", ["google"], indirect=True)
async def test_with_a_tenth_of_the_firsts_answers_failing_all_succeed_and_nearly_all_from_the_first(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any
) -> None:
    sandbox.fault("status", status=503, provider="gemini", path_contains="gemini-3.8", probability=0.05)
    sandbox.fault("status", status=429, provider="gemini", path_contains="gemini-3.8", probability=0.05)
    gateway = build(config)
    running = asyncio.Semaphore(40)

    async def ask(number: int) -> str:
        async with running:
            request = replace(ASK, prompt="Jedna věta.", max_tokens=1000 + number % 7)
            return (await gateway.text(replace(CALL, item=f"item-{number}"), request)).served.deployment

    served = Counter(await asyncio.gather(*(ask(number) for number in range(CALLS)), return_exceptions=True))
    assert served["gemini/gemini-3.8-flash"] >= 0.95 * CALLS
    assert sum(served[name] for name in served if isinstance(name, str)) >= 0.999 * CALLS
    await judge.is_equal()


async def test_forty_cancelled_calls_that_nobody_answers_are_all_booked(
    build: Build, config: GatewayConfig, judge: Judge, sandbox: Any, database: Database
) -> None:
    sandbox.fault("hang", provider="gemini")
    gateway = build(replace(config, drain_seconds=0.5))
    tasks = [asyncio.create_task(gateway.text(replace(CALL, item=f"i{n}"), ASK)) for n in range(40)]
    while sum(judge.bill().values()) == 0 or len(await _open(database)) < 40:
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await gateway.aclose()
    async with database.transaction(SYSTEM) as connection:
        states = Counter(await connection.scalars(text("select state from attempts")))
    assert states["held"] == 0
    assert states["lost"] + states["void"] == 40
    await judge.is_covered()


async def _open(database: Database) -> list[str]:
    async with database.transaction(SYSTEM) as connection:
        return list(await connection.scalars(text("select id from attempts where state = 'held'")))
