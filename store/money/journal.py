"""The journal: one row for every logical call, under a key that comes out the same when a step runs again.

A job that holds an answer returns it for ever: it is never bought again. Identical calls at the same time
meet here too: one buys, the others wait for its answer. The advisory lock is held around the look-up alone,
never across HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain import errors
from domain.calls import NO_TEMPLATE, Call
from domain.errors import PostHubError, ProviderError
from domain.ids import content_hash, stable_id
from domain.worlds import World
from store.database import Database
from store.money import sql
from store.money.group_commit import GroupCommit
from store.tenancy import SYSTEM
from store.text import json_text, original_json

_POLL_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, slots=True)
class InHand:
    """The ids of jobs that one process works on, and of those whose rows it writes at the moment.

    Journals of one owner share it: what one of them began, the other does not take for abandoned.
    """

    working: set[str] = field(default_factory=set)
    opening: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class JobKey:
    """A job's identity. ``facts`` is what may be kept of the request: no prompt text.

    What the sandbox answered is another job than what a real provider is asked, whoever calls the two alike.
    """

    call: Call
    purpose: str
    request_hash: str
    facts: Mapping[str, Any]
    world: World = World.REAL

    @cached_property
    def text(self) -> str:
        """The key as it is stored; two different calls never share one."""
        call = self.call
        place = (
            call.organization_id,
            call.origin or call.run_id,
            call.node,
            call.item,
            f"r{call.revision}",
            call.step,
        )
        played = [] if self.world is World.REAL else [self.world.value]
        parts = [*played, *place, call.kind.value, self.purpose]
        return f"{'/'.join(parts)}/{content_hash([*parts, self.request_hash])}"

    @cached_property
    def id(self) -> str:
        return stable_id(self.text)


@dataclass(frozen=True, slots=True)
class Job:
    """A row of the journal.

    ``mine``: the caller has to do the work now; ``taken_over``: somebody else had begun it.
    """

    id: str
    status: str
    output: Mapping[str, Any] | None
    provider_ref: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    mine: bool = False
    taken_over: bool = False


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """A bought answer, to be stored with its job by the statement that settles it (`store.money.ledger.Ledger.settle`).

    ``error`` tells why it is of no use.
    """

    job_id: str
    output: Mapping[str, Any]
    tokens: int
    error: PostHubError | None = None

    def values(self) -> dict[str, Any]:
        """The fields of the ledger's statement."""
        return {
            "job_id": self.job_id,
            "job_status": "failed" if self.error else "completed",
            "job_output": dict(self.output),
            "job_error": self.error.as_json() if self.error else None,
            "job_tokens": self.tokens,
        }


_OPEN_MANY = sql.numbered("open_jobs", "rows", "owner")


class Journal:
    """Jobs of this process.

    Args:
        database: Where the journal is kept.
        owner: Names this process instance, as in the ledger.
        in_hand: What the journals of this owner work on; its own where it is the only one.
    """

    def __init__(self, database: Database, *, owner: str, in_hand: InHand | None = None) -> None:
        self._database = database
        self.owner = owner
        self._in_hand = in_hand or InHand()
        self._inserting = GroupCommit(self._insert_all)

    async def claim(self, key: JobKey, *, lease_seconds: float) -> Job:
        """Return the job's answer, or the job to work on; waits while another live caller works on it.

        Args:
            key: The job.
            lease_seconds: The longest that the work can take; after that its worker counts as dead.

        Raises:
            ProviderError: The caller that this one waited for failed; its error, bought nothing here.
        """
        if await self._open_new(key, lease_seconds):
            return Job(key.id, "processing", None, None, None, mine=True)
        waits = 0
        while True:
            job = await self._look_up_or_open(key, lease_seconds, share_failure=waits > 0)
            if job.mine or job.output is not None:
                return job
            if job.status == "failed":
                raise recorded_error(job.error or {})
            await asyncio.sleep(_POLL_SECONDS[min(waits, len(_POLL_SECONDS) - 1)])
            waits += 1

    async def _open_new(self, key: JobKey, lease: float) -> bool:
        """Open a job that is not known yet, which most are: one statement, no lock."""
        if key.id in self._in_hand.opening:
            return False
        self._in_hand.opening.add(key.id)
        try:
            opened = await self._inserting(_identity(key) | {"lease": lease})
            if opened:
                self._in_hand.working.add(key.id)
            return opened
        finally:
            self._in_hand.opening.discard(key.id)

    async def answer(self, key: JobKey, output: Mapping[str, Any]) -> bool:
        """Store an answer that a cache gave for a job not known yet, and book what it saved.

        Args:
            key: The job.
            output: The answer; its ``served`` holds provider, model and ``saved_micro``.

        Returns:
            False where the journal knows the job: what it has bought comes first.
        """
        return await self._inserting(_identity(key) | {"output": dict(output)})

    async def _insert_all(self, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        values = [json_text(rows), self.owner]
        opened = {row.id for row in await self._database.rows(SYSTEM, _OPEN_MANY, values)}
        found = []
        for row in rows:
            found.append(row["id"] in opened)
            opened.discard(row["id"])  # of two that are the same the first opened it
        return found

    async def _look_up_or_open(self, key: JobKey, lease: float, *, share_failure: bool) -> Job:
        begun = False
        try:
            async with self._database.transaction(key.call.organization_id) as connection:
                mine = {"organization_id": key.call.organization_id, "id": key.id}
                await connection.execute(sql("lock_job"), {"id": key.id})
                row = (await connection.execute(sql("find_job"), mine)).first()
                if row is not None and (self._is_worked_on(row) or row.output is not None):
                    return _job(row)
                if row is None and key.id in self._in_hand.opening:
                    return _being_opened(key)
                if row is not None and share_failure and row.status == "failed":
                    return _job(row)
                if not await self._begin(connection, key, lease, known=row is not None):
                    return _being_opened(key)
                # Before the lock is let go, or a caller beside this one would take the job for abandoned.
                self._in_hand.working.add(key.id)
                begun = True
        except BaseException:
            # Cut short in its commit: nobody works on the job, and whoever asks next may take it.
            if begun:
                self.release(key.id)
            raise
        if row is None:
            return Job(key.id, "processing", None, None, None, True)
        return _job(row, mine=True)

    def _is_worked_on(self, row: Any) -> bool:
        if row.status != "processing":
            return False
        if row.owner != self.owner:
            return bool(row.leased)
        return row.id in self._in_hand.working or row.id in self._in_hand.opening

    async def _begin(self, connection: AsyncConnection, key: JobKey, lease: float, *, known: bool) -> bool:
        """Take a known job over, or open a new one; False if another process has just opened it."""
        if not known:
            values = {"rows": json_text([_identity(key) | {"lease": lease}]), "owner": self.owner}
            return (await connection.execute(sql("open_jobs"), values)).first() is not None
        values = {"organization_id": key.call.organization_id, "id": key.id}
        await connection.execute(sql("take_job"), values | {"owner": self.owner, "lease": lease})
        return True

    async def fail(self, organization_id: str, job_id: str, error: BaseException) -> None:
        """Close a job without an answer, so that it can be tried again; a cancelled one is marked so."""
        record = error.as_json() if isinstance(error, PostHubError) else {"code": type(error).__name__}
        values = {
            "organization_id": organization_id,
            "id": job_id,
            "owner": self.owner,
            "status": "failed" if isinstance(error, PostHubError) else "cancelled",
            "error": json_text(record),
        }
        async with self._database.transaction(organization_id) as connection:
            await connection.execute(sql("fail_job"), values)

    async def keep(self, organization_id: str, job_id: str, *, lease_seconds: float) -> bool:
        """Say that a job is still being worked on; False if another process has taken it over meanwhile."""
        values = {
            "organization_id": organization_id,
            "id": job_id,
            "owner": self.owner,
            "lease": lease_seconds,
        }
        async with self._database.transaction(organization_id) as connection:
            return (await connection.execute(sql("keep_job"), values)).first() is not None

    def release(self, job_id: str) -> None:
        """Tell the journal that this process no longer works on a job."""
        self._in_hand.working.discard(job_id)

    async def refer(self, organization_id: str, job_id: str, attempt_id: str, ref: Mapping[str, Any]) -> None:
        """Store what a bought media file is collected with, on job and attempt, before the first poll."""
        async with self._database.transaction(organization_id) as connection:
            mine = {"organization_id": organization_id}
            await connection.execute(sql("refer_job"), mine | {"id": job_id, "ref": json_text(ref)})
            await connection.execute(sql("refer_attempt"), mine | {"id": attempt_id, "ref": str(ref["id"])})

    async def forget_ref(self, organization_id: str, job_id: str) -> None:
        """Drop the reference to a media job that failed, so that another can be bought."""
        async with self._database.transaction(organization_id) as connection:
            values = {"organization_id": organization_id, "id": job_id}
            await connection.execute(sql("forget_job_ref"), values)


def recorded_error(record: Mapping[str, Any]) -> PostHubError:
    """Build the error again that was recorded as plain JSON."""
    known = {kind.code: kind for kind in _kinds(PostHubError)}
    kind = known.get(str(record.get("code")), ProviderError)
    own = {"code", "message", "next_step", "money", "retryable"}
    return kind(
        str(record.get("message", "The call did not bring an answer.")),
        next_step=str(record.get("next_step", "")),
        money=errors.MoneyState(record.get("money", "none")),
        **{name: value for name, value in record.items() if name not in own},
    )


def _kinds(kind: type[PostHubError]) -> list[type[PostHubError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _kinds(below))]


def _identity(key: JobKey) -> dict[str, Any]:
    call = key.call
    return {
        "id": key.id,
        "key": key.text,
        "organization_id": call.organization_id,
        "world": key.world,
        "company_id": call.company_id,
        "run_id": call.run_id,
        "kind": call.kind.value,
        "node": call.node,
        "item": call.item,
        "revision": call.revision,
        "step": call.step,
        "input": {"purpose": key.purpose, "request_hash": key.request_hash, **key.facts},
        **(call.template.booked() if call.template else NO_TEMPLATE),
    }


def _being_opened(key: JobKey) -> Job:
    return Job(key.id, "processing", None, None, None)


def _job(row: Any, *, mine: bool = False) -> Job:
    taken_over = mine and row.status in {"processing", "pending"}
    output, ref, error = map(original_json, (row.output, row.provider_ref, row.error))
    return Job(row.id, row.status, output, ref, error, mine, taken_over)
