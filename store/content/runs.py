"""Runs: one row for each thread that carries a company through a month, and the right to work on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import psycopg
from sqlalchemy import Boolean, Row, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import InvalidInput, NotFound
from store.addresses import CONNECT_SECONDS
from store.content import sql
from store.content.run_record import NEWEST, WORKED_ON, RunRecord, RunStatus, record
from store.database import Database, reported
from store.schema.runs import runs
from store.tenancy import SYSTEM
from store.text import storable_json, storable_text

EXCLUSIVE_WAIT_SECONDS = 3.0
"""How long the lock of a process that was killed this moment may linger on the server."""

_WORKED_ON = literal_column(WORKED_ON, Boolean).label("worked_on")


class Runs:
    """Reads and writes runs. An id of another organization is answered as an unknown one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, run: RunRecord, *, once: bool = False) -> RunRecord:
        """Store a new run, or return the one of this id as it is.

        Args:
            run: The run.
            once: Only where the company has no other run of the month, also of those opened at this moment.

        Raises:
            NotFound: The id is taken by another organization.
            InvalidInput: The company has another run of the month.
        """
        values = {
            "id": storable_text(run.id),
            "organization_id": run.organization_id,
            "company_id": run.company_id,
            "month": run.month,
            "tier": run.tier,
            "request": storable_json(run.request),
            "status": run.status,
            "sandbox": run.sandbox,
            "graph_version": run.graph_version,
        }
        async with self._database.transaction(run.organization_id) as connection:
            if once:
                key = f"posthub:month:{run.organization_id}:{run.company_id}:{run.month}:{run.sandbox}"
                await connection.execute(sql("hold_month"), {"key": key})
                await _refuse_second(connection, run)
            await connection.execute(insert(runs).values(**values).on_conflict_do_nothing())
        return await self.get(run.organization_id, run.id)

    async def refuse_second(self, run: RunRecord) -> None:
        """See to it that a new run is the first of its company and month, in its world of providers.

        A run that failed before anything was made does not count, nor one that was deleted.

        Raises:
            InvalidInput: There is another one; says which, and how to go on.
        """
        async with self._database.transaction(run.organization_id) as connection:
            await _refuse_second(connection, run)

    async def get(self, organization_id: str, run_id: str) -> RunRecord:
        """Return a run.

        Raises:
            NotFound: It is unknown, or another organization's.
        """
        query = select(runs, _WORKED_ON).where(
            runs.c.organization_id == organization_id, runs.c.id == storable_text(run_id)
        )
        async with self._database.transaction(organization_id) as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise unknown_run(run_id)
        return record(row._asdict())

    async def of_thread(self, organization_id: str, thread_id: str) -> RunRecord | None:
        """Return the run that a thread carries; None for a thread that carries none of this organization's."""
        with suppress(NotFound):
            return await self.get(organization_id, thread_id)
        return None

    async def whose(self, thread_id: str) -> str | None:
        """Return the organization whose run a thread carries; None for a thread that carries none."""
        query = select(runs.c.organization_id).where(runs.c.id == storable_text(thread_id))
        async with self._database.transaction(SYSTEM) as connection:
            found: str | None = await connection.scalar(query)
        return found

    async def list(self, organization_id: str, limit: int = 50) -> list[RunRecord]:
        """Return an organization's runs, newest first."""
        query, given = text(NEWEST), {"organization_id": organization_id, "limit": limit}
        async with self._database.transaction(organization_id) as connection:
            rows = (await connection.execute(query, given)).all()
        return [record(row._asdict()) for row in rows]

    async def set_status(
        self,
        organization_id: str,
        run_id: str,
        status: str,
        *,
        waiting_at: str | None = None,
        error: dict[str, Any] | None = None,
        out: str | None = None,
    ) -> None:
        """Set where a run stands. ``waiting_at`` and ``error`` are set as given; ``out`` stays where None.

        Raises:
            NotFound: The organization has no such run.
            InvalidInput: There is no such status.
        """
        if status not in list(RunStatus):
            raise InvalidInput(f"{status!r} is no status of a run: use one of {', '.join(RunStatus)}.")
        values: dict[str, Any] = {"status": status, "waiting_at": waiting_at, "updated_at": func.now()}
        values["error"] = None if error is None else storable_json(error)
        if out is not None:
            values["out"] = storable_text(out)
        mine = (runs.c.organization_id == organization_id) & (runs.c.id == storable_text(run_id))
        statement = update(runs).where(mine).values(**values).returning(runs.c.id)
        async with self._database.transaction(organization_id) as connection:
            if (await connection.execute(statement)).first() is None:
                raise unknown_run(run_id)

    def exclusive(
        self,
        organization_id: str,
        run_id: str,
        *,
        owner: str,
        wait_seconds: float = EXCLUSIVE_WAIT_SECONDS,
    ) -> AbstractAsyncContextManager[None]:
        """Be the only process that works on a run, until the end of the block or of the process.

        The lock is PostgreSQL's and lives on a connection of its own: a killed process loses it. What a process has
        begun and not lost by its lease keeps others away too, for a lock is lost with its connection alone.

        Args:
            organization_id: Whose run it is.
            run_id: The run.
            owner: This process instance, as in the ledger.
            wait_seconds: How long another process may take to let go of it.

        Raises:
            InvalidInput: Another process works on it.
            StoreUnavailable: PostgreSQL does not answer.
        """
        return self._exclusive(organization_id, storable_text(run_id), owner, wait_seconds)

    @contextlib.asynccontextmanager
    async def _exclusive(
        self, organization_id: str, run_id: str, owner: str, wait_seconds: float
    ) -> AsyncIterator[None]:
        async with reported(self._database.uri):
            connection = await psycopg.AsyncConnection.connect(
                self._database.uri, autocommit=True, connect_timeout=CONNECT_SECONDS
            )
        try:
            async with reported(self._database.uri):
                taken = await _take(connection, f"posthub:run:{run_id}", wait_seconds)
            if not taken:
                raise _worked_on(run_id, "another process")
            await self._until_nobody_works(organization_id, run_id, owner, wait_seconds)
            yield
        finally:
            await connection.close()

    async def _until_nobody_works(
        self, organization_id: str, run_id: str, owner: str, wait_seconds: float
    ) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while worker := await self._at_work(organization_id, run_id, owner):
            if loop.time() > deadline:
                raise _worked_on(run_id, f"process {worker.pid} on {worker.host}")
            await asyncio.sleep(0.5)

    async def _at_work(self, organization_id: str, run_id: str, owner: str) -> Row[Any] | None:
        values = {"organization_id": organization_id, "run_id": run_id, "owner": owner}
        async with self._database.transaction(organization_id) as connection:
            workers = (await connection.execute(sql("at_work"), values)).all()
        here = socket.gethostname()
        return next((each for each in workers if each.host != here or _lives(each.pid)), None)


async def _refuse_second(connection: AsyncConnection, run: RunRecord) -> None:
    names = ("id", "organization_id", "company_id", "month", "sandbox")
    given = {name: getattr(run, name) for name in names}
    taken = (await connection.execute(sql("month_taken"), given)).first()
    if taken is None:
        return
    word = "review" if taken.status == RunStatus.WAITING else "resume"
    go_on = f"See it with: posthub show {taken.id}"
    if taken.status != RunStatus.DONE:
        go_on = f"Go on with: posthub {word} {taken.id}"
    raise InvalidInput(
        f"The company has {run.month} already: the run {taken.id} ({taken.status}).",
        next_step=f"{go_on}. To make the month once more, start it with --again (in the API, again: true).",
        run_id=taken.id,
    )


def _lives(pid: int) -> bool:
    if pid == os.getpid():
        return (
            False  # a process that ended had this number before us, as in a container that was started again
        )
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _worked_on(run_id: str, by: str) -> InvalidInput:
    return InvalidInput(
        f"The run {run_id} is being worked on by {by}.",
        next_step="Wait until that process has ended, then try again.",
    )


async def _take(connection: psycopg.AsyncConnection[Any], key: str, wait_seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds
    while True:
        cursor = await connection.execute(sql.named("take_run"), {"key": key})
        row = await cursor.fetchone()
        if row and row[0]:
            return True
        if loop.time() > deadline:
            return False
        await asyncio.sleep(0.1)


def unknown_run(run_id: str) -> NotFound:
    """Build the answer to the id of no run, or of another organization's."""
    return NotFound(
        f"There is no run {storable_text(run_id)[:200]!r}.", next_step="List the runs with: posthub runs"
    )
