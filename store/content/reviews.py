"""The record of how each piece of work ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects.postgresql import insert

from domain.errors import InvalidInput
from domain.ids import stable_id
from store.content.items import Owner
from store.database import Database
from store.schema.review import OutcomeStatus as OutcomeStatus
from store.schema.review import outcomes
from store.text import storable_text

_UNSET = datetime.min.replace(tzinfo=UTC)
_OF_OWNER = ("id", "organization_id", "company_id", "run_id")


@dataclass(frozen=True)
class Outcome:
    """How one piece of work ended: ``done``, ``failed`` or ``skipped``, and why.

    ``kind`` says what was worked on (``post``, ``image``, …); ``code`` and ``money`` are a failure's own.
    """

    kind: str
    item: str
    revision: int
    status: str
    code: str = ""
    reason: str = ""
    money: str = "none"
    created_at: datetime = _UNSET


class Reviews:
    """Reads and writes outcomes of one run of one organization."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record_outcome(self, owner: Owner, outcome: Outcome) -> None:
        """Record how a piece of work ended; a later outcome of the same revision replaces it.

        Raises:
            InvalidInput: The status is none of done, failed, skipped.
        """
        if outcome.status not in list(OutcomeStatus):
            raise InvalidInput(f"{outcome.status!r} is no outcome: use {', '.join(OutcomeStatus)}.")
        values = _cleaned(asdict(outcome))
        del values["created_at"]
        values |= owned(owner)
        key = ("organization_id", "run_id", "kind", "item", "revision")
        values["id"] = stable_id("outcome", *(values[name] for name in key))
        changed = {name: values[name] for name in ("status", "code", "reason", "money")}
        statement = insert(outcomes).values(**values)
        upsert = statement.on_conflict_do_update(index_elements=list(key), set_=changed)
        async with self._database.transaction(owner.organization_id) as connection:
            await connection.execute(upsert)

    async def outcomes(self, owner: Owner) -> list[Outcome]:
        """Return every outcome of this run, ordered by kind, item and revision."""
        query = (
            select(outcomes)
            .where(
                outcomes.c.organization_id == owner.organization_id,
                outcomes.c.run_id == storable_text(owner.run_id),
            )
            .order_by(outcomes.c.kind, outcomes.c.item, outcomes.c.revision)
        )
        async with self._database.transaction(owner.organization_id) as connection:
            rows = (await connection.execute(query)).all()
        return [Outcome(**_fields(row, "created_at")) for row in rows]


def owned(owner: Owner) -> dict[str, Any]:
    """The columns that say whose a row is."""
    return {
        "organization_id": owner.organization_id,
        "company_id": owner.company_id,
        "run_id": storable_text(owner.run_id),
    }


def _cleaned(values: dict[str, Any]) -> dict[str, Any]:
    return {name: storable_text(value) if isinstance(value, str) else value for name, value in values.items()}


def _fields(row: Row[Any], moment: str) -> dict[str, Any]:
    fields = {name: value for name, value in row._mapping.items() if name not in _OF_OWNER}
    return fields | {moment: fields[moment].astimezone(UTC)}
