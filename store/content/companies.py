"""Everything that is kept about one company: read as a whole, and deleted as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, text, true, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import InvalidInput, NotFound
from store.content import sql
from store.content.branches import FIGURES
from store.content.erasures import FILE_KEYS, leave
from store.content.run_record import WORKED_ON, RunStatus
from store.database import Database
from store.schema import metadata
from store.schema.content import assets
from store.schema.erasures import erasures
from store.schema.money import adjustments, attempts, cache_hits, jobs
from store.schema.prompts import prompt_events
from store.schema.runs import runs
from store.schema.tenants import companies
from store.text import storable_text

Rows = dict[str, list[dict[str, Any]]]
"""Rows by the name of their table."""

_BUSY = text(
    f"select id from runs where organization_id = :organization_id and company_id = :company_id"
    f" and status = '{RunStatus.RUNNING}' and {WORKED_ON} limit 1"
)
LEDGER: tuple[Table, ...] = (attempts, adjustments, cache_hits)
"""What was spent and saved: figures and ids, no name and no text. They stay."""


@dataclass(frozen=True, slots=True)
class CompanySummary:
    id: str
    name: str
    website: str
    runs: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DeletedRows:
    """How many rows are gone, and of each run where its package was written."""

    rows: int
    packages: tuple[tuple[str, str | None], ...]


class CompanyData:
    """Reads and deletes what is kept about companies. An id of another organization is answered as an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def everything(self, organization_id: str, company_id: str) -> Rows:
        """Return every row about a company."""
        async with self._database.transaction(organization_id) as connection:
            return {
                table.name: await _rows(connection, table, its)
                for table, its in _tables(organization_id, storable_text(company_id)).items()
            }

    async def counts(self, organization_id: str, company_id: str) -> dict[str, int]:
        """Return how many rows of each table are about a company, those that have none left out."""
        found = {}
        async with self._database.transaction(organization_id) as connection:
            for table, its in _tables(organization_id, storable_text(company_id)).items():
                found[table.name] = (
                    await connection.scalar(select(func.count()).select_from(table).where(its)) or 0
                )
        return {name: count for name, count in found.items() if count}

    async def files(self, organization_id: str, company_id: str) -> list[str]:
        """Return the keys of a company's files."""
        its = _tables(organization_id, storable_text(company_id))[assets]
        async with self._database.transaction(organization_id) as connection:
            keys = await connection.scalars(union(*(select(key).where(its, key != "") for key in FILE_KEYS)))
            return sorted(keys)

    async def delete(self, organization_id: str, company_id: str) -> DeletedRows:
        """Delete every row about a company but the ledger's, all of them or none; jobs keep no answer.

        What lies outside the tables is noted in `Erasures`.

        Raises:
            NotFound: The organization has no such company.
            InvalidInput: A run of it is being worked on.
        """
        company_id = storable_text(company_id)
        whose = {"organization_id": organization_id, "company_id": company_id}
        async with self._database.transaction(organization_id) as connection:
            await _keep_away(connection, whose)
            await leave(connection, organization_id, company_id, true())
            await connection.execute(insert(erasures).values(**whose).on_conflict_do_nothing())
            its = _tables(organization_id, company_id)
            await connection.execute(update(jobs).where(its[jobs]).values(FIGURES))
            # the trail of prompts lets go of rows whose company does not exist any more, and of no other
            kept = {*LEDGER, jobs, prompt_events}
            order = [each for each in reversed(its) if each not in kept] + [prompt_events]
            packages = (await connection.execute(select(runs.c.id, runs.c.out).where(its[runs]))).all()
            counts = [(await connection.execute(delete(each).where(its[each]))).rowcount for each in order]
        return DeletedRows(sum(counts), tuple((row.id, row.out) for row in packages))

    async def list(self, organization_id: str) -> list[CompanySummary]:
        """Return an organization's companies, by name."""
        its_runs = select(func.count()).where(runs.c.company_id == companies.c.id).scalar_subquery()
        columns = (companies.c.id, companies.c.name, companies.c.website, its_runs, companies.c.created_at)
        query = select(*columns).where(companies.c.organization_id == organization_id)
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(query.order_by(companies.c.name_key))).all()
        return [CompanySummary(*row[:-1], created_at=row.created_at.astimezone(UTC)) for row in rows]


async def _keep_away(connection: AsyncConnection, whose: Mapping[str, str]) -> None:
    """Let no run of a company begin or go on until the transaction ends."""
    if await connection.scalar(sql("lock_company"), whose) is None:
        raise NotFound(f"There is no company {whose['company_id']!r}.")
    busy = await connection.scalar(_BUSY, whose) or await connection.scalar(sql("untaken_run"), whose)
    if busy is not None:
        raise InvalidInput(
            f"The run {busy} of this company is being worked on.",
            next_step="Stop it, or wait until it waits for a review or is done; then try again.",
        )


def _tables(organization_id: str, company_id: str) -> dict[Table, ColumnElement[bool]]:
    """Every table that says something of companies, with what picks the rows of one.

    What refers to another table comes after it, and what is picked by the company's runs after these.
    """
    its_runs = select(runs.c.id).where(
        runs.c.organization_id == organization_id, runs.c.company_id == company_id
    )
    by_company, by_run = {}, {}
    for table in metadata.sorted_tables:
        if table is companies:
            by_company[table] = _mine(table, organization_id) & (table.c.id == company_id)
        elif "company_id" in table.c and table is not erasures:
            by_company[table] = _mine(table, organization_id) & (table.c.company_id == company_id)
        elif "run_id" in table.c and table is not erasures:
            by_run[table] = _mine(table, organization_id) & table.c.run_id.in_(its_runs)
    return {**by_company, **by_run}


def _mine(table: Table, organization_id: str) -> ColumnElement[bool]:
    return table.c.organization_id == organization_id


async def _rows(connection: AsyncConnection, table: Table, its: ColumnElement[bool]) -> list[dict[str, Any]]:
    query = select(table).where(its).order_by(*table.primary_key.columns)
    return [dict(row) for row in (await connection.execute(query)).mappings()]
