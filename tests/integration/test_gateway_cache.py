"""Answers given again: once bought, free for everyone of the same organization, and for nobody else."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, SearchRequest, TemplateRef, TextRequest
from domain.errors import MoneyState, ProviderRefused
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.cache.policy import CachePolicy
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.shared.redis import SharedRedis
from store.tenancy import SYSTEM
from tests.gateway_standin import TEXT, Standin, standing_in

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.SCRAPE_DNA, "research", "dna")
ASK = TextRequest("research", "Jsi analytik.", "Co dělá pražírna?", 500)
POLICY = CachePolicy({"research": 3600, "search": 3600, "text": 0})

PROGRAM = """
import asyncio, json, sys
from domain.calls import Call, JobKind, TextRequest
from gateway.build import build_gateway
from gateway.cache.policy import CachePolicy
from gateway.config import GatewayConfig, ProviderConfig
from fetching.fetcher import SafeFetcher
from store.database import Database
from store.content.files import FileStore
from store.shared.redis import SharedRedis
from store.tenancy import SYSTEM

async def main(name, database, redis, base_url, folder):
    config = GatewayConfig({"gemini": ProviderConfig("gemini", "key", base_url)}, engine="google",
                           cache=CachePolicy({"research": 60}))
    shared = SharedRedis(redis, answer_seconds=10)
    gateway = build_gateway(config, Database(database), FileStore(folder), SafeFetcher(), shared=shared)
    async def ask(number):
        call = Call("org-1", "c", "run-1", "ultimate", JobKind.SCRAPE_DNA, "research", f"{name}-{number}")
        return (await gateway.text(call, TextRequest("research", "", "[slow] Co dělá pražírna?", 500))).served
    print("ready", flush=True)
    sys.stdin.readline()
    served = await asyncio.gather(*(ask(number) for number in range(50)))
    await gateway.aclose()
    print(json.dumps([one.cached for one in served]))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


@pytest.fixture
async def shared(redis_uri: str) -> AsyncIterator[SharedRedis]:
    shared = SharedRedis(redis_uri, answer_seconds=10)
    yield shared
    await shared.aclose()


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    await Prices(database).load_shipped(shipped_prices())
    return Ledger(database, default_limit_micro=10_000_000)


Build = Callable[..., Gateway]


@pytest.fixture
async def build(
    standin: Standin, database: Database, files: FileStore, ledger: Ledger, shared: SharedRedis
) -> AsyncIterator[Build]:
    made: list[Gateway] = []

    def build(**changes: Any) -> Gateway:
        names = ("gemini", "perplexity")
        providers = {name: ProviderConfig(name, "key", standin.base_url) for name in names}
        config = replace(GatewayConfig(providers, engine="google", cache=POLICY), **changes)
        made.append(build_gateway(config, database, files, SafeFetcher(), ledger=ledger, shared=shared))
        return made[-1]

    yield build
    for gateway in made:
        await gateway.aclose()


def other(number: int = 1, **changes: Any) -> Call:
    return replace(CALL, item=f"other-{number}", **changes)


async def hits(database: Database) -> list[int]:
    async with database.transaction(SYSTEM) as connection:
        return list(await connection.scalars(text("select saved_micro from cache_hits")))


async def test_a_second_job_with_the_same_request_costs_nothing_and_books_what_it_saved(
    build: Build, standin: Standin, database: Database, ledger: Ledger
) -> None:
    gateway = build()
    bought = await gateway.text(CALL, ASK)
    found = await gateway.text(other(), ASK)
    assert found.text == bought.text == TEXT
    assert (found.served.cached, found.served.cost_micro) == (True, 0)
    assert found.served.saved_micro == bought.served.cost_micro == standin.billed
    assert found.served.usage == bought.served.usage
    await gateway.aclose()
    assert await hits(database) == [standin.billed]
    assert await ledger.run_cost("org-1", "run-1") == standin.billed


async def test_a_job_that_was_answered_by_the_cache_gives_the_same_answer_when_it_runs_again(
    build: Build, shared: SharedRedis, standin: Standin
) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    first = await gateway.text(other(), ASK)
    await shared.client.flushall()
    again = await build().text(other(), ASK)
    assert (again.text, again.served.replayed, again.served.cost_micro) == (first.text, True, 0)
    assert len(standin.bill) == 1


async def test_what_a_job_bought_itself_comes_before_the_cache(build: Build, standin: Standin) -> None:
    gateway = build()
    bought = await gateway.text(CALL, ASK)
    again = await gateway.text(CALL, ASK)
    assert (again.served.replayed, again.served.cost_micro) == (True, bought.served.cost_micro)
    assert len(standin.bill) == 1


async def test_a_hundred_identical_calls_at_once_buy_once_and_hit_ninety_nine_times(
    build: Build, standin: Standin, database: Database
) -> None:
    gateway = build()
    served = await asyncio.gather(*(gateway.text(other(number), ASK) for number in range(100)))
    assert sum(each.served.cached for each in served) == 99
    assert len(standin.bill) == 1
    await gateway.aclose()
    assert await hits(database) == [standin.billed] * 99


async def test_a_hundred_identical_calls_of_two_processes_buy_once(
    standin: Standin, database: Database, redis_uri: str, ledger: Ledger, tmp_path: Any
) -> None:
    async def start(name: str) -> asyncio.subprocess.Process:
        arguments = [name, database.uri, redis_uri, standin.base_url, str(tmp_path / "files")]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, *arguments, stdin=pipe, stdout=pipe
        )

    processes = [await start("one"), await start("two")]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    answers = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    cached = [each for out, _ in answers for each in json.loads(out)]
    assert (len(cached), sum(cached)) == (100, 99)
    assert len(standin.bill) == 1


async def test_another_organization_never_gets_the_answer(build: Build, standin: Standin) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    found = await gateway.text(other(organization_id="org-2"), ASK)
    assert not found.served.cached
    assert len(standin.bill) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "Jiná otázka?"},
        {"system": "Jsi kritik."},
        {"max_tokens": 501},
        {"temperature": 0.1},
        {"schema": {"type": "object"}},
    ],
)
async def test_a_request_that_differs_in_anything_misses(
    build: Build, standin: Standin, change: dict[str, Any]
) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    assert not (await gateway.text(other(), replace(ASK, **change))).served.cached
    assert len(standin.bill) == 2


@pytest.mark.parametrize("change", ["sandbox", "key", "address", "option"])
async def test_an_answer_of_the_sandbox_or_of_another_account_or_address_is_never_given(
    build: Build, standin: Standin, change: str
) -> None:
    same = ProviderConfig("gemini", "key", standin.base_url)
    changed = {
        "key": replace(same, api_key="another"),
        "address": replace(same, base_url=standin.base_url.replace("127.0.0.1", "localhost")),
        "option": replace(same, options={"project": "another"}),
    }
    await build(providers={"gemini": same}, sandbox=change == "sandbox").text(CALL, ASK)
    there = build(providers={"gemini": changed.get(change, same)})
    assert not (await there.text(other(), ASK)).served.cached
    assert (await there.text(other(2), ASK)).served.cached
    assert len(standin.bill) == 2


async def test_the_sandbox_gives_its_answers_again_wherever_it_listens(
    build: Build, standin: Standin
) -> None:
    moved = ProviderConfig("gemini", "key", standin.base_url.replace("127.0.0.1", "localhost"))
    await build(sandbox=True).text(CALL, ASK)
    assert (await build(providers={"gemini": moved}, sandbox=True).text(other(), ASK)).served.cached
    assert len(standin.bill) == 1


async def test_searches_in_other_domains_or_countries_miss(build: Build, standin: Standin) -> None:
    gateway = build()
    asked = SearchRequest("Kdo praží kávu?")
    await gateway.search(CALL, asked)
    assert (await gateway.search(other(1), asked)).served.cached
    assert not (await gateway.search(other(2), replace(asked, domains=("mlyn.example",)))).served.cached
    assert not (await gateway.search(other(3), replace(asked, country="SK"))).served.cached
    assert len(standin.bill) == 3


async def test_another_version_of_the_template_misses(build: Build, standin: Standin) -> None:
    gateway = build()
    first, second = (TemplateRef("DNA_V1", version, f"hash-{version}") for version in (1, 2))
    await gateway.text(replace(CALL, template=first), ASK)
    assert (await gateway.text(other(1, template=first), ASK)).served.cached
    assert not (await gateway.text(other(2, template=second), ASK)).served.cached


async def test_a_model_whose_facts_changed_misses(build: Build, standin: Standin) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    models = gateway._config.models
    facts = {name: {**known, "thinking": "high"} for name, known in models.facts.items()}
    changed = build(models=replace(models, facts=facts))
    assert not (await changed.text(other(), ASK)).served.cached


async def test_make_again_always_misses_and_so_does_creative_work(build: Build, standin: Standin) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    assert not (await gateway.text(other(revision=1), ASK)).served.cached
    creative = replace(ASK, purpose="text")
    await gateway.text(CALL, creative)
    assert not (await gateway.text(other(), creative)).served.cached
    assert len(standin.bill) == 4


async def test_an_answer_is_forgotten_when_its_time_is_over(
    build: Build, shared: SharedRedis, standin: Standin
) -> None:
    gateway = build(cache=CachePolicy({"research": 1800}))
    await gateway.text(CALL, ASK)
    (key,) = await shared.client.keys("posthub:cache:*")
    assert 1790 < await shared.client.ttl(key) <= 1800
    assert str(key).startswith("posthub:cache:{org-1:")
    await shared.client.delete(key)
    assert not (await gateway.text(other(), ASK)).served.cached


async def test_a_useless_answer_is_not_kept_and_callers_that_waited_for_a_failure_spent_nothing(
    build: Build, standin: Standin, shared: SharedRedis
) -> None:
    gateway = build()
    asked = replace(ASK, prompt="[400]")
    results = await asyncio.gather(
        *(gateway.text(other(number), asked) for number in range(20)), return_exceptions=True
    )
    assert {type(each) for each in results} == {ProviderRefused}
    assert all(isinstance(each, ProviderRefused) and each.money is MoneyState.NONE for each in results)
    assert len(standin.requests) == 2  # once for each model of the chain
    assert await shared.client.keys("posthub:cache:*") == []


async def test_when_the_leader_is_cancelled_another_caller_leads(build: Build, standin: Standin) -> None:
    gateway = build()
    asked = replace(ASK, prompt="[slow] otázka")
    leader = asyncio.create_task(gateway.text(CALL, asked))
    while not standin.requests:
        await asyncio.sleep(0.01)
    follower = asyncio.create_task(gateway.text(other(), asked))
    await asyncio.sleep(0.05)
    leader.cancel()
    assert (await follower).text == TEXT
    assert not follower.result().served.cached


async def test_a_streamed_call_gets_a_cached_text_in_one_piece(build: Build) -> None:
    gateway = build()
    await gateway.text(CALL, ASK)
    assert [piece async for piece in gateway.stream(other(), ASK)] == [TEXT]


async def test_without_redis_calls_of_one_process_still_share_an_answer(
    standin: Standin, database: Database, files: FileStore, ledger: Ledger
) -> None:
    gone = SharedRedis("redis://127.0.0.1:1/0")
    config = GatewayConfig(
        {"gemini": ProviderConfig("gemini", "key", standin.base_url)}, engine="google", cache=POLICY
    )
    gateway = build_gateway(config, database, files, SafeFetcher(), ledger=ledger, shared=gone)
    served = await asyncio.gather(*(gateway.text(other(number), ASK) for number in range(10)))
    assert sum(each.served.cached for each in served) == 9
    await gateway.aclose()
    await gone.aclose()
