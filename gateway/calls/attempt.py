"""One physical attempt and its ledger row, from the hold to the close; the cost tracker opens them.

Whatever speaks to the provider announces the send and says what it was billed for: LiteLLM's hooks, the google
engine's transport, the HTTP adapters. All of them reach the same object, the adapters as an argument and the hooks
through ``current_attempt``. None of them closes the row: that is its caller's alone, who settles it by the statement
that stores the answer. What brings no answer (a failure, a cancel, a timeout, a stream that is left) ``make`` closes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from domain.calls import Call
from domain.errors import (
    AnswerInDoubt,
    MoneyState,
    PostHubError,
    ProviderError,
    ProviderUnreachable,
    StoreUnavailable,
    UnknownPrice,
)
from domain.money import to_micro
from gateway.calls.booking import uncancelled, until_stored
from gateway.calls.failures import in_doubt, unreachable
from gateway.ports import Answer, Operation
from store.money.journal import StoredAnswer
from store.money.ledger import Basis, Hold, Ledger
from store.money.observe import tell
from store.money.prices import Prices, Tariff, Units, today

current_attempt: ContextVar[BookedAttempt | None] = ContextVar("current_attempt", default=None)
"""The attempt that is being made in this task; a model call without one is refused."""

Send = Callable[["BookedAttempt"], Awaitable[Answer | Operation]]
Keep = Callable[["BookedAttempt", Operation], Coroutine[Any, Any, None]]


class CostTracker:
    """Opens the attempts of this process: what each of them costs is theirs to hear, and to book.

    Args:
        ledger: This process's ledger.
        prices: This process's prices.
        engine: Speaks to text models; stands in every row.
    """

    def __init__(self, ledger: Ledger, prices: Prices, *, engine: str) -> None:
        self._ledger = ledger
        self._prices = prices
        self._engine = engine

    async def open(self, call: Call, job_id: str, provider: str, model: str, most: Units) -> BookedAttempt:
        """Return an attempt that is not held yet.

        Args:
            call: Who pays, for what.
            job_id: The journal's row of the call.
            provider: Who is to be asked.
            model: For which model.
            most: The most units that it can be billed for.

        Raises:
            UnknownPrice: It cannot be priced, and must not be sent.
        """
        tariff = (await self._prices.book()).tariff(provider, model, today())
        held = tariff.upper_bound(most)
        attempt_id = str(uuid.uuid4())
        hold = Hold(attempt_id, job_id, call, provider, model, self._engine, held, tariff.price_ids)
        return BookedAttempt(self._ledger, hold, tariff)

    async def reopen(
        self, call: Call, job_id: str, provider: str, model: str, attempt_id: str
    ) -> BookedAttempt:
        """Return an attempt that was sent by an earlier worker, and is held still."""
        row = await self._ledger.attempt(call.organization_id, attempt_id)
        tariff = (await self._prices.book()).tariff_of(provider, model, row.price_ids)
        hold = Hold(row.id, job_id, call, provider, model, self._engine, row.held_micro, row.price_ids)
        return BookedAttempt(self._ledger, hold, tariff)

    async def close_orphans(self, call: Call, job_id: str) -> None:
        """Book as lost what an earlier worker left open for a job."""
        await self._ledger.close_orphans_of_job(call.organization_id, job_id)


class BookedAttempt:
    """Opens the ledger row when the bytes are about to leave, and closes it."""

    def __init__(self, ledger: Ledger, hold: Hold, tariff: Tariff) -> None:
        self._ledger = ledger
        self._hold = hold
        self._holding: asyncio.Task[str] | None = None
        self._held = self._watched = self._left = False
        self._reported: Answer | None = None
        self.tariff = tariff
        self.taken = False

    @property
    def id(self) -> str:
        return self._hold.attempt_id

    @property
    def organization_id(self) -> str:
        return self._hold.call.organization_id

    @property
    def provider(self) -> str:
        return self._hold.provider

    @property
    def held_micro(self) -> int:
        return self._hold.held_micro

    @property
    def sent(self) -> bool:
        """Whether the first byte has been written. What is not watched at the transport counts as sent once held."""
        return self._left if self._watched else self._held

    def requesting(self) -> None:
        """Note that its request is handed to the transport.

        Raises:
            ProviderError: It has been before; a second one would be billed beside the row.
        """
        if self._watched:
            again = "it was to be sent a second time"
            raise in_doubt(self.provider, again) if self._left else unreachable(self.provider, again)
        self._watched = True

    def leaving(self) -> None:
        """Note that the first byte of its request is being written."""
        self._left = True

    def accepted(self) -> None:
        """Note that the provider has begun a good answer: what fails after that may have been billed."""
        self.taken = True

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
        self._held = True

    def report(self, figures: Answer) -> None:
        """Hear what was billed, from whoever saw it first; the row is settled by these figures.

        Args:
            figures: Only usage, units, the provider's own figure and whether it is an estimate count.
        """
        self._reported = figures

    async def make(self, send: Send, seconds: float, keep: Keep) -> Answer | Operation:
        """Make the attempt; whatever cuts it short, its row is closed before the failure goes on.

        Args:
            send: Speaks to the provider.
            seconds: Total deadline.
            keep: Stores what a bought file is collected with.
        """
        token = current_attempt.set(self)
        try:
            answer = await self._within(send, seconds)
            if isinstance(answer, Operation):
                await uncancelled(keep(self, answer))
                return answer
            tell(lambda observer: observer.answered(self.id, _facts(answer)))
            return self._billed(answer)
        except BaseException as error:
            await uncancelled(self.close_unanswered(error))
            raise
        finally:
            current_attempt.reset(token)

    async def _within(self, send: Send, seconds: float) -> Answer | Operation:
        try:
            async with asyncio.timeout(seconds):
                return await send(self)
        except TimeoutError as error:
            why = f"no answer within {seconds:.3g} seconds"
            if self.sent:
                raise in_doubt(self.provider, why, timed_out=True) from error
            raise unreachable(self.provider, why) from error
        except AnswerInDoubt as error:
            if self.sent:
                raise
            raise unreachable(self.provider, "the request was not sent") from error
        except ProviderUnreachable as error:
            if not self.sent:
                raise
            raise in_doubt(self.provider, "the connection broke") from error

    def _billed(self, answer: Answer) -> Answer:
        """Return an answer with the figures that were reported for it."""
        seen = self._reported
        if seen is None:
            return answer
        return replace(
            answer,
            usage=seen.usage,
            units=seen.units,
            reported_usd=seen.reported_usd,
            estimated=seen.estimated,
        )

    def cost(self, answer: Answer) -> tuple[int, Basis]:
        """Return what an answer cost, in micro-USD, and how that is known."""
        return cost_of(answer, self.tariff, self.held_micro)

    async def settle(self, answer: Answer, kept: StoredAnswer | PostHubError) -> None:
        """Book what an answer cost.

        Args:
            answer: What came.
            kept: The answer as it is stored with its job, by the same statement; or why it is not kept. There is
                no third way: an answer of use that is booked and not kept would be bought again.
        """
        cost, basis = self.cost(answer)
        stored = kept if isinstance(kept, StoredAnswer) else None
        failure = kept.error if isinstance(kept, StoredAnswer) else kept
        await until_stored(
            lambda: self._ledger.settle(
                self._hold,
                cost_micro=cost,
                basis=basis,
                usage=answer.usage,
                error_code=failure.code if failure else None,
                answer=stored,
            )
        )

    async def void(self, code: str) -> None:
        """Give the hold back: the provider says that it did not bill."""
        await until_stored(lambda: self._ledger.void(self._hold, error_code=code))

    async def close_unanswered(self, error: BaseException) -> None:
        """Close the row after a failure, by what the failure did to money."""
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
            await self.void(code)
        else:
            await until_stored(lambda: self._ledger.lose(self._hold, error_code=code))


def _facts(answer: Answer) -> dict[str, Any]:
    """What an answer says of itself, for whoever watches."""
    raw = answer.raw
    return {"model": raw.get("model"), "id": raw.get("id"), "finish": answer.reason or answer.finish.value}


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
