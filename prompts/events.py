"""The audit trail: who did what, when, why and from where. It can only be added to; a trigger sees to that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prompts.actor import Actor
from store.schema.prompts import EVERY_COMPANY, prompt_events
from store.text import clean_json, clean_text


@dataclass(frozen=True)
class Scope:
    """A template of an organization, or of one of its companies."""

    organization_id: str
    code: str
    language: str
    company_id: str = EVERY_COMPANY


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
    connection: AsyncConnection,
    scope: Scope,
    actor: Actor,
    event: str,
    *,
    version: int | None = None,
    label: str | None = None,
    reason: str = "",
    **details: Any,
) -> None:
    """Add an event, in the transaction of what it tells of."""
    values = {
        "organization_id": scope.organization_id,
        "company_id": scope.company_id,
        "code": scope.code,
        "language": scope.language,
        "event": event,
        "version": version,
        "label": label,
        "author": clean_text(actor.author),
        "role": actor.role,
        "origin": clean_text(actor.origin),
        "reason": clean_text(reason),
        "details": clean_json(details),
    }
    await connection.execute(insert(prompt_events).values(**values))


async def events(
    connection: AsyncConnection, organization_id: str, code: str, language: str | None = None
) -> list[Event]:
    """Return what happened to a template, for an organization and for everybody, the oldest first."""
    column = prompt_events.c
    query = select(prompt_events).where(
        column.organization_id.in_({"", organization_id}), column.code == code
    )
    if language is not None:
        query = query.where(column.language == language)
    rows = (await connection.execute(query.order_by(column.id))).all()
    return [
        Event(
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
        for row in rows
    ]
