"""Group commit: writes beside each other share a statement, and none answers for another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from domain.errors import StoreUnavailable
from store.money.group_commit import GroupCommit


class Table:
    """Writes whole batches, slowly enough for the next one to gather."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.away = False

    async def write(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0.01)
        if self.away:
            raise StoreUnavailable("PostgreSQL is away.")
        if any(item < 0 for item in items):
            raise ValueError(min(items))
        return [item * 10 for item in items]


@pytest.fixture
def table() -> Table:
    return Table()


async def test_a_lone_write_waits_for_nobody(table: Table) -> None:
    assert await GroupCommit(table.write)(1) == 10
    assert table.batches == [[1]]


async def test_what_comes_while_a_statement_is_under_way_shares_the_next_one(table: Table) -> None:
    commit = GroupCommit(table.write)
    first = asyncio.create_task(commit(1))
    await asyncio.sleep(0.002)
    assert await asyncio.gather(first, *(commit(number) for number in (2, 3, 4))) == [10, 20, 30, 40]
    assert table.batches == [[1], [2, 3, 4]]


async def test_a_crowd_is_written_in_batches_of_a_hundred(table: Table) -> None:
    commit = GroupCommit(table.write)
    assert await asyncio.gather(*map(commit, range(250))) == [number * 10 for number in range(250)]
    assert [len(batch) for batch in table.batches] == [100, 100, 50]


async def test_what_cannot_be_written_fails_alone(table: Table) -> None:
    commit = GroupCommit(table.write)
    results = await asyncio.gather(*map(commit, (1, -2, 3)), return_exceptions=True)
    assert (results[0], results[2]) == (10, 30)
    assert isinstance(results[1], ValueError)


async def test_a_database_that_is_away_fails_all_of_a_batch_at_once(table: Table) -> None:
    table.away = True
    commit = GroupCommit(table.write)
    results = await asyncio.gather(*map(commit, (1, 2, 3)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable] * 3
    assert len(table.batches) == 1, "not asked again for each of them"
    table.away = False
    assert await commit(4) == 40


async def test_a_caller_that_is_cancelled_takes_nobody_with_it(table: Table) -> None:
    commit = GroupCommit(table.write)
    first, second = asyncio.create_task(commit(1)), asyncio.create_task(commit(2))
    await asyncio.sleep(0.002)
    first.cancel()
    assert await second == 20
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_who_is_cancelled_before_its_turn_is_not_written(table: Table) -> None:
    commit = GroupCommit(table.write)
    first = asyncio.create_task(commit(1))
    await asyncio.sleep(0.002)
    late = asyncio.create_task(commit(2))
    await asyncio.sleep(0)
    late.cancel()
    await first
    await asyncio.sleep(0.02)
    assert table.batches == [[1]]
