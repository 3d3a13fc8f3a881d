"""LangGraph's checkpoints on PostgreSQL, with what the published saver lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.errors import StoreUnavailable
from store.addresses import CONNECT_SECONDS, address, libpq_uri
from store.database import reported

SETUP_SECONDS = 60.0
POOL_SIZE = 10

Connection = psycopg.AsyncConnection[DictRow] | AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

_COPY_THREAD = (
    """insert into checkpoints
         (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
       select %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
       from checkpoints where thread_id = %(source)s on conflict do nothing""",
    """insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
       select %(target)s, checkpoint_ns, channel, version, type, blob
       from checkpoint_blobs where thread_id = %(source)s on conflict do nothing""",
    """insert into checkpoint_writes
         (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path)
       select %(target)s, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path
       from checkpoint_writes where thread_id = %(source)s on conflict do nothing""",
)
_DELETE_FOR_RUNS = """
    with gone as (
        delete from checkpoints where metadata ->> 'run_id' = any(%(runs)s)
        returning thread_id, checkpoint_ns, checkpoint_id
    )
    delete from checkpoint_writes using gone
    where checkpoint_writes.thread_id = gone.thread_id
      and checkpoint_writes.checkpoint_ns = gone.checkpoint_ns
      and checkpoint_writes.checkpoint_id = gone.checkpoint_id"""
_LOCK = "select pg_try_advisory_lock(hashtextextended('posthub:checkpoints', 0)) as taken"


class PlainSerializer(JsonPlusSerializer):
    """Reads plain values and LangGraph's own types, whatever the environment says.

    LangGraph's default imports and calls whatever a row names, unless ``LANGGRAPH_STRICT_MSGPACK`` is set.
    """

    def __init__(self) -> None:
        super().__init__(allowed_msgpack_modules=None)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return a stored value.

        Raises:
            NotImplementedError: It is JSON, which also names types to be made and which is never written here.
        """
        if data[0] == "json":
            raise NotImplementedError("Checkpoints of PostHub hold no value of type json.")
        return super().loads_typed(data)


class PostHubSaver(AsyncPostgresSaver):
    """Adds ``adelete_for_runs`` and ``acopy_thread``, which the LangGraph server needs, and a safe setup.

    What it reads is made of plain values: whoever can write a row must not choose what runs here.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, serde=PlainSerializer())

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of some runs with their pending writes, in every namespace."""
        async with self._cursor() as cursor:
            await cursor.execute(_DELETE_FOR_RUNS, {"runs": list(run_ids)})

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint, value and pending write of a thread to another one."""
        threads = {"source": source_thread_id, "target": target_thread_id}
        async with self._cursor() as cursor, cursor.connection.transaction():
            for statement in _COPY_THREAD:
                await cursor.execute(statement, threads)

    async def setup_once(self, uri: str) -> None:
        """Make or migrate the tables, where several processes may do so at once.

        The lock is asked for again and again and never waited for on the server: a waiting statement
        would keep the other process's ``create index concurrently`` waiting for ever.
        """
        async with await _connect(uri) as connection:
            if await _is_current(connection, len(self.MIGRATIONS)):
                return
            await _take_lock(connection, uri)
            await PostHubSaver(connection).setup()


@asynccontextmanager
async def checkpointer(uri: str) -> AsyncIterator[PostHubSaver]:
    """Open a saver on a pool of its own connections, with its tables in place.

    Raises:
        StoreUnavailable: PostgreSQL does not answer.
    """
    address_ = libpq_uri(uri)
    pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
        address_,
        open=False,
        min_size=1,
        max_size=POOL_SIZE,
        kwargs=_connection_settings(),
        check=AsyncConnectionPool.check_connection,
    )
    async with reported(uri):
        saver = PostHubSaver(pool)
        await saver.setup_once(address_)
    try:
        await _open(pool, uri)
        yield saver
    finally:
        await pool.close()


async def _open(pool: AsyncConnectionPool[Any], uri: str) -> None:
    try:
        await pool.open(wait=True, timeout=CONNECT_SECONDS)
    except PoolTimeout as error:
        raise StoreUnavailable(
            f"PostgreSQL does not serve us at {address(uri)}: it gave no connection in time.",
            next_step="Check that it runs and has connections left, then run again.",
        ) from error


def _connection_settings() -> dict[str, Any]:
    return {
        "autocommit": True,
        "prepare_threshold": 0,
        "row_factory": dict_row,
        "connect_timeout": CONNECT_SECONDS,
    }


async def _connect(uri: str) -> psycopg.AsyncConnection[DictRow]:
    return await psycopg.AsyncConnection.connect(uri, **_connection_settings())


async def _is_current(connection: psycopg.AsyncConnection[DictRow], versions: int) -> bool:
    known = await connection.execute("select to_regclass('checkpoint_migrations') is not null as made")
    if not (row := await known.fetchone()) or not row["made"]:
        return False
    newest = await (await connection.execute("select max(v) as v from checkpoint_migrations")).fetchone()
    return newest is not None and newest["v"] is not None and int(newest["v"]) >= versions - 1


async def _take_lock(connection: psycopg.AsyncConnection[DictRow], uri: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETUP_SECONDS
    while loop.time() < deadline:
        row = await (await connection.execute(_LOCK)).fetchone()
        if row and row["taken"]:
            return
        await asyncio.sleep(0.05)
    raise StoreUnavailable(
        f"Another process has been preparing the checkpoint tables at {address(uri)} for a minute.",
        next_step="End that process, then run again.",
    )
