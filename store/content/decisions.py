"""Questions and decisions: what was put before a person, and what was decided of it, by whom, and when.

A decision is a row before anything is done for it: ``recorded`` → ``accepted`` (it fits what waits, and is carried
out), or ``refused``. One that is recorded is carried out by whoever runs the review next; one that is accepted, again
where a process died before the graph had moved on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.review import DecisionType
from store.content.items import Owner
from store.content.reviews import owned
from store.database import Database
from store.schema.review import DecisionState as DecisionState
from store.schema.review import decisions, questions
from store.text import storable_json, storable_text

_UNSET = datetime.min.replace(tzinfo=UTC)
_STANDING = decisions.c.state.in_([DecisionState.RECORDED, DecisionState.ACCEPTED])
_OF_OWNER = ("organization_id", "company_id", "run_id")


@dataclass(frozen=True)
class Decided:
    """One decision on one exact version.

    Attributes:
        point: The review point.
        item: The item.
        token: Of what was shown; empty in rows of earlier releases.
        decision: Approve, edit, reject or drop.
        content_hash: Of the exact content.
        reason: In the person's words.
        edited: The fields that change.
        parts: Of a rejected package, what is made again.
        policy: Nobody was asked.
        state: How far it is.
        problem: Why it was refused, in words.
        request: The server's run that brought it; empty in process.
        checkpoint: Of the thread's, where it was accepted.
        decided_at: By the database's clock.
        settled_at: When it was accepted or refused, by the clock of the process that did.
    """

    point: str
    item: str
    revision: int
    edition: int
    decision: DecisionType
    content_hash: str
    decided_by: str
    reason: str = ""
    policy: bool = False
    token: str = ""
    edited: dict[str, Any] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    state: str = DecisionState.RECORDED
    problem: str = ""
    request: str = ""
    checkpoint: str = ""
    decided_at: datetime = _UNSET
    settled_at: datetime | None = None
    id: str = ""


class Decisions:
    """Reads and writes questions and decisions of one run of one organization."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def asked(self, owner: Owner, point: str, question: str, at: datetime) -> datetime:
        """Record that a question is asked, and return when it was asked for the first time.

        Args:
            owner: Whose run asks.
            point: The review point.
            question: The question's id, which no other run has.
            at: Now.
        """
        values = {"id": question, "point": point, "asked_at": at, **owned(owner)}
        mine = (questions.c.id == question) & (questions.c.organization_id == owner.organization_id)
        async with self._database.transaction(owner.organization_id) as connection:
            await connection.execute(insert(questions).values(**values).on_conflict_do_nothing())
            row = (await connection.execute(select(questions.c.asked_at).where(mine))).one()
        moment: datetime = row.asked_at
        return moment.astimezone(UTC)

    async def record(self, owner: Owner, given: Sequence[Decided]) -> list[Decided]:
        """Record decisions, all or none, and return for each the one that is recorded now.

        That is another one where the same token was decided before and that is not carried out yet: the first counts.
        """
        async with self._database.transaction(owner.organization_id) as connection:
            return [await _recorded(connection, owner, each) for each in given]

    async def to_carry_out(self, owner: Owner, point: str, checkpoint: str) -> list[Decided]:
        """Return what is recorded at a review point, and what was accepted at a checkpoint, oldest first."""
        recorded = decisions.c.state == DecisionState.RECORDED
        accepted = (decisions.c.state == DecisionState.ACCEPTED) & (decisions.c.checkpoint == checkpoint)
        return await self._rows(owner, decisions.c.point == point, recorded | accepted)

    async def recorded(self, owner: Owner) -> list[Decided]:
        """Return what is recorded and not yet carried out, oldest first."""
        return await self._rows(owner, decisions.c.state == DecisionState.RECORDED)

    async def accepted(self, owner: Owner) -> list[Decided]:
        """Return every decision of this run that was carried out, in the order in which they were made."""
        return await self._rows(owner, decisions.c.state == DecisionState.ACCEPTED)

    async def all(self, owner: Owner) -> list[Decided]:
        """Return every decision of this run, whatever became of it, in the order in which they were made."""
        return await self._rows(owner)

    async def accept(
        self, owner: Owner, decision: str, *, edition: int, content_hash: str, checkpoint: str, at: datetime
    ) -> None:
        """Note that a decision fits what waits at a checkpoint, and which content exactly it is about."""
        changes = {"edition": edition, "content_hash": content_hash, "checkpoint": checkpoint}
        await self._settle(owner, decision, changes | {"state": DecisionState.ACCEPTED, "settled_at": at})

    async def refuse(self, owner: Owner, decision: str, problem: str, at: datetime) -> None:
        """Note that a decision changes nothing, and why."""
        changes = {"state": DecisionState.REFUSED, "problem": storable_text(problem), "settled_at": at}
        await self._settle(owner, decision, changes)

    async def _settle(self, owner: Owner, decision: str, changes: dict[str, Any]) -> None:
        mine = (decisions.c.id == decision) & (decisions.c.organization_id == owner.organization_id)
        async with self._database.transaction(owner.organization_id) as connection:
            await connection.execute(update(decisions).where(mine, _STANDING).values(**changes))

    async def _rows(self, owner: Owner, *conditions: ColumnElement[bool]) -> list[Decided]:
        query = _of(owner).where(*conditions)
        in_order = query.order_by(decisions.c.decided_at, decisions.c.point, decisions.c.item, decisions.c.id)
        async with self._database.transaction(owner.organization_id) as connection:
            rows = (await connection.execute(in_order)).all()
        return [_decided(row) for row in rows]


def _of(owner: Owner) -> Select[Any]:
    return select(decisions).where(
        decisions.c.organization_id == owner.organization_id,
        decisions.c.run_id == storable_text(owner.run_id),
    )


async def _recorded(connection: AsyncConnection, owner: Owner, given: Decided) -> Decided:
    adding = insert(decisions).values(**_values(owner, given)).on_conflict_do_nothing().returning(decisions)
    first = _of(owner).where(
        decisions.c.token == storable_text(given.token), decisions.c.state == DecisionState.RECORDED
    )
    while True:
        for statement in (adding, first):  # the first may be settled between both
            row = (await connection.execute(statement)).first()
            if row is not None:
                return _decided(row)


def _values(owner: Owner, given: Decided) -> dict[str, Any]:
    values = {
        name: storable_text(value) if isinstance(value, str) else value
        for name, value in asdict(given).items()
    }
    values |= {"id": given.id or str(uuid.uuid4()), "decided_at": func.clock_timestamp()}
    values |= {"edited": storable_json(given.edited), "parts": storable_json(list(given.parts))}
    return values | owned(owner)


def _decided(row: Row[Any]) -> Decided:
    values = {name: value for name, value in row._mapping.items() if name not in _OF_OWNER}
    values |= {"parts": tuple(row.parts), "decided_at": row.decided_at.astimezone(UTC)}
    settled = row.settled_at
    return Decided(**{**values, "settled_at": settled.astimezone(UTC) if settled else None})
