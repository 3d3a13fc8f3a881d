"""Versions of templates: rows that are only ever added. An organization sees the shared ones and its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select

from store.database import Connection
from store.prompts import sql
from store.schema.prompts import SHARED, prompt_templates
from store.text import storable_text

TemplateKey = tuple[str, str]
"""Code and language: what all versions of one template have in common."""

_SHIPPING = 0x70726F6D707473  # "prompts"


@dataclass(frozen=True)
class TemplateRow:
    """One version; ``parent`` is the number of the version that it was made from."""

    id: str
    organization_id: str
    number: int
    parent: int | None
    front_matter: Mapping[str, Any]
    body: str
    content_hash: str
    author: str
    reason: str
    created_at: datetime


async def lock(connection: Connection, key: TemplateKey) -> None:
    """Let those who add versions of one template, or move its labels, go one after the other."""
    await connection.execute(sql("lock_template"), {"key": f"posthub:prompt:{key[0]}:{key[1]}"})


async def lock_shipped(connection: Connection) -> None:
    """Let one process at a time bring the shipped templates in."""
    await connection.execute(sql("lock_shipped"), {"lock": _SHIPPING})


async def next_number(connection: Connection, organization_id: str, key: TemplateKey) -> int:
    """Return the number above all that an organization sees, or above all that there are for a shared one."""
    query = select(func.max(prompt_templates.c.version)).filter_by(code=key[0], language=key[1])
    if organization_id != SHARED:
        query = query.where(_visible(organization_id))
    return int(await connection.scalar(query) or 0) + 1


async def add(connection: Connection, values: Mapping[str, Any]) -> TemplateRow:
    """Keep a version; ``values`` are the columns. The caller holds the `lock`."""
    cleaned = {**values, "author": storable_text(values["author"]), "reason": storable_text(values["reason"])}
    statement = insert(prompt_templates).values(**cleaned).returning(prompt_templates)
    return _row((await connection.execute(statement)).one())


async def by_number(
    connection: Connection, organization_id: str, key: TemplateKey, number: int
) -> TemplateRow | None:
    """Return a version that an organization sees."""
    if not 0 < number < 2**31:
        return None
    query = _seen(organization_id).filter_by(code=key[0], language=key[1], version=number)
    row = (await connection.execute(query)).first()
    return _row(row) if row else None


async def by_id(connection: Connection, organization_id: str, template_id: str) -> TemplateRow | None:
    """Return a version that an organization sees."""
    row = (await connection.execute(_seen(organization_id).filter_by(id=template_id))).first()
    return _row(row) if row else None


async def by_ids(connection: Connection, template_ids: Collection[str]) -> list[TemplateRow]:
    """Return versions of whatever organization; for the labels of all of them."""
    query = select(prompt_templates).where(prompt_templates.c.id.in_(template_ids))
    return [_row(row) for row in await connection.execute(query)]


async def all_of(connection: Connection, organization_id: str, key: TemplateKey) -> list[TemplateRow]:
    """Return every version that an organization sees, the oldest first; empty for a template that is unknown."""
    query = _seen(organization_id).filter_by(code=key[0], language=key[1])
    rows = await connection.execute(query.order_by(prompt_templates.c.version))
    return [_row(row) for row in rows]


async def by_author(connection: Connection, key: TemplateKey, author: str) -> list[TemplateRow]:
    """Return the shared versions that one author has made, the oldest first."""
    found = await all_of(connection, SHARED, key)
    return [row for row in found if row.author == author]


async def keys(connection: Connection, organization_id: str) -> list[TemplateKey]:
    """Return code and language of every template that an organization sees, in order."""
    kept = prompt_templates.c
    query = select(kept.code, kept.language).where(_visible(organization_id))
    rows = await connection.execute(query.distinct().order_by(kept.code, kept.language))
    return [(row.code, row.language) for row in rows]


def _visible(organization_id: str) -> Any:
    return prompt_templates.c.organization_id.in_((SHARED, organization_id))


def _seen(organization_id: str) -> Select[Any]:
    return select(prompt_templates).where(_visible(organization_id))


def _row(row: Row[Any]) -> TemplateRow:
    return TemplateRow(
        id=row.id,
        organization_id=row.organization_id,
        number=row.version,
        parent=row.parent,
        front_matter=row.front_matter,
        body=row.body,
        content_hash=row.content_hash,
        author=row.author,
        reason=row.reason,
        created_at=row.created_at.astimezone(UTC),
    )
