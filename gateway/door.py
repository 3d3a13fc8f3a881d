"""The one path of every paid call.

    journal → hold → provider (retry, fallback) → judge → settle and store the answer → answer

The answer is stored in the very transaction that settles it, so that no crash can leave an answer paid for and
not kept. What an answer is worth is judged before and recorded with it; a useless answer is booked like any
other and never bought again under the same key.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from domain.calls import Call
from domain.errors import (
    AnswerInDoubt,
    MediaJobFailed,
    MoneyState,
    PostHubError,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
    StoreUnavailable,
)
from domain.ids import content_hash
from gateway.booking import BookedAttempt, cost_of, current_attempt, uncancelled, until_stored
from gateway.failures import in_doubt, unreachable
from gateway.judge import Judge
from gateway.media import media_type_of
from gateway.ports import Answer, Attempt, MediaFile, Ticket
from store.database import Database
from store.files import FileStore
from store.journal import Job, JobKey, Journal, recorded_error
from store.ledger import Hold, Ledger
from store.prices import Prices, Tariff, Units, today

_TRIES = 2
_FIRST_BACKOFF_SECONDS = 0.5
_BOOKING_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to serve an order: a model at a provider.

    Attributes:
        name: Tells the order's offers apart; stored with a ticket.
        most: The most units that the attempt can be billed for.
        send: Makes one physical attempt.
        deadline: Total seconds of the attempt.
        collect: Fetches what a ticket stands for; for media alone.
        prompt: The prompt as this provider gets it; for media alone.
    """

    name: str
    provider: str
    model: str
    most: Units
    send: Callable[[Attempt], Awaitable[Answer | Ticket]]
    deadline: float
    collect: Callable[[Ticket], Awaitable[Answer]] | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """One logical call. ``request`` is everything that is asked, as plain JSON; it makes the key.

    Which models and providers are configured is no part of the key: what was bought stays bought when a key is
    taken away or a newer model is put first before a run is resumed.
    """

    call: Call
    purpose: str
    request: Mapping[str, Any]
    offers: tuple[Offer, ...]
    judge: Judge
    collect_seconds: float = 0.0

    @property
    def key(self) -> JobKey:
        chain = [f"{offer.provider}/{offer.model}" for offer in self.offers]
        template = self.call.template.identity() if self.call.template else None
        whole = {"purpose": self.purpose, "template": template, "request": dict(self.request)}
        return JobKey(self.call, self.purpose, content_hash(whole), {"chain": chain})

    def lease_seconds(self, max_backoff: float) -> float:
        tries = sum(_TRIES * (offer.deadline + max_backoff) for offer in self.offers)
        return tries + len(self.offers) * self.collect_seconds + _BOOKING_SECONDS


@dataclass(frozen=True, slots=True)
class Purchase:
    """A job's stored answer; ``replayed`` where it was not bought this time."""

    job_id: str
    output: Mapping[str, Any]
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Row:
    """An open ledger row and what it is booked with."""

    attempt_id: str
    job_id: str
    held_micro: int
    tariff: Tariff


class Door:
    """Takes orders through the path."""

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        journal: Journal,
        prices: Prices,
        files: FileStore,
        *,
        engine: str,
        max_backoff_seconds: float,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._journal = journal
        self._prices = prices
        self._files = files
        self._engine = engine
        self._max_backoff = max_backoff_seconds

    async def buy(self, order: Order) -> Purchase:
        """Return the answer to an order, bought now or stored before.

        Raises:
            NotAllowed: Budget or price; nothing was sent.
            ProviderError: No answer of use; its ``money`` says what it cost.
        """
        lease = order.lease_seconds(self._max_backoff)
        job = await self._journal.claim(order.key, lease_seconds=lease)
        if job.output is not None:
            return _replay(job)
        try:
            return await self._work(order, job)
        except BaseException as error:
            with suppress(StoreUnavailable):  # the lease ends by itself
                await uncancelled(self._journal.fail(job.id, error))
            raise
        finally:
            self._journal.release(job.id)

    async def _work(self, order: Order, job: Job) -> Purchase:
        if job.taken_over:
            await self._ledger.close_orphans_of_job(job.id)
        if job.provider_ref is None:
            return await self._ask_in_turn(order, job.id, order.offers)
        bought_from = str(job.provider_ref["offer"])
        try:
            return await self._collect_again(order, job, bought_from)
        except MediaJobFailed as error:
            others = tuple(offer for offer in order.offers if offer.name != bought_from)
            if error.money is not MoneyState.NONE or not others:
                raise
            return await self._ask_in_turn(order, job.id, others)

    async def _ask_in_turn(self, order: Order, job_id: str, offers: tuple[Offer, ...]) -> Purchase:
        """Ask one offer after the other while it is certain that nothing was bought."""
        failures: list[ProviderError] = []
        for offer in offers:
            try:
                return await self._ask_patiently(order, job_id, offer)
            except (ProviderBusy, ProviderUnreachable, ProviderRefused) as error:
                failures.append(error)
            except MediaJobFailed as error:
                if error.money is not MoneyState.NONE:
                    raise
                failures.append(error)
        raise failures[0]

    async def _ask_patiently(self, order: Order, job_id: str, offer: Offer) -> Purchase:
        for again in range(1, _TRIES):
            try:
                return await self._ask(order, job_id, offer)
            except (ProviderBusy, ProviderUnreachable) as error:
                seconds = error.details.get("retry_after_seconds") or _FIRST_BACKOFF_SECONDS * again
                if seconds > self._max_backoff:
                    raise
                await asyncio.sleep(seconds)
        return await self._ask(order, job_id, offer)

    async def _ask(self, order: Order, job_id: str, offer: Offer) -> Purchase:
        tariff = (await self._prices.book()).tariff(offer.provider, offer.model, today())
        hold = Hold(
            attempt_id=str(uuid.uuid4()),
            job_id=job_id,
            call=order.call,
            provider=offer.provider,
            model=offer.model,
            engine=self._engine,
            held_micro=tariff.upper_bound(offer.most),
            price_ids=tariff.price_ids,
        )
        attempt = BookedAttempt(self._ledger, hold, tariff)
        row = _Row(attempt.id, job_id, hold.held_micro, tariff)
        answer = await self._send(offer, attempt, job_id)
        if isinstance(answer, Ticket):
            answer = await self._collect(offer, answer, row)
        return await uncancelled(self._book(order, offer, row, answer))

    async def _send(self, offer: Offer, attempt: BookedAttempt, job_id: str) -> Answer | Ticket:
        """Make the attempt; whatever cuts it short, its ledger row is closed before the failure goes on."""
        token = current_attempt.set(attempt)
        try:
            answer = await self._within_deadline(offer, attempt)
            if isinstance(answer, Ticket):
                await uncancelled(self._keep_ticket(offer, answer, job_id, attempt.id))
            return answer
        except BaseException as error:
            await uncancelled(attempt.close_unanswered(error))
            raise
        finally:
            current_attempt.reset(token)

    async def _within_deadline(self, offer: Offer, attempt: BookedAttempt) -> Answer | Ticket:
        try:
            async with asyncio.timeout(offer.deadline):
                answer = await offer.send(attempt)
                attempt.claimed = True
                return answer
        except TimeoutError as error:
            why = f"no answer within {offer.deadline:g} seconds"
            raise (in_doubt if attempt.sent else unreachable)(offer.provider, why) from error
        except AnswerInDoubt as error:
            if attempt.sent:
                raise
            raise unreachable(offer.provider, "the request was not sent") from error

    async def _keep_ticket(self, offer: Offer, ticket: Ticket, job_id: str, attempt_id: str) -> None:
        ref = {"id": ticket.id, "facts": dict(ticket.facts), "offer": offer.name, "attempt_id": attempt_id}
        await until_stored(lambda: self._journal.refer(job_id, attempt_id, ref))

    async def _collect(self, offer: Offer, ticket: Ticket, row: _Row) -> Answer:
        """Fetch what was bought. Unless the provider says that it failed, the hold stays: it may yet come."""
        assert offer.collect is not None
        try:
            return await offer.collect(ticket)
        except MediaJobFailed as error:
            if error.money is MoneyState.NONE:
                await uncancelled(self._give_up_ticket(row, error))
            raise
        except PostHubError as error:
            error.money = MoneyState.HELD
            raise

    async def _give_up_ticket(self, row: _Row, error: MediaJobFailed) -> None:
        await until_stored(lambda: self._ledger.void(row.attempt_id, error_code=error.code))
        await until_stored(lambda: self._journal.forget_ref(row.job_id))

    async def _collect_again(self, order: Order, job: Job, bought_from: str) -> Purchase:
        """Go on with a job that was submitted earlier; nothing is submitted again."""
        ref = job.provider_ref or {}
        offer = next((each for each in order.offers if each.name == bought_from), None)
        if offer is None:
            raise _not_configured(bought_from)
        opened = await self._ledger.attempt(str(ref["attempt_id"]))
        tariff = (await self._prices.book()).tariff_of(offer.provider, offer.model, opened.price_ids)
        row = _Row(opened.id, job.id, opened.held_micro, tariff)
        answer = await self._collect(offer, Ticket(str(ref["id"]), dict(ref["facts"])), row)
        return await uncancelled(self._book(order, offer, row, answer))

    async def _book(self, order: Order, offer: Offer, row: _Row, answer: Answer) -> Purchase:
        """Settle and store the answer in one transaction; then say what is wrong with it."""
        cost, basis = cost_of(answer, row.tariff, row.held_micro)
        output = _output(offer, answer, cost, basis)
        useless = order.judge(offer.provider, answer)
        unstored: PostHubError | None = None
        if useless is None and answer.media is not None:
            try:
                output["media"] = await self._store(answer.media, answer)
            except PostHubError as error:
                unstored, error.money = error, MoneyState.SPENT
        failure = useless or unstored

        async def write() -> None:
            async with self._database.transaction() as connection:
                if unstored is None:
                    tokens = answer.usage.input_tokens + answer.usage.output_tokens
                    await self._journal.complete(connection, row.job_id, output, tokens=tokens, error=useless)
                await self._ledger.settle(
                    row.attempt_id,
                    cost_micro=cost,
                    basis=basis,
                    usage=answer.usage,
                    error_code=failure.code if failure else None,
                    connection=connection,
                )

        await until_stored(write)
        if failure is not None:
            raise failure
        return Purchase(row.job_id, output, replayed=False)

    async def _store(self, media: MediaFile, answer: Answer) -> dict[str, Any]:
        media_type = media_type_of(media.content) or media.media_type
        stored: dict[str, Any] = {
            "key": await self._files.put(media.content, media_type),
            "media_type": media_type,
            "size": len(media.content),
            "seconds": answer.seconds,
            "thumbnail_key": None,
        }
        thumbnail = answer.thumbnail
        if thumbnail is not None and (found := media_type_of(thumbnail.content)):
            stored["thumbnail_key"] = await self._files.put(thumbnail.content, found)
        return stored


def _output(offer: Offer, answer: Answer, cost: int, basis: str) -> dict[str, Any]:
    return {
        "text": answer.text,
        "sources": [asdict(source) for source in answer.sources],
        "vectors": [list(vector) for vector in answer.vectors],
        "finish": answer.finish.value,
        "reason": answer.reason,
        "prompt": offer.prompt,
        "raw": dict(answer.raw),
        "served": {
            "provider": offer.provider,
            "model": offer.model,
            "usage": asdict(answer.usage),
            "cost_micro": cost,
            "basis": basis,
        },
    }


def _replay(job: Job) -> Purchase:
    """Return a stored answer, or say again what was wrong with it; either way nothing is bought."""
    if job.status == "failed":
        raise recorded_error(job.error or {})
    assert job.output is not None
    return Purchase(job.id, job.output, replayed=True)


def _not_configured(name: str) -> ProviderRefused:
    return ProviderRefused(
        f"The file was bought from {name}, which is not configured any more.",
        next_step=f"Configure {name} again and resume the run, or have the item made anew.",
        money=MoneyState.HELD,
    )
