"""The one retry loop's mind: what a failure means for the next attempt of the same call.

    not sent           nothing left this machine               again after a pause, then the next deployment
    refused unbilled   429 or 5xx instead of an answer         again after the pause it asks for, then the next
    refused            400, 401, 403, 404                      the next deployment: the same would be refused again
    schema refused     400 or 422 that names the schema        at once with a simpler schema, while there is one
    in doubt           sent, no whole answer                   booked as lost, asked once more; a video never
    billed but bad     cut off: once with more tokens; blocked, empty or no file: the next deployment

The SDKs' own retries are off: each physical attempt is ours, with a deadline and a ledger row of its own.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import (
    AnswerInDoubt,
    BadOutput,
    ContentBlocked,
    MediaJobFailed,
    MoneyState,
    OutputTruncated,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from gateway.calls.breaker import LONGEST_PAUSE_SECONDS, CircuitBreakers
from gateway.calls.failures import NAMES_SCHEMA, all_cooling_down
from gateway.calls.request import FIRST_CHOICE, Candidate

_LEAST_SECONDS = 1.0
"""With less than this left nothing is sent: it could only be cut off, and paid."""


class Reaction(StrEnum):
    AGAIN = "again"
    LONGER = "longer"
    SIMPLER = "simpler"
    NEXT = "next"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long.

    Attributes:
        tries: Attempts at one deployment while none of them was billed.
        first_seconds: The first pause where the provider names none; it doubles each time, with jitter.
        wait_seconds: The longest pause that is waited for while another deployment could be asked instead.
        last_wait_seconds: The longest pause that is waited for where there is no other.
    """

    tries: int = 3
    first_seconds: float = 0.5
    wait_seconds: float = 10.0
    last_wait_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class PlannedAttempt:
    """The next attempt: after how many seconds, by whom, and why not by the first choice."""

    pause: float
    candidate: Candidate
    why: str


class FallbackPlan:
    """One request's way along its chain.

    Args:
        candidates: The chain, the first choice first.
        policy: How often and how long.
        breakers: What is known of the deployments.
        seconds: Total deadline, from now on.
        rebuy: Whether it may be bought again after an answer in doubt or of no use.
        now: A monotonic clock.
        chance: Draws from [0, 1); spreads the pauses of callers that were refused together.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        policy: RetryPolicy,
        breakers: CircuitBreakers,
        *,
        seconds: float,
        rebuy: bool = True,
        now: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._candidates = list(candidates)
        self._policy = policy
        self._breakers = breakers
        self._rebuy = rebuy
        self._now = now
        self._chance = chance
        self._ends = now() + seconds
        self._at = 0
        self._tries = 0
        self._doubted = False
        self._lengthened = False
        self._pause = 0.0
        self._why = FIRST_CHOICE
        self._failures: list[ProviderError] = []

    @property
    def left(self) -> float:
        """Seconds until the total deadline."""
        return max(0.0, self._ends - self._now())

    def extend(self, seconds: float) -> None:
        """Leave time out of the deadline that was spent queueing: a queue has a deadline of its own."""
        self._ends += seconds

    def next(self) -> PlannedAttempt:
        """Return the next attempt; deployments that rest are passed over where another is ready.

        Raises:
            ProviderError: All of them rest for longer than can be waited.
        """
        while True:
            candidate = self._here
            if self._failures and self.left < min(candidate.deadline, _LEAST_SECONDS):
                raise self.outcome()
            cooldown = self._breakers.cooldown(candidate.deployment)
            pause = max(self._pause, cooldown.seconds)
            if pause <= (0.0 if cooldown.broken and self._others else self._reach(self._others)):
                self._pause = 0.0
                self._tries += 1
                return PlannedAttempt(self._spread(pause), candidate, self._why)
            if not self._others:
                raise self.outcome() if self._failures else all_cooling_down(candidate.provider, pause)
            self._go_on(f"{candidate.deployment} is resting ({cooldown.reason or 'busy'})")

    @property
    def _here(self) -> Candidate:
        return self._candidates[self._at]

    @property
    def _others(self) -> bool:
        return self._at + 1 < len(self._candidates)

    def _reach(self, others: bool) -> float:
        """The longest pause that is waited for here."""
        longest = self._policy.wait_seconds if others else self._policy.last_wait_seconds
        return min(longest, self.left)

    def _spread(self, pause: float) -> float:
        return pause + self._chance() * min(pause / 4, 1.0) if pause else 0.0

    def _go_on(self, why: str) -> None:
        self._at += 1
        self._tries = 0
        self._pause = 0.0
        self._why = why

    def reaction(self, error: ProviderError) -> Reaction:
        """Say what follows from a failure; changes nothing."""
        if error.money is MoneyState.HELD:
            return Reaction.GIVE_UP  # a file may still come of it, whatever a later request was told
        if isinstance(error, ProviderBusy | ProviderUnreachable):
            return self._after_unbilled(error)
        if isinstance(error, ProviderRefused):
            simpler = self._here.simpler is not None and NAMES_SCHEMA in error.details
            return Reaction.SIMPLER if simpler and self.left else self._elsewhere()
        if isinstance(error, MediaJobFailed):
            return self._elsewhere() if error.money is MoneyState.NONE else Reaction.GIVE_UP
        if not self._rebuy or not self.left:
            return Reaction.GIVE_UP
        if isinstance(error, AnswerInDoubt):
            return self._after_doubt(error)
        if isinstance(error, OutputTruncated):
            longer = self._here.longer is not None and not self._lengthened
            return Reaction.LONGER if longer else Reaction.GIVE_UP
        return self._elsewhere() if isinstance(error, ContentBlocked | BadOutput) else Reaction.GIVE_UP

    def _after_unbilled(self, error: ProviderError) -> Reaction:
        if self._tries < self._policy.tries and self._wanted_pause(error) <= self._reach(self._others):
            return Reaction.AGAIN
        return self._elsewhere()

    def _after_doubt(self, error: ProviderError) -> Reaction:
        if self._doubted:
            return Reaction.GIVE_UP
        # Silence is likely to be met again at the same place, a cut connection is not.
        silent = bool(error.details.get("timed_out"))
        return Reaction.NEXT if silent and self._others else Reaction.AGAIN

    def _elsewhere(self) -> Reaction:
        return Reaction.NEXT if self._others and self.left else Reaction.GIVE_UP

    def _wanted_pause(self, error: ProviderError) -> float:
        asked = error.details.get("retry_after_seconds")
        own = self._policy.first_seconds * 2 ** max(0, self._tries - 1)
        return min(max(float(asked), 0.0), LONGEST_PAUSE_SECONDS) if asked is not None else own

    def failed(self, error: ProviderError) -> None:
        """Take a failure in, and go on.

        Raises:
            ProviderError: There is no going on.
        """
        reaction = self.reaction(error)
        self._failures.append(error)
        here = self._here
        if reaction is Reaction.GIVE_UP:
            raise self.outcome()
        if reaction is Reaction.NEXT:
            self._go_on(f"{here.deployment}: {error.message}")
            self._doubted = self._doubted or isinstance(error, AnswerInDoubt)
        elif reaction is Reaction.LONGER:
            assert here.longer is not None
            self._candidates[self._at] = here.longer()
            self._lengthened = True
        elif reaction is Reaction.SIMPLER:
            assert here.simpler is not None
            self._candidates[self._at] = here.simpler()
            self._tries = 0
        elif isinstance(error, AnswerInDoubt):
            self._doubted = True
        else:
            self._pause = self._wanted_pause(error)

    def outcome(self) -> ProviderError:
        """Return the failure to report: the last that touched money, else the first choice's."""
        touched = [error for error in self._failures if error.money is not MoneyState.NONE]
        return touched[-1] if touched else self._failures[0]
