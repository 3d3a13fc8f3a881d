"""LangGraph's checkpoints on PostgreSQL, with what the published saver lacks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointTuple, get_checkpoint_id
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import RESUME
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from domain.errors import StoreUnavailable
from store.addresses import CONNECT_SECONDS, address, libpq_uri
from store.database import reported
from store.tenancy import AS_SYSTEM

SETUP_SECONDS = 60.0
POOL_SIZE = 10

Connection = psycopg.AsyncConnection[DictRow] | AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]

_COPY_THREAD = (
    """insert into checkpoints
         (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
       select %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
              metadata || jsonb_build_object('copied_from', %(source)s::text)
       from checkpoints where thread_id = %(source)s on conflict do nothing""",
    """insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
       select %(target)s, checkpoint_ns, channel, version, type, blob
       from checkpoint_blobs where thread_id = %(source)s on conflict do nothing""",
    """insert into checkpoint_writes
         (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path)
       select %(target)s, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path
       from checkpoint_writes where thread_id = %(source)s on conflict do nothing""",
)
_WRITERS = (
    """create table if not exists checkpoint_writers (
         thread_id text not null, checkpoint_ns text not null, checkpoint_id text not null,
         task_id text not null, idx integer not null, run_id text not null,
         primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, idx))""",
    "create index if not exists checkpoint_writers_run_id_idx on checkpoint_writers (run_id)",
)
_WROTE = """
    insert into checkpoint_writers (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, run_id)
    select %(thread_id)s, %(checkpoint_ns)s, %(checkpoint_id)s, %(task_id)s, idx, %(run_id)s
    from unnest(%(indexes)s::integer[]) as idx
    on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) do update set run_id = excluded.run_id"""
_DELETE_FOR_RUNS = (
    """with gone as (
           delete from checkpoints where metadata ->> 'run_id' = any(%(runs)s) and not metadata ? 'copied_from'
           returning thread_id, checkpoint_ns, checkpoint_id
       )
       delete from checkpoint_writes w using gone
       where (w.thread_id, w.checkpoint_ns, w.checkpoint_id)
           = (gone.thread_id, gone.checkpoint_ns, gone.checkpoint_id)""",
    """with made as (delete from checkpoint_writers where run_id = any(%(runs)s) returning *)
       delete from checkpoint_writes w using made
       where (w.thread_id, w.checkpoint_ns, w.checkpoint_id, w.task_id, w.idx)
           = (made.thread_id, made.checkpoint_ns, made.checkpoint_id, made.task_id, made.idx)""",
    """update decisions set state = 'taken back'
        where request = any(%(runs)s) and state in ('recorded', 'accepted')""",
)
_IS_PAST = """
    select exists (select 1 from checkpoints where thread_id = %(thread_id)s and checkpoint_ns = %(checkpoint_ns)s
                      and checkpoint_id > %(checkpoint_id)s) as past"""
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

    A run that resumes a thread writes its answer, and what its nodes return, on the checkpoint of the run before.
    Who wrote what is kept beside it, so that a rollback takes back the answer too. A run that answers at a checkpoint
    that the thread has moved past finds no answer there, or LangGraph would take the earlier one for its own.

    What it reads is made of plain values: whoever can write a row must not choose what runs here.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, serde=PlainSerializer())
        self.on_copy: Callable[[str, str], Awaitable[None]] | None = None
        self.on_delete: Callable[[str], Awaitable[None]] | None = None

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints of some runs and what they wrote on those of others; take their decisions back."""
        async with self._cursor() as cursor, cursor.connection.transaction():
            await cursor.execute(AS_SYSTEM)  # for the decisions, which are ours
            for statement in _DELETE_FOR_RUNS:
                await cursor.execute(statement, {"runs": list(run_ids)})

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint and its pending writes; of one that is not the newest without its answer."""
        found = await super().aget_tuple(config)
        if found is None or get_checkpoint_id(config) is None:
            return found
        writes = found.pending_writes or []
        if any(channel == RESUME for _, channel, _ in writes) and await self._is_past(found.config):
            return found._replace(pending_writes=[each for each in writes if each[1] != RESUME])
        return found

    async def _is_past(self, config: RunnableConfig) -> bool:
        known = {
            name: config["configurable"][name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")
        }
        async with self._cursor() as cursor:
            row = await (await cursor.execute(_IS_PAST, known)).fetchone()
        return bool(row and row["past"])

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete all that is kept of a thread, and let `on_delete` forget what its run has made.

        A thread without a checkpoint is a stateless run's, which the server drops as soon as it has ended: it forgets
        the thread, and its month stays.
        """
        kept = await self.aget_tuple({"configurable": {"thread_id": thread_id}})
        if kept is not None and self.on_delete is not None:
            await self.on_delete(thread_id)
        await super().adelete_thread(thread_id)
        async with self._cursor() as cursor:
            await cursor.execute("delete from checkpoint_writers where thread_id = %s", [thread_id])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store pending writes; of a run of the server first that they are its own."""
        known = config["configurable"]
        if "run_id" in known:
            indexes = [WRITES_IDX_MAP.get(channel, index) for index, (channel, _) in enumerate(writes)]
            names = {name: known[name] for name in ("thread_id", "checkpoint_ns", "checkpoint_id")}
            written = {**names, "run_id": str(known["run_id"]), "task_id": task_id, "indexes": indexes}
            async with self._cursor() as cursor:
                await cursor.execute(_WROTE, written)
        await super().aput_writes(config, writes, task_id, task_path)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy every checkpoint, value and pending write of a thread to another one, and what `on_copy` copies."""
        threads = {"source": source_thread_id, "target": target_thread_id}
        async with self._cursor() as cursor, cursor.connection.transaction():
            for statement in _COPY_THREAD:
                await cursor.execute(statement, threads)
        if self.on_copy is not None:
            await self.on_copy(source_thread_id, target_thread_id)

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
            for statement in _WRITERS:
                await connection.execute(statement)


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
    known = await connection.execute("select to_regclass('checkpoint_writers') is not null as made")
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
