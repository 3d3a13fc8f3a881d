"""One physical attempt and its ledger row, from the hold to the close.

Whatever speaks to the provider announces the send: LiteLLM's pre-call hook, the google engine's transport, the
HTTP adapters. All of them reach the same object, the adapters as an argument and the hooks through
``current_attempt``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

from domain.errors import MoneyState, PostHubError, ProviderError, StoreUnavailable, UnknownPrice
from domain.money import to_micro
from gateway.ports import Answer
from store.money.ledger import Basis, Hold, Ledger
from store.money.prices import Tariff

T = TypeVar("T")

current_attempt: ContextVar[BookedAttempt | None] = ContextVar("current_attempt", default=None)
"""The attempt that is being made in this task; a model call without one is refused."""

_STORE_RETRY_SECONDS = (0.1, 0.2, 0.5, *(1.0,) * 4, *(2.0,) * 30)
"""A paid answer is kept in memory for a minute while PostgreSQL restarts, and booked soon after it is back."""


class BookedAttempt:
    """Opens the ledger row when the bytes are about to leave, and closes it when no answer came.

    ``claimed`` is set once the caller holds the answer and books it with the job in one transaction; until then
    LiteLLM's success event may settle the row, for calls that no caller of ours waits for.
    """

    def __init__(self, ledger: Ledger, hold: Hold, tariff: Tariff) -> None:
        self._ledger = ledger
        self._hold = hold
        self._holding: asyncio.Task[str] | None = None
        self.tariff = tariff
        self.sent = False
        self.claimed = False

    @property
    def id(self) -> str:
        return self._hold.attempt_id

    @property
    def provider(self) -> str:
        return self._hold.provider

    @property
    def held_micro(self) -> int:
        return self._hold.held_micro

    def prepare(self) -> None:
        """Begin to open the hold, while the request is still being put together."""
        if self._holding is None:
            # A task of its own: a cancel in the middle of the commit must not leave it unknown whether it is held.
            self._holding = asyncio.create_task(self._ledger.hold(self._hold))

    async def sending(self) -> None:
        """Open the hold.

        Raises:
            BudgetExceeded: It does not fit; the attempt must not be sent.
            StoreUnavailable: The hold could not be written; the attempt must not be sent.
        """
        self.prepare()
        assert self._holding is not None
        await asyncio.shield(self._holding)
        self.sent = True

    async def close_unanswered(self, error: BaseException) -> None:
        """Close the row after a failure, by what the failure did to money."""
        self.claimed = True
        if self._holding is None:
            return
        await asyncio.wait([self._holding])
        if self._holding.cancelled():
            return
        unheld = self._holding.exception()
        # Where the connection broke, the hold may have been committed and only the word of it been lost.
        if unheld is not None and not isinstance(unheld, StoreUnavailable):
            return
        code = error.code if isinstance(error, PostHubError) else type(error).__name__
        unbilled = isinstance(error, ProviderError) and error.money is MoneyState.NONE
        if unbilled or not self.sent:
            await until_stored(lambda: self._ledger.void(self.id, error_code=code))
        else:
            await until_stored(lambda: self._ledger.lose(self.id, error_code=code))

    async def settle_from_event(self, answer: Answer) -> None:
        """Book what LiteLLM reports of a call that no caller of ours waits for."""
        if self.claimed or not self.sent:
            return
        cost, basis = cost_of(answer, self.tariff, self.held_micro)
        await until_stored(
            lambda: self._ledger.settle(self.id, cost_micro=cost, basis=basis, usage=answer.usage)
        )

    async def close_from_event(self, error: BaseException) -> None:
        """Close after a failure that LiteLLM reports of a call that no caller of ours waits for."""
        if not self.claimed:
            await self.close_unanswered(error)


def cost_of(answer: Answer, tariff: Tariff, held_micro: int) -> tuple[int, Basis]:
    """Return what an answer cost and how that is known.

    The provider's own figure counts first, then the usage; where neither tells, the most it can have cost.
    """
    if answer.reported_usd is not None:
        return to_micro(answer.reported_usd), "provider"
    if answer.units is None:
        return held_micro, "worst_case"
    try:
        return tariff.cost(answer.units), "estimate" if answer.estimated else "usage"
    except UnknownPrice:
        return held_micro, "worst_case"  # a settle never fails


async def uncancelled(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end even if the caller is cancelled meanwhile; the cancel is raised afterwards."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as cancel:
            cancelled = cancel
    if cancelled is not None:
        task.cancelled() or task.exception()  # looked at, so that asyncio does not report it as forgotten
        raise cancelled
    return task.result()


async def until_stored(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat a write while PostgreSQL is away, for a minute: what has been paid for is not given up at once."""
    for seconds in _STORE_RETRY_SECONDS:
        try:
            return await write()
        except StoreUnavailable:
            await asyncio.sleep(seconds)
    return await write()
