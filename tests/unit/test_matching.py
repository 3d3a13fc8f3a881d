"""Which line of a bill belongs to which attempt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from store.money.bill import Bill, BillLine, parse_lines
from store.money.matching import Booked, Matched, match

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def attempt(name: str, cost: int, opened: float = 0, closed: float | None = 10, **changes: Any) -> Booked:
    ended = None if closed is None else at(closed)
    row = Booked(name, "org-1", "2026-11", "gemini", "flash", "settled", cost, at(opened), ended)
    return replace(row, **changes)


def line(name: str, cost: int, moment: float = 5, **changes: Any) -> BillLine:
    one = BillLine(name, "gemini", "flash", "2026-11", at(moment), at(moment), cost)
    return replace(one, **changes)


def matched(lines: list[BillLine], attempts: list[Booked], **options: Any) -> Matched:
    return match(Bill("bill", tuple(lines), at(3600), whole=True), attempts, **options)


def deltas(found: Matched) -> dict[str, int]:
    return {pair.attempt.id: pair.delta_micro for pair in found.pairs}


def test_an_attempts_own_id_counts_before_everything_else() -> None:
    lines = [line("l1", 70, attempt_id="a2"), line("l2", 100)]
    found = matched(lines, [attempt("a1", 100), attempt("a2", 100, state="lost")])
    assert deltas(found) == {"a1": 0, "a2": -30}
    assert found.explained


def test_the_providers_request_id_counts_where_the_ledger_knows_it() -> None:
    lines = [line("l1", 70, request_id="r-1", moment=900)]
    assert deltas(matched(lines, [attempt("a1", 100, request_ids=("r-1",))])) == {"a1": -30}


def test_two_calls_with_one_request_id_take_a_line_each() -> None:
    lines = [line("l1", 70, request_id="r"), line("l2", 70, request_id="r")]
    attempts = [attempt("a1", 70, request_ids=("r",)), attempt("a2", 70, request_ids=("r",))]
    assert deltas(matched(lines, attempts)) == {"a1": 0, "a2": 0}


def test_a_call_that_was_booked_as_unbilled_and_is_on_the_bill_is_booked_after_all() -> None:
    found = matched([line("l1", 70, attempt_id="a1")], [attempt("a1", 0, state="void")])
    assert deltas(found) == {"a1": 70}


def test_the_exact_amount_decides_between_calls_of_the_same_moment() -> None:
    lines = [line("l1", 30), line("l2", 20), line("l3", 10)]
    found = matched(lines, [attempt("a", 10), attempt("b", 20), attempt("c", 30)])
    assert set(deltas(found).values()) == {0}
    assert {pair.attempt.id: pair.line.id for pair in found.pairs if pair.line} == {
        "a": "l3",
        "b": "l2",
        "c": "l1",
    }


def test_a_price_that_moved_a_little_is_a_difference_of_each_call() -> None:
    found = matched([line("l1", 110, 5), line("l2", 180, 25)], [attempt("a", 100), attempt("b", 200, 20, 30)])
    assert deltas(found) == {"a": 10, "b": -20}
    assert found.explained


@pytest.mark.parametrize("cost", [111, 89, 50_000_000])
def test_a_line_without_an_id_is_no_answered_call_that_cost_something_else(cost: int) -> None:
    found = matched([line("l1", cost)], [attempt("a", 100, held_micro=200)])
    assert deltas(found) == {}
    assert [each.id for each in found.unknown_lines] == ["l1"]
    assert [each.id for each in found.missing] == ["a"]


def test_a_line_without_an_id_is_no_call_that_can_have_cost_only_less() -> None:
    found = matched([line("l1", 105)], [attempt("a", 100, held_micro=104)])
    assert deltas(found) == {}
    assert not found.explained


LOST = [
    attempt("paid", 100),
    attempt("lost", 500, state="lost"),
    attempt("other", 500, state="lost", provider="p"),
]


@pytest.mark.parametrize(
    ("lines", "said", "given_back"),
    [
        ([line("l1", 100)], True, {"lost"}),
        ([line("l1", 100)], False, set()),
        ([line("l1", 600)], True, set()),
        ([], True, set()),
    ],
    ids=["complete for one provider", "nobody said so", "an answered call is missing", "nothing on it"],
)
def test_a_partial_bill_gives_nothing_back_for_what_it_does_not_mean(
    lines: list[BillLine], said: bool, given_back: set[str]
) -> None:
    found = match(Bill("bill", tuple(lines), at(3600), complete=said), LOST)
    assert {name for name, delta in deltas(found).items() if delta} == given_back
    assert {each.id for each in found.missing} >= {"lost", "other"} - given_back
    assert not found.explained


def test_a_lost_call_that_was_billed_costs_what_the_bill_says() -> None:
    found = matched([line("l1", 15)], [attempt("a", 500, state="lost")])
    assert deltas(found) == {"a": -485}


def test_a_lost_call_that_a_complete_bill_does_not_have_costs_nothing() -> None:
    found = matched([], [attempt("a", 500, state="lost")])
    assert deltas(found) == {"a": -500}
    assert found.explained


def test_a_lost_call_after_the_bills_end_is_not_judged() -> None:
    found = match(Bill("bill", (), at(8)), [attempt("a", 500, state="lost")])
    assert deltas(found) == {}
    assert found.explained


def test_an_answered_call_that_a_complete_bill_does_not_have_is_not_explained() -> None:
    found = matched([], [attempt("a", 500)])
    assert [each.id for each in found.missing] == ["a"]
    assert not found.explained


def test_a_line_without_any_call_is_not_explained() -> None:
    found = matched([line("l1", 15, moment=900)], [])
    assert [each.id for each in found.unknown_lines] == ["l1"]
    assert not found.explained


def test_a_charge_above_the_worst_case_of_what_was_lost_is_not_explained() -> None:
    found = matched([line("l1", 501)], [attempt("a", 500, state="lost")])
    assert len(found.unknown_lines) == 1


def test_an_open_hold_explains_a_line_and_is_not_booked() -> None:
    found = matched([line("l1", 15)], [attempt("a", 500, closed=None, state="held")])
    assert [pair.attempt.id for pair in found.open] == ["a"]
    assert deltas(found) == {}
    assert found.explained


def test_another_model_provider_or_organization_is_no_match() -> None:
    strangers = [
        line("l1", 10, model="pro"),
        line("l2", 10, provider="veo"),
        line("l3", 10, organization_id="org-2"),
    ]
    assert len(matched(strangers, [attempt("a", 10)]).unknown_lines) == 3


def test_a_call_of_the_months_last_second_is_billed_in_the_next_month() -> None:
    late = line("l1", 15, month="2026-12")
    found = matched([late], [attempt("a", 15)], month="2026-11")
    assert deltas(found) == {"a": 0}
    assert found.explained
    assert matched([replace(late, model="pro")], [], month="2026-11").explained


def a_sum(cost: int, **changes: Any) -> BillLine:
    one = BillLine("sum", "gemini", "", "2026-11", at(0), at(3600), cost)
    return replace(one, **changes)


def test_a_sum_that_agrees_is_explained() -> None:
    found = matched([a_sum(30)], [attempt("a", 10), attempt("b", 20)])
    assert found.explained
    assert deltas(found) == {}


def test_what_was_lost_gives_way_to_a_sum_the_oldest_first() -> None:
    attempts = [attempt("a", 10), attempt("b", 50, 1, state="lost"), attempt("c", 50, 2, state="lost")]
    assert deltas(matched([a_sum(40)], attempts)) == {"b": -50, "c": -20}


@pytest.mark.parametrize("billed", [9, 11])
def test_a_sum_that_nothing_explains_is_reported(billed: int) -> None:
    found = matched([a_sum(billed)], [attempt("a", 10)])
    assert [(each.cost_micro, booked) for each, booked in found.sums] == [(billed, 10)]
    assert not found.explained


def test_a_sum_of_one_organization_leaves_the_others_out() -> None:
    attempts = [attempt("a", 10), attempt("b", 20, organization_id="org-2")]
    assert matched([a_sum(10, organization_id="org-1")], attempts).explained


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["settled", "lost", "lost unbilled"]), st.integers(1, 60), st.integers(0, 40)
        ),
        max_size=25,
    )
)
def test_after_booking_every_difference_ledger_and_bill_are_equal(calls: list[tuple[str, int, int]]) -> None:
    attempts, lines = [], []
    for number, (kind, cost, second) in enumerate(calls):
        lost = kind != "settled"
        booked = 100 if lost else cost
        state = "lost" if lost else "settled"
        attempts.append(attempt(f"a{number}", booked, second, second + 10, state=state))
        if kind != "lost unbilled":
            lines.append(line(f"l{number}", cost, second + 5, attempt_id=f"a{number}"))
    found = matched(lines, attempts)
    assert found.explained
    assert sum(each.cost_micro for each in attempts) + sum(deltas(found).values()) == sum(
        each.cost_micro for each in lines
    )


GOOD = '{"id": "1", "at": "2026-11-22T10:00:00Z", "provider": "gemini", "model": "m", "cost_micro_usd": 5}'


def test_a_bill_of_the_sandboxs_shape_is_read_and_empty_lines_are_skipped() -> None:
    (read,) = parse_lines(["", GOOD, "  "])
    assert (read.month, read.cost_micro, read.is_sum) == ("2026-11", 5, False)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("not json", "line"),
        ("[1]", "line"),
        ("null", "line"),
        (GOOD.replace('"gemini"', "7"), "provider"),
        (GOOD.replace('"provider": "gemini", ', ""), "provider"),
        (GOOD.replace("5}", '"5"}'), "cost_micro_usd"),
        (GOOD.replace("5}", "-5}"), "cost_micro_usd"),
        (GOOD.replace("5}", "5.5}"), "cost_micro_usd"),
        (GOOD.replace("5}", "true}"), "cost_micro_usd"),
        (GOOD.replace("2026-11-22T10:00:00Z", "yesterday"), "at"),
        (GOOD.replace('"at": "2026-11-22T10:00:00Z"', '"month": "2026-13"'), "month"),
        (GOOD.replace('"at": "2026-11-22T10:00:00Z", ', ""), "month"),
    ],
)
def test_a_line_of_a_wrong_shape_is_refused_with_its_number_and_field(text: str, field: str) -> None:
    with pytest.raises(InvalidInput, match="Line 2") as caught:
        list(parse_lines([GOOD, text]))
    assert (caught.value.details["line"], caught.value.details["field"]) == (2, field)
    assert caught.value.exit_status == 2


def test_a_line_that_occurs_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        list(parse_lines([GOOD, GOOD]))
