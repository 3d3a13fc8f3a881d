"""Prices: dated, exact, and never taken for zero."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import UnknownPrice
from gateway.providers.prices import shipped_prices
from store.money.prices import PriceBook

BOOK = PriceBook(shipped_prices())
NOVEMBER = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("provider", "model", "units", "micro"),
    [
        ("gemini", "gemini-3.8-flash", {"input": 1_000_000}, 750_000),
        ("gemini", "gemini-3.8-flash", {"input": 911, "cached_input": 100, "output": 242}, 1598),
        ("gemini", "gemini-nano-banana-2.1", {"input": 7, "image_token": 1120}, 33_611),
        ("gemini", "gemini-omni-1.1-flash", {"video_token": 46_336}, 810_880),
        ("gemini", "veo-3.1-generate-001", {"second": 8}, 3_200_000),
        ("perplexity", "perplexity/sonar", {"input": 3681, "output": 780, "search": 1}, 5370),
        ("nanobana", "imagen-3", {"image": 1}, 20_000),
        ("veo", "veo-3", {"second": 7.5}, 375_000),
    ],
)
def test_a_call_costs_what_a_hand_calculation_says(
    provider: str, model: str, units: dict[str, float], micro: int
) -> None:
    assert BOOK.tariff(provider, model, NOVEMBER).cost(units) == micro


def test_a_promotion_ends_with_its_last_day() -> None:
    last = BOOK.tariff("gemini", "gemini-3.8-flash", date(2026, 12, 31))
    after = BOOK.tariff("gemini", "gemini-3.8-flash", date(2027, 1, 1))
    assert (last.cost({"output": 1_000_000}), after.cost({"output": 1_000_000})) == (3_750_000, 7_500_000)


def test_a_call_is_rounded_half_up_once_and_not_part_by_part() -> None:
    tariff = BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER)
    assert tariff.cost({"input": 1, "cached_input": 10}) == 2  # 0.75 + 0.75
    assert tariff.cost({"input": 2}) == 2  # 1.5


def test_a_model_without_a_price_is_refused_by_name() -> None:
    with pytest.raises(UnknownPrice, match="gemini/gemini-9"):
        BOOK.tariff("gemini", "gemini-9", NOVEMBER)


def test_a_day_before_the_first_price_is_refused() -> None:
    with pytest.raises(UnknownPrice):
        BOOK.tariff("gemini", "gemini-3.8-flash", date(2020, 1, 1))


def test_a_unit_without_a_price_is_refused_by_name() -> None:
    with pytest.raises(UnknownPrice, match=r"video_token of gemini/gemini-3\.8-flash"):
        BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER).cost({"video_token": 1})


def test_what_was_not_used_needs_no_price() -> None:
    assert BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER).cost({"video_token": 0}) == 0


def test_a_ledger_rows_price_ids_bring_its_own_prices_back() -> None:
    promotion = BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER)
    again = BOOK.tariff_of("gemini", "gemini-3.8-flash", promotion.price_ids)
    assert again.cost({"output": 1000}) == promotion.cost({"output": 1000}) == 3750


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5))
def test_the_upper_bound_of_a_call_is_never_below_its_cost(most_in: int, most_out: int, fewer: int) -> None:
    tariff = BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER)
    used = {"input": max(0, most_in - fewer), "output": max(0, most_out - fewer)}
    assert tariff.cost(used) <= tariff.upper_bound({"input": most_in, "output": most_out})


def test_thinking_costs_what_output_does_unless_it_has_a_price_of_its_own() -> None:
    plain = BOOK.tariff("gemini", "gemini-3.8-flash", NOVEMBER)
    assert plain.cost({"output": 100, "thinking": 900}) == plain.cost({"output": 1000})
    output = next(row for row in plain.rows if row.unit == "output")
    dearer = replace(plain, rows=(*plain.rows, replace(output, unit="thinking", usd_per=output.usd_per * 2)))
    assert dearer.cost({"thinking": 900}) == 2 * plain.cost({"output": 900})
    assert dearer.cost({"output": 100, "thinking": 900}) <= dearer.upper_bound({"output": 1000})


def test_every_shipped_row_has_a_source_a_day_and_a_known_unit() -> None:
    units = {"input", "cached_input", "output", "image", "image_token", "video_token", "second", "search"}
    rows = shipped_prices()
    assert {row.unit for row in rows} <= units
    assert all(row.source and row.valid_from and row.usd_per > Decimal(0) for row in rows)
    assert len({row.id for row in rows}) == len(rows)


def test_no_two_rows_of_one_unit_hold_on_the_same_day() -> None:
    for row in shipped_prices():
        same = [
            other
            for other in shipped_prices()
            if (other.provider, other.model, other.unit) == (row.provider, row.model, row.unit)
            and other.holds_on(row.valid_from)
        ]
        assert [other.id for other in same] == [row.id]


def test_the_briefs_own_list_is_kept_as_one_list() -> None:
    brief = {
        (row.provider, row.unit): (str(row.usd_per), str(row.per))
        for row in shipped_prices()
        if row.list_name == "brief"
    }
    assert brief == {
        ("gemini", "input"): ("0.00025", "1000"),
        ("gemini", "output"): ("0.0005", "1000"),
        ("perplexity", "input"): ("0.001", "1000"),
        ("perplexity", "output"): ("0.001", "1000"),
        ("nanobana", "image"): ("0.02", "1"),
        ("veo", "second"): ("0.05", "1"),
    }
