"""Text through other providers than the first: what they are asked, what they bill, and what they lose."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, SearchRequest, TextRequest
from domain.errors import ContentBlocked, MoneyState, PostHubError, ProviderRefused, UnknownPrice
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.config import GatewayConfig, ProviderConfig, shipped_models, with_chains
from gateway.gateway import Gateway
from gateway.providers.litellm.prices import missing_rows
from gateway.providers.prices import shipped_prices
from gateway.providers.registry import provider
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices, today
from store.tenancy import SYSTEM

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "node", "item")
ASK = TextRequest("text", "Jsi autor.", "Napiš odstavec o kávě.", 2000, temperature=0.7)
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 18}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TEXT = (
    "openai/gpt-6-luna",
    "openai/gpt-4.1-mini",
    "anthropic/claude-haiku-5-5",
    "anthropic/claude-haiku-4-5",
)


class Build:
    """Builds gateways on the sandbox with a chain of their own, and compares their ledger with its bill."""

    def __init__(self, sandbox: Any, database: Database, files: FileStore) -> None:
        self._sandbox = sandbox
        self._parts = (database, files, SafeFetcher())
        self._database = database
        self._before = {line["id"] for line in sandbox.bill()}
        self.made: list[Gateway] = []

    async def __call__(self, chain: str, *, engine: str = "litellm", **config: Any) -> Gateway:
        purposes = {"TEXT": chain} | {
            name.upper(): config.pop(name) for name in ("embedding",) if name in config
        }
        models = with_chains(shipped_models(), purposes)
        providers = {
            name: ProviderConfig(name, "sandbox-key", f"{self._sandbox.base_url}{provider(name).stand_in}")
            for name in {each.provider for purpose in purposes for each in models.chains[purpose.lower()]}
        } | config.pop("providers", {})
        prices = Prices(self._database)
        await prices.load_shipped(shipped_prices())
        chained = {model for chain in models.chains.values() for model in chain}
        await prices.add(missing_rows(await prices.book(), chained, today()))
        made = build_gateway(
            GatewayConfig(providers, engine=engine, models=models, **config),  # type: ignore[arg-type]
            *self._parts,
            ledger=Ledger(self._database, default_limit_micro=50_000_000),
        )
        self.made.append(made)
        return made

    async def rows(self) -> list[Any]:
        query = text("select provider, model, state, cost_micro, held_micro from attempts order by opened_at")
        async with self._database.transaction(SYSTEM) as connection:
            return list((await connection.execute(query)).all())

    def bill(self) -> list[Any]:
        return [line for line in self._sandbox.bill() if line["id"] not in self._before]

    async def is_equal(self) -> None:
        rows = await self.rows()
        booked = sorted((row.provider, row.model, row.cost_micro) for row in rows if row.state == "settled")
        billed = sorted((line["provider"], line["model"], line["cost_micro_usd"]) for line in self.bill())
        assert booked == billed
        assert all(row.cost_micro <= row.held_micro for row in rows if row.state == "settled")


@pytest.fixture
async def build(sandbox: Any, database: Database, files: FileStore) -> AsyncIterator[Build]:
    build = Build(sandbox, database, files)
    yield build
    for gateway in build.made:
        await gateway.aclose()


@pytest.mark.parametrize("model", TEXT)
async def test_text_objects_and_streams_of_another_provider_are_booked_as_they_are_billed(
    build: Build, model: str
) -> None:
    gateway = await build(model)
    assert (await gateway.text(CALL, ASK)).text
    person = await gateway.structured(replace(CALL, step="json"), replace(ASK, schema=SCHEMA), dict)
    assert person.value["age"] >= 18
    pieces = [piece async for piece in gateway.stream(replace(CALL, step="stream"), ASK)]
    assert len(pieces) > 1
    assert f"{person.served.provider}/{person.served.model}" == model
    assert len(build.bill()) == 3
    await build.is_equal()


async def test_a_prompt_that_a_provider_writes_to_its_cache_and_reads_again_is_booked_as_it_is_billed(
    build: Build,
) -> None:
    gateway = await build("openai/gpt-6-luna")
    long = replace(ASK, prompt="Káva. " * 2000)
    await gateway.text(CALL, long)
    await gateway.text(replace(CALL, step="again"), long)
    assert [line["units"]["cache_write_tokens"] > 0 for line in build.bill()] == [True, False]
    assert build.bill()[1]["units"]["cached_tokens"] > 0
    await build.is_equal()


def connections_to(sandbox: Any) -> int:
    """How many connections this process has to the sandbox."""
    port = urlsplit(sandbox.base_url).port
    return sum(bool(each.raddr) and each.raddr.port == port for each in psutil.Process().net_connections())


async def test_a_gateway_that_closes_takes_its_connections_along_and_none_of_another_gateway(
    build: Build, sandbox: Any
) -> None:
    before = connections_to(sandbox)
    first, second = await build("anthropic/claude-haiku-5-5"), await build("openai/gpt-6-luna")
    assert [piece async for piece in first.stream(CALL, ASK)]
    await first.text(replace(CALL, step="text"), ASK)
    stream = aiter(second.stream(replace(CALL, step="stream"), ASK))
    assert await anext(stream)
    await first.aclose()
    assert [piece async for piece in stream]
    assert connections_to(sandbox) > before
    await second.aclose()
    async with asyncio.timeout(300):
        while connections_to(sandbox) > before:
            await asyncio.sleep(0.01)
    third = await build("anthropic/claude-haiku-5-5")
    assert [piece async for piece in third.stream(replace(CALL, step="third"), ASK)]
    await build.is_equal()


async def test_embeddings_of_another_provider_are_booked_as_they_are_billed(build: Build) -> None:
    gateway = await build("openai/gpt-6-luna", embedding="openai/text-embedding-3-small")
    texts = [f"káva číslo {number} " * 40 for number in range(3)]
    vectors = await gateway.embed(CALL, texts)
    assert [len(vector) for vector in vectors] == [1536] * 3
    assert sum(line["cost_micro_usd"] for line in build.bill()) > 0
    await build.is_equal()


@pytest.mark.parametrize("engine", ["litellm", "google"])
async def test_a_chain_that_loses_its_first_provider_is_served_by_the_next(
    build: Build, sandbox: Any, engine: str
) -> None:
    gateway = await build(
        "gemini/gemini-3.8-flash,openai/gpt-6-luna,anthropic/claude-haiku-5-5", engine=engine
    )
    first = await gateway.text(CALL, ASK)
    sandbox.fault("status", status=503, provider="gemini")
    second = await gateway.structured(replace(CALL, step="2"), replace(ASK, schema=SCHEMA), dict)
    sandbox.fault("status", status=529, provider="openai")
    third = await gateway.text(replace(CALL, step="3"), ASK)
    served = [result.served.provider for result in (first, second, third)]
    assert served == ["gemini", "openai", "anthropic"]
    await build.is_equal()


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_answer_of_failure_is_one_request_and_costs_nothing(
    build: Build, sandbox: Any, model: str, status: int
) -> None:
    sandbox.fault("status", status=status, retry_after=0, provider=model.partition("/")[0])
    gateway = await build(model, tries=1)
    with pytest.raises(PostHubError):
        await gateway.text(CALL, ASK)
    assert [row.state for row in await build.rows()] == ["void"]
    assert build.bill() == []


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_connection_that_breaks_after_the_request_leaves_the_money_in_doubt(
    build: Build, sandbox: Any, model: str, stream: bool
) -> None:
    name = model.partition("/")[0]
    async with breaking() as (address, requests):
        broken = ProviderConfig(name, "sandbox-key", f"{address}{provider(name).stand_in}")
        gateway = await build(model, tries=1, providers={name: broken})
        with pytest.raises(PostHubError) as lost:
            if stream:
                assert not [piece async for piece in gateway.stream(CALL, ASK)]
            else:
                await gateway.text(CALL, ASK)
    rows = await build.rows()
    assert lost.value.money is MoneyState.LOST
    assert len(requests) == len(rows)
    assert {row.state for row in rows} == {"lost"}


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
async def test_where_no_connection_comes_about_nothing_is_lost(build: Build, model: str) -> None:
    name = model.partition("/")[0]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = ProviderConfig(
            name, "k", f"http://127.0.0.1:{taken.getsockname()[1]}{provider(name).stand_in}"
        )
        gateway = await build(model, tries=1, providers={name: nowhere})
        with pytest.raises(PostHubError, match="cannot be reached"):
            await gateway.text(CALL, ASK)
    assert {row.state for row in await build.rows()} == {"void"}


@pytest.mark.parametrize("model", ["openai/gpt-6-luna", "anthropic/claude-haiku-5-5"])
async def test_a_key_that_is_refused_costs_nothing_and_names_its_setting(
    build: Build, sandbox: Any, model: str
) -> None:
    name = model.partition("/")[0]
    wrong = ProviderConfig(name, "bad-key", f"{sandbox.base_url}{provider(name).stand_in}")
    gateway = await build(model, providers={name: wrong})
    with pytest.raises(ProviderRefused) as refused:
        await gateway.text(CALL, ASK)
    assert provider(name).key in refused.value.next_step
    assert "bad-key" not in str(refused.value)
    assert {row.state for row in await build.rows()} == {"void"}


@pytest.mark.parametrize("model", ["openai/gpt-4.1-mini", "anthropic/claude-haiku-5-5"])
async def test_an_answer_that_is_refused_for_safety_is_booked_and_told(
    build: Build, sandbox: Any, model: str
) -> None:
    sandbox.fault("safety", provider=model.partition("/")[0])
    gateway = await build(model)
    with pytest.raises(ContentBlocked):
        await gateway.text(CALL, ASK)
    await build.is_equal()


async def test_a_model_that_nobody_has_priced_is_refused_with_what_to_do(build: Build) -> None:
    gateway = await build(
        "custom/qwen", providers={"custom": ProviderConfig("custom", "", "http://127.0.0.1:1/v1")}
    )
    with pytest.raises(UnknownPrice) as unknown:
        await gateway.text(CALL, ASK)
    assert "posthub prices add --provider custom --model qwen" in unknown.value.next_step


async def test_search_with_only_a_gemini_key_brings_sources_and_is_booked_as_it_is_billed(
    build: Build,
) -> None:
    gateway = await build("gemini/gemini-3.8-flash")
    found = await gateway.search(CALL, SearchRequest("Co dělá pražírna?"))
    assert found.served.provider == "gemini"
    assert found.sources
    assert all("grounding-api-redirect" not in source.url for source in found.sources)
    assert build.bill()[0]["units"]["searches"] == found.served.usage.requests
    await build.is_equal()


async def test_search_goes_on_by_grounding_where_the_first_search_provider_is_lost(
    build: Build, sandbox: Any
) -> None:
    sandbox.fault("status", status=503, provider="perplexity")
    gateway = await build("gemini/gemini-3.8-flash")
    both = await build(
        "gemini/gemini-3.8-flash",
        providers={"perplexity": ProviderConfig("perplexity", "sandbox-key", sandbox.base_url)},
    )
    assert gateway.has_search
    found = await both.search(CALL, SearchRequest("Co dělá pražírna?"))
    assert found.served.provider == "gemini"
    await build.is_equal()


@asynccontextmanager
async def breaking() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads a request and hangs up."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        requests.append(head)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
