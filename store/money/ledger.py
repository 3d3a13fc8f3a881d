"""The ledger: one row for every physical attempt, opened before the bytes leave, closed exactly once.

    held → settled   answered; its cost is known
         → void      provably not billed
         → lost      sent, and no whole answer came back: booked at the most that it can have cost

The budget is enforced in the hold's WHERE and nowhere else. A hold, each way of closing one and each correction
is a single SQL statement that moves the budget with it. A closed row never changes (a trigger refuses it): what
is learned later becomes a row of ``adjustments``.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.errors import NotNullViolation
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import Usage
from domain.errors import NotFound
from domain.worlds import World
from store.database import Database
from store.money import ledger_sql, sql
from store.money.attempts import Basis, Hold, OpenAttempt, close_values, hold_values
from store.money.budgets import Left, announce, announce_refusal, exceeded
from store.money.group_commit import GroupCommit
from store.money.journal import InHand, StoredAnswer
from store.money.observe import tell, tell_closed
from store.money.totals import By, TotalRow, read_totals
from store.tenancy import SYSTEM
from store.text import json_text

_UNKNOWN_OWNER_SECONDS = 3600.0
"""How long an attempt may stay open whose process never took a lease."""
_HOLD = sql.numbered("hold", "rows", "owner", "default_limit", "world")
_WAIT_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5)

__all__ = ["Basis", "By", "Hold", "Ledger", "OpenAttempt", "TotalRow"]


class Ledger:
    """Books attempts of this process.

    Args:
        database: Where the ledger is kept.
        default_limit_micro: The month's budget of an organization that has none of its own.
        world: Whose money is booked and shown.
        owner: Names this process instance; unique for each start of the process.
        patience_seconds: How long a hold that does not fit waits for open holds to be given back. Holds are
            upper bounds: without patience, calls under way could lock out others that the budget has room for.
    """

    def __init__(
        self,
        database: Database,
        *,
        default_limit_micro: int,
        world: World = World.REAL,
        owner: str | None = None,
        patience_seconds: float = 0.0,
    ) -> None:
        self._database = database
        self._default_limit = default_limit_micro
        self._patience = patience_seconds
        self.world = world
        self._holding = GroupCommit(self._hold_all)
        self._closing = GroupCommit(self._close_all)
        self.owner = owner or uuid.uuid4().hex
        self.in_hand = InHand()

    @property
    def default_limit_micro(self) -> int:
        return self._default_limit

    async def hold(self, hold: Hold) -> str:
        """Reserve the most that an attempt can cost and open its row; returns the month it is booked in.

        Raises:
            BudgetExceeded: It does not fit into what is left of the organization's month, or of its run's own
                ceiling; ``details`` say which, what is left and what was needed.
        """
        waited, tries = 0.0, 0
        while True:
            month = await self._holding(hold)
            if month is not None:
                tell(lambda observer: observer.held(hold))
                return month
            left = await self._left(hold.call.organization_id, hold.call.run_id)
            if waited >= self._patience or not left.may_fit_later(hold.held_micro):
                tell(lambda observer: observer.refused(hold))
                await announce_refusal(
                    self._database, hold.call.organization_id, self.world, left, hold.held_micro
                )
                raise exceeded(left, hold.held_micro, provider=hold.provider, model=hold.model)
            seconds = _WAIT_SECONDS[min(tries, len(_WAIT_SECONDS) - 1)]
            await asyncio.sleep(seconds)
            waited, tries = waited + seconds, tries + 1

    async def _hold_all(self, holds: Sequence[Hold]) -> list[str | None]:
        """Return the month of each hold; None for one that does not fit."""
        values = [
            json_text([hold_values(hold) for hold in holds]),
            self.owner,
            self._default_limit,
            self.world,
        ]
        try:
            rows = await self._database.rows(SYSTEM, _HOLD, values)
        except NotNullViolation as error:
            if error.diag.column_name != "month":
                raise
            return [None] if len(holds) == 1 else await self._hold_apart(holds)
        return [str(row.month) for row in rows]

    async def _hold_apart(self, holds: Sequence[Hold]) -> list[str | None]:
        """Find out which of several do not fit: by organization first, then one by one."""
        whose = [hold.call.organization_id for hold in holds]
        groups = whose if len(set(whose)) > 1 else list(range(len(holds)))
        months: dict[int, str | None] = {}
        for group in dict.fromkeys(groups):
            places = [place for place, of in enumerate(groups) if of == group]
            found = await self._hold_all([holds[place] for place in places])
            months.update(zip(places, found, strict=True))
        return [months[place] for place in range(len(holds))]

    async def _left(self, organization_id: str, run_id: str = "") -> Left:
        values = {
            "organization_id": organization_id,
            "world": self.world,
            "run_id": run_id,
            "default_limit": self._default_limit,
        }
        async with self._database.transaction(organization_id) as connection:
            return Left(**(await connection.execute(sql("budget_left"), values)).mappings().one())

    async def settle(
        self,
        hold: Hold,
        *,
        cost_micro: int,
        basis: Basis,
        usage: Usage,
        error_code: str | None = None,
        answer: StoredAnswer | None = None,
    ) -> bool:
        """Book what an answer cost. Never refused, even over the budget; False if the row was closed before.

        The answer itself is stored with its job by the same statement. Where the row was closed for a process
        that seemed dead, the difference is booked as an adjustment.
        """
        values = close_values(hold, "settled", basis, cost_micro, usage, error_code)
        return await self._close(hold, values | (answer.values() if answer else {}))

    async def void(self, hold: Hold, *, error_code: str) -> bool:
        """Give the hold back: the provider provably did not bill. False if the row was closed before."""
        values = close_values(hold, "void", None, 0, Usage(), error_code)
        return await self._close(hold, values)

    async def lose(
        self,
        hold: Hold,
        *,
        error_code: str,
        cost_micro: int | None = None,
        usage: Usage | None = None,
    ) -> bool:
        """Book an attempt whose answer is unknown, at the hold's worst case unless an estimate is given."""
        basis: Basis = "worst_case" if cost_micro is None else "estimate"
        values = close_values(hold, "lost", basis, cost_micro, usage or Usage(), error_code)
        return await self._close(hold, values)

    async def _close(self, hold: Hold, values: dict[str, Any]) -> bool:
        closed = await self._closing(values)
        if closed:
            tell_closed(values)
        else:
            await self._correct_early_close(hold, values["cost"])
        return closed

    async def _close_all(self, closings: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Close several rows; of those that name one attempt the first closes it, as if they had come in turn."""
        first: dict[str, Mapping[str, Any]] = {}
        for each in closings:
            first.setdefault(each["id"], each)
        if len(first) < len(closings):
            return await self._close_in_turn(closings, list(first.values()))
        values = [json_text(closings), self.owner, self._default_limit]
        rows = await self._database.rows(SYSTEM, ledger_sql.CLOSE, values)
        for row in rows:
            announce(row)
        closed = set(rows[0].closed) if rows else set()
        return [each["id"] in closed for each in closings]

    async def _close_in_turn(
        self, closings: Sequence[Mapping[str, Any]], first: Sequence[Mapping[str, Any]]
    ) -> list[bool]:
        mine = {id(each) for each in first}
        rest = [each for each in closings if id(each) not in mine]
        found = iter(await self._close_all(first))
        late = iter(await self._close_all(rest))
        return [next(found if id(each) in mine else late) for each in closings]

    async def _correct_early_close(self, hold: Hold, cost: int | None) -> None:
        """A process that was taken for dead knows after all what its attempt cost."""
        organization_id = hold.call.organization_id
        async with self._database.transaction(organization_id) as connection:
            row = await _row(connection, organization_id, hold.attempt_id)
            if row is None or row.error_code != ledger_sql.PROCESS_ENDED or cost is None:
                return
            await self.adjust(
                connection,
                row.id,
                cost - (row.cost_micro or 0),
                reason="late_answer",
                source=f"process {self.owner}",
                adjustment_id=f"late-answer:{row.id}",
            )

    async def adjust(
        self,
        connection: AsyncConnection,
        attempt_id: str,
        delta_micro: int,
        *,
        reason: str,
        source: str,
        adjustment_id: str,
        bill_line: str | None = None,
    ) -> bool:
        """Correct a closed attempt by a new row, booked in the attempt's own month.

        Args:
            connection: A transaction of the attempt's organization, or of the installation.
            attempt_id: The attempt.
            delta_micro: What is added to its cost; negative where too much was booked.
            reason: ``bill``, ``unbilled`` or ``late_answer``.
            source: Who knew better: a bill's name, or a process.
            adjustment_id: Makes a repeated correction meet its first one.
            bill_line: The bill's own id of the line.

        Returns:
            False if it was booked before, or the attempt is still open or unknown.
        """
        values = {
            "id": adjustment_id,
            "attempt_id": attempt_id,
            "delta": delta_micro,
            "reason": reason,
            "source": source,
            "bill_line": bill_line,
            "default_limit": self._default_limit,
        }
        row = (await connection.execute(ledger_sql.ADJUST, values)).first()
        if row is not None:
            announce(row)
        return row is not None

    async def attempt(self, organization_id: str, attempt_id: str) -> OpenAttempt:
        """Return one row as it stands.

        Raises:
            NotFound: The organization has none of this id.
        """
        async with self._database.transaction(organization_id) as connection:
            row = await _row(connection, organization_id, attempt_id)
        if row is None:
            raise NotFound(f"There is no attempt {attempt_id!r} in the ledger.")
        return row

    async def close_orphans(self, organization_id: str, run_id: str) -> int:
        """Book as lost what earlier processes left open in a run, and release their jobs; returns how many.

        To be called by the one runner of the run, before it goes on. An attempt whose media job the provider
        still knows stays open: its job goes on being polled.
        """
        mine = {"organization_id": organization_id, "run_id": run_id, "owner": self.owner}
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(sql("release_jobs"), mine)
            return await self._lose(connection, ledger_sql.CLOSE_ORPHANS, mine | {"job_id": None})

    async def close_orphans_of_job(self, organization_id: str, job_id: str) -> int:
        """Book as lost what was left open for a job that has just been taken over; returns how many."""
        mine = {"organization_id": organization_id, "job_id": job_id, "owner": self.owner}
        async with self._database.transaction(organization_id) as connection:
            return await self._lose(connection, ledger_sql.CLOSE_ORPHANS, mine | {"run_id": None})

    async def close_dead(self) -> int:
        """Book as lost what dead processes left open, of whatever run and organization; returns how many.

        Dead is a process whose lease has run out (`store.money.sweeper.Lease`), or that never took one an hour ago. A
        hold is never given back: its call may have been billed. One sweeper at a time; a second finds nothing.
        """
        values = {"owner": self.owner, "unknown_seconds": _UNKNOWN_OWNER_SECONDS}
        async with self._database.transaction(SYSTEM) as connection:
            if not await connection.scalar(sql("lock_sweep")):
                return 0
            return await self._lose(connection, ledger_sql.CLOSE_DEAD, values)

    async def _lose(self, connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> int:
        found = await connection.execute(statement, values | {"default_limit": self._default_limit})
        rows = found.all()
        for row in rows:
            announce(row)
        return len(rows[0].closed) if rows else 0

    async def run_cost(self, organization_id: str, run_id: str) -> int:
        """Micro-USD settled, lost and adjusted in a run of an organization."""
        values = {"organization_id": organization_id, "run_id": run_id}
        async with self._database.transaction(organization_id) as connection:
            return int(await connection.scalar(sql("cost_of_run"), values) or 0)

    async def left(self, organization_id: str) -> int:
        """Micro-USD that an organization can still spend this month."""
        return (await self._left(organization_id)).month_micro

    async def totals(
        self,
        organization_id: str,
        *,
        month: str | None = None,
        run_id: str | None = None,
        by: By | None = None,
    ) -> list[TotalRow]:
        """Sum a run's attempts, or the organization's in this world, of a month or all; the dearest first."""
        async with self._database.transaction(organization_id) as connection:
            return await read_totals(
                connection, organization_id, world=self.world, month=month, run_id=run_id, by=by
            )


async def _row(connection: AsyncConnection, organization_id: str, attempt_id: str) -> OpenAttempt | None:
    values = {"organization_id": organization_id, "id": attempt_id}
    row = (await connection.execute(sql("find_attempt"), values)).first()
    if row is None:
        return None
    return OpenAttempt(
        attempt_id, row.state, row.held_micro, row.cost_micro, tuple(row.price_ids), row.error_code
    )
