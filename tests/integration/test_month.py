"""The month in process, on real PostgreSQL and the sandbox's HTTP: tiers, quotas, partial answers, failures."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import text

from app.months import Months
from domain.errors import BudgetExceeded, InvalidInput, LimitExceeded
from domain.month_request import MonthRequest, parse
from runtime.services import open_quotes, open_services
from runtime.settings import load
from store.content.items import Kind, Owner
from store.money.price_rows import parse_row
from store.money.prices import Prices, today
from store.tenancy import SYSTEM


class Studio:
    """One organization's months, and how they are answered."""

    def __init__(self, months: Months, services: Any, company: str, site: str) -> None:
        self.months = months
        self.services = services
        self._company = (company, site)

    def request(self, **changes: Any) -> MonthRequest:
        name, site = self._company
        given = {"company": name, "website": site, "month": "2027-01", "posts": 2, "platforms": "linkedin"}
        return parse({**given, "tier": "ultimate", **changes}, today=datetime.now(UTC).date())

    async def start(self, **changes: Any) -> str:
        thread = await self.months.start(self.request(**changes), out=None)
        await self.go_on(thread)
        return thread

    async def go_on(self, thread: str, answer: Any = None) -> list[str]:
        """Decide where there is an answer, let the run go on, and return what was not taken of the answer."""
        taken = await self.months.decide(thread, answer, by="tester") if answer is not None else None
        async for _ in self.months.advance(thread):
            pass
        return list(taken.problems) if taken else []

    async def asked(self, thread: str) -> Any:
        waiting = await self.months.waiting(thread)
        assert waiting, "nothing waits"
        return waiting.request

    async def approve_until(self, thread: str, point: str) -> Any:
        while (request := await self.asked(thread))["point"] != point:
            await self.go_on(thread, {"type": "approve"})
        return request

    async def owner(self, thread: str) -> Owner:
        run = await self.services.runs.get(self.services.settings.organization, thread)
        return Owner(run.organization_id, run.company_id, run.id)


def environment(sandbox: Any, home: Path, database_uri: str, redis_uri: str) -> dict[str, str]:
    parts = urlsplit(sandbox.base_url)
    names = ("GEMINI", "PERPLEXITY", "NANOBANA", "VEO")
    return {
        "DATABASE_URI": database_uri,
        "REDIS_URI": redis_uri,
        "POSTHUB_HOME": str(home),
        "POSTHUB_ALLOW_PRIVATE_HOSTS": f"{parts.hostname}:{parts.port}",
        "POSTHUB_VIDEO_POLL_SECONDS": "0.3",
        **{f"{name}_API_KEY": "test" for name in names},
        **{f"{name}_BASE_URL": sandbox.base_url for name in names},
    }


@pytest.fixture
def configured(sandbox: Any, tmp_path: Path, database_uri: str, redis_uri: str) -> dict[str, str]:
    return environment(sandbox, tmp_path, database_uri, redis_uri)


@pytest.fixture
async def studio(sandbox: Any, configured: dict[str, str]) -> AsyncIterator[Studio]:
    async with open_services(load(configured)) as services:
        name, site = next(iter(sandbox.sites.items()))
        yield Studio(services.months, services, name, site)


async def test_the_basic_tier_keeps_three_personas_and_skips_media_with_a_typed_outcome(
    studio: Studio,
) -> None:
    thread = await studio.start(tier="basic", approve="auto")
    summary = (await studio.months.summary(thread)).as_json()
    assert summary["status"] == "done"
    assert (summary["counts"]["personas"], summary["counts"]["images"], summary["counts"]["videos"]) == (
        3,
        0,
        0,
    )
    assert summary["failed"] == []
    assert any("video" in line and "ultimate" in line for line in summary["skipped"])
    assert any("images" in line and "pro" in line for line in summary["skipped"])


async def test_a_rejected_topic_alone_is_made_again_and_keeps_its_day_and_persona(studio: Studio) -> None:
    thread = await studio.start()
    before = await studio.approve_until(thread, "topics")
    old = {action["args"]["id"]: action["args"] for action in before["action_requests"]}
    await studio.go_on(
        thread, {"decisions": [{"id": "t02", "type": "reject", "reason": "Víc o zákaznících."}]}
    )
    after = await studio.asked(thread)
    new = {action["args"]["id"]: action["args"] for action in after["action_requests"]}
    assert new["t01"] == old["t01"]
    assert new["t02"]["title"] != old["t02"]["title"]
    assert [new["t02"][key] for key in ("plannedDate", "personaId")] == [
        old["t02"][key] for key in ("plannedDate", "personaId")
    ]


async def test_an_item_is_made_again_only_as_often_as_the_tier_allows(studio: Studio) -> None:
    thread = await studio.start(tier="basic")
    await studio.approve_until(thread, "topics")
    reject = {"decisions": [{"id": "t01", "type": "reject", "reason": "Jinak."}]}
    await studio.go_on(thread, reject)
    await studio.go_on(thread, reject)
    request = await studio.asked(thread)
    assert "LIMIT_EXCEEDED" in request["problems"][0]
    assert "t01" in request["items"]


async def test_what_is_approved_goes_on_while_the_rest_is_asked_again(studio: Studio) -> None:
    thread = await studio.start()
    await studio.approve_until(thread, "topics")
    await studio.go_on(thread, {"decisions": [{"id": "t01", "type": "approve"}]})
    request = await studio.asked(thread)
    assert (request["point"], request["items"]) == ("topics", ["t02"])
    written = await studio.services.items.list_newest(await studio.owner(thread), Kind.POST)
    assert [record.item for record in written] == ["t01"]


async def test_an_edit_outside_a_networks_rules_is_asked_again_and_changes_nothing(studio: Studio) -> None:
    thread = await studio.start(platforms="twitter", images=False, video=False)
    request = await studio.approve_until(thread, "packages")
    text = {"social": {"twitter": {"textContent": "ž" * 400}}}
    await studio.go_on(thread, {"decisions": [{"id": "t01.package", "type": "edit", "edited": text}]})
    again = await studio.asked(thread)
    assert "t01.package: twitter" in again["problems"][0]
    assert again["action_requests"][0]["args"] == request["action_requests"][0]["args"]


async def test_one_failing_post_goes_to_review_as_failed_and_its_siblings_are_written(
    studio: Studio, sandbox: Any
) -> None:
    thread = await studio.start()
    topics = await studio.approve_until(thread, "topics")
    title = topics["action_requests"][0]["args"]["description"]
    sandbox.fault("safety", provider="gemini", body_contains=json.dumps(title)[1:-1])
    await studio.go_on(thread, {"type": "approve"})
    request = await studio.asked(thread)
    assert request["items"] == ["t01.post", "t02.post"]
    assert request["review_configs"][0]["allowed_decisions"] == ["reject", "drop"]
    assert "problem" in request["action_requests"][0]["args"]
    sandbox.clear_faults()
    again = {"id": "t01.post", "type": "reject", "reason": "Zkusit znovu."}
    await studio.go_on(thread, {"decisions": [again, {"id": "t02.post", "type": "approve"}]})
    request = await studio.asked(thread)
    assert (request["items"], "title" in request["action_requests"][0]["args"]) == (["t01.post"], True)


async def test_a_later_month_repeats_no_topic_of_an_earlier_one(studio: Studio) -> None:
    first = await studio.start(images=False, video=False, approve="auto")
    second = await studio.start(images=False, video=False, approve="auto", month="2027-02")
    titles = []
    for thread in (first, second):
        topics = await studio.services.items.list_newest(await studio.owner(thread), Kind.TOPIC)
        titles += [topic.content["title"].casefold() for topic in topics]
    assert len(set(titles)) == 4


async def test_a_company_too_many_for_the_tier_is_refused_before_anything_is_spent(studio: Studio) -> None:
    await studio.start(tier="basic", approve={"dna": "ask"})
    with pytest.raises(LimitExceeded, match="already has all the companies that its tier allows: 1"):
        await studio.start(tier="basic", company="Jiná firma")


async def test_a_run_beyond_its_budget_stops_and_goes_on_when_there_is_money(
    sandbox: Any, configured: dict[str, str]
) -> None:
    name, site = next(iter(sandbox.sites.items()))
    async with open_services(load({**configured, "POSTHUB_MONTHLY_BUDGET_USD": "0.01"})) as services:
        studio = Studio(services.months, services, name, site)
        with pytest.raises(BudgetExceeded):
            await studio.start(approve="auto", images=False, video=False)
        run = (await studio.months.runs())[0]
        assert (run.status, run.error and run.error["code"]) == ("failed", "BUDGET_EXCEEDED")
    async with open_services(load(configured)) as services:
        studio = Studio(services.months, services, name, site)
        await studio.go_on(run.id)
        assert (await studio.months.summary(run.id)).status == "done"


async def test_without_web_search_the_dna_says_that_it_comes_from_the_companys_own_pages(
    sandbox: Any, configured: dict[str, str]
) -> None:
    name, site = next(iter(sandbox.sites.items()))
    settings = load(
        {**configured, "PERPLEXITY_API_KEY": "", "POSTHUB_CHAIN_SEARCH": "perplexity/perplexity/sonar"}
    )
    async with open_services(settings) as services:
        studio = Studio(services.months, services, name, site)
        thread = await studio.start()
        dna = await services.items.newest(await studio.owner(thread), Kind.DNA, "dna")
    assert "Web search was not available" in dna.findings[0]
    assert {urlsplit(source["url"]).netloc for source in dna.content["sources"]} <= {urlsplit(site).netloc}


async def test_two_processes_cannot_work_on_one_run_at_once(studio: Studio) -> None:
    thread = await studio.start()
    async with studio.services.runs.exclusive("local", thread, owner="another"):
        with pytest.raises(InvalidInput, match="another process"):
            await studio.go_on(thread)


async def test_an_answer_to_nothing_is_refused_and_nothing_is_lost(studio: Studio) -> None:
    thread = await studio.start(approve="auto", images=False, video=False, posts=1)
    assert await studio.months.waiting(thread) is None
    summary = (await studio.months.summary(thread)).as_json()
    assert summary["status"] == "done"
    assert summary["cost_usd"]["total"] == str(sum_of(summary["cost_usd"]))


def sum_of(costs: dict[str, str]) -> Any:
    from decimal import Decimal

    return sum(Decimal(cost) for name, cost in costs.items() if name != "total")


ALONE: dict[str, tuple[str, dict[str, str]]] = {
    "openai": ("openai/gpt-6-luna", {"OPENAI_API_KEY": "test", "OPENAI_BASE_URL": "{sandbox}/v1"}),
    "anthropic": (
        "anthropic/claude-haiku-5-5",
        {"ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": "{sandbox}"},
    ),
    "custom": ("custom/qwen3", {"POSTHUB_OPENAI_COMPATIBLE_BASE_URL": "{sandbox}/custom/v1"}),
}


@pytest.mark.parametrize("provider", sorted(ALONE))
async def test_a_month_of_one_text_provider_alone_leaves_out_what_nobody_makes_and_says_so_before_and_after(
    sandbox: Any, configured: dict[str, str], provider: str
) -> None:
    name, site = next(iter(sandbox.sites.items()))
    chain, own = ALONE[provider]
    alone = {key: value for key, value in configured.items() if not key.endswith(("_API_KEY", "_BASE_URL"))}
    alone |= {key: value.format(sandbox=sandbox.base_url) for key, value in own.items()}
    alone |= {f"POSTHUB_CHAIN_{purpose}": chain for purpose in ("TEXT", "RESEARCH", "WRITING")}
    before, settings = {line["id"] for line in sandbox.bill()}, load(alone)
    async with open_services(settings) as services:
        if provider == "custom":  # what a person's own server costs is for that person to say
            await Prices(services.database).add([free(chain, unit) for unit in ("input", "output")])
        studio = Studio(services.months, services, name, site)
        async with open_quotes(settings) as quotes:
            quote = await quotes.quote(studio.request(posts=1))
        thread = await studio.start(posts=1, approve="auto")
        summary = await studio.months.summary(thread)
        booked = await services.ports.ledger.run_cost(settings.organization, thread)
    bill = [line for line in sandbox.bill() if line["id"] not in before]
    assert [each.split(".")[0] for each in quote.left_out] == [
        "No provider is configured for image",
        "No provider is configured for video",
    ]
    assert (summary.status, summary.failed) == ("done", ())
    assert all(any(missing in line for line in summary.skipped) for missing in quote.left_out)
    assert {line["provider"] for line in bill} == {provider}
    assert booked == sum(line["cost_micro_usd"] for line in bill)
    assert quote.expected_micro <= quote.worst_micro and (booked == 0) == (provider == "custom")


def free(deployment: str, unit: str) -> Any:
    provider, _, model = deployment.partition("/")
    raw = {"provider": provider, "model": model, "unit": unit, "usd_per": "0", "per": 1_000_000}
    return parse_row(raw | {"list": "own", "valid_from": today().isoformat(), "source": "its owner"})


@pytest.mark.parametrize("engine", ["litellm", "google"])
async def test_a_month_that_loses_its_provider_in_the_middle_ends_on_the_next_and_is_booked_as_billed(
    sandbox: Any, configured: dict[str, str], engine: str
) -> None:
    name, site = next(iter(sandbox.sites.items()))
    chain = "gemini/gemini-3.8-flash,openai/gpt-6-luna,anthropic/claude-haiku-5-5"
    chains = {f"POSTHUB_CHAIN_{purpose}": chain for purpose in ("TEXT", "RESEARCH", "WRITING")}
    others = {
        "OPENAI_API_KEY": "test",
        "OPENAI_BASE_URL": f"{sandbox.base_url}/v1",
        "ANTHROPIC_API_KEY": "test",
        "ANTHROPIC_BASE_URL": sandbox.base_url,
    }
    before = {line["id"] for line in sandbox.bill()}
    settings = load({**configured, **chains, **others, "POSTHUB_ENGINE": engine})
    async with open_services(settings) as services:
        studio = Studio(services.months, services, name, site)
        thread = await studio.start(tier="basic")
        await studio.approve_until(thread, "topics")
        sandbox.fault("status", status=503, provider="gemini")
        while (await studio.months.summary(thread)).status == "waiting":
            await studio.go_on(thread, {"type": "approve"})
        summary = await studio.months.summary(thread)
        query = text(
            "select provider, sum(cost_micro) from attempts where state = 'settled' group by provider"
        )
        async with services.database.transaction(SYSTEM) as connection:
            booked = {row[0]: int(row[1]) for row in (await connection.execute(query)).all()}
    billed: dict[str, int] = {}
    for line in sandbox.bill():
        if line["id"] not in before:
            billed[line["provider"]] = billed.get(line["provider"], 0) + line["cost_micro_usd"]
    assert summary.status == "done" and not summary.failed
    assert booked == billed
    assert booked["gemini"] > 0 and booked["openai"] > 0
