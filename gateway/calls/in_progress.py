"""Purchases in progress, each in a task of its own: who asks can be cancelled, what has been sent is paid and is kept.

    cancelled, nothing sent         the purchase is cut short, its hold given back
    cancelled, an answer awaited    the purchase goes on alone until the answer is settled and stored; then nothing more
    cancelled, a file to collect    polling ends; what the file is collected with is kept

Whoever asks for the same job meanwhile waits for it in the journal. At the end of the process the answers that are
awaited are waited for, up to a bound.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any, Protocol

from gateway.calls.booking import uncancelled
from gateway.calls.request import CallResult

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.05


class Stoppable(Protocol):
    """What is bought for one caller."""

    @property
    def in_flight(self) -> bool:
        """Whether something has been sent whose answer is not stored yet."""

    def stop(self) -> bool:
        """Ask for nothing more; tells whether it can be cut short at once."""


class InProgress:
    """The purchases of a process.

    Args:
        drain_seconds: How long answers are waited for at the end of the process.
    """

    def __init__(self, drain_seconds: float) -> None:
        self._drain_seconds = drain_seconds
        self._purchases: dict[asyncio.Task[CallResult], Stoppable] = {}
        self._closing = False

    @property
    def in_flight(self) -> int:
        """How many answers are awaited that are, or may be, paid for."""
        return sum(purchase.in_flight for purchase in self._purchases.values())

    async def result(self, purchase: Stoppable, work: Coroutine[Any, Any, CallResult]) -> CallResult:
        """Run the work of a purchase and return what it brings; a cancel ends the waiting alone."""
        if self._closing:
            purchase.stop()
        task = asyncio.create_task(work)
        self._purchases[task] = purchase
        task.add_done_callback(self._purchases.pop)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if purchase.stop():
                task.cancel()
            if not purchase.in_flight:
                await uncancelled(asyncio.wait([task]))
            raise

    async def aclose(self) -> None:
        """Wait for what is in flight, as long as the bound allows; what is left then is cut off and booked as lost."""
        self._closing = True
        for task, purchase in self._purchases.items():
            if purchase.stop():
                task.cancel()
        try:
            await self._drained()
        finally:
            for task in self._purchases:
                task.cancel()
            while self._purchases:
                await uncancelled(asyncio.wait(list(self._purchases)))

    async def _drained(self) -> None:
        ends = time.monotonic() + self._drain_seconds
        if awaited := self.in_flight:
            log.info("waiting for the answers to %d paid calls", awaited, extra={"event": "calls.drained"})
        while self.in_flight and time.monotonic() < ends:
            await asyncio.wait(list(self._purchases), timeout=_LOOK_SECONDS)
