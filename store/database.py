"""PostgreSQL: one engine, one driver (psycopg 3), and connection failures in words a person can act on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import psycopg
import psycopg_pool as pool
from psycopg import AsyncRawCursor
from psycopg.rows import namedtuple_row
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from domain.errors import InvalidInput, PostHubError, StorageFull, StoreUnavailable

Connection = AsyncConnection
"""An open transaction, as `Database.transaction` gives it."""

CONNECT_SECONDS = 10
_DRIVERS = 8
"""Most connections of psycopg's own: group commit needs one for each kind of write."""
_ASK_SECONDS = 1.0
"""How long a connection is waited for before PostgreSQL is asked why there is none."""
BY_KEY = "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off"
"""What goes over such a connection touches few rows by their keys: a plan made while the tables were small must not
read them whole once they have grown."""
_TRUSTED_SECONDS = 1.0

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # what fails is reported to whoever asked

_UNAVAILABLE = {
    "3D000": "the database does not exist",
    "28P01": "the password was refused",
    "28000": "the user was refused",
    "42501": "the user lacks the rights",
    "53300": "it has no connection left",
    "57P01": "it is being shut down",
    "57P02": "it crashed",
    "57P03": "it is starting up or shutting down",
}


def parse_uri(uri: str) -> URL:
    """Read a PostgreSQL address as SQLAlchemy's URL for psycopg.

    Raises:
        InvalidInput: It is no PostgreSQL address. The message never repeats it: it may hold a password.
    """
    try:
        url = make_url(uri.strip())
    except (ArgumentError, ValueError) as error:
        raise _not_postgres() from error
    if url.drivername.split("+")[0] not in {"postgresql", "postgres"}:
        raise _not_postgres()
    return url.set(drivername="postgresql+psycopg")


def _not_postgres() -> InvalidInput:
    return InvalidInput(
        "The database address is not one of PostgreSQL.",
        next_step="Set DATABASE_URI to postgresql://USER:PASSWORD@HOST:PORT/DATABASE.",
    )


def libpq_uri(uri: str) -> str:
    """Return the address as libpq and psycopg read it (``postgresql://…``)."""
    address_, mark, query = (
        parse_uri(uri).set(drivername="postgresql").render_as_string(hide_password=False).partition("?")
    )
    return address_ + mark + query.replace("+", "%20")  # libpq takes a plus sign for itself, not for a space


def address(uri: str) -> str:
    """Return what can be shown of an address: host and port or socket folder, and the database."""
    url = parse_uri(uri)
    host = url.query.get("host") or url.host or "localhost"
    port = url.query.get("port") or url.port or 5432
    place = host if isinstance(host, str) and host.startswith("/") else f"{host}:{port}"
    return f"{place}, database {url.database or url.username or 'postgres'}"


def unavailable(uri: str, error: BaseException) -> PostHubError:
    """Turn a driver's failure into ours: what was tried, why it failed, what to do."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    state = getattr(driver_error, "sqlstate", None) or ""
    if state == "53100":
        return StorageFull(
            f"PostgreSQL at {address(uri)} has no disk space left.",
            next_step="Free space on its disk, then resume: what was saved is kept.",
        )
    reason = _UNAVAILABLE.get(state) or _first_line(uri, driver_error)
    return StoreUnavailable(
        f"PostgreSQL does not serve us at {address(uri)}: {reason}.",
        next_step="Start it or correct DATABASE_URI (unset it to use the embedded one), then run again.",
    )


def _first_line(uri: str, error: BaseException | None) -> str:
    line = (str(error).strip().splitlines() or ["no answer"])[0]
    line = line.split(" failed: ")[-1].removeprefix("FATAL:").strip()[:300].rstrip(".")
    password = parse_uri(uri).password
    return line.replace(password, "…") if password else line


def _is_connection_failure(error: BaseException | None) -> bool:
    state = getattr(error, "sqlstate", None) or ""
    if state:
        return state in _UNAVAILABLE or state.startswith("08") or state == "53100"
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _busy(uri: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"All connections to PostgreSQL at {address(uri)} are busy.",
        next_step="Run less at once, or raise the pool size.",
    )


@asynccontextmanager
async def reported(uri: str) -> AsyncIterator[None]:
    """Report connection failures of what runs inside as StoreUnavailable or StorageFull."""
    try:
        yield
    except PoolTimeout as error:
        raise _busy(uri) from error
    except DBAPIError as error:
        if not (error.connection_invalidated or _is_connection_failure(error.orig)):
            raise
        raise unavailable(uri, error) from error
    except psycopg.Error as error:
        if not _is_connection_failure(error):
            raise
        raise unavailable(uri, error) from error


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
        url = parse_uri(uri)
        self.uri = libpq_uri(uri)
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            connect_args=_connect_args(url),
        )
        self._drivers = _driver_pool(self.uri, _connect_args(url))
        _ping_what_was_idle(self.engine)

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Open a transaction; it commits at the end and rolls back on an exception.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached, or went away in between.
            StorageFull: Its disk is full.
        """
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        async with reported(self.uri), self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[DriverConnection]:
        """Open a connection of psycopg's own, in autocommit; for the few statements that every paid call makes.

        SQLAlchemy takes half a millisecond for a statement where psycopg takes a tenth. Parameters are numbered
        (`store.statements`): psycopg parses a statement of over 4,096 characters with names each time anew.

        Raises:
            StoreUnavailable: PostgreSQL cannot be reached, or went away in between.
            StorageFull: Its disk is full.
        """
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


def _connect_args(url: URL) -> dict[str, Any]:
    return {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}


async def ping(uri: str) -> str:
    """Return the server's version, e.g. ``18.4``.

    Raises:
        StoreUnavailable: It does not answer.
    """
    async with reported(uri):
        arguments = _connect_args(parse_uri(uri))
        connection = await psycopg.AsyncConnection.connect(libpq_uri(uri), **arguments)
        async with connection:
            row = await (await connection.execute("show server_version")).fetchone()
    return str(row[0]).split(" ")[0] if row else ""


async def upgrade(uri: str) -> None:
    """Bring the schema to the newest version. Safe when several processes do it at once.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached, or its schema is newer than this program.
    """
    # Alembic takes a while to import and is needed by this alone.
    from store.migrations import upgrade_blocking

    async with reported(uri):
        await asyncio.to_thread(upgrade_blocking, parse_uri(uri), _connect_args(parse_uri(uri)))
