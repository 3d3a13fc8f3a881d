"""Every provider that LiteLLM reaches, at the sandbox's stand-in of its own wire: one row a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from domain.calls import TextRequest
from domain.errors import ContentBlocked, PostHubError, ProviderBusy, ProviderRefused
from gateway.config import ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.registry import able, provider, providers
from store.content.files import FileStore
from store.database import Database
from store.money.price_rows import parse_row
from store.money.prices import Prices, today
from tests.integration.test_gateway_providers import ASK, CALL, SCHEMA, Build


@dataclass(frozen=True)
class Row:
    """A provider and what it does in its own way.

    Attributes:
        text: A model that writes.
        embedding: A model that makes vectors, and their length; None where LiteLLM has none for it.
        wrong_key: The setting that holds a key which its stand-in refuses; its key, where empty.
        mapped: Whether LiteLLM's map knows its models' prices; the others are said by hand.
        refuses_content: Whether it says that its safety rules stopped an answer.
    """

    text: str
    embedding: tuple[str, int] | None = None
    wrong_key: str = ""
    mapped: bool = True
    refuses_content: bool = True


ROWS = {
    "openai": Row("gpt-6-luna", ("text-embedding-3-small", 1536)),
    "anthropic": Row("claude-haiku-5-5"),
    "mistral": Row("mistral-medium-latest", ("mistral-embed", 1024)),
    "openrouter": Row("mistralai/mistral-medium-3.5", mapped=False),
    "vertex_ai": Row("gemini-3.8-flash", ("gemini-embedding-001", 3072), wrong_key="vertex_credentials"),
    "azure": Row("gpt-6-luna", ("text-embedding-3-small", 1536)),
    "bedrock": Row("amazon.nova-2-lite-v1:0", wrong_key="aws_access_key_id"),
    "ollama": Row("llama3.1", ("nomic-embed-text", 768), mapped=False, refuses_content=False),
    "custom": Row("qwen3", ("bge-m3", 1024), mapped=False),
}
NAMES = sorted(ROWS)
VECTORS = sorted(name for name, row in ROWS.items() if row.embedding)


class Bench:
    """Gateways of one provider's stand-in, priced as a person prices them."""

    def __init__(self, build: Build, sandbox: Any, database: Database) -> None:
        self.build = build
        self._base = sandbox.base_url
        self._prices = Prices(database)

    async def __call__(self, name: str, **changes: Any) -> Gateway:
        row, its = ROWS[name], provider(name)
        of = ProviderConfig(
            name,
            "sandbox-key" if its.key else "",
            f"{self._base}{its.stand_in}",
            its.stand_in_options(self._base),
        )
        models = [row.text, *([row.embedding[0]] if row.embedding else [])]
        if not row.mapped:
            await self._prices.add(
                [price(name, model, unit) for model in models for unit in ("input", "output")]
            )
        more = {"embedding": f"{name}/{row.embedding[0]}"} if row.embedding else {}
        wrong = changes.pop("wrong", False)
        if wrong:
            wrong_option = {row.wrong_key: _wrong(of.options.get(row.wrong_key, ""))} if row.wrong_key else {}
            of = replace(of, api_key="bad-key" if its.key else "", options={**of.options, **wrong_option})
        return await self.build(f"{name}/{row.text}", providers={name: of}, **more, **changes)


def _wrong(value: str) -> str:
    return value.replace("/subject", "/nobody") if "/subject" in value else "bad-key"


def price(name: str, model: str, unit: str) -> Any:
    usd = {("openrouter", "input"): "1.50", ("openrouter", "output"): "7.50"}.get((name, unit), "0")
    raw = {"provider": name, "model": model, "unit": unit, "usd_per": usd, "per": 1_000_000}
    return parse_row(raw | {"list": "own", "valid_from": today().isoformat(), "source": "a test"})


@pytest.fixture
async def bench(sandbox: Any, database: Database, files: FileStore) -> AsyncIterator[Bench]:
    build = Build(sandbox, database, files)
    yield Bench(build, sandbox, database)
    for gateway in build.made:
        await gateway.aclose()


def test_every_provider_that_a_chain_names_has_a_row_and_a_stand_in() -> None:
    reached = {each.name for each in providers().values() if each.named_only}
    assert reached == set(ROWS)
    assert all(provider(name).stand_in is not None for name in ROWS)
    assert {name for name in able("embedding") if name in ROWS} == set(VECTORS)


@pytest.mark.parametrize("name", NAMES)
async def test_text_objects_and_streams_are_booked_as_they_are_billed(bench: Bench, name: str) -> None:
    gateway = await bench(name)
    written = await gateway.text(CALL, ASK)
    assert len(written.text) > 100
    person = await gateway.structured(replace(CALL, step="json"), replace(ASK, schema=SCHEMA), dict)
    assert person.value["age"] >= 18 and not person.warnings
    pieces = [piece async for piece in gateway.stream(replace(CALL, step="stream"), ASK)]
    assert len(pieces) > 1
    assert len(bench.build.bill()) == 3
    await bench.build.is_equal()


@pytest.mark.parametrize("name", NAMES)
async def test_an_object_is_streamed_and_booked_as_it_is_billed(bench: Bench, name: str) -> None:
    gateway, pieces = await bench(name), list[str]()
    made = await gateway.stream_structured(CALL, replace(ASK, schema=SCHEMA), dict, pieces.append)
    assert made.value["age"] >= 18 and "".join(pieces)
    await bench.build.is_equal()


@pytest.mark.parametrize("name", VECTORS)
async def test_vectors_are_booked_as_they_are_billed(bench: Bench, name: str) -> None:
    gateway, row = await bench(name), ROWS[name]
    assert row.embedding
    vectors = await gateway.embed(CALL, ["káva", "čaj", "káva"])
    assert [len(vector) for vector in vectors] == [row.embedding[1]] * 3
    assert vectors[0] == vectors[2] != vectors[1]
    assert len(bench.build.bill()) == 1
    await bench.build.is_equal()


@pytest.mark.parametrize("name", NAMES)
async def test_a_busy_provider_is_one_request_costs_nothing_and_says_when_to_come_back(
    bench: Bench, sandbox: Any, name: str
) -> None:
    sandbox.fault("status", status=429, retry_after=7, provider=name)
    gateway = await bench(name, tries=1)
    with pytest.raises(ProviderBusy) as busy:
        await gateway.text(CALL, ASK)
    assert busy.value.details["retry_after_seconds"] == 7
    assert [row.state for row in await bench.build.rows()] == ["void"]
    assert bench.build.bill() == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_key_that_is_refused_costs_nothing_and_names_its_setting(bench: Bench, name: str) -> None:
    gateway = await bench(name, wrong=True)
    with pytest.raises(ProviderRefused) as refused:
        await gateway.text(CALL, ASK)
    assert "bad-key" not in str(refused.value)
    its = provider(name)
    key = its.key or next(option.setting for option in its.options if option.secret)
    assert key in refused.value.next_step
    assert {row.state for row in await bench.build.rows()} <= {"void"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_that_is_stopped_for_safety_is_booked_and_told(
    bench: Bench, sandbox: Any, name: str, stream: bool
) -> None:
    sandbox.fault("safety", provider=name)
    gateway = await bench(name, tries=1)
    wanted = ContentBlocked if ROWS[name].refuses_content else PostHubError
    with pytest.raises(wanted):
        if stream:
            assert not [piece async for piece in gateway.stream(CALL, ASK) if piece]
        else:
            await gateway.text(CALL, ASK)
    await bench.build.is_equal()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_that_broke_off_is_never_taken_for_a_whole_one(
    bench: Bench, sandbox: Any, name: str, stream: bool
) -> None:
    sandbox.fault("failed", provider=name)
    gateway = await bench(name, tries=1)
    with pytest.raises(PostHubError):
        if stream:
            [piece async for piece in gateway.stream(CALL, ASK)]
        else:
            await gateway.text(CALL, ASK)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer_that_hit_a_limit_is_never_taken_for_a_whole_one(
    bench: Bench, sandbox: Any, name: str, stream: bool
) -> None:
    sandbox.fault("max_tokens", provider=name)
    gateway = await bench(name, tries=1)
    with pytest.raises(PostHubError):
        if stream:
            [piece async for piece in gateway.stream(CALL, ASK)]
        else:
            await gateway.text(CALL, ASK)
    await bench.build.is_equal()


@pytest.mark.parametrize("name", NAMES)
async def test_what_a_prompt_asks_for_and_a_provider_refuses_is_not_sent(bench: Bench, name: str) -> None:
    gateway = await bench(name)
    hot = TextRequest("text", "Jsi autor.", "Napiš větu.", 2000, temperature=1.3)
    assert (await gateway.text(CALL, hot)).text
    await bench.build.is_equal()
