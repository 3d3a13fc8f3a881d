"""The cost tracker: what a paid call cost, by organization and month.

Inside the gateway it is fed by itself: LiteLLM's pre-call hook and the google engine's transport open the hold of
each attempt, LiteLLM's events or the caller close it (`gateway.calls.attempt`). This is the same ledger for paid
calls that were made elsewhere, by a library or an agent of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from domain.calls import Call, Usage
from domain.errors import NotFound, UnknownPrice
from domain.ids import stable_id
from domain.money import to_micro
from store.database import Database
from store.money.budgets import BudgetRow, Budgets
from store.money.ledger import Basis, Hold, Ledger
from store.money.prices import Prices, Tariff, Units, today


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was booked. ``first`` is False where the call had been booked before: it counts once."""

    cost_micro: int
    basis: Basis
    first: bool


class CostTracker:
    """Books calls that have been made, and tells what a month has cost.

    Args:
        database: Where the ledger is.
        ledger: This process's ledger.
        prices: This process's prices.
    """

    def __init__(self, database: Database, ledger: Ledger, prices: Prices) -> None:
        self._ledger = ledger
        self._prices = prices
        self._budgets = Budgets(database, default_limit_micro=ledger.default_limit_micro)

    async def track(
        self,
        call: Call,
        provider: str,
        model: str,
        usage: Usage,
        *,
        call_id: str,
        searches: int = 0,
        reported_usd: Decimal | None = None,
    ) -> Tracked:
        """Book a text, embedding or search call.

        Args:
            call: Who pays, for what.
            provider: Who answered.
            model: With which model.
            usage: Tokens; thinking is contained in the output, cached tokens in the input.
            call_id: Names the call, such as LiteLLM's ``litellm_call_id``: a repeated event books nothing.
            searches: Web searches that are billed apart.
            reported_usd: The provider's own figure; counts before the prices.

        Raises:
            UnknownPrice: The call cannot be priced, and the provider names no figure.
        """
        units = {
            "input": usage.input_tokens - usage.cached_tokens,
            "cached_input": usage.cached_tokens,
            "output": usage.output_tokens - usage.thinking_tokens,
            "thinking": usage.thinking_tokens,
            "search": searches,
        }
        return await self._book(call, provider, model, units, usage, call_id, reported_usd)

    async def track_image(
        self, call: Call, provider: str, model: str, *, call_id: str, images: int = 1, size: str = ""
    ) -> Tracked:
        """Book images by the piece; ``size`` such as ``4K`` where the provider prices by it."""
        units = {f"image:{size}" if size else "image": images}
        return await self._book(call, provider, model, units, Usage(images=images, requests=1), call_id, None)

    async def track_video(
        self, call: Call, provider: str, model: str, *, call_id: str, seconds: float
    ) -> Tracked:
        """Book a video by the second."""
        usage = Usage(seconds=seconds, requests=1)
        return await self._book(call, provider, model, {"second": seconds}, usage, call_id, None)

    async def monthly_cost(self, organization_id: str, month: str | None = None) -> BudgetRow:
        """Return what an organization's month has cost, and its budget; one indexed read."""
        return await self._budgets.show(organization_id, month)

    async def _book(
        self,
        call: Call,
        provider: str,
        model: str,
        units: Units,
        usage: Usage,
        call_id: str,
        reported_usd: Decimal | None,
    ) -> Tracked:
        tariff = await self._tariff(provider, model, needed=reported_usd is None)
        cost = tariff.cost(units) if reported_usd is None else to_micro(reported_usd)
        basis: Basis = "usage" if reported_usd is None else "provider"
        try:
            await self._ledger.attempt(call_id)
        except NotFound:
            # The money is spent: nothing is held, so that no budget can refuse to write it down.
            job = stable_id("tracked", call_id)
            hold = Hold(call_id, job, call, provider, model, "elsewhere", 0, tariff.price_ids)
            await self._ledger.hold_made(hold)  # the same event may come a second time, at the same moment
        first = await self._ledger.settle(call_id, cost_micro=cost, basis=basis, usage=usage)
        return Tracked(cost, basis, first)

    async def _tariff(self, provider: str, model: str, *, needed: bool) -> Tariff:
        try:
            return (await self._prices.book()).tariff(provider, model, today())
        except UnknownPrice:
            if needed:
                raise
            return Tariff(provider, model, ())
