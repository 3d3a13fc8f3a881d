from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.errors import InvalidInput, LimitExceeded, NotFound, PostHubError
from store.content.items import Owner
from store.content.run_record import RunRecord
from store.content.runs import Runs
from store.content.tenants import Tenants
from store.database import Database

FACTS: dict[str, Any] = {
    "website": "https://a.example",
    "language": "cs",
    "time_zone": "Europe/Prague",
    "business_field": "pekárna",
    "product_type": "chléb",
}


@pytest.fixture
async def tenants(database: Database) -> Tenants:
    tenants = Tenants(database)
    await tenants.ensure_organization("org", "basic")
    return tenants


async def test_a_company_comes_back_as_it_was_given(tenants: Tenants) -> None:
    company_id = await tenants.ensure_company("org", name=" Pekárna ", max_companies=1, **FACTS)
    company = await tenants.company("org", company_id)
    assert (company.name, company.website, company.time_zone) == (
        "Pekárna",
        "https://a.example",
        "Europe/Prague",
    )


async def test_a_company_of_the_same_name_is_the_same_and_brought_up_to_date(tenants: Tenants) -> None:
    first = await tenants.ensure_company("org", name="Pekárna", max_companies=1, **FACTS)
    changed = FACTS | {"website": "https://b.example"}
    assert await tenants.ensure_company("org", name="PEKÁRNA", max_companies=1, **changed) == first
    assert (await tenants.company("org", first)).website == "https://b.example"


async def test_more_companies_than_the_tier_has_are_refused(tenants: Tenants) -> None:
    await tenants.ensure_company("org", name="A", max_companies=1, **FACTS)
    with pytest.raises(LimitExceeded) as caught:
        await tenants.ensure_company("org", name="B", max_companies=1, **FACTS)
    assert caught.value.next_step


async def test_companies_made_at_once_do_not_pass_the_limit_together(tenants: Tenants) -> None:
    makers = (tenants.ensure_company("org", name=f"C{n}", max_companies=3, **FACTS) for n in range(8))
    results = await asyncio.gather(*makers, return_exceptions=True)
    assert sum(isinstance(result, str) for result in results) == 3
    assert sum(isinstance(result, LimitExceeded) for result in results) == 5


async def test_who_uses_an_organization_never_changes_its_tier(tenants: Tenants) -> None:
    await tenants.ensure_organization("org", "ultimate")
    await tenants.ensure_organization("org")
    assert await tenants.tier_of("org") == "basic"


async def test_a_foreign_company_is_answered_as_an_unknown_one(tenants: Tenants) -> None:
    company_id = await tenants.ensure_company("org", name="A", max_companies=1, **FACTS)
    await tenants.ensure_organization("other", "basic")
    with pytest.raises(NotFound) as foreign:
        await tenants.company("other", company_id)
    with pytest.raises(NotFound) as unknown:
        await tenants.company("nobody", company_id)
    assert str(foreign.value) == str(unknown.value)


async def test_two_organizations_may_have_a_company_of_the_same_name(tenants: Tenants) -> None:
    await tenants.ensure_organization("other", "basic")
    ours = await tenants.ensure_company("org", name="A", max_companies=1, **FACTS)
    theirs = await tenants.ensure_company("other", name="A", max_companies=1, **FACTS)
    assert ours != theirs


@pytest.mark.parametrize(("name", "error"), [("", InvalidInput), (" \x00 ", InvalidInput)])
async def test_a_company_without_a_name_is_refused(
    tenants: Tenants, name: str, error: type[PostHubError]
) -> None:
    with pytest.raises(error):
        await tenants.ensure_company("org", name=name, max_companies=1, **FACTS)


async def test_a_company_of_an_unknown_organization_is_refused(tenants: Tenants) -> None:
    with pytest.raises(NotFound):
        await tenants.ensure_company("nobody", name="A", max_companies=1, **FACTS)


async def test_the_sources_of_facts_are_replaced_as_a_whole(
    tenants: Tenants, owner: Owner, stranger: Owner
) -> None:
    old = [("mission", "Pečeme", "https://a.example/o-nas")]
    new = [("usp", "Kvásek", "https://a.example/"), ("usp", "Kvásek", "https://a.example/")]
    await tenants.save_fact_sources(owner, old)
    await tenants.save_fact_sources(stranger, old)
    await tenants.save_fact_sources(owner, new)
    assert await tenants.fact_sources(owner) == [("usp", "Kvásek", "https://a.example/")]
    assert await tenants.fact_sources(stranger) == old


async def test_a_company_that_only_ever_ran_on_the_sandbox_takes_up_no_place(
    tenants: Tenants, database: Database
) -> None:
    sample = await tenants.ensure_company("org", name="Ukázka", max_companies=1, **FACTS)
    run = RunRecord("run-1", "org", sample, "2027-01", "basic", {}, "1", sandbox=True)
    await Runs(database).create(run)
    own = await tenants.ensure_company("org", name="Naše pekárna", max_companies=1, **FACTS)
    assert own != sample
    with pytest.raises(LimitExceeded):
        await tenants.ensure_company("org", name="Ještě jedna", max_companies=1, **FACTS)
