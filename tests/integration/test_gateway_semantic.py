"""Answers to similar questions: opted in, of the same organization, and never to a question's reversal.

The stand-in gives every question the same vector, so that likeness is 1 and the words alone decide.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind, SearchRequest, SearchResult, TemplateRef
from fetching.fetcher import SafeFetcher
from gateway.build import build_gateway
from gateway.cache.policy import CachePolicy
from gateway.config import GatewayConfig, ProviderConfig
from gateway.gateway import Gateway
from gateway.providers.registry import shipped_prices
from store.content.files import FileStore
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import Prices
from tests.gateway_standin import Standin, standing_in

CALL = Call(
    "org-1",
    "company-1",
    "run-1",
    "ultimate",
    JobKind.SCRAPE_DNA,
    "research",
    "q1",
    template=TemplateRef("RESEARCH_V1", 1, "hash"),
)
QUESTION = "Koupila pražírna Alfa pražírnu Beta?"
SAME = "Prosím, koupila prazirna Alfa pražírnu Beta"
REVERSED = "Koupila pražírna Beta pražírnu Alfa?"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as one:
        yield one


@pytest.fixture
async def ledger(database: Database) -> Ledger:
    await Prices(database).load_shipped(shipped_prices())
    return Ledger(database, default_limit_micro=10_000_000)


Ask = Callable[..., Any]


@pytest.fixture
async def build(
    standin: Standin, database: Database, files: FileStore, ledger: Ledger
) -> AsyncIterator[Callable[..., Gateway]]:
    made: list[Gateway] = []

    def build(*templates: str) -> Gateway:
        providers = {name: ProviderConfig(name, "key", standin.base_url) for name in ("gemini", "perplexity")}
        config = GatewayConfig(
            providers, engine="google", cache=CachePolicy({"search": 60}), semantic=frozenset(templates)
        )
        made.append(build_gateway(config, database, files, SafeFetcher(), ledger=ledger))
        return made[-1]

    yield build
    for gateway in made:
        await gateway.aclose()


async def ask(gateway: Gateway, question: str, item: str = "q2", **changes: Any) -> SearchResult:
    return await gateway.search(replace(CALL, item=item, **changes), SearchRequest(question))


async def test_a_similar_question_gets_the_answer_for_nothing_and_shows_what_it_was_taken_from(
    build: Callable[..., Gateway], standin: Standin, ledger: Ledger, database: Database
) -> None:
    gateway = build("RESEARCH_V1")
    first = await ask(gateway, QUESTION, "q1")
    found = await ask(gateway, SAME)
    assert found.text == first.text
    assert found.sources == first.sources
    assert (found.served.cached, found.served.cost_micro) == (True, 0)
    assert found.served.saved_micro == first.served.cost_micro
    assert found.served.nearest == QUESTION
    assert found.served.likeness == pytest.approx(1.0)
    assert QUESTION in found.served.why
    assert len(standin.paths("/v1/agent")) == 1
    assert await ledger.run_cost("run-1") == standin.billed  # with the embeddings
    again = await ask(gateway, SAME)
    assert again.served.replayed


async def test_a_reversed_question_is_bought_and_shows_that_it_was_near(
    build: Callable[..., Gateway], standin: Standin
) -> None:
    gateway = build("RESEARCH_V1")
    await ask(gateway, QUESTION, "q1")
    bought = await ask(gateway, REVERSED)
    assert not bought.served.cached
    assert bought.served.nearest == QUESTION
    assert bought.served.likeness == pytest.approx(1.0)
    assert len(standin.paths("/v1/agent")) == 2


async def test_a_question_whose_vector_is_far_is_bought_whatever_its_words(
    build: Callable[..., Gateway], database: Database
) -> None:
    gateway = build("RESEARCH_V1")
    await ask(gateway, "Koupila Alfa [far] Betu?", "q1")
    async with database.transaction() as connection:
        await connection.execute(text("update semantic_answers set embedding = array[0.6, 0.8]"))
    assert not (await ask(gateway, "Koupila Alfa [far] Betu!")).served.cached


@pytest.mark.parametrize(
    "changes",
    [
        {"organization_id": "org-2"},
        {"template": TemplateRef("RESEARCH_V1", 2, "other")},
        {"template": TemplateRef("DNA_V1", 1, "hash")},
        {"template": None},
        {"revision": 1},
    ],
)
async def test_another_organization_another_template_and_make_again_never_match(
    build: Callable[..., Gateway], changes: dict[str, Any]
) -> None:
    gateway = build("RESEARCH_V1")
    await ask(gateway, QUESTION, "q1")
    assert not (await ask(gateway, SAME, **changes)).served.cached


async def test_a_search_of_other_domains_never_matches(build: Callable[..., Gateway]) -> None:
    gateway = build("RESEARCH_V1")
    await ask(gateway, QUESTION, "q1")
    narrowed = SearchRequest(SAME, domains=("alfa.example",))
    assert not (await gateway.search(replace(CALL, item="q2"), narrowed)).served.cached


async def test_without_opting_in_nothing_is_looked_for(
    build: Callable[..., Gateway], standin: Standin
) -> None:
    gateway = build()
    await ask(gateway, QUESTION, "q1")
    assert not (await ask(gateway, SAME)).served.cached
    assert not standin.paths("batchEmbedContents")


async def test_an_answer_is_not_taken_after_its_time(
    build: Callable[..., Gateway], database: Database
) -> None:
    gateway = build("RESEARCH_V1")
    await ask(gateway, QUESTION, "q1")
    async with database.transaction() as connection:
        await connection.execute(text("update semantic_answers set expires_at = now()"))
    assert not (await ask(gateway, SAME)).served.cached
