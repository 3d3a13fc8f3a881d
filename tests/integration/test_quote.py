"""What a month will cost: from prices, token limits and what the company's calls have used so far."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.money.quotes import Quote, compare
from app.money.quoting import Quoter, kept
from domain.calls import Call, JobKind, TemplateRef, Usage
from domain.errors import UnknownPrice
from domain.month_request import parse
from gateway.config import GatewayConfig, ProviderConfig
from gateway.providers.prices import shipped_prices
from prompts.actor import Actor
from prompts.editing import Editor
from prompts.registry import Prompts
from store.content.items import Owner
from store.database import Database
from store.money.ledger import Ledger
from store.money.prices import PriceBook, Prices
from store.money.usage import Typical, UsageRecords
from store.schema.prompts import SHARED
from tests.money_rows import a_hold

NAMES = ("gemini", "perplexity", "nanobana", "veo")
GIVEN = {"company": "Kavárna U Mlýna", "website": "https://kavarna.example", "month": "2027-01"}


def config(*names: str) -> GatewayConfig:
    return GatewayConfig(
        providers={name: ProviderConfig(name, "key", "http://127.0.0.1:1") for name in names}
    )


class Office:
    def __init__(self, book: PriceBook, prompts: Prompts) -> None:
        self._book, self._prompts = book, prompts

    async def quote(
        self,
        typical: dict[str, Typical] | None = None,
        *,
        names: tuple[str, ...] = NAMES,
        organization: str = SHARED,
        **given: Any,
    ) -> Quote:
        request = parse(GIVEN | given, today=date(2026, 11, 22))
        quoter = Quoter(config(*names), self._book, self._prompts)
        return await quoter.quote(request, typical or {}, organization=organization)


@pytest.fixture
async def office(database: Database) -> Office:
    prices, prompts = Prices(database), Prompts(database)
    await prices.load_shipped(shipped_prices())
    await prompts.sync_shipped()
    return Office(await prices.book(), prompts)


def of_step(quote: Quote, step: str) -> Any:
    return next(line for line in quote.lines if line.step == step)


async def test_every_step_of_a_month_is_quoted_and_the_worst_is_above_the_expected(office: Office) -> None:
    quote = await office.quote(tier="ultimate", platforms="instagram,linkedin")
    steps = {line.step for line in quote.lines}
    assert steps == {"research", "personas", "topics", "posts", "social", "visuals", "images", "video"}
    assert all(0 < line.expected_micro <= line.worst_micro for line in quote.lines)
    assert of_step(quote, "video").expected_micro == 8 * 50_000
    assert of_step(quote, "images").expected_micro == 4 * 2 * 20_000


@pytest.mark.parametrize(
    ("given", "absent"),
    [
        ({"tier": "basic"}, {"images", "video", "visuals"}),
        ({"tier": "pro"}, {"video"}),
        ({"tier": "ultimate", "images": False}, {"images"}),
        ({"tier": "ultimate", "videos": 0, "images": False}, {"images", "video", "visuals"}),
    ],
)
async def test_what_the_tier_or_the_request_leaves_out_is_not_quoted(
    office: Office, given: dict[str, Any], absent: set[str]
) -> None:
    quote = await office.quote(**given)
    assert not absent & {line.step for line in quote.lines}
    assert {"research", "posts"} <= {line.step for line in quote.lines}


async def test_more_posts_cost_more_and_topics_come_six_in_a_call(office: Office) -> None:
    four, twelve = await office.quote(posts=4), await office.quote(posts=12)
    assert of_step(twelve, "posts").expected_micro == 3 * of_step(four, "posts").expected_micro
    assert (of_step(four, "topics").calls, of_step(twelve, "topics").calls) == (1, 2)


async def test_without_a_search_provider_no_search_is_quoted(office: Office) -> None:
    quote = await office.quote(names=("gemini",))
    assert {line.provider for line in quote.lines} == {"gemini"}


async def test_what_the_company_has_used_so_far_replaces_what_is_typical(office: Office) -> None:
    known = {"BLOGPOST_GEN_V1": Typical(5, 1000.0, 8000.0), "TOPIC_GEN_V1": Typical(2, 9e6, 9e6)}
    quote = await office.quote(known, posts=1)
    assert of_step(quote, "posts").expected_micro == 750 + 30_000
    assert quote.learned == ("BLOGPOST_GEN_V1",)
    assert of_step(quote, "topics") == of_step(await office.quote(posts=1), "topics")


async def test_averages_are_of_this_company_and_organization_alone(
    database: Database, owner: Owner, stranger: Owner
) -> None:
    ledger = Ledger(database, default_limit_micro=10**9)
    template = TemplateRef("BLOGPOST_GEN_V1", 1, "hash")
    for whose, tokens in ((owner, 100), (owner, 300), (stranger, 9000)):
        call = Call(
            whose.organization_id,
            whose.company_id,
            "r",
            "pro",
            JobKind.GENERATE_BLOGPOST,
            "n",
            "i",
            template=template,
        )
        hold = a_hold(1000, call=call)
        await ledger.hold(hold)
        usage = Usage(input_tokens=tokens, output_tokens=2 * tokens)
        await ledger.settle(hold, cost_micro=1, basis="usage", usage=usage)
    records = UsageRecords(database)
    assert await records.typical("org-1", "Kavárna U Mlýna") == {"BLOGPOST_GEN_V1": Typical(2, 200.0, 400.0)}
    assert await records.typical("org-1", "Jiná firma") == {}


async def test_a_step_without_any_price_is_refused_with_the_command_that_adds_it(database: Database) -> None:
    prompts = Prompts(database)
    await prompts.sync_shipped()
    with pytest.raises(UnknownPrice) as caught:
        await Office(PriceBook([]), prompts).quote()
    assert "posthub prices add" in caught.value.next_step


async def test_a_quote_is_kept_once_and_compared_with_what_was_spent(
    office: Office, database: Database
) -> None:
    records = UsageRecords(database)
    quote = await office.quote(tier="ultimate", posts=1)
    await records.keep_quote("org-1", "run-1", kept(quote))
    await records.keep_quote("org-1", "run-1", kept(await office.quote(posts=9)))
    found = await records.quote("org-1", "run-1")
    assert found is not None
    assert (found.expected_micro, found.worst_micro) == (quote.expected_micro, quote.worst_micro)
    assert await records.quote("org-2", "run-1") is None
    compared = {
        (line.step, line.provider): line.actual_micro
        for line in compare(
            found, {("write_post", "gemini"): 70, ("research", "perplexity"): 5, ("other", "veo"): 3}
        ).lines
    }
    assert compared["posts", "gemini"] == 70
    assert compared["research", "perplexity"] == 5
    assert compared["video", "veo"] == 0
    assert compared["other", "veo"] == 3


async def test_a_version_that_asks_for_more_tokens_makes_the_worst_case_dearer(
    office: Office, database: Database
) -> None:
    editor = Editor(database, "org-1", Actor("eva@agentura.cz", "editor", "test"))
    place = await editor.key("BLOGPOST_GEN_V1", "cs")
    shipped = await editor.version(place, 1)
    front = {**shipped.template.front_matter, "max_tokens": shipped.template.max_tokens * 2}
    await editor.save(replace(shipped.template, front_matter=front), parent=1, reason="delší články")
    quotes = [
        await office.quote(organization="org-1", templates={"BLOGPOST_GEN_V1": number}) for number in (1, 2)
    ]
    first, second = (of_step(quote, "posts").worst_micro for quote in quotes)
    assert second > first
