"""What has to end well when its caller is cut off."""

from __future__ import annotations

import asyncio

import pytest

from domain.errors import StoreUnavailable
from gateway.calls.booking import uncancelled, until_stored


async def test_work_that_must_not_be_cut_off_ends_before_the_cancel_is_raised() -> None:
    done: list[str] = []
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.sleep(0.05)
        done.append("booked")

    task = asyncio.create_task(uncancelled(work()))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["booked"]


async def test_a_result_and_a_failure_come_through() -> None:
    async def good() -> int:
        return 7

    async def bad() -> int:
        raise ValueError("bad")

    assert await uncancelled(good()) == 7
    with pytest.raises(ValueError, match="bad"):
        await uncancelled(bad())


async def test_a_write_is_repeated_while_the_database_is_away() -> None:
    tries: list[int] = []

    async def write() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("away")
        return "stored"

    assert await until_stored(write, (0.0, 0.0, 0.0)) == "stored"
    assert len(tries) == 3


async def test_a_database_that_stays_away_is_reported_in_the_end() -> None:
    async def write() -> str:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        await until_stored(write, (0.0,))
