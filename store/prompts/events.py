"""The audit trail: who did what, when, why and from where. It can only be added to; a trigger sees to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import Row, insert, select

from store.database import Connection
from store.schema.prompts import EVERY_COMPANY, SHARED, prompt_events
from store.text import storable_json, storable_text


@dataclass(frozen=True)
class Scope:
    """A template of an organization, or of one of its companies."""

    organization_id: str
    code: str
    language: str
    company_id: str = EVERY_COMPANY

    def columns(self) -> dict[str, str]:
        """The columns by which rows of labels and events name it."""
        return {
            "organization_id": self.organization_id,
            "company_id": self.company_id,
            "code": self.code,
            "language": self.language,
        }


class Author(Protocol):
    """Who does something, as what, and from which program and machine."""

    @property
    def author(self) -> str: ...

    @property
    def role(self) -> str: ...

    @property
    def origin(self) -> str: ...


@dataclass(frozen=True)
class Event:
    """One line of the trail; ``created_at`` is the database's."""

    id: int
    scope: Scope
    event: str
    version: int | None
    label: str | None
    author: str
    role: str
    origin: str
    reason: str
    details: Mapping[str, Any]
    created_at: datetime


async def record(
    connection: Connection,
    scope: Scope,
    by: Author,
    event: str,
    *,
    version: int | None = None,
    label: str | None = None,
    reason: str = "",
    **details: Any,
) -> None:
    """Add an event, in the transaction of what it tells of."""
    values = {
        **scope.columns(),
        "event": event,
        "version": version,
        "label": label,
        "author": storable_text(by.author),
        "role": by.role,
        "origin": storable_text(by.origin),
        "reason": storable_text(reason),
        "details": storable_json(details),
    }
    await connection.execute(insert(prompt_events).values(**values))


async def events(
    connection: Connection, organization_id: str, code: str, language: str | None = None
) -> list[Event]:
    """Return what happened to a template, for an organization and for everybody, the oldest first."""
    column = prompt_events.c
    query = select(prompt_events).where(
        column.organization_id.in_({SHARED, organization_id}), column.code == code
    )
    if language is not None:
        query = query.where(column.language == language)
    return [_event(row) for row in await connection.execute(query.order_by(column.id))]


def _event(row: Row[Any]) -> Event:
    return Event(
        id=row.id,
        scope=Scope(row.organization_id, row.code, row.language, row.company_id),
        event=row.event,
        version=row.version,
        label=row.label,
        author=row.author,
        role=row.role,
        origin=row.origin,
        reason=row.reason,
        details=row.details,
        created_at=row.created_at.astimezone(UTC),
    )
