"""Every paid call, through both engines, over real HTTP and a real ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text

from domain.calls import Call, JobKind, Restarted, SearchRequest, TemplateRef, TextRequest
from domain.errors import (
    AnswerInDoubt,
    BadOutput,
    BudgetExceeded,
    ContentBlocked,
    MoneyState,
    OutputTruncated,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
    UnknownPrice,
)
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import Deployment, GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.prices import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from store.tenancy import SYSTEM
from store.text import original_json
from tests.gateway_standin import TEXT, Standin, standing_in

CALL = Call(
    organization_id="org-1",
    company_id="company-1",
    run_id="run-1",
    tier="ultimate",
    kind=JobKind.GENERATE_BLOGPOST,
    node="write_post",
    item="topic-1",
    template=TemplateRef("BLOGPOST_GEN_V1", 1, "hash"),
)
ASK = TextRequest(purpose="text", system="Jsi autor.", prompt="Napiš pozdrav.", max_tokens=500)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


def config_for(standin: Standin, engine: str, **changes: Any) -> GatewayConfig:
    names = ("gemini", "perplexity")
    providers = {name: ProviderConfig(name, f"key-of-{name}", standin.base_url) for name in names}
    config = GatewayConfig(providers=providers, engine=engine, last_backoff_seconds=5)  # type: ignore[arg-type]
    return replace(config, **changes)


@pytest.fixture(params=["litellm", "google"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(standin: Standin, engine: str) -> GatewayConfig:
    return config_for(standin, engine)


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    await Prices(database).load_shipped(shipped_prices())
    return Ledger(database, default_limit_micro=10_000_000)


def build(config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger) -> Gateway:
    return build_gateway(config, database, files, SafeFetcher(), ledger=ledger)


@pytest.fixture
async def gateway(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger
) -> AsyncIterator[Gateway]:
    gateway = build(config, database, files, ledger)
    yield gateway
    await gateway.aclose()


async def rows(database: Database) -> list[Any]:
    async with database.transaction(SYSTEM) as connection:
        return list(await connection.execute(text("select * from attempts order by opened_at")))


async def states(database: Database) -> list[str]:
    return [row.state for row in await rows(database)]


async def test_a_text_brings_its_usage_and_its_cost_to_the_micro_dollar(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    result = await gateway.text(CALL, ASK)
    assert result.text == TEXT
    usage = result.served.usage
    assert (usage.input_tokens, usage.output_tokens) == (1011, 242)
    assert (usage.thinking_tokens, usage.cached_tokens) == (35, 100)
    assert (result.served.provider, result.served.model) == ("gemini", "gemini-3.8-flash")
    assert result.served.cost_micro == standin.billed == await ledger.run_cost("org-1", "run-1")


async def test_a_settled_call_is_never_bought_again(
    gateway: Gateway, config: GatewayConfig, database: Database, files: FileStore, standin: Standin
) -> None:
    first = await gateway.text(CALL, ASK)
    again = await gateway.text(CALL, ASK)
    restarted = build(config, database, files, Ledger(database, default_limit_micro=0))
    later = await restarted.text(CALL, ASK)
    assert (again.text, later.text) == (first.text, first.text)
    assert (first.served.replayed, again.served.replayed, later.served.replayed) == (False, True, True)
    assert again.served.cost_micro == first.served.cost_micro
    assert len(standin.bill) == 1


async def test_another_revision_or_another_prompt_is_another_call(gateway: Gateway, standin: Standin) -> None:
    await gateway.text(CALL, ASK)
    await gateway.text(replace(CALL, revision=1), ASK)
    await gateway.text(CALL, replace(ASK, prompt="Napiš rozloučení."))
    await gateway.text(CALL, replace(ASK, max_tokens=501))
    assert len(standin.bill) == 4


async def test_fifty_identical_calls_at_once_buy_once(gateway: Gateway, standin: Standin) -> None:
    results = await asyncio.gather(*(gateway.text(CALL, ASK) for _ in range(50)))
    assert {result.text for result in results} == {TEXT}
    assert sum(not result.served.replayed for result in results) == 1
    assert len(standin.bill) == 1


async def test_callers_that_wait_for_a_failing_call_share_its_failure(
    gateway: Gateway, standin: Standin
) -> None:
    refused = replace(ASK, prompt="[400]")
    results = await asyncio.gather(*(gateway.text(CALL, refused) for _ in range(10)), return_exceptions=True)
    assert {type(each) for each in results} == {ProviderRefused}
    assert len(standin.requests) == 2  # once for each model of the chain


async def test_a_call_that_does_not_fit_the_budget_is_refused_before_it_is_sent(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger, standin: Standin
) -> None:
    gateway = build(config, database, files, Ledger(database, default_limit_micro=100))
    with pytest.raises(BudgetExceeded) as refusal:
        await gateway.text(CALL, ASK)
    assert refusal.value.details["left_micro"] == 100
    assert not standin.requests
    assert not await rows(database)


async def test_money_is_held_at_an_upper_bound_before_the_bytes_leave(
    gateway: Gateway, database: Database
) -> None:
    await gateway.text(CALL, ASK)
    (row,) = await rows(database)
    assert row.state == "settled"
    assert row.basis == "usage"
    assert row.held_micro > row.cost_micro
    assert (row.template_code, row.template_version) == ("BLOGPOST_GEN_V1", 1)
    assert row.price_ids


async def test_a_model_without_a_price_is_refused(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger, standin: Standin
) -> None:
    models = replace(config.models, chains={"text": (Deployment("gemini", "gemini-of-tomorrow"),)})
    gateway = build(replace(config, models=models), database, files, ledger)
    with pytest.raises(UnknownPrice, match="gemini-of-tomorrow"):
        await gateway.text(CALL, ASK)
    assert not standin.requests


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refused_call_costs_nothing_and_the_next_model_is_tried(
    gateway: Gateway, database: Database, status: int, ledger: Ledger
) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        await gateway.text(CALL, replace(ASK, prompt=f"[{status}]"))
    assert refusal.value.money is MoneyState.NONE
    assert "key-of-gemini" not in str(refusal.value.as_json())
    assert [(row.state, row.model) for row in await rows(database)] == [
        ("void", "gemini-3.8-flash"),
        ("void", "gemini-3.5-flash-lite"),
    ]
    assert await ledger.left("org-1") == 10_000_000


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_provider_is_asked_again_and_a_later_answer_is_taken(
    gateway: Gateway, database: Database, status: int
) -> None:
    result = await gateway.text(CALL, replace(ASK, prompt=f"[once {status}]"))
    assert result.text == TEXT
    assert await states(database) == ["void", "settled"]


async def test_a_provider_that_asks_for_a_long_wait_is_passed_over(
    gateway: Gateway, standin: Standin
) -> None:
    with pytest.raises(ProviderBusy) as busy:
        await gateway.text(CALL, replace(ASK, prompt="[429]"))
    assert busy.value.details["retry_after_seconds"] == 60
    assert len(standin.requests) == 2


async def test_a_provider_that_is_off_costs_nothing(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger
) -> None:
    nowhere = {"gemini": ProviderConfig("gemini", "key", "http://127.0.0.1:1")}
    gateway = build(replace(config, providers=nowhere), database, files, ledger)
    with pytest.raises(ProviderUnreachable):
        await gateway.text(CALL, ASK)
    assert set(await states(database)) == {"void"}


async def test_a_timeout_after_sending_is_booked_as_lost_and_asked_once_more_elsewhere(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger
) -> None:
    gateway = build(replace(config, text_seconds=0.5), database, files, ledger)
    with pytest.raises(AnswerInDoubt) as doubt:
        await gateway.text(CALL, replace(ASK, prompt="[hang]"))
    assert doubt.value.money is MoneyState.LOST
    lost = await rows(database)
    assert [(row.state, row.basis, row.model) for row in lost] == [
        ("lost", "worst_case", "gemini-3.8-flash"),
        ("lost", "worst_case", "gemini-3.5-flash-lite"),
    ]
    assert all(row.cost_micro == row.held_micro for row in lost)
    assert await ledger.run_cost("org-1", "run-1") == sum(row.held_micro for row in lost)


async def test_a_body_that_is_no_json_may_have_been_billed_is_lost_and_asked_for_once_more(
    gateway: Gateway, database: Database
) -> None:
    with pytest.raises(AnswerInDoubt):
        await gateway.text(CALL, replace(ASK, prompt="[broken body]"))
    assert [(row.state, row.model) for row in await rows(database)] == [("lost", "gemini-3.8-flash")] * 2


@pytest.mark.parametrize("fault", ["[safety]", "[prompt blocked]"])
async def test_a_safety_block_books_its_tokens_tries_the_other_model_and_is_not_asked_again(
    gateway: Gateway, standin: Standin, ledger: Ledger, database: Database, fault: str
) -> None:
    for _ in range(2):
        with pytest.raises(ContentBlocked) as blocked:
            await gateway.text(CALL, replace(ASK, prompt=fault))
        assert blocked.value.money is MoneyState.SPENT
    assert [model for model, _ in standin.bill] == ["gemini-3.8-flash", "gemini-3.5-flash-lite"]
    assert await ledger.run_cost("org-1", "run-1") == standin.billed
    assert await states(database) == ["settled", "settled"]


async def test_an_answer_that_hit_the_token_limit_is_asked_for_once_more_with_twice_the_tokens(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    with pytest.raises(OutputTruncated):
        await gateway.text(CALL, replace(ASK, prompt="[truncated]"))
    limits = [body["generationConfig"] for _, body in standin.requests]
    assert [each.get("max_output_tokens") or each.get("maxOutputTokens") for each in limits] == [500, 1000]
    assert await ledger.run_cost("org-1", "run-1") == standin.billed > 0


async def test_an_empty_answer_is_settled_and_refused(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    with pytest.raises(BadOutput):
        await gateway.text(CALL, replace(ASK, prompt="[empty]"))
    assert await ledger.run_cost("org-1", "run-1") == standin.billed > 0


async def test_a_schema_reaches_the_provider_and_the_answer_is_parsed(
    gateway: Gateway, standin: Standin
) -> None:
    found = await gateway.structured(
        CALL, replace(ASK, prompt="[json]", schema=SCHEMA), Person.model_validate
    )
    assert found.value == Person(name="Ema", age=31)
    assert found.warnings == ()
    generation = standin.requests[0][1]["generationConfig"]
    sent = generation.get("response_json_schema") or generation.get("responseJsonSchema")
    assert sent["properties"]["age"]["type"] == "integer"


async def test_an_answer_that_is_no_strict_json_is_repaired_and_says_so(
    gateway: Gateway, standin: Standin
) -> None:
    request = replace(ASK, prompt="[fenced]", schema=SCHEMA)
    found = await gateway.structured(CALL, request, Person.model_validate)
    assert found.value == Person(name="Ema", age=31)
    assert "repaired" in found.warnings[0]
    assert len(standin.bill) == 1


async def test_an_answer_that_does_not_fit_is_asked_for_once_more_with_what_is_wrong(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    request = replace(ASK, prompt="[wrong once]", schema=SCHEMA)
    found = await gateway.structured(CALL, request, Person.model_validate)
    assert found.value.age == 31
    assert "age: Input should be a valid integer" in str(standin.requests[1][1])
    assert await ledger.run_cost("org-1", "run-1") == standin.billed
    await gateway.structured(CALL, request, Person.model_validate)
    assert len(standin.bill) == 2


async def test_a_damaged_answer_is_asked_for_once_more_and_kept_as_it_came(
    gateway: Gateway, standin: Standin, ledger: Ledger, database: Database
) -> None:
    damaged = '{"name": "E\\u0000m\\ud800a\ufffd", "age": 31}\u0000'
    standin.says = [damaged]
    request = replace(ASK, prompt="[json]", schema=SCHEMA)
    found = await gateway.structured(CALL, request, Person.model_validate)
    assert found.value == Person(name="Ema", age=31)
    assert found.warnings == ("The first answer did not fit and was asked for again.",)
    assert len(standin.bill) == 2 and await ledger.run_cost("org-1", "run-1") == standin.billed
    assert "There is a control character (U+0000)" in str(standin.requests[1][1])
    async with database.transaction(SYSTEM) as connection:
        stored = (
            (await connection.execute(text("select output from jobs order by created_at"))).scalars().first()
        )
    assert stored is not None and original_json(stored)["text"] == damaged
    await gateway.structured(CALL, request, Person.model_validate)
    assert len(standin.bill) == 2


async def test_what_can_only_have_been_one_thing_is_restored_and_named(
    gateway: Gateway, standin: Standin
) -> None:
    standin.says = ['<think>{"name": 1}</think>{"name": "Kav\u0102\u02c7rna &amp; \\\\u010daj", "age": 31}']
    found = await gateway.structured(
        CALL, replace(ASK, prompt="[json]", schema=SCHEMA), Person.model_validate
    )
    assert found.value.name == "Kavárna & čaj"
    assert [one.split(" ")[0] for one in found.warnings] == ["The", "name:", "name:"]
    assert len(standin.bill) == 1


async def test_a_runaway_answer_is_not_bought_again_with_more_room(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    standin.says = ['{"name": "' + "káva, čaj, " * 100] * 3
    with pytest.raises(BadOutput, match="over and over"):
        await gateway.structured(
            CALL, replace(ASK, prompt="[truncated]", schema=SCHEMA), Person.model_validate
        )
    asked = [path.rpartition("/")[2].partition(":")[0] for path, _ in standin.requests]
    assert len(asked) == len(set(asked))
    assert await ledger.run_cost("org-1", "run-1") == standin.billed


async def test_a_damaged_search_is_asked_for_once_more_and_a_text_too(
    gateway: Gateway, standin: Standin
) -> None:
    standin.says = ["Praží k\ufffdvu.", "<think>hm</think>Praží kávu&hellip;"]
    found = await gateway.search(CALL, SearchRequest("Co dělají?"))
    assert found.text == "Praží kávu…" and len(found.warnings) == 2
    standin.says = ["Káva, která", "<think>nic víc"]
    with pytest.raises(BadOutput, match="does not fit") as caught:
        await gateway.text(CALL, ASK)
    assert caught.value.details["raw"] == "<think>nic víc"
    assert len(standin.bill) == 4


async def test_an_answer_that_never_fits_keeps_its_raw_text(gateway: Gateway, standin: Standin) -> None:
    request = replace(ASK, prompt="[wrong]", schema=SCHEMA)
    with pytest.raises(BadOutput) as bad:
        await gateway.structured(CALL, request, Person.model_validate)
    assert bad.value.details["raw"] == '{"name": "Ema", "age": "unknown"}'
    models = [model for model, _ in standin.bill]
    assert models == ["gemini-3.8-flash", "gemini-3.8-flash", "gemini-3.5-flash-lite"]


async def test_a_stream_yields_pieces_and_books_the_same_as_a_whole_answer(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    pieces = [piece async for piece in gateway.stream(CALL, ASK)]
    assert len(pieces) > 1
    assert "".join(pieces) == TEXT
    assert await ledger.run_cost("org-1", "run-1") == standin.billed > 0
    assert "".join([piece async for piece in gateway.stream(CALL, ASK)]) == TEXT
    assert len(standin.bill) == 1


async def test_a_streamed_structure_is_parsed_like_a_whole_one(gateway: Gateway) -> None:
    seen: list[str] = []
    request = replace(ASK, prompt="[json]", schema=SCHEMA)
    found = await gateway.stream_structured(CALL, request, Person.model_validate, seen.append)
    assert found.value.age == 31
    assert "".join(seen) == '{"name": "Ema", "age": 31}'


async def test_a_stream_that_is_cut_is_booked_as_lost_and_begun_once_more(
    gateway: Gateway, database: Database
) -> None:
    pieces = []
    with pytest.raises(AnswerInDoubt):
        async for piece in gateway.stream(CALL, replace(ASK, prompt="[cut]")):
            pieces.append(piece)
    assert await states(database) == ["lost", "lost"]
    assert [type(piece) for piece in pieces] == [str, Restarted, str]


async def test_a_stream_that_is_cut_once_ends_whole_and_says_where_it_began_again(
    gateway: Gateway, database: Database
) -> None:
    pieces = [piece async for piece in gateway.stream(CALL, replace(ASK, prompt="[cut] [once]"))]
    again = next(number for number, piece in enumerate(pieces) if isinstance(piece, Restarted))
    assert "".join(pieces[again:]) == TEXT
    assert "".join(pieces[:again]) == TEXT[: len(TEXT) // 2]
    assert await states(database) == ["lost", "settled"]


async def test_an_answer_says_which_deployment_served_it_and_why(gateway: Gateway) -> None:
    first = (await gateway.text(CALL, ASK)).served
    assert (first.deployment, first.why) == ("gemini/gemini-3.8-flash", "first choice")
    found = (await gateway.text(CALL, replace(ASK, prompt="[429 at 3.8]"))).served
    assert found.deployment == "gemini/gemini-3.5-flash-lite"
    assert "gemini-3.8-flash" in found.why
    assert "429" in found.why


@pytest.mark.parametrize("status", [400, 429])
async def test_a_stream_that_never_starts_costs_nothing(
    gateway: Gateway, database: Database, status: int
) -> None:
    with pytest.raises((ProviderRefused, ProviderBusy)):
        async for _ in gateway.stream(CALL, replace(ASK, prompt=f"[{status}]")):
            pass
    assert set(await states(database)) == {"void"}


async def test_embeddings_come_in_order_at_length_one_and_are_booked(
    gateway: Gateway, standin: Standin, ledger: Ledger
) -> None:
    vectors = await gateway.embed(CALL, [f"text {number}" for number in range(120)])
    assert len(vectors) == 120
    assert vectors[0] == pytest.approx([0.6, 0.8])
    assert len(standin.paths("batchEmbedContents")) == 2
    assert await ledger.run_cost("org-1", "run-1") == standin.billed > 0


async def test_what_an_earlier_process_left_open_is_booked_as_lost_and_asked_again(
    config: GatewayConfig, database: Database, files: FileStore, ledger: Ledger, standin: Standin
) -> None:
    dead = build(config, database, files, ledger)
    task = asyncio.create_task(dead.text(CALL, ASK))
    while not await rows(database):
        await asyncio.sleep(0.005)
    await task
    async with database.transaction(
        SYSTEM
    ) as connection:  # as kill -9 between the send and the booking leaves it
        await connection.execute(text("set local session_replication_role = replica"))  # past the guard
        await connection.execute(
            text("update attempts set state='held', basis=null, closed_at=null, cost_micro=null")
        )
        await connection.execute(
            text("update jobs set status='processing', output=null, lease_until=now()+'1 h'")
        )
        await connection.execute(text("update budgets set held_micro=(select held_micro from attempts)"))
    living = Ledger(database, default_limit_micro=10_000_000)
    assert await living.close_orphans("org-1", "run-1") == 1
    result = await build(config, database, files, living).text(CALL, ASK)
    assert not result.served.replayed
    assert await states(database) == ["lost", "settled"]


async def test_a_search_brings_sources_and_the_cost_that_the_provider_names(
    gateway: Gateway, standin: Standin, database: Database
) -> None:
    found = await gateway.search(CALL, SearchRequest("Co firma dělá?", domains=("mlyn.example",)))
    assert gateway.has_search
    assert found.text == "Praží kávu. [1]"
    assert [source.url for source in found.sources] == ["https://mlyn.example/"]
    assert found.served.cost_micro == standin.billed == 5370
    assert (await rows(database))[0].basis == "provider"
    body = standin.requests[0][1]
    assert body["tool_choice"] == {"type": "web_search"}
    assert body["tools"][0]["filters"] == {"search_domain_filter": ["mlyn.example"]}


async def test_a_search_that_failed_unbilled_costs_nothing(gateway: Gateway, database: Database) -> None:
    with pytest.raises(ProviderError):  # the next provider of searches is asked then, and did not search
        await gateway.search(CALL, SearchRequest("[failed]"))
    booked = await rows(database)
    assert {row.state for row in booked if row.provider == "perplexity"} == {"void"}
    assert {row.error_code for row in booked if row.provider == "gemini"} == {"AI_BAD_OUTPUT"}


async def test_both_engines_bring_the_same(
    standin: Standin, database: Database, files: FileStore, ledger: Ledger
) -> None:
    found = []
    for name in ("litellm", "google"):
        gateway = build(config_for(standin, name), database, files, ledger)
        result = await gateway.text(replace(CALL, step=name), ASK)
        found.append((result.text, result.served.usage, result.served.cost_micro, result.served.model))
    assert found[0] == found[1]


async def test_a_model_call_past_the_gateway_is_refused(gateway: Gateway, standin: Standin) -> None:
    engine: Any = gateway._engines["gemini"]
    with pytest.raises(ProviderRefused, match="past the gateway"):
        await engine.complete("gemini-3.8-flash", ASK, _NoAttempt())
    assert not standin.requests


class _NoAttempt:
    id = "none"

    async def sending(self) -> None: ...
