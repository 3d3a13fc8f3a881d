"""Price rows: what is accepted, what is refused, and which of two counts."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidInput, UnknownPrice
from gateway.providers.litellm.prices import litellm_rows
from gateway.providers.prices import shipped_prices
from store.money.price_rows import PriceRow, parse_row, read_price_file, unique
from store.money.prices import PriceBook

DAY = date(2026, 11, 22)
GOOD = {
    "list": "own",
    "provider": "gemini",
    "model": "flash",
    "unit": "input",
    "usd_per": "0.75",
    "per": "1000000",
    "valid_from": "2026-01-01",
    "source": "price page",
}


def row(**changes: Any) -> PriceRow:
    return parse_row(GOOD | changes)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unit": ""}, "unit"),
        ({"unit": None}, "unit"),
        ({"unit": "banana"}, "unit"),
        ({"unit": "input:4K"}, "unit"),
        ({"usd_per": "-1"}, "usd_per"),
        ({"usd_per": "free"}, "usd_per"),
        ({"usd_per": "NaN"}, "usd_per"),
        ({"usd_per": None}, "usd_per"),
        ({"per": "0"}, "per"),
        ({"valid_from": "2026-02-30"}, "valid_from"),
        ({"valid_from": None}, "valid_from"),
        ({"valid_to": "2025-01-01"}, "valid_to"),
        ({"provider": ""}, "provider"),
        ({"model": 7}, "model"),
        ({"source": None}, "source"),
        ({"list": ""}, "list"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        row(**changes)
    assert caught.value.details["field"] == field
    assert caught.value.next_step


def test_a_row_without_a_unit_is_told_which_there_are() -> None:
    with pytest.raises(InvalidInput) as caught:
        row(unit="")
    assert "cached_input" in caught.value.next_step
    assert "thinking" in caught.value.next_step


def test_the_row_and_the_field_of_a_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"rows": [GOOD, GOOD | {"unit": "x"}]}))
    with pytest.raises(InvalidInput, match=r"Row 2 of prices\.json: unit"):
        read_price_file(path)


def test_json_and_csv_say_the_same_and_digits_stay_exact(tmp_path: Path) -> None:
    as_json, as_csv = tmp_path / "own.json", tmp_path / "own.csv"
    as_json.write_text(json.dumps([GOOD]).replace('"0.75"', "0.10000000000000000001"))
    as_csv.write_text(
        ",".join(GOOD) + "\n" + ",".join(GOOD.values()).replace("0.75", "0.10000000000000000001")
    )
    assert read_price_file(as_json) == read_price_file(as_csv)
    assert read_price_file(as_csv)[0].usd_per == Decimal("0.10000000000000000001")


@pytest.mark.parametrize("text", ["", "{}", "[]", "nonsense", '{"rows": 7}', "[7]"])
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.json"
    path.write_text(text)
    with pytest.raises(InvalidInput):
        read_price_file(path)


def test_two_rows_that_price_the_same_thing_differently_are_refused() -> None:
    assert len(unique([row(), row()])) == 1
    with pytest.raises(InvalidInput, match="differently"):
        unique([row(), row(usd_per="0.80")])


def test_a_list_of_the_operators_own_counts_before_the_vendors_and_litellms() -> None:
    lists = {"litellm": "3", "brief": "2", "vendor": "1", "own": "9"}
    rows = [row(list=name, usd_per=usd, per="1") for name, usd in lists.items()]
    assert PriceBook(rows).tariff("gemini", "flash", DAY).cost({"input": 1}) == 9_000_000
    assert PriceBook(rows[:3]).tariff("gemini", "flash", DAY).cost({"input": 1}) == 1_000_000
    assert PriceBook(rows[:3]).tariff("gemini", "flash", DAY).price_ids == (rows[2].id,)


def test_of_one_list_the_row_that_began_last_counts() -> None:
    rows = [row(per="1", usd_per=str(month), valid_from=f"2026-{month:02}-01") for month in (3, 11, 12, 1)]
    assert PriceBook(rows).tariff("gemini", "flash", DAY).cost({"input": 1}) == 11_000_000


def test_thinking_and_cached_tokens_cost_what_output_and_input_do_unless_a_row_says_otherwise() -> None:
    plain = [row(per="1", usd_per="1"), row(unit="output", per="1", usd_per="4")]
    tariff = PriceBook(plain).tariff("gemini", "flash", DAY)
    assert tariff.cost({"cached_input": 1, "thinking": 1}) == 5_000_000
    told = [
        *plain,
        row(unit="thinking", per="1", usd_per="3"),
        row(unit="cached_input", per="1", usd_per="0.1"),
    ]
    assert (
        PriceBook(told).tariff("gemini", "flash", DAY).cost({"cached_input": 1, "thinking": 1}) == 3_100_000
    )


def test_an_image_is_priced_by_its_size_and_at_the_plain_price_where_no_size_is_listed() -> None:
    rows = [row(unit="image", per="1", usd_per="0.02"), row(unit="image:4K", per="1", usd_per="0.24")]
    tariff = PriceBook(rows).tariff("gemini", "flash", DAY)
    assert tariff.cost({"image:4K": 1}) == 240_000
    assert tariff.cost({"image:1K": 2}) == 40_000


def test_an_unknown_price_is_refused_with_the_command_that_adds_it() -> None:
    with pytest.raises(UnknownPrice) as caught:
        PriceBook([row()]).tariff("gemini", "flash", DAY).cost({"output": 1})
    assert "posthub prices add --provider gemini --model flash --unit output" in caught.value.next_step


def test_litellms_map_agrees_with_the_shipped_vendor_prices() -> None:
    theirs = PriceBook(litellm_rows(DAY))
    for provider, model in {
        (each.provider, each.model) for each in shipped_prices() if each.list_name == "vendor"
    }:
        ours = PriceBook(shipped_prices()).tariff(provider, model, DAY)
        for unit in {each.unit for each in ours.rows} - {"cached_input", "search"}:
            assert ours.cost({unit: 1000}) == theirs.tariff(provider, model, DAY).cost({unit: 1000}), unit


def test_the_briefs_own_list_is_kept_under_its_name() -> None:
    brief = {
        (each.provider, each.unit): each.usd_per / each.per
        for each in shipped_prices()
        if each.list_name == "brief"
    }
    assert brief["gemini", "input"] * 1000 == Decimal("0.00025")
    assert brief["perplexity", "output"] * 1000 == Decimal("0.001")
    assert (brief["nanobana", "image"], brief["veo", "second"]) == (Decimal("0.02"), Decimal("0.05"))
