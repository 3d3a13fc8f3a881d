"""Organizations, their companies, and where a company's facts were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import InvalidInput, LimitExceeded, NotFound
from domain.ids import stable_id
from domain.tiers import organization_name
from store.content.items import Owner
from store.database import Database
from store.schema.content import fact_sources
from store.schema.runs import runs
from store.schema.tenants import companies, organizations
from store.text import fold_key, storable_text


@dataclass(frozen=True)
class CompanyRecord:
    id: str
    organization_id: str
    name: str
    website: str
    business_field: str
    product_type: str
    language: str
    time_zone: str
    created_at: datetime


class Tenants:
    """Reads and writes tenants. An id of another organization is answered as an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ensure_organization(self, organization_id: str, tier: str | None = None) -> None:
        """Make an organization where there is none; one that is there stays as it is.

        Args:
            organization_id: Its name.
            tier: What it is put on; None where each of its months may ask for a tier.

        Raises:
            InvalidInput: The name is empty or holds only spaces.
        """
        name = organization_name(organization_id)
        values = {"id": name, "tier": tier}
        async with self._database.transaction(name) as connection:
            await connection.execute(insert(organizations).values(**values).on_conflict_do_nothing())

    async def tier_of(self, organization_id: str) -> str | None:
        """Return the tier that an organization was put on; None for one that was put on none, or is unknown."""
        query = select(organizations.c.tier).where(organizations.c.id == organization_id)
        async with self._database.transaction(organization_id) as connection:
            tier: str | None = await connection.scalar(query)
        return tier

    async def ensure_company(
        self,
        organization_id: str,
        *,
        name: str,
        website: str,
        language: str,
        time_zone: str,
        business_field: str,
        product_type: str,
        max_companies: int,
    ) -> str:
        """Make a company, or bring the one of the same name up to date; returns its id.

        Names are the same when a reader takes them for the same: case, spaces and Unicode forms do not count.

        Raises:
            LimitExceeded: The organization has ``max_companies`` others already.
            NotFound: The organization is unknown.
            InvalidInput: The name is empty.
        """
        key = fold_key(name)
        if not key:
            raise InvalidInput("The company has no name.", next_step="Give the company's name.")
        facts = {
            "name": name.strip(),
            "website": website,
            "language": language,
            "time_zone": time_zone,
            "business_field": business_field,
            "product_type": product_type,
        }
        facts = {field: storable_text(value) for field, value in facts.items()}
        async with self._database.transaction(organization_id) as connection:
            await _lock_organization(connection, organization_id)
            known = await _company_ids(connection, organization_id)
            if key in known:
                mine = (companies.c.id == known[key]) & (companies.c.organization_id == organization_id)
                await connection.execute(update(companies).where(mine).values(**facts))
                return known[key]
            if await _count_companies(connection, organization_id) >= max_companies:
                raise LimitExceeded(
                    f"{organization_id!r} already has all the companies that its tier allows: {max_companies}.",
                    next_step="Use one of its companies, a higher tier or another POSTHUB_ORGANIZATION.",
                    limit=max_companies,
                )
            company_id = _new_id(organization_id, key)
            row = {"id": company_id, "organization_id": organization_id, "name_key": key, **facts}
            await connection.execute(insert(companies).values(**row))
            return company_id

    async def company(self, organization_id: str, company_id: str) -> CompanyRecord:
        """Return a company.

        Raises:
            NotFound: It is unknown, or another organization's.
        """
        query = select(companies).where(
            companies.c.organization_id == organization_id, companies.c.id == storable_text(company_id)
        )
        async with self._database.transaction(organization_id) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise NotFound(f"There is no company {storable_text(company_id)!r}.")
        fields: dict[str, Any] = {**row._mapping, "created_at": row.created_at.astimezone(UTC)}
        del fields["name_key"]
        return CompanyRecord(**fields)

    async def id_of(self, organization_id: str, name: str) -> str:
        """Return the id that a company of this name has, or will have once it is opened."""
        key = fold_key(name)
        async with self._database.transaction(organization_id) as connection:
            known = await _company_ids(connection, organization_id)
        return known.get(key) or _new_id(organization_id, key)

    async def find(self, organization_id: str, name_or_id: str) -> CompanyRecord:
        """Return the company of a name, as a reader takes names for the same, or of an id.

        Raises:
            NotFound: The organization has none.
        """
        async with self._database.transaction(organization_id) as connection:
            known = await _company_ids(connection, organization_id)
        company_id = known.get(fold_key(name_or_id), name_or_id)
        if company_id not in known.values():
            raise NotFound(f"There is no company {storable_text(name_or_id)[:200]!r}.")
        return await self.company(organization_id, company_id)

    async def save_fact_sources(self, owner: Owner, facts: Sequence[tuple[str, str, str]]) -> None:
        """Replace what this run knows of where facts were found: (field, value, url) each."""
        cleaned = dict.fromkeys(tuple(storable_text(part) for part in fact) for fact in facts)
        rows = [
            {
                "id": stable_id("fact", owner.organization_id, owner.run_id, *fact),
                "organization_id": owner.organization_id,
                "company_id": owner.company_id,
                "run_id": owner.run_id,
                **dict(zip(("field", "value", "url"), fact, strict=True)),
            }
            for fact in cleaned
        ]
        async with self._database.transaction(owner.organization_id) as connection:
            await connection.execute(delete(fact_sources).where(*_facts_of(owner)))
            if rows:
                await connection.execute(insert(fact_sources).on_conflict_do_nothing(), rows)

    async def fact_sources(self, owner: Owner) -> list[tuple[str, str, str]]:
        """Return (field, value, url) of every fact of this run, ordered."""
        columns = (fact_sources.c.field, fact_sources.c.value, fact_sources.c.url)
        query = select(*columns).where(*_facts_of(owner)).order_by(*columns)
        async with self._database.transaction(owner.organization_id) as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(query)]


def _facts_of(owner: Owner) -> tuple[Any, ...]:
    return (
        fact_sources.c.organization_id == owner.organization_id,
        fact_sources.c.run_id == owner.run_id,
    )


async def _lock_organization(connection: AsyncConnection, organization_id: str) -> None:
    """Count and insert as one: two processes at once must not both take the last place."""
    query = select(organizations.c.id).where(organizations.c.id == organization_id).with_for_update()
    if (await connection.execute(query)).first() is None:
        raise NotFound(f"There is no organization {organization_id!r}.")


async def _count_companies(connection: AsyncConnection, organization_id: str) -> int:
    """Count what takes up the tier's number: a company that only ever ran on the sandbox does not."""
    mine = (runs.c.organization_id == organization_id) & (runs.c.company_id == companies.c.id)
    played = exists().where(mine, runs.c.sandbox)
    worked = exists().where(mine, ~runs.c.sandbox)
    query = (
        select(func.count())
        .select_from(companies)
        .where(companies.c.organization_id == organization_id, or_(~played, worked))
    )
    return await connection.scalar(query) or 0


def _new_id(organization_id: str, name_key: str) -> str:
    return stable_id("company", organization_id, name_key)


async def _company_ids(connection: AsyncConnection, organization_id: str) -> dict[str, str]:
    query = select(companies.c.name_key, companies.c.id)
    rows = await connection.execute(query.where(companies.c.organization_id == organization_id))
    return {row.name_key: row.id for row in rows}
