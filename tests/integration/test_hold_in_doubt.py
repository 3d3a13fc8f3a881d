"""A hold whose commit was not confirmed is given back: nothing was sent."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from domain.calls import Call, JobKind
from domain.errors import StoreUnavailable
from gateway.calls.attempt import BookedAttempt
from gateway.providers.prices import shipped_prices
from store.database import Database
from store.money.ledger import Hold, Ledger
from store.money.prices import Prices, today
from store.tenancy import SYSTEM

CALL = Call("org-1", "company-1", "run-1", "ultimate", JobKind.GENERATE_BLOGPOST, "write", "topic-1")


class Unconfirmed(Ledger):
    """The connection breaks after the hold, before or after its commit."""

    committed = True

    async def hold(self, hold: Hold) -> str:
        if self.committed:
            await super().hold(hold)
        raise StoreUnavailable("The connection broke.")


@pytest.mark.parametrize("committed", [True, False])
async def test_a_hold_that_was_not_confirmed_is_given_back(database: Database, committed: bool) -> None:
    await Prices(database).load_shipped(shipped_prices())
    tariff = (await Prices(database).book()).tariff("gemini", "gemini-3.8-flash", today())
    ledger = Unconfirmed(database, default_limit_micro=1_000_000)
    ledger.committed = committed
    hold = Hold("attempt-1", "job-1", CALL, "gemini", "gemini-3.8-flash", "litellm", 5000, tariff.price_ids)
    attempt = BookedAttempt(ledger, hold, tariff)
    with pytest.raises(StoreUnavailable) as raised:
        await attempt.sending()
    await attempt.close_unanswered(raised.value)
    async with database.transaction(SYSTEM) as connection:
        states = list(await connection.scalars(text("select state from attempts")))
        held = await connection.scalar(text("select coalesce(sum(held_micro), 0) from budgets"))
    assert states == (["void"] if committed else [])
    assert held == 0
