"""What a run has: copied where its thread is, gone where it is deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, delete, func, literal, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.ids import stable_id
from store.content.erasures import leave
from store.content.runs import unknown_run
from store.database import Database
from store.schema.content import TABLES, fact_sources
from store.schema.money import jobs, quotes, run_budgets
from store.schema.review import DecisionState, decisions, outcomes, questions
from store.schema.runs import runs
from store.text import storable_text

MADE: tuple[Table, ...] = (*TABLES.values(), fact_sources, decisions, outcomes)
"""What a run has made and what was decided of it."""
_ASIDE: tuple[Table, ...] = (questions, quotes, run_budgets)
"""What else is kept of a run, but for the journal and the ledger."""
FIGURES: dict[Any, Any] = {
    jobs.c.input: {},
    jobs.c.output: null(),
    jobs.c.error: null(),
    jobs.c.provider_ref: null(),
}
"""Makes of a job what stays of it: who called what and when; not what was asked and answered."""


class Branches:
    """Opens the run of a copied thread, and deletes runs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, organization_id: str, parent: str, run_id: str) -> None:
        """Open the run of a thread that is a copy of another run's, with all that the parent has; once.

        Its rows are its own: neither run sees what the other makes from now on, and either may be deleted.

        Raises:
            NotFound: The organization has no such parent, or the thread carries another organization's run.
        """
        run_id = storable_text(run_id)
        async with self._database.transaction(organization_id) as connection:
            key = func.hashtextextended(stable_id("branch", run_id), 0)
            await connection.execute(select(func.pg_advisory_xact_lock(key)))
            if await connection.scalar(_known(organization_id, run_id)) is None:
                if await connection.scalar(_known(organization_id, parent)) is None:
                    raise unknown_run(parent)
                await _copy(connection, organization_id, storable_text(parent), run_id)

    async def delete(self, organization_id: str, run_id: str) -> None:
        """Delete a run with all that it has made; attempts and jobs stay, without what was answered.

        What lies outside these tables is noted in `Erasures`.

        Raises:
            NotFound: The organization has no such run.
        """
        run_id = storable_text(run_id)
        async with self._database.transaction(organization_id) as connection:
            mine = (runs.c.organization_id == organization_id) & (runs.c.id == run_id)
            run = (await connection.execute(select(runs.c.company_id).where(mine))).first()
            if run is None:
                raise unknown_run(run_id)
            await leave(connection, organization_id, run.company_id, runs.c.id == run_id)
            for table in (*MADE, *_ASIDE):
                mine = (table.c.organization_id == organization_id) & (table.c.run_id == run_id)
                await connection.execute(delete(table).where(mine))
            mine = (jobs.c.organization_id == organization_id) & (jobs.c.run_id == run_id)
            await connection.execute(update(jobs).where(mine).values(FIGURES))
            mine = (runs.c.organization_id == organization_id) & (runs.c.id == run_id)
            await connection.execute(delete(runs).where(mine))


def _known(organization_id: str, run_id: str) -> Any:
    mine = (runs.c.organization_id == organization_id) & (runs.c.id == storable_text(run_id))
    return select(runs.c.id).where(mine)


async def _copy(connection: AsyncConnection, organization_id: str, parent: str, run_id: str) -> None:
    origin = func.coalesce(runs.c.origin_run_id, runs.c.id)
    own: dict[str, Any] = {"id": run_id, "parent_run_id": parent, "origin_run_id": origin}
    fresh = ("error", "out", "created_at", "updated_at")
    if not await _rows(connection, runs, runs.c.id == parent, organization_id, own, fresh):
        raise unknown_run(run_id)
    for table in MADE:
        identity = func.md5(table.c.id + literal(run_id))
        own = {"id": identity, "run_id": run_id}
        where = table.c.run_id == parent
        if table is decisions:  # what is not carried out yet was given to the parent, and so was a rollback
            own |= {"request": "", "checkpoint": "copied"}
            where &= table.c.state == DecisionState.ACCEPTED
        await _rows(connection, table, where, organization_id, own)
    own = {"run_id": run_id, "held_micro": 0, "spent_micro": 0}
    await _rows(connection, run_budgets, run_budgets.c.run_id == parent, organization_id, own)


async def _rows(
    connection: AsyncConnection,
    table: Table,
    where: Any,
    organization_id: str,
    own: dict[str, Any],
    fresh: tuple[str, ...] = (),
) -> int:
    names = [column.name for column in table.columns if column.name not in fresh]
    values = [_value(table, name, own) for name in names]
    source = select(*values).where(where, table.c.organization_id == organization_id)
    statement = insert(table).from_select(names, source).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount


def _value(table: Table, name: str, own: dict[str, Any]) -> Any:
    if name not in own:
        return table.c[name]
    return own[name] if hasattr(own[name], "label") else literal(own[name])
