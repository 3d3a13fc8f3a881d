"""Leases of processes, and the sweeper that closes what a dead process left open.

Every process that buys keeps a row of ``workers`` fresh. When its lease has run out it counts as dead, and what
it left held is booked as lost at worst case; never given back, for it may have been billed. An attempt whose
media job the provider still knows stays open: whoever resumes its run collects it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from domain.errors import InfrastructureError
from store.database import Database
from store.money import sql
from store.money.ledger import Ledger
from store.tenancy import SYSTEM

log = logging.getLogger(__name__)

LEASE_SECONDS = 45.0
"""After this long without a sign of life a process counts as dead."""
BEAT_SECONDS = 10.0
SWEEP_EVERY = 6
"""Beats between two sweeps."""


class Lease:
    """Tells other processes that this one lives.

    Args:
        database: Where the leases are.
        ledger: This process's ledger; its owner is what the lease is for.
        lease_seconds: For how long one sign of life counts.
    """

    def __init__(self, database: Database, ledger: Ledger, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._database = database
        self._ledger = ledger
        self._lease = lease_seconds

    async def beat(self) -> None:
        """Give a sign of life."""
        values = {
            "id": self._ledger.owner,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "lease": self._lease,
        }
        async with self._database.transaction(SYSTEM) as connection:
            await connection.execute(sql("beat"), values)

    async def end(self) -> None:
        """Say that this process ends: what it still holds can be swept at once."""
        async with self._database.transaction(SYSTEM) as connection:
            await connection.execute(sql("end_lease"), {"id": self._ledger.owner})

    async def sweep(self) -> int:
        """Close what dead processes left open; returns how many attempts were booked as lost."""
        closed = await self._ledger.close_dead()
        async with self._database.transaction(SYSTEM) as connection:
            await connection.execute(sql("forget_workers"))
        if closed:
            log.warning(
                "%d calls of processes that ended were booked as lost, at the most they can have cost.",
                closed,
                extra={"event": "ledger.swept", "attempts": closed},
            )
        return closed

    @asynccontextmanager
    async def kept(self, *, beat_seconds: float = BEAT_SECONDS) -> AsyncIterator[None]:
        """Hold the lease while the block runs; sweeps at its start and now and then."""
        await self.beat()
        await self.sweep()
        beating = asyncio.create_task(self._go_on(beat_seconds))
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.wait([beating])
            with suppress(InfrastructureError):  # the lease runs out by itself
                await self.end()

    async def _go_on(self, seconds: float) -> None:
        beats = 0
        while True:
            await asyncio.sleep(seconds)
            with suppress(InfrastructureError):  # PostgreSQL is away: nobody can sweep either
                await self.beat()
                beats += 1
                if beats % SWEEP_EVERY == 0:
                    await self.sweep()
