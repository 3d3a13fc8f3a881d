"""The retry loop's mind: what follows from each class of failure, with a clock that the test moves."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from domain.errors import (
    AnswerInDoubt,
    BadOutput,
    ContentBlocked,
    MoneyState,
    OutputTruncated,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
)
from gateway.calls.breaker import CircuitBreakers
from gateway.calls.failures import in_doubt, unreachable
from gateway.calls.request import Candidate
from gateway.calls.retry import FallbackPlan, RetryPolicy


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def send(attempt: Any) -> Any:
    raise AssertionError("nothing is sent here")


def candidate(model: str, longer: Candidate | None = None) -> Candidate:
    return Candidate(model, "p", model, {}, send, 30.0, longer=(lambda: longer) if longer else None)


FIRST, SECOND = candidate("first"), candidate("second")


class Walk:
    """A plan, the clock and the breakers that it goes by."""

    def __init__(self, *candidates: Candidate, seconds: float = 300.0, **more: Any) -> None:
        self.clock = Clock()
        self.breakers = CircuitBreakers(now=self.clock)
        self.plan = FallbackPlan(
            candidates or (FIRST, SECOND),
            RetryPolicy(),
            self.breakers,
            seconds=seconds,
            now=self.clock,
            chance=lambda: 0.0,
            **more,
        )

    def fails(self, error: ProviderError) -> tuple[str, float]:
        """Let the next attempt fail; returns who is asked after it and after how many seconds."""
        self.breakers.failed(self.plan.next().candidate.deployment, error)
        self.plan.failed(error)
        planned = self.plan.next()
        self.clock.now += planned.pause
        return planned.candidate.model, planned.pause

    def after(self, *errors: ProviderError) -> list[str]:
        """Let one attempt after the other fail; returns who was asked."""
        asked = []
        with pytest.raises(ProviderError) as self.end:
            for error in errors:
                planned = self.plan.next()
                asked.append(planned.candidate.model)
                self.clock.now += planned.pause
                self.breakers.failed(planned.candidate.deployment, error)
                self.plan.failed(error)
        return asked


def busy(retry_after: float | None = None) -> ProviderBusy:
    return ProviderBusy("p is busy (HTTP 503).", retry_after_seconds=retry_after)


def spent(kind: type[ProviderError]) -> ProviderError:
    return kind("useless", money=MoneyState.SPENT)


def test_a_busy_deployment_is_asked_three_times_and_then_the_next_one() -> None:
    assert Walk().after(*[busy()] * 6) == ["first"] * 3 + ["second"] * 3


def test_the_pause_doubles_where_the_provider_names_none() -> None:
    walk = Walk()
    assert walk.fails(busy()) == ("first", 0.5)
    walk.plan.failed(busy())
    assert walk.plan.next().pause == 1.0


def test_the_pause_that_a_provider_asks_for_is_kept() -> None:
    assert Walk().fails(busy(3.0)) == ("first", 3.0)


def test_a_provider_that_asks_for_no_pause_is_asked_again_at_once() -> None:
    assert Walk().fails(busy(0.0)) == ("first", 0.0)


def test_pauses_are_spread_so_that_callers_refused_together_do_not_come_back_together() -> None:
    clock = Clock()
    pauses = set()
    for chance in (0.0, 0.5, 0.9):
        drawn = partial(float, chance)
        plan = FallbackPlan(
            (FIRST,),
            RetryPolicy(),
            CircuitBreakers(now=clock),
            seconds=60,
            now=clock,
            chance=drawn,
        )
        plan.next()
        plan.failed(busy(4.0))
        pauses.add(plan.next().pause)
    assert min(pauses) == 4.0
    assert len(pauses) == 3


def test_a_long_pause_is_not_waited_for_where_another_deployment_can_be_asked() -> None:
    assert Walk().fails(busy(30.0)) == ("second", 0.0)


def test_a_long_pause_is_waited_for_where_there_is_no_other() -> None:
    assert Walk(FIRST).fails(busy(30.0)) == ("first", 30.0)


def test_a_provider_that_asks_for_a_day_is_asked_again_after_a_minute() -> None:
    assert Walk(FIRST).fails(busy(86400.0)) == ("first", 60.0)


def test_a_pause_that_would_outlast_the_deadline_is_not_begun() -> None:
    assert Walk(FIRST, seconds=20.0).after(busy(30.0)) == ["first"]


def test_what_never_left_is_asked_again_like_what_was_refused_unbilled() -> None:
    assert Walk(FIRST).after(*[unreachable("p", "no route")] * 3) == ["first"] * 3


def test_a_refused_request_goes_to_the_next_deployment_at_once() -> None:
    assert Walk().after(ProviderRefused("no"), ProviderRefused("no")) == ["first", "second"]


def test_a_cut_connection_is_asked_once_more_at_the_same_place_and_no_third_time() -> None:
    walk = Walk()
    assert walk.after(in_doubt("p", "cut"), in_doubt("p", "cut")) == ["first", "first"]
    assert walk.end.value.money is MoneyState.LOST


def test_a_silent_deployment_is_left_for_the_next_one() -> None:
    silent = in_doubt("p", "silence", timed_out=True)
    assert Walk().after(silent, silent) == ["first", "second"]


def test_what_may_have_been_bought_is_not_bought_again_where_the_order_forbids_it() -> None:
    assert Walk(rebuy=False).after(in_doubt("p", "cut")) == ["first"]
    assert Walk(rebuy=False).after(spent(BadOutput)) == ["first"]


def test_a_truncated_answer_is_asked_for_once_with_more_tokens() -> None:
    roomy = candidate("first with room")
    walk = Walk(candidate("first", longer=roomy), SECOND)
    assert walk.after(*[spent(OutputTruncated)] * 2) == ["first", "first with room"]


def test_a_truncated_answer_of_a_model_without_more_room_is_the_last_word() -> None:
    assert Walk().after(spent(OutputTruncated)) == ["first"]


@pytest.mark.parametrize("kind", [ContentBlocked, BadOutput])
def test_a_useless_answer_is_asked_for_from_the_other_model(kind: type[ProviderError]) -> None:
    assert Walk().after(spent(kind), spent(kind)) == ["first", "second"]


def test_the_failure_that_is_reported_is_the_last_one_that_touched_money() -> None:
    walk = Walk()
    walk.after(spent(ContentBlocked), *[busy()] * 3)
    assert isinstance(walk.end.value, ContentBlocked)


def test_the_failure_of_the_first_choice_is_reported_where_nothing_was_bought() -> None:
    walk = Walk()
    walk.after(busy(), busy(), busy(), ProviderRefused("no"))
    assert isinstance(walk.end.value, ProviderBusy)


def test_an_answer_from_another_deployment_says_why() -> None:
    walk = Walk()
    assert walk.plan.next().why == "first choice"
    walk.plan.failed(ProviderRefused("p refused the request (HTTP 404)."))
    assert walk.plan.next().why == "p/first: p refused the request (HTTP 404)."


def test_nothing_is_sent_in_the_last_second_before_the_deadline() -> None:
    walk = Walk(FIRST, seconds=10.0)
    walk.plan.next()
    walk.clock.now += 9.5
    walk.plan.failed(busy(0.0))
    with pytest.raises(ProviderBusy):
        walk.plan.next()


def open_breaker(breakers: CircuitBreakers, deployment: str) -> None:
    for _ in range(6):
        breakers.failed(deployment, busy())


def test_a_breaker_opens_after_six_failures_in_a_row_and_the_next_deployment_is_asked_at_once() -> None:
    walk = Walk()
    open_breaker(walk.breakers, "p/first")
    planned = walk.plan.next()
    assert (planned.candidate.model, planned.pause) == ("second", 0.0)
    assert "breaker is open" in planned.why


def test_an_open_breaker_of_the_only_deployment_is_waited_for_and_not_hammered() -> None:
    walk = Walk(FIRST)
    open_breaker(walk.breakers, "p/first")
    assert walk.plan.next().pause == 5.0


def test_after_an_open_breaker_one_caller_tries_and_the_others_wait_for_its_outcome() -> None:
    walk = Walk()
    open_breaker(walk.breakers, "p/first")
    walk.clock.now += 5.1
    assert not walk.breakers.is_open("p/first")
    walk.breakers.trying("p/first", 30.0)
    assert walk.breakers.is_open("p/first")
    walk.breakers.succeeded("p/first")
    assert not walk.breakers.is_open("p/first")


def test_a_breaker_whose_try_fails_stays_open_twice_as_long() -> None:
    walk = Walk()
    open_breaker(walk.breakers, "p/first")
    walk.clock.now += 5.1
    walk.breakers.failed("p/first", busy())
    assert walk.breakers.cooldown("p/first").seconds == pytest.approx(10.0)


def test_failures_among_successes_do_not_open_a_breaker() -> None:
    breakers = CircuitBreakers()
    for number in range(200):
        breakers.failed("p/first", busy()) if number % 3 == 0 else breakers.succeeded("p/first")
    assert not breakers.is_open("p/first")


def test_a_refusal_that_names_a_pause_is_a_pause_and_no_broken_deployment() -> None:
    breakers = CircuitBreakers()
    for _ in range(20):
        breakers.failed("p/first", busy(2.0))
    assert not breakers.is_open("p/first")
    assert 1.0 < breakers.cooldown("p/first").seconds <= 2.0


def test_doubt_is_an_error_that_says_whether_there_was_silence() -> None:
    assert in_doubt("p", "x", timed_out=True).details["timed_out"]
    assert isinstance(in_doubt("p", "x"), AnswerInDoubt)


@pytest.mark.parametrize("kind", [ProviderRefused, ProviderBusy, ProviderError])
def test_what_may_still_bring_a_file_is_bought_nowhere_else_whatever_failed_later(
    kind: type[ProviderError],
) -> None:
    error = kind("a poll was refused", money=MoneyState.HELD)
    with pytest.raises(kind) as raised:
        Walk().plan.failed(error)
    assert raised.value is error
