from __future__ import annotations

import asyncio

import psycopg
import pytest
from sqlalchemy import text

from domain.errors import PostHubError, StoreUnavailable
from store.database import Database, ping
from store.reading import upgrade
from store.tenancy import SYSTEM

SECRET = "hunter2"


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    add = text("insert into organizations (id, tier) values ('o', 'basic')")
    with pytest.raises(RuntimeError):
        async with database.transaction(SYSTEM) as connection:
            await connection.execute(add)
            raise RuntimeError
    async with database.transaction(SYSTEM) as connection:
        assert (await connection.execute(text("select count(*) from organizations"))).scalar_one() == 0


async def test_the_servers_version_is_told(database_uri: str) -> None:
    assert int((await ping(database_uri)).split(".")[0]) >= 18


async def _asked(uri: str) -> PostHubError:
    database = Database(uri)
    with pytest.raises(StoreUnavailable) as caught:
        async with database.transaction(SYSTEM):
            pytest.fail("connected")
    await database.dispose()
    return caught.value


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        (f"postgresql://u:{SECRET}@127.0.0.1:1/posthub", "127.0.0.1:1"),
        (f"postgresql://u:{SECRET}@/posthub?host=/nonexistent/socket", "/nonexistent/socket"),
        (f"postgresql://u:{SECRET}@no-such-host.invalid/posthub", "no-such-host.invalid:5432"),
    ],
)
async def test_a_server_that_is_not_there_is_named_without_its_password(uri: str, place: str) -> None:
    failures = [await _asked(uri)]
    for call in (ping, upgrade):
        with pytest.raises(StoreUnavailable) as caught:
            await call(uri)
        failures.append(caught.value)
    for failure in failures:
        assert place in failure.message
        assert "DATABASE_URI" in failure.next_step
        assert SECRET not in str(failure.as_json())
        assert "\n" not in str(failure)


async def test_a_database_that_does_not_exist_is_told_as_such(database_uri: str) -> None:
    failure = await _asked(database_uri.replace("/test_", "/absent_"))
    assert 'database "absent_' in failure.message
    assert "does not exist" in failure.message


async def test_a_connection_lost_in_the_middle_is_reported_and_the_next_one_works(
    database: Database, database_uri: str
) -> None:
    kill = "select pg_terminate_backend(%s)"
    with pytest.raises(StoreUnavailable):
        async with database.transaction(SYSTEM) as connection:
            pid = (await connection.execute(text("select pg_backend_pid()"))).scalar_one()
            async with await psycopg.AsyncConnection.connect(database_uri, autocommit=True) as other:
                await other.execute(kill, [pid])
            await connection.execute(text("select 1"))
    async with database.transaction(SYSTEM) as connection:
        assert (await connection.execute(text("select 1"))).scalar_one() == 1


async def test_an_error_of_the_statement_itself_is_not_taken_for_a_lost_server(database: Database) -> None:
    with pytest.raises(Exception, match="no_such_table") as caught:
        async with database.transaction(SYSTEM) as connection:
            await connection.execute(text("select * from no_such_table"))
    assert not isinstance(caught.value, PostHubError)


async def test_more_transactions_than_connections_take_their_turn(database_uri: str) -> None:
    database = Database(database_uri, pool_size=2)

    async def one(number: int) -> int:
        async with database.transaction(SYSTEM) as connection:
            return int((await connection.execute(text("select cast(:n as int)"), {"n": number})).scalar_one())

    assert await asyncio.gather(*(one(number) for number in range(30))) == list(range(30))
    await database.dispose()


async def _pid(database: Database) -> int:
    (row,) = await database.rows(SYSTEM, "select pg_backend_pid() as pid", [])
    return int(row.pid)


async def test_a_drivers_connection_that_died_while_it_was_idle_is_replaced(
    database: Database, database_uri: str
) -> None:
    before = await _pid(database)
    assert await _pid(database) == before
    async with await psycopg.AsyncConnection.connect(database_uri, autocommit=True) as other:
        await other.execute("select pg_terminate_backend(%s, 10000)", [before])
    await asyncio.sleep(1.1)  # after an idle second a connection has to prove that it works
    assert await _pid(database) not in (0, before)


async def test_a_drivers_connection_that_was_cut_short_is_not_used_again(database: Database) -> None:
    before = await _pid(database)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await database.rows(SYSTEM, "select pg_sleep(30)", [])
    assert await _pid(database) not in (0, before)


async def test_a_server_that_refuses_says_why_and_is_asked_again_by_the_next(
    postgres_uri: str, database_uri: str
) -> None:
    absent = database_uri.replace("/test_", "/late_")
    name = absent.split("?")[0].rsplit("/", 1)[1]
    database = Database(absent)
    try:
        with pytest.raises(StoreUnavailable, match="does not exist"):
            await _pid(database)
        async with await psycopg.AsyncConnection.connect(postgres_uri, autocommit=True) as other:
            await other.execute(f"create database {name}")
        assert await _pid(database)
    finally:
        await database.dispose()


async def test_more_writers_than_drivers_connections_take_their_turn(database: Database) -> None:
    pids = await asyncio.gather(*(_pid(database) for _ in range(40)))
    assert 0 not in pids
    assert len(set(pids)) <= 8
