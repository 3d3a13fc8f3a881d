"""What deleted rows still have outside the tables, so that an interrupted deletion can be finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store.database import Database
from store.schema.content import assets
from store.schema.erasures import erasures
from store.schema.runs import runs
from store.tenancy import SYSTEM
from store.text import storable_text

FILE_KEYS = tuple(assets.c.content[name].astext for name in ("key", "thumbnailKey"))
"""Where an asset names its files."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One thing to take away: a file; without one a run's thread and package; without either a company's answers."""

    company_id: str
    run_id: str
    file: str


class Erasures:
    """Reads what is left of deletions. Each is an organization's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_run(self, organization_id: str, run_id: str) -> list[Erasure]:
        """Return what is left of a deleted run."""
        return await self._left(organization_id, erasures.c.run_id == storable_text(run_id))

    async def of_company(self, organization_id: str, company_id: str) -> list[Erasure]:
        """Return what is left of a deleted company, and of deleted runs of it."""
        return await self._left(organization_id, erasures.c.company_id == storable_text(company_id))

    async def is_shown(self, file: str) -> bool:
        """Whether an asset still shows a file: it is named by its content, so that two may have the same."""
        query = select(exists().where(or_(*(key == file for key in FILE_KEYS))))
        async with self._database.transaction(SYSTEM) as connection:
            return bool(await connection.scalar(query))

    async def done(self, organization_id: str, left: Erasure) -> None:
        """Forget one, once it is taken away."""
        columns = (erasures.c.company_id, erasures.c.run_id, erasures.c.file)
        its = zip(columns, (left.company_id, left.run_id, left.file), strict=True)
        mine = (erasures.c.organization_id == organization_id, *(column == value for column, value in its))
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(delete(erasures).where(*mine))

    async def _left(self, organization_id: str, which: ColumnElement[bool]) -> list[Erasure]:
        columns = (erasures.c.company_id, erasures.c.run_id, erasures.c.file)
        query = select(*columns).where(erasures.c.organization_id == organization_id, which)
        async with self._database.transaction(organization_id) as connection:
            return [Erasure(*row) for row in await connection.execute(query.order_by(*columns))]


async def leave(
    connection: AsyncConnection, organization_id: str, company_id: str, which: ColumnElement[bool]
) -> None:
    """Note what some runs of a company have outside the tables, in the transaction that deletes their rows."""
    mine = (runs.c.organization_id == organization_id, runs.c.company_id == company_id, which)
    whose: tuple[Any, ...] = (literal(organization_id), literal(company_id))
    queries = [select(*whose, runs.c.id, literal("")).where(*mine)]
    for key in FILE_KEYS:
        shown = (assets.c.organization_id == runs.c.organization_id, assets.c.run_id == runs.c.id, key != "")
        queries.append(select(*whose, runs.c.id, key).where(*mine, *shown).distinct())
    names = ("organization_id", "company_id", "run_id", "file")
    for query in queries:
        await connection.execute(insert(erasures).from_select(names, query).on_conflict_do_nothing())
