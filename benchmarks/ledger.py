"""Hold and settle: pairs a second on one organization and on 50, PostgreSQL with fsync.

python -m benchmarks.ledger
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

from sqlalchemy import text

from benchmarks import machine
from benchmarks.surroundings import database
from domain.calls import Call, JobKind, Usage
from store.database import Database
from store.money.ledger import Hold, Ledger
from store.tenancy import SYSTEM

ROUNDS, PAIRS, AT_ONCE = 4, 3000, 100
_USAGE = Usage(input_tokens=25, output_tokens=60, requests=1)


async def pairs_a_second(ledger: Ledger, organizations: int) -> float:
    left = iter(range(PAIRS))

    async def lane() -> None:
        for number in left:
            organization = f"org-{number % organizations}"
            call = Call(
                organization, "company", "run", "ultimate", JobKind.GENERATE_BLOGPOST, "bench", f"i-{number}"
            )
            hold = Hold(str(uuid.uuid4()), "job", call, "gemini", "m", "litellm", 500, ("price",))
            await ledger.hold(hold)
            await ledger.settle(hold, cost_micro=240, basis="usage", usage=_USAGE)

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    return PAIRS / (time.perf_counter() - begun)


async def measure(opened: Database) -> dict[str, Any]:
    async with opened.transaction(SYSTEM) as connection:
        fsync = (
            await connection.scalar(text("show fsync")),
            await connection.scalar(text("show synchronous_commit")),
        )
    ledger = Ledger(opened, default_limit_micro=10**15)
    rates: dict[int, list[float]] = {1: [], 50: []}
    for number in range(ROUNDS + 1):
        for organizations, found in rates.items():
            rate = await pairs_a_second(ledger, organizations)
            if number:
                found.append(rate)
    return {
        "fsync": fsync[0],
        "synchronous_commit": fsync[1],
        "pairs_per_second_one_organization": machine.spread(rates[1], 0),
        "pairs_per_second_50_organizations": machine.spread(rates[50], 0),
        "ratio_50_to_1": machine.spread([b / a for a, b in zip(*rates.values(), strict=True)], 2),
        "at_once": AT_ONCE,
        "bars": {"one_organization": ">= 900", "50_organizations": ">= 3000"},
    }


async def run() -> dict[str, Any]:
    async with database() as opened:
        return await measure(opened)


def main() -> None:
    described = machine.description()
    machine.keep("ledger", described, asyncio.run(run()))


if __name__ == "__main__":
    main()
