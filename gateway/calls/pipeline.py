"""The one path of every paid call; its walk is told in docs/reference/paid-call.md.

    journal → (wait, hold, provider, judge, settle) until an answer is of use → answer stored → answer

The answer is stored in the very statement that settles it, so that no crash can leave an answer paid for and
not kept. What an answer is worth is judged before and recorded with it; a useless answer is booked like any
other and never bought again under the same key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
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
from gateway.calls.attempt import BookedAttempt, CostTracker
from gateway.calls.booking import uncancelled
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.in_progress import InProgress
from gateway.calls.operations import Operations
from gateway.calls.request import FIRST_CHOICE, CallRequest, CallResult, Candidate, output_of
from gateway.calls.retry import FallbackPlan, PlannedAttempt, Reaction, RetryPolicy
from gateway.limits.limiter import Limiter
from gateway.ports import Answer, Operation
from store.money.journal import Job, Journal, StoredAnswer, recorded_error
from store.money.observe import tell

_CONFIRMED_SECONDS = 1.0
"""For so long a job counts as this process's without looking again."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every purchase of a process is made with.

    Attributes:
        queue_seconds: The longest that a call waits for a place in a rate limit.
        drain_seconds: How long the end of the process waits for answers in flight.
    """

    journal: Journal
    tracker: CostTracker
    operations: Operations
    breakers: CircuitBreakers
    limiter: Limiter
    policy: RetryPolicy
    queue_seconds: float
    drain_seconds: float


class TakenOver(Exception):
    """Another process works on the job: this one was silent for longer than its lease."""


class CallPipeline:
    """Takes requests through the path: what the journal knows is given again, all else is bought."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._journal = means.journal
        self._in_progress = InProgress(means.drain_seconds)

    @property
    def in_flight(self) -> int:
        """How many answers are awaited that are, or may be, paid for."""
        return self._in_progress.in_flight

    async def run(self, request: CallRequest) -> CallResult:
        """Return the answer to a request, bought now or stored before.

        A caller that is cancelled ends at once; what was sent for it by then is still settled and stored with its job.

        Raises:
            NotAllowed: Budget or price; nothing was sent.
            ProviderError: No answer of use; its ``money`` says what it cost.
        """
        while True:
            job = await self._journal.claim(request.key, lease_seconds=request.lease_seconds)
            if job.output is not None:
                tell(lambda observer: observer.replayed(request.call))
                return _replay(job)
            purchase = Purchase(request, job.id, self._means)
            with suppress(TakenOver):
                return await self._in_progress.result(purchase, self._work(purchase, job))

    async def _work(self, purchase: Purchase, job: Job) -> CallResult:
        try:
            purchase.begin()
            return await self._buy(purchase, job)
        except BaseException as error:
            with suppress(StoreUnavailable):  # the lease ends by itself
                await uncancelled(self._journal.fail(purchase.call.organization_id, job.id, error))
            raise
        finally:
            self._journal.release(job.id)

    async def _buy(self, purchase: Purchase, job: Job) -> CallResult:
        if job.taken_over:
            await self._means.tracker.close_orphans(purchase.call, job.id)
        if job.provider_ref is None:
            return await purchase.buy()
        return await purchase.go_on(job.provider_ref)

    async def aclose(self) -> None:
        """Let what is in flight and what is being told beside the answers arrive, and stop handing out places."""
        await self._in_progress.aclose()
        await self._means.breakers.aclose()
        await self._means.limiter.aclose()


class Purchase:
    """One job's purchase in progress: what is asked, and the plan by which candidates are asked."""

    def __init__(self, request: CallRequest, job_id: str, means: Means) -> None:
        self._request = request
        self._job_id = job_id
        self._means = means
        self._plan: FallbackPlan | None = None
        self._attempt: BookedAttempt | None = None
        self._begun = False
        self._stopped = False
        self._confirmed_at = time.time()

    @property
    def call(self) -> Call:
        return self._request.call

    @property
    def in_flight(self) -> bool:
        """Whether something has been sent whose answer is not stored yet."""
        return self._attempt is not None and self._attempt.sent

    def begin(self) -> None:
        """Say that the work has begun, so that it can be cut short in order."""
        self._begun = True
        self._go_on_if_asked_for()

    def stop(self) -> bool:
        """Ask for nothing more; tells whether the work can be cut short at once."""
        self._stopped = True
        return self._begun and not self.in_flight

    def _go_on_if_asked_for(self) -> None:
        if self._stopped:
            raise asyncio.CancelledError

    async def buy(self, candidates: tuple[Candidate, ...] = ()) -> CallResult:
        """Ask until an answer is of use, as the plan goes.

        Args:
            candidates: Who is asked; by default all of the request.
        """
        breakers, request = self._means.breakers, self._request
        candidates = candidates or request.candidates
        deployments = [candidate.deployment for candidate in candidates]
        await breakers.refresh(deployments)
        self._plan = plan = FallbackPlan(
            candidates, self._means.policy, breakers, seconds=request.seconds, rebuy=request.rebuy
        )
        while True:
            planned = plan.next()
            if planned.pause:
                await asyncio.sleep(planned.pause)
                await breakers.refresh(deployments)
            try:
                return await self._try(planned, plan)
            except ProviderError as error:
                plan.failed(error)
                self._go_on_if_asked_for()

    async def _try(self, planned: PlannedAttempt, plan: FallbackPlan) -> CallResult:
        candidate = planned.candidate
        await self._until_ready(candidate, plan)
        attempt = await self._means.tracker.open(
            self._request.call, self._job_id, candidate.provider, candidate.model, candidate.most
        )
        await self._wait_for_place(candidate.provider, plan)
        await self._still_mine()
        attempt.prepare()
        self._attempt = attempt
        try:
            answer = await self._ask(candidate, attempt, min(candidate.deadline, plan.left))
            if not isinstance(answer, Operation):
                return await uncancelled(self._book(planned, attempt, answer))
        finally:
            self._attempt = None
        self._go_on_if_asked_for()
        answer = await self._means.operations.collect(self._job_id, candidate, answer, attempt)
        return await uncancelled(self._book(planned, attempt, answer))

    async def _still_mine(self) -> None:
        """Look again whose the job is, unless that is known since a moment: a process may have been asleep.

        Raises:
            TakenOver: It is another's.
        """
        if (
            abs(time.time() - self._confirmed_at) < _CONFIRMED_SECONDS
        ):  # not monotonic: that may stand still in sleep
            return
        if not await self._keep():
            raise TakenOver
        self._confirmed_at = time.time()

    async def _keep(self) -> bool:
        request = self._request
        return await self._means.journal.keep(
            request.call.organization_id, self._job_id, lease_seconds=request.lease_seconds
        )

    async def _wait_for_place(self, provider: str, plan: FallbackPlan) -> None:
        """Wait for a place in the rate limit; the call's deadline stands still, its lease is kept."""
        means, request, began = self._means, self._request, time.monotonic()
        waiting = asyncio.ensure_future(
            means.limiter.admit(request.call, provider, seconds=means.queue_seconds)
        )
        try:
            while not (await asyncio.wait([waiting], timeout=request.lease_seconds / 2))[0]:
                await self._keep()
            await waiting
        finally:
            waiting.cancel()
            waited = time.monotonic() - began
            plan.extend(waited)
            tell(lambda observer: observer.waited(request.call, provider, waited))

    async def _until_ready(self, candidate: Candidate, plan: FallbackPlan) -> None:
        """Wait until what speaks to the provider is there; the call's deadline stands still meanwhile."""
        if candidate.ready is not None:
            began = time.monotonic()
            await candidate.ready()
            plan.extend(time.monotonic() - began)

    async def _ask(self, candidate: Candidate, attempt: BookedAttempt, seconds: float) -> Answer | Operation:
        """Make the attempt, and note what it says about the deployment."""
        breakers, deployment = self._means.breakers, candidate.deployment

        async def keep(attempt: BookedAttempt, operation: Operation) -> None:
            await self._means.operations.keep(self._job_id, candidate, operation, attempt)

        breakers.trying(deployment, seconds)
        try:
            answer = await attempt.make(candidate.send, seconds, keep)
        except (ProviderBusy, ProviderUnreachable, AnswerInDoubt) as error:
            breakers.failed(deployment, error)
            raise
        except ProviderError:
            breakers.succeeded(deployment)
            raise
        breakers.succeeded(deployment)
        return answer

    async def _book(self, planned: PlannedAttempt, attempt: BookedAttempt, answer: Answer) -> CallResult:
        """Settle and store the answer in one statement; then say what is wrong with it.

        A useless answer is the job's last word only where the plan does not go on after it.
        """
        cost, basis = attempt.cost(answer)
        output = output_of(planned.candidate, answer, cost_micro=cost, basis=basis, why=planned.why)
        useless = self._request.judge(planned.candidate.provider, answer)
        unstored = None if useless is not None else await self._store_media(answer, output)
        tokens = answer.usage.input_tokens + answer.usage.output_tokens
        dropped = unstored or (useless if self._goes_on_after(useless) else None)
        await attempt.settle(answer, dropped or StoredAnswer(self._job_id, output, tokens, useless))
        if failure := useless or unstored:
            raise failure
        return CallResult(self._job_id, output, replayed=False)

    async def _store_media(self, answer: Answer, output: dict[str, Any]) -> PostHubError | None:
        """Add the answer's file to what is stored; returns what kept it from being kept."""
        if answer.media is None:
            return None
        try:
            output["media"] = await self._means.operations.store(answer.media, answer)
        except PostHubError as error:
            error.money = MoneyState.SPENT
            return error
        return None

    def _goes_on_after(self, useless: ProviderError | None) -> bool:
        if useless is None or self._plan is None:
            return False
        return self._plan.reaction(useless) is not Reaction.GIVE_UP

    async def go_on(self, ref: Mapping[str, Any]) -> CallResult:
        """Collect what an earlier worker bought; only where it is known to have failed, another is asked."""
        bought_from = str(ref["offer"])
        try:
            return await self._collect_again(ref, bought_from)
        except MediaJobFailed as error:
            others = tuple(each for each in self._request.candidates if each.name != bought_from)
            if error.money is not MoneyState.NONE or not others:
                raise
            return await self.buy(others)

    async def _collect_again(self, ref: Mapping[str, Any], bought_from: str) -> CallResult:
        candidate = next((each for each in self._request.candidates if each.name == bought_from), None)
        if candidate is None:
            raise _not_configured(bought_from)
        attempt = await self._means.tracker.reopen(
            self._request.call, self._job_id, candidate.provider, candidate.model, str(ref["attempt_id"])
        )
        operation = Operation(str(ref["id"]), dict(ref["facts"]))
        answer = await self._means.operations.collect(self._job_id, candidate, operation, attempt)
        return await uncancelled(self._book(PlannedAttempt(0.0, candidate, FIRST_CHOICE), attempt, answer))


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
