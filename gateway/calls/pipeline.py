"""The one path of every paid call.

    journal → (wait, hold, provider, judge, settle) until an answer is of use → answer stored → answer

The answer is stored in the very transaction that settles it, so that no crash can leave an answer paid for and
not kept. What an answer is worth is judged before and recorded with it; a useless answer is booked like any
other and never bought again under the same key.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

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
from gateway.cache.exact import Cache, Hit, key_of
from gateway.calls.attempt import BookedAttempt, cost_of, current_attempt, uncancelled, until_stored
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.failures import in_doubt, unreachable
from gateway.calls.media import media_type_of
from gateway.calls.request import FIRST_CHOICE, CallRequest, CallResult, Candidate, output_of
from gateway.calls.retry import FallbackPlan, PlannedAttempt, Reaction, RetryPolicy
from gateway.limits.limiter import Limiter
from gateway.ports import Answer, MediaFile, Operation
from store.content.files import FileStore
from store.money.journal import Job, Journal, StoredAnswer, recorded_error
from store.money.ledger import Hold, Ledger
from store.money.observe import tell
from store.money.prices import Prices, Tariff, today


@dataclass(frozen=True, slots=True)
class _Row:
    """An open ledger row and what it is booked with."""

    attempt_id: str
    job_id: str
    held_micro: int
    tariff: Tariff


class CallPipeline:
    """Takes requests through the path."""

    def __init__(
        self,
        ledger: Ledger,
        journal: Journal,
        prices: Prices,
        files: FileStore,
        *,
        engine: str,
        breakers: CircuitBreakers,
        policy: RetryPolicy,
        limiter: Limiter,
        queue_seconds: float,
        cache: Cache,
    ) -> None:
        self._ledger = ledger
        self._journal = journal
        self._prices = prices
        self._files = files
        self._engine = engine
        self._breakers = breakers
        self._policy = policy
        self._limiter = limiter
        self._queue_seconds = queue_seconds
        self._cache = cache

    async def run(self, request: CallRequest) -> CallResult:
        """Return the answer to a request, bought now or stored before.

        Raises:
            NotAllowed: Budget or price; nothing was sent.
            ProviderError: No answer of use; its ``money`` says what it cost.
        """
        seconds = self._cache.seconds(request)
        if not seconds:
            return await self._buy(request)
        key = key_of(request, self._engine)
        found = await self._cache.find(key, seconds, lambda: self._buy(request))
        return found if isinstance(found, CallResult) else await self.give(request, found)

    def kept_seconds(self, request: CallRequest) -> int:
        """How long an answer to a request may be given again; 0 for never."""
        return self._cache.seconds(request)

    async def give(self, request: CallRequest, hit: Hit) -> CallResult:
        """Keep a cached answer as this job's own, so that the job gives the same one when it runs again."""
        key, output = request.key, hit.for_nothing()
        if not await self._journal.answer(key, output):
            return await self._buy(request)
        tell(lambda observer: observer.cache_hit(request.call, output["served"]["provider"], hit.saved_micro))
        return CallResult(key.id, output, replayed=False, cached=True)

    async def _buy(self, request: CallRequest) -> CallResult:
        job = await self._journal.claim(request.key, lease_seconds=request.lease_seconds)
        if job.output is not None:
            tell(lambda observer: observer.replayed(request.call))
            return _replay(job)
        try:
            return await self._work(request, job)
        except BaseException as error:
            with suppress(StoreUnavailable):  # the lease ends by itself
                await uncancelled(self._journal.fail(job.id, error))
            raise
        finally:
            self._journal.release(job.id)

    async def aclose(self) -> None:
        """Let what is being told beside the answers arrive, and stop handing out places."""
        await self._breakers.aclose()
        await self._limiter.aclose()

    async def _work(self, request: CallRequest, job: Job) -> CallResult:
        if job.taken_over:
            await self._ledger.close_orphans_of_job(job.id)
        if job.provider_ref is None:
            return await self._ask_in_turn(request, job.id, request.candidates)
        bought_from = str(job.provider_ref["offer"])
        try:
            return await self._collect_again(request, job, bought_from)
        except MediaJobFailed as error:
            others = tuple(candidate for candidate in request.candidates if candidate.name != bought_from)
            if error.money is not MoneyState.NONE or not others:
                raise
            return await self._ask_in_turn(request, job.id, others)

    async def _ask_in_turn(
        self, request: CallRequest, job_id: str, candidates: tuple[Candidate, ...]
    ) -> CallResult:
        """Ask until an answer is of use, as the plan goes."""
        await self._breakers.refresh(candidate.deployment for candidate in candidates)
        plan = FallbackPlan(
            candidates, self._policy, self._breakers, seconds=request.seconds, rebuy=request.rebuy
        )
        while True:
            planned = plan.next()
            if planned.pause:
                await asyncio.sleep(planned.pause)
                await self._breakers.refresh(candidate.deployment for candidate in candidates)
            try:
                return await self._ask(request, job_id, planned, plan)
            except ProviderError as error:
                plan.failed(error)

    async def _ask(
        self, request: CallRequest, job_id: str, planned: PlannedAttempt, plan: FallbackPlan
    ) -> CallResult:
        candidate = planned.candidate
        tariff = (await self._prices.book()).tariff(candidate.provider, candidate.model, today())
        hold = Hold(
            attempt_id=str(uuid.uuid4()),
            job_id=job_id,
            call=request.call,
            provider=candidate.provider,
            model=candidate.model,
            engine=self._engine,
            held_micro=tariff.upper_bound(candidate.most),
            price_ids=tariff.price_ids,
        )
        await self._wait_for_place(request, job_id, candidate.provider, plan)
        attempt = BookedAttempt(self._ledger, hold, tariff)
        attempt.prepare()
        row = _Row(attempt.id, job_id, hold.held_micro, tariff)
        answer = await self._watched(candidate, attempt, job_id, min(candidate.deadline, plan.left))
        if isinstance(answer, Operation):
            answer = await self._collect(candidate, answer, row)
        return await uncancelled(self._book(request, planned, row, answer, plan))

    async def _wait_for_place(
        self, request: CallRequest, job_id: str, provider: str, plan: FallbackPlan
    ) -> None:
        """Wait for a place in the rate limit; the call's deadline stands still, its lease is kept."""
        began = time.monotonic()
        waiting = asyncio.ensure_future(
            self._limiter.admit(request.call, provider, seconds=self._queue_seconds)
        )
        try:
            while not (await asyncio.wait([waiting], timeout=request.lease_seconds / 2))[0]:
                await self._journal.keep(job_id, lease_seconds=request.lease_seconds)
            await waiting
        finally:
            waiting.cancel()
            waited = time.monotonic() - began
            plan.extend(waited)
            tell(lambda observer: observer.waited(request.call, provider, waited))

    async def _watched(
        self, candidate: Candidate, attempt: BookedAttempt, job_id: str, seconds: float
    ) -> Answer | Operation:
        """Make the attempt, and note what it says about the deployment's health."""
        self._breakers.trying(candidate.deployment, seconds)
        try:
            answer = await self._send(candidate, attempt, job_id, seconds)
        except (ProviderBusy, ProviderUnreachable, AnswerInDoubt) as error:
            self._breakers.failed(candidate.deployment, error)
            raise
        except ProviderError:
            self._breakers.succeeded(candidate.deployment)
            raise
        self._breakers.succeeded(candidate.deployment)
        return answer

    async def _send(
        self, candidate: Candidate, attempt: BookedAttempt, job_id: str, seconds: float
    ) -> Answer | Operation:
        """Make the attempt; whatever cuts it short, its ledger row is closed before the failure goes on."""
        token = current_attempt.set(attempt)
        try:
            answer = await self._within_deadline(candidate, attempt, seconds)
            if isinstance(answer, Operation):
                await uncancelled(self._keep_operation(candidate, answer, job_id, attempt.id))
            return answer
        except BaseException as error:
            await uncancelled(attempt.close_unanswered(error))
            raise
        finally:
            current_attempt.reset(token)

    async def _within_deadline(
        self, candidate: Candidate, attempt: BookedAttempt, seconds: float
    ) -> Answer | Operation:
        try:
            async with asyncio.timeout(seconds):
                answer = await candidate.send(attempt)
                attempt.claimed = True
                return answer
        except TimeoutError as error:
            why = f"no answer within {seconds:.3g} seconds"
            if attempt.sent:
                raise in_doubt(candidate.provider, why, timed_out=True) from error
            raise unreachable(candidate.provider, why) from error
        except AnswerInDoubt as error:
            if attempt.sent:
                raise
            raise unreachable(candidate.provider, "the request was not sent") from error

    async def _keep_operation(
        self, candidate: Candidate, operation: Operation, job_id: str, attempt_id: str
    ) -> None:
        ref = {
            "id": operation.id,
            "facts": dict(operation.facts),
            "offer": candidate.name,
            "attempt_id": attempt_id,
        }
        await until_stored(lambda: self._journal.refer(job_id, attempt_id, ref))

    async def _collect(self, candidate: Candidate, operation: Operation, row: _Row) -> Answer:
        """Fetch what was bought. Unless the provider says that it failed, the hold stays: it may yet come."""
        assert candidate.collect is not None
        try:
            return await candidate.collect(operation)
        except MediaJobFailed as error:
            if error.money is MoneyState.NONE:
                await uncancelled(self._give_up_operation(row, error))
            raise
        except PostHubError as error:
            error.money = MoneyState.HELD
            raise

    async def _give_up_operation(self, row: _Row, error: MediaJobFailed) -> None:
        await until_stored(lambda: self._ledger.void(row.attempt_id, error_code=error.code))
        await until_stored(lambda: self._journal.forget_ref(row.job_id))

    async def _collect_again(self, request: CallRequest, job: Job, bought_from: str) -> CallResult:
        """Go on with a job that was submitted earlier; nothing is submitted again."""
        ref = job.provider_ref or {}
        candidate = next((each for each in request.candidates if each.name == bought_from), None)
        if candidate is None:
            raise _not_configured(bought_from)
        opened = await self._ledger.attempt(str(ref["attempt_id"]))
        tariff = (await self._prices.book()).tariff_of(candidate.provider, candidate.model, opened.price_ids)
        row = _Row(opened.id, job.id, opened.held_micro, tariff)
        answer = await self._collect(candidate, Operation(str(ref["id"]), dict(ref["facts"])), row)
        return await uncancelled(
            self._book(request, PlannedAttempt(0.0, candidate, FIRST_CHOICE), row, answer)
        )

    async def _book(
        self,
        request: CallRequest,
        planned: PlannedAttempt,
        row: _Row,
        answer: Answer,
        plan: FallbackPlan | None = None,
    ) -> CallResult:
        """Settle and store the answer in one transaction; then say what is wrong with it.

        A useless answer is the job's last word only where the plan does not go on after it.
        """
        candidate = planned.candidate
        cost, basis = cost_of(answer, row.tariff, row.held_micro)
        output = output_of(candidate, answer, cost_micro=cost, basis=basis, why=planned.why)
        useless = request.judge(candidate.provider, answer)
        unstored: PostHubError | None = None
        if useless is None and answer.media is not None:
            try:
                output["media"] = await self._store(answer.media, answer)
            except PostHubError as error:
                unstored, error.money = error, MoneyState.SPENT
        failure = useless or unstored
        goes_on = plan is not None and useless is not None and _goes_on(plan, useless)

        tokens = answer.usage.input_tokens + answer.usage.output_tokens
        last_word = unstored is None and not goes_on
        await until_stored(
            lambda: self._ledger.settle(
                row.attempt_id,
                cost_micro=cost,
                basis=basis,
                usage=answer.usage,
                error_code=failure.code if failure else None,
                answer=StoredAnswer(row.job_id, output, tokens, useless) if last_word else None,
            )
        )
        if failure is not None:
            raise failure
        return CallResult(row.job_id, output, replayed=False)

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


def _goes_on(plan: FallbackPlan, failure: ProviderError) -> bool:
    return plan.reaction(failure) is not Reaction.GIVE_UP


def _replay(job: Job) -> CallResult:
    """Return a stored answer, or say again what was wrong with it; either way nothing is bought."""
    if job.status == "failed":
        error = recorded_error(job.error or {})
        error.details["replayed"] = True
        raise error
    assert job.output is not None
    return CallResult(job.id, job.output, replayed=True)


def _not_configured(name: str) -> ProviderRefused:
    return ProviderRefused(
        f"The file was bought from {name}, which is not configured any more.",
        next_step=f"Configure {name} again and resume the run, or have the item made anew.",
        money=MoneyState.HELD,
    )
