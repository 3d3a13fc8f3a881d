"""PostgreSQL: one engine, one driver (psycopg 3), and connection failures in words a person can act on."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import psycopg
import psycopg_pool as pool
from psycopg import AsyncRawCursor
from psycopg.rows import namedtuple_row
from sqlalchemy import URL, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import StoreUnavailable
from store.addresses import CONNECT_SECONDS, address, parse
from store.failures import driver_reported, is_connection_failure, unavailable
from store.tenancy import SYSTEM, USER, Whose, entering, role_of

Connection = AsyncConnection
"""An open transaction, as `Database.transaction` gives it."""

_DRIVERS = 8
"""Most connections of psycopg's own: group commit needs one for each kind of write."""
_ASK_SECONDS = 1.0
"""How long a connection is waited for before PostgreSQL is asked why there is none."""
BY_KEY = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"
"""What goes over such a connection touches few rows by their keys: a plan made while the tables were small must not
read them whole once they have grown."""
_TRUSTED_SECONDS = 1.0

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # what fails is reported to whoever asked


def parse_uri(uri: str) -> URL:
    """Return a PostgreSQL address as SQLAlchemy's URL for psycopg. Raises as `store.addresses.parse`."""
    its = parse(uri)
    query = {name: given if len(given) > 1 else given[0] for name, given in its.query.items()}
    return URL.create("postgresql+psycopg", its.user, its.password, its.host, its.port, its.database, query)


def _busy(uri: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"All connections to PostgreSQL at {address(uri)} are busy.",
        next_step="Run less at once, or raise the pool size.",
    )


@asynccontextmanager
async def reported(uri: str) -> AsyncIterator[None]:
    """Report connection failures of what runs inside as StoreUnavailable or StorageFull."""
    with driver_reported(uri):
        try:
            yield
        except PoolTimeout as error:
            raise _busy(uri) from error
        except DBAPIError as error:
            if not (error.connection_invalidated or is_connection_failure(error.orig)):
                raise
            raise unavailable(uri, error.orig) from error


class DriverConnection(psycopg.AsyncConnection[Any]):
    """A connection of psycopg's own that knows when it last worked (`time.monotonic`)."""

    worked_at = 0.0


class Database:
    """An async SQLAlchemy engine and the one way to open a transaction on it.

    Args:
        uri: ``postgresql://user:password@host:port/database``, or with ``?host=/socket/folder``.
        pool_size: Connections kept open; as many again may be opened for a moment.
    """

    def __init__(self, uri: str, *, pool_size: int = 10) -> None:
        its = parse(uri)
        self.uri = its.libpq
        self.engine: AsyncEngine = create_async_engine(
            parse_uri(uri),
            pool_size=pool_size,
            max_overflow=pool_size,
            connect_args={**its.connect_args, "autocommit": True},  # `transaction` begins by itself
        )
        self._drivers = _driver_pool(self.uri, its.connect_args)
        self._role: str | None = None
        self._role_known = False
        _ping_what_was_idle(self.engine)

    def transaction(self, whose: Whose) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction; it commits at the end and rolls back on an exception.

        Args:
            whose: The organization whose rows alone it can touch, or `SYSTEM`.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached, or went away in between.
            StorageFull: Its disk is full.
        """
        return self._transaction(whose)

    @asynccontextmanager
    async def _transaction(self, whose: Whose) -> AsyncIterator[AsyncConnection]:
        async with reported(self.uri), self.engine.begin() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            entry = entering(whose, await self._role_on(driver))
            # One round trip, as begin alone would be; several statements at once cannot be prepared.
            await driver.execute(f"begin; {entry}", prepare=False)
            yield connection

    async def rows(self, whose: Whose, statement: str, values: Sequence[Any]) -> Sequence[Any]:
        """Run one statement in a transaction of its own, in one round trip; for those that every paid call makes.

        SQLAlchemy takes half a millisecond for a statement where psycopg takes a tenth. Parameters are numbered
        (`store.statements`): psycopg parses a statement of over 4,096 characters with names each time anew.

        Raises:
            psycopg.Error: The statement failed.
            StoreUnavailable: PostgreSQL cannot be reached, or went away in between.
            StorageFull: Its disk is full.
        """
        async with self._driver() as connection:
            entry = entering(whose, await self._role_on(connection), "$1")
            async with connection.pipeline():  # what is sent between two syncs is one transaction
                await connection.execute(entry, [] if whose is SYSTEM else [whose])
                cursor = await connection.execute(statement, values)
            return await cursor.fetchall()

    async def _role_on(self, connection: psycopg.AsyncConnection[Any]) -> str | None:
        """Return what the database's user becomes; asked for once."""
        if not self._role_known:
            cursor = psycopg.AsyncCursor(connection, row_factory=namedtuple_row)
            user: Any = await (await cursor.execute(USER)).fetchone()
            assert user is not None, "whoever is connected is a role"
            self._role = role_of(user.name, bypasses=user.bypasses, may=user.may)
            self._role_known = True
        return self._role

    @asynccontextmanager
    async def _driver(self) -> AsyncIterator[DriverConnection]:
        async with reported(self.uri):
            connection = await self._take()
            try:
                yield connection
            except psycopg.Error:
                raise
            except BaseException:  # cut short: nobody knows what its answer belongs to
                await connection.close()
                raise
            finally:
                connection.worked_at = time.monotonic()
                await self._drivers.putconn(connection)

    async def _take(self) -> DriverConnection:
        await self._drivers.open()
        for _ in range(CONNECT_SECONDS):
            with suppress(pool.PoolTimeout):
                return await self._drivers.getconn(timeout=_ASK_SECONDS)
            await ping(self.uri)  # says why there is none; where it answers, all are busy
        raise _busy(self.uri)

    async def dispose(self) -> None:
        """Close every connection."""
        await self._drivers.close()
        await self.engine.dispose()


def _driver_pool(uri: str, connect_args: dict[str, Any]) -> pool.AsyncConnectionPool[DriverConnection]:
    return pool.AsyncConnectionPool(
        uri,
        connection_class=DriverConnection,
        kwargs={
            "autocommit": True,
            "row_factory": namedtuple_row,
            "cursor_factory": AsyncRawCursor,
            **connect_args,
        },
        min_size=0,
        max_size=_DRIVERS,
        reconnect_timeout=0,  # whoever asks next tries again, at once
        configure=_prepare,
        check=_check,
        open=False,
    )


async def _prepare(connection: DriverConnection) -> None:
    await connection.execute(BY_KEY)
    connection.worked_at = time.monotonic()


async def _check(connection: DriverConnection) -> None:
    """Let a connection prove that it still works after an idle second, not before each of many statements."""
    if time.monotonic() - connection.worked_at > _TRUSTED_SECONDS:
        await connection.execute("select 1")


def _ping_what_was_idle(engine: AsyncEngine) -> None:
    """Let a connection prove that it still works after an idle second, not before each of many statements."""

    def note(_connection: Any, record: Any) -> None:
        record.info["used_at"] = time.monotonic()

    def check(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info["used_at"] <= _TRUSTED_SECONDS:
            return
        try:
            alive = engine.sync_engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            raise InvalidatePoolError from error
        if not alive:
            raise InvalidatePoolError

    event.listen(engine.sync_engine, "connect", note)
    event.listen(engine.sync_engine, "checkin", note)
    event.listen(engine.sync_engine, "checkout", check)


async def ping(uri: str) -> str:
    """Return the server's version, e.g. ``18.4``.

    Raises:
        StoreUnavailable: It does not answer.
    """
    async with reported(uri):
        its = parse(uri)
        connection = await psycopg.AsyncConnection.connect(its.libpq, **its.connect_args)
        async with connection:
            row = await (await connection.execute("show server_version")).fetchone()
    return str(row[0]).split(" ")[0] if row else ""
