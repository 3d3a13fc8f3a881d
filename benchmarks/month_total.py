"""The month's total of an organization at ten million ledger rows against ten thousand.

    python -m benchmarks.month_total [--rows 10000000]

Rows are copied in by SQL, with the triggers and checks of the real table; the total is asked for as people ask: through
the ledger, and through its one indexed row.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text

from benchmarks import machine
from benchmarks.surroundings import database
from store.database import Database
from store.money.ledger import Ledger
from store.tenancy import SYSTEM

SMALL, ORGANIZATIONS, MONTHS, ASKED, ROUNDS = 10_000, 100, 24, 40, 5
_FILL = text("""
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine, state,
                      basis, held_micro, cost_micro, input_tokens, output_tokens, price_ids, owner,
                      opened_at, closed_at)
select 'a-' || n, 'j-' || n, 'org-' || n % :organizations, 'company', 'run-' || n / 300,
       to_char(date '2026-11-01' - make_interval(months => (n / :organizations) % :months), 'YYYY-MM'),
       'generate_blogpost', 'gemini', 'm', 'litellm', 'settled', 'usage', 500, 240, 25, 60, '{}', 'bench',
       date '2026-11-01' - make_interval(months => (n / :organizations) % :months),
       date '2026-11-01' - make_interval(months => (n / :organizations) % :months)
  from generate_series(cast(:start as integer), cast(:stop as integer)) n""")
_BUDGETS = text("""
insert into budgets (organization_id, month, spent_micro, calls, input_tokens, output_tokens)
select organization_id, month, sum(cost_micro), count(*), sum(input_tokens), sum(output_tokens)
  from attempts group by 1, 2
on conflict (organization_id, month) do update set spent_micro = excluded.spent_micro, calls = excluded.calls""")
_TOTAL = text(
    "select spent_micro, held_micro, calls from budgets where organization_id = :id and month = :month"
)


async def fill(opened: Database, start: int, stop: int) -> None:
    async with opened.engine.connect() as connection:
        for at in range(start, stop, 500_000):
            last = min(at + 499_999, stop - 1)
            values = {"organizations": ORGANIZATIONS, "months": MONTHS, "start": at, "stop": last}
            await connection.execute(_FILL, values)
            await connection.commit()
        await connection.execute(_BUDGETS)
        await connection.commit()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("vacuum analyze attempts"))
        await connection.execute(text("vacuum analyze budgets"))


async def p50(ask: Callable[[], Awaitable[Any]]) -> list[float]:
    """Middle of each round, in ms."""
    rounds = []
    for _ in range(ROUNDS):
        times = []
        for _ in range(ASKED):
            begun = time.perf_counter()
            await ask()
            times.append((time.perf_counter() - begun) * 1000)
        rounds.append(statistics.median(times))
    return rounds


async def measure(opened: Database, rows: int) -> dict[str, Any]:
    ledger = Ledger(opened, default_limit_micro=10**12)

    async def month_row() -> None:
        async with opened.transaction(SYSTEM) as connection:
            assert (await connection.execute(_TOTAL, {"id": "org-7", "month": "2026-11"})).one()

    async def left() -> None:
        await ledger.left("org-7")

    figures: dict[str, Any] = {}
    found: dict[str, list[list[float]]] = {"month_row": [], "budget_left": []}
    for start, stop in ((1, SMALL + 1), (SMALL + 1, rows + 1)):
        begun = time.perf_counter()
        await fill(opened, start, stop)
        figures[f"filled_{stop - 1}_seconds"] = round(time.perf_counter() - begun, 1)
        for name, ask in {"month_row": month_row, "budget_left": left}.items():
            found[name].append(await p50(ask))
    for name, (small, large) in found.items():
        figures[f"{name}_ms_at_{SMALL}"] = machine.spread(small)
        figures[f"{name}_ms_at_{rows}"] = machine.spread(large)
        figures[f"{name}_ratio"] = round(statistics.median(large) / statistics.median(small), 2)
    return figures | {"bars": {"month_row_ratio": "<= 1.5"}}


async def run(rows: int) -> dict[str, Any]:
    async with database() as opened:
        return await measure(opened, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    described = machine.description()
    machine.keep("month_total", described, asyncio.run(run(parser.parse_args().rows)))


if __name__ == "__main__":
    main()
