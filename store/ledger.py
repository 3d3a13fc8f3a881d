"""The ledger: one row for every physical attempt, opened before the bytes leave, closed exactly once.

    held → settled   answered; its cost is known
         → void      provably not billed
         → lost      sent, and no whole answer came back: booked at the most that it can have cost

The budget is enforced in the hold's WHERE and nowhere else. A hold, and each way of closing one, is a single
SQL statement that moves the budget with it. Locks are taken in the order jobs, attempts, budgets.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import NO_TEMPLATE, Call, Usage
from domain.errors import BudgetExceeded, NotFound
from domain.money import format_usd
from store.database import Database

Basis = Literal["provider", "usage", "estimate", "worst_case"]
By = Literal["provider", "company", "template", "job", "kind"]


@dataclass(frozen=True, slots=True)
class Hold:
    """What an attempt will be booked with. ``held_micro`` is the most that it can cost."""

    attempt_id: str
    job_id: str
    call: Call
    provider: str
    model: str
    engine: str
    held_micro: int
    price_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """A ledger row as it stands; ``cost_micro`` is None while it is held."""

    id: str
    state: str
    held_micro: int
    cost_micro: int | None
    price_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TotalRow:
    """A sum over attempts: ``cost_micro`` of what was settled and lost, ``lost_micro`` of what was lost alone."""

    key: str
    calls: int
    cost_micro: int
    held_micro: int
    lost_micro: int
    input_tokens: int
    output_tokens: int
    images: int
    seconds: float


_HOLD = text("""
with moved as (
  insert into budgets as b (organization_id, month, held_micro)
  select :organization_id, m.month, :held
    from (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
   where cast(:held as bigint) <= :default_limit
      or exists (select 1 from budgets e where e.organization_id = :organization_id and e.month = m.month)
  on conflict (organization_id, month) do update set held_micro = b.held_micro + excluded.held_micro
   where b.held_micro + b.spent_micro + excluded.held_micro <= coalesce(b.limit_micro, :default_limit)
  returning b.month)
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine,
                      state, held_micro, price_ids, template_code, template_version, template_language, experiment,
                      arm, owner)
select :id, :job_id, :organization_id, :company_id, :run_id, month, :kind, :provider, :model, :engine,
       'held', :held, :price_ids, :template_code, :template_version, :template_language, :experiment, :arm, :owner
  from moved
returning month""")

_LEFT = text("""
select coalesce(limit_micro, :default_limit) - held_micro - spent_micro from budgets
 where organization_id = :organization_id and month = to_char(now() at time zone 'utc', 'YYYY-MM')""")

_MOVE_BUDGET = """
update budgets b
   set held_micro = b.held_micro - c.held, spent_micro = b.spent_micro + c.cost
  from (select organization_id, month, sum(held_micro)::bigint as held,
               coalesce(sum(cost_micro), 0)::bigint as cost
          from closed group by organization_id, month) c
 where b.organization_id = c.organization_id and b.month = c.month
returning (select count(*) from closed)"""

_CLOSE = text(f"""
with closed as (
  update attempts
     set state = :state, basis = :basis, closed_at = now(), error_code = :error_code,
         cost_micro = case when :state = 'void' then 0 else coalesce(:cost, held_micro) end,
         input_tokens = :input_tokens, output_tokens = :output_tokens, thinking_tokens = :thinking_tokens,
         cached_tokens = :cached_tokens, images = :images, seconds = :seconds, requests = :requests
   where id = :id and state = 'held'
  returning organization_id, month, held_micro, cost_micro)
{_MOVE_BUDGET}""")

_CLOSE_ORPHANS = text(f"""
with closed as (
  update attempts
     set state = 'lost', basis = 'worst_case', closed_at = now(), cost_micro = held_micro,
         error_code = 'PROCESS_ENDED'
   where state = 'held' and provider_ref is null
     and (run_id = :run_id and owner <> :owner or job_id = :job_id)
  returning organization_id, month, held_micro, cost_micro)
{_MOVE_BUDGET}""")

_RELEASE_JOBS = text("""
update jobs set status = 'pending', lease_until = now()
 where run_id = :run_id and status = 'processing' and owner <> :owner""")

_KEYS: dict[By | None, str] = {
    None: "'total'",
    "provider": "provider",
    "company": "company_id",
    "template": "coalesce(template_code || ' v' || template_version, 'none')",
    "job": "job_id",
    "kind": "kind",
}


class Ledger:
    """Books attempts of this process.

    Args:
        database: Where the ledger is kept.
        default_limit_micro: The month's budget of an organization that has none of its own.
        owner: Names this process instance; unique for each start of the process.
    """

    def __init__(self, database: Database, *, default_limit_micro: int, owner: str | None = None) -> None:
        self._database = database
        self._default_limit = default_limit_micro
        self.owner = owner or uuid.uuid4().hex

    @asynccontextmanager
    async def _on(self, connection: AsyncConnection | None) -> AsyncIterator[AsyncConnection]:
        if connection is not None:
            yield connection
            return
        async with self._database.transaction() as own:
            yield own

    async def hold(self, hold: Hold) -> str:
        """Reserve the most that an attempt can cost and open its row; returns the month it is booked in.

        Raises:
            BudgetExceeded: It does not fit into what is left of the organization's month.
        """
        async with self._on(None) as connection:
            row = (await connection.execute(_HOLD, self._hold_values(hold))).first()
            if row is not None:
                return str(row.month)
            raise _exceeded(hold, await self._left(connection, hold.call.organization_id))

    def _hold_values(self, hold: Hold) -> dict[str, Any]:
        call = hold.call
        return {
            "id": hold.attempt_id,
            "job_id": hold.job_id,
            "organization_id": call.organization_id,
            "company_id": call.company_id,
            "run_id": call.run_id,
            "kind": call.kind.value,
            "provider": hold.provider,
            "model": hold.model,
            "engine": hold.engine,
            "held": hold.held_micro,
            "price_ids": list(hold.price_ids),
            **(call.template.booked() if call.template else NO_TEMPLATE),
            "owner": self.owner,
            "default_limit": self._default_limit,
        }

    async def _left(self, connection: AsyncConnection, organization_id: str) -> int:
        values = {"organization_id": organization_id, "default_limit": self._default_limit}
        left = await connection.scalar(_LEFT, values)
        return self._default_limit if left is None else int(left)

    async def settle(
        self,
        attempt_id: str,
        *,
        cost_micro: int,
        basis: Basis,
        usage: Usage,
        error_code: str | None = None,
        connection: AsyncConnection | None = None,
    ) -> bool:
        """Book what an answer cost. Never refused, even over the budget; False if the row was closed before.

        ``connection`` joins a transaction that is already open: the answer is stored with its booking.
        """
        values = _close_values(attempt_id, "settled", basis, cost_micro, usage, error_code)
        return await self._close(values, connection)

    async def void(self, attempt_id: str, *, error_code: str) -> bool:
        """Give the hold back: the provider provably did not bill. False if the row was closed before."""
        return await self._close(_close_values(attempt_id, "void", None, 0, Usage(), error_code), None)

    async def lose(
        self,
        attempt_id: str,
        *,
        error_code: str,
        cost_micro: int | None = None,
        usage: Usage | None = None,
    ) -> bool:
        """Book an attempt whose answer is unknown, at the hold's worst case unless an estimate is given."""
        basis: Basis = "worst_case" if cost_micro is None else "estimate"
        values = _close_values(attempt_id, "lost", basis, cost_micro, usage or Usage(), error_code)
        return await self._close(values, None)

    async def _close(self, values: dict[str, Any], connection: AsyncConnection | None) -> bool:
        async with self._on(connection) as open_connection:
            return (await open_connection.execute(_CLOSE, values)).first() is not None

    async def attempt(self, attempt_id: str) -> OpenAttempt:
        """Return one row as it stands.

        Raises:
            NotFound: There is none of this id.
        """
        query = text("select state, held_micro, cost_micro, price_ids from attempts where id = :id")
        async with self._on(None) as connection:
            row = (await connection.execute(query, {"id": attempt_id})).first()
        if row is None:
            raise NotFound(f"There is no attempt {attempt_id!r} in the ledger.")
        return OpenAttempt(attempt_id, row.state, row.held_micro, row.cost_micro, tuple(row.price_ids))

    async def close_orphans(self, run_id: str) -> int:
        """Book as lost what earlier processes left open in a run, and release their jobs; returns how many.

        To be called by the one runner of the run, before it goes on. An attempt whose media job the provider
        still knows stays open: its job goes on being polled.
        """
        values = {"run_id": run_id, "job_id": None, "owner": self.owner}
        async with self._on(None) as connection:
            await connection.execute(_RELEASE_JOBS, values)
            return await connection.scalar(_CLOSE_ORPHANS, values) or 0

    async def close_orphans_of_job(self, job_id: str) -> int:
        """Book as lost what was left open for a job that has just been taken over; returns how many."""
        values = {"run_id": None, "job_id": job_id, "owner": self.owner}
        async with self._on(None) as connection:
            return await connection.scalar(_CLOSE_ORPHANS, values) or 0

    async def run_cost(self, run_id: str) -> int:
        """Micro-USD settled and lost in a run."""
        query = text("select coalesce(sum(cost_micro), 0) from attempts where run_id = :run_id")
        async with self._on(None) as connection:
            return int(await connection.scalar(query, {"run_id": run_id}) or 0)

    async def left(self, organization_id: str) -> int:
        """Micro-USD that an organization can still spend this month."""
        async with self._on(None) as connection:
            return await self._left(connection, organization_id)

    async def totals(
        self,
        organization_id: str,
        *,
        month: str | None = None,
        run_id: str | None = None,
        by: By | None = None,
    ) -> list[TotalRow]:
        """Sum an organization's attempts, of a month (``YYYY-MM``) or a run or all; the dearest first."""
        query = text(f"""
            select {_KEYS[by]} as key, count(*) filter (where state <> 'void') as calls,
                   coalesce(sum(cost_micro), 0) as cost_micro,
                   coalesce(sum(held_micro) filter (where state = 'held'), 0) as held_micro,
                   coalesce(sum(cost_micro) filter (where state = 'lost'), 0) as lost_micro,
                   sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
                   sum(images) as images, sum(seconds) as seconds
              from attempts
             where organization_id = :organization_id
               and (cast(:month as text) is null or month = :month)
               and (cast(:run_id as text) is null or run_id = :run_id)
             group by 1 order by cost_micro desc, key""")
        values = {"organization_id": organization_id, "month": month, "run_id": run_id}
        async with self._on(None) as connection:
            rows: Sequence[Any] = (await connection.execute(query, values)).all()
        return [_total(row) for row in rows]


def _close_values(
    attempt_id: str, state: str, basis: Basis | None, cost: int | None, usage: Usage, error_code: str | None
) -> dict[str, Any]:
    closing = {"id": attempt_id, "state": state, "basis": basis, "cost": cost, "error_code": error_code}
    return closing | asdict(usage)


def _total(row: Any) -> TotalRow:
    return TotalRow(
        key=str(row.key),
        calls=int(row.calls),
        cost_micro=int(row.cost_micro),
        held_micro=int(row.held_micro),
        lost_micro=int(row.lost_micro),
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
        images=int(row.images),
        seconds=float(row.seconds),
    )


def _exceeded(hold: Hold, left_micro: int) -> BudgetExceeded:
    return BudgetExceeded(
        f"The month's budget has {format_usd(left_micro)} left, and this call may cost up to "
        f"{format_usd(hold.held_micro)}.",
        next_step="Raise POSTHUB_MONTHLY_BUDGET_USD, or go on next month; the run can be resumed.",
        left_micro=left_micro,
        needed_micro=hold.held_micro,
        provider=hold.provider,
        model=hold.model,
    )
