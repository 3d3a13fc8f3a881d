"""The price table in the database."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import text

from domain.errors import InvalidInput
from gateway.providers.prices import shipped_prices
from store.database import Database
from store.money.price_rows import PriceRow, parse_row
from store.money.prices import Prices
from store.tenancy import SYSTEM


async def test_shipped_prices_are_loaded_once_and_stay_as_an_operator_changed_them(
    database: Database,
) -> None:
    prices = Prices(database)
    assert await prices.load_shipped(shipped_prices()) == len(shipped_prices())
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(text("update prices set usd_per = 9 where model = 'imagen-3'"))
    assert await prices.load_shipped(shipped_prices()) == 0
    tariff = (await prices.book()).tariff("nanobana", "imagen-3", date(2026, 11, 22))
    assert tariff.cost({"image": 1}) == 9_000_000


async def test_the_table_and_the_shipped_rows_are_the_same(database: Database) -> None:
    prices = Prices(database)
    await prices.load_shipped(shipped_prices())
    book = await prices.book()
    stored = {row.id: row for row in book._rows}
    assert stored == {row.id: row for row in shipped_prices()}


async def test_a_changed_table_is_read_again_after_forgetting(database: Database) -> None:
    prices = Prices(database)
    await prices.load_shipped(shipped_prices())
    before = (await prices.book()).tariff("veo", "veo-3", date(2026, 11, 22)).cost({"second": 1})
    async with database.transaction(SYSTEM) as connection:
        await connection.execute(text("update prices set usd_per = 1 where model = 'veo-3'"))
    prices.forget()
    after = (await prices.book()).tariff("veo", "veo-3", date(2026, 11, 22)).cost({"second": 1})
    assert (before, after) == (50_000, 1_000_000)


async def test_rows_are_added_once_and_count_from_then_on(database: Database) -> None:
    prices = Prices(database)
    await prices.load_shipped(shipped_prices())
    assert await prices.add([own("9")]) == 1
    assert await prices.add([own("9")]) == 0
    tariff = (await prices.book()).tariff("nanobana", "imagen-3", date(2026, 11, 22))
    assert tariff.cost({"image": 1}) == 9_000_000


async def test_a_row_that_is_there_never_changes_and_nothing_of_the_file_is_written(
    database: Database,
) -> None:
    prices = Prices(database)
    await prices.add([own("9")])
    with pytest.raises(InvalidInput, match="says something else") as caught:
        await prices.add([own("1", model="other"), own("8")])
    assert "valid_from" in caught.value.next_step
    async with database.transaction(SYSTEM) as connection:
        found = (await connection.execute(text("select model, usd_per from prices"))).all()
    assert [(row.model, row.usd_per) for row in found] == [("imagen-3", 9)]


def own(usd: str, model: str = "imagen-3") -> PriceRow:
    return parse_row(
        {
            "list": "own",
            "provider": "nanobana",
            "model": model,
            "unit": "image",
            "usd_per": usd,
            "per": "1",
            "valid_from": "2026-11-01",
            "source": "contract",
        }
    )
