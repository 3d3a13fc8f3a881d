"""What a run has made: DNA, personas, topics, posts, social posts and assets, in all their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row, Select, Table, func, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import NO_TEMPLATE, TemplateRef
from domain.errors import InvalidInput, NotFound
from domain.ids import content_hash, stable_id
from domain.stages import Kind as Kind
from store.database import Database
from store.schema.content import TABLES, topics
from store.schema.content import ItemStatus as ItemStatus
from store.text import clean_json, clean_text, fold_key

NOT_PLANNED = (ItemStatus.REJECTED, ItemStatus.DROPPED)
"""Statuses of topics that will never be written, so that they block nothing."""


@dataclass(frozen=True)
class Owner:
    """Whose rows: every read and write is limited to this organization, and to this run."""

    organization_id: str
    company_id: str
    run_id: str


@dataclass(frozen=True)
class ItemRecord:
    """One version of one item. ``content`` is plain JSON as its domain model dumps it."""

    id: str
    kind: Kind
    item: str
    revision: int
    edition: int
    status: str
    content: dict[str, Any]
    content_hash: str
    findings: tuple[str, ...]
    author: str
    template_code: str | None
    template_version: int | None
    template_language: str | None
    experiment: str | None
    arm: str | None
    model: str | None
    created_at: datetime


@dataclass(frozen=True)
class EarlierTopic:
    """A topic that another run of the same company has planned."""

    title: str
    focus_keyword: str
    planned_date: date | None
    run_id: str


class Items:
    """Reads and writes items. Nothing is ever overwritten but an item's status."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self,
        owner: Owner,
        kind: Kind,
        item: str,
        revision: int,
        content: Mapping[str, Any],
        *,
        findings: Sequence[str] = (),
        author: str = "model",
        template: TemplateRef | None = None,
        model: str | None = None,
        status: ItemStatus = ItemStatus.DRAFT,
    ) -> ItemRecord:
        """Store what was made. A second save of the same item and revision returns the first row unchanged.

        Raises:
            InvalidInput: The content is no plain JSON.
        """
        values = _values(owner, kind, item, revision, 0, content)
        values |= {"findings": clean_json(list(findings)), "author": author, "model": model, "status": status}
        if template:
            values |= template.booked()
        async with self._database.transaction() as connection:
            return await _insert(connection, kind, values)

    async def edit(
        self,
        owner: Owner,
        kind: Kind,
        item: str,
        content: Mapping[str, Any],
        *,
        author: str,
        findings: Sequence[str] = (),
    ) -> ItemRecord:
        """Store a person's version as a new edition of the newest revision.

        The same content as the newest version's makes no new edition: its row is returned.

        Raises:
            NotFound: There is no such item in this run.
            InvalidInput: The content is no plain JSON.
        """
        async with self._database.transaction() as connection:
            await _serialise(connection, owner, kind, item)
            newest = await _newest(connection, owner, kind, item)
            values = _values(owner, kind, item, newest.revision, newest.edition + 1, content)
            if values["content_hash"] == newest.content_hash:
                return newest
            values |= {"findings": clean_json(list(findings)), "author": clean_text(author)}
            values |= {"status": ItemStatus.DRAFT, "model": newest.model}
            values |= {column: getattr(newest, column) for column in NO_TEMPLATE}
            return await _insert(connection, kind, values)

    async def newest(self, owner: Owner, kind: Kind, item: str) -> ItemRecord:
        """Return the newest edition of the newest revision.

        Raises:
            NotFound: There is no such item in this run of this organization.
        """
        async with self._database.transaction() as connection:
            return await _newest(connection, owner, kind, item)

    async def list_newest(
        self, owner: Owner, kind: Kind, *, statuses: Collection[str] | None = None
    ) -> list[ItemRecord]:
        """Return the newest version of every item of a kind, ordered by item; optionally of some statuses."""
        table = TABLES[kind]
        newest = _newest_of_each(table, owner).subquery()
        query = select(newest).order_by(newest.c.item)
        if statuses is not None:
            query = query.where(newest.c.status.in_(list(statuses)))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
        return [_record(kind, row) for row in rows]

    async def history(self, owner: Owner, kind: Kind, item: str) -> list[ItemRecord]:
        """Return every version of an item, oldest first; empty where there is none."""
        table = TABLES[kind]
        query = (
            _of(table, owner)
            .where(table.c.item == clean_text(item))
            .order_by(table.c.revision, table.c.edition)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
        return [_record(kind, row) for row in rows]

    async def mark(self, owner: Owner, kind: Kind, item: str, status: str) -> None:
        """Set the status of an item's newest version.

        Raises:
            NotFound: There is no such item in this run of this organization.
        """
        table = TABLES[kind]
        async with self._database.transaction() as connection:
            await _serialise(connection, owner, kind, item)
            newest = await _newest(connection, owner, kind, item)
            mine = (table.c.id == newest.id) & (table.c.organization_id == owner.organization_id)
            await connection.execute(update(table).where(mine).values(status=status))

    async def earlier_topics(self, owner: Owner, *, company_id: str) -> list[EarlierTopic]:
        """Return what other runs of this company have planned, oldest date first."""
        newest = _newest_topics(owner.organization_id, company_id, owner.run_id).subquery()
        query = (
            select(newest)
            .where(newest.c.status.not_in(NOT_PLANNED))
            .order_by(newest.c.planned_date, newest.c.run_id, newest.c.item)
        )
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).all()
        return [_earlier(row) for row in rows]

    async def planned_count(
        self, organization_id: str, company_id: str, month: str, *, exclude_run: str
    ) -> int:
        """Count the topics approved for a month (``YYYY-MM``) in other runs of this company."""
        newest = _newest_topics(organization_id, company_id, exclude_run).subquery()
        query = (
            select(func.count())
            .select_from(newest)
            .where(
                newest.c.status == ItemStatus.APPROVED,
                func.to_char(newest.c.planned_date, "YYYY-MM") == month,
            )
        )
        async with self._database.transaction() as connection:
            return int((await connection.execute(query)).scalar_one())


def _of(table: Table, owner: Owner) -> Select[Any]:
    return select(table).where(
        table.c.organization_id == owner.organization_id, table.c.run_id == clean_text(owner.run_id)
    )


def _newest_of_each(table: Table, owner: Owner) -> Select[Any]:
    return (
        _of(table, owner)
        .ext(distinct_on(table.c.item))
        .order_by(table.c.item, table.c.revision.desc(), table.c.edition.desc())
    )


def _newest_topics(organization_id: str, company_id: str, exclude_run: str) -> Select[Any]:
    return (
        select(topics)
        .where(
            topics.c.organization_id == organization_id,
            topics.c.company_id == company_id,
            topics.c.run_id != exclude_run,
        )
        .ext(distinct_on(topics.c.run_id, topics.c.item))
        .order_by(topics.c.run_id, topics.c.item, topics.c.revision.desc(), topics.c.edition.desc())
    )


async def _newest(connection: AsyncConnection, owner: Owner, kind: Kind, item: str) -> ItemRecord:
    table = TABLES[kind]
    query = _newest_of_each(table, owner).where(table.c.item == clean_text(item))
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(f"There is no {kind.value} {clean_text(item)!r} in this run.")
    return _record(kind, row)


async def _serialise(connection: AsyncConnection, owner: Owner, kind: Kind, item: str) -> None:
    """Let editors of one item go one after the other, so that each sees the newest edition."""
    key = stable_id("item", owner.organization_id, owner.run_id, kind, item)
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def _insert(connection: AsyncConnection, kind: Kind, values: dict[str, Any]) -> ItemRecord:
    table = TABLES[kind]
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(table)
    row = (await connection.execute(statement)).first()
    if row is None:
        mine = (table.c.id == values["id"]) & (table.c.organization_id == values["organization_id"])
        row = (await connection.execute(select(table).where(mine))).one()
    return _record(kind, row)


def _values(
    owner: Owner, kind: Kind, item: str, revision: int, edition: int, content: Mapping[str, Any]
) -> dict[str, Any]:
    item = clean_text(item)
    cleaned = clean_json(dict(content))
    return {
        "id": stable_id(owner.organization_id, owner.run_id, kind, item, revision, edition),
        "organization_id": owner.organization_id,
        "company_id": owner.company_id,
        "run_id": owner.run_id,
        "item": item,
        "revision": revision,
        "edition": edition,
        "content": cleaned,
        "content_hash": content_hash(cleaned),
        **_searchable(kind, cleaned),
    }


def _searchable(kind: Kind, content: dict[str, Any]) -> dict[str, Any]:
    """Fill the columns that queries ask for from the content."""
    if kind is Kind.TOPIC:
        return {
            "planned_date": _date(content.get("plannedDate")),
            "title_key": fold_key(str(content.get("title", ""))),
            "focus_key": fold_key(str(content.get("focusKeyword", ""))),
        }
    if kind is Kind.POST:
        return {"slug": content.get("slug"), "word_count": content.get("wordCount")}
    return {}


def _date(value: Any) -> date | None:
    if value is None or value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError as error:
        raise InvalidInput(
            f"The planned date {value!r} is no date.", next_step="Write it as YYYY-MM-DD."
        ) from error


def _earlier(row: Row[Any]) -> EarlierTopic:
    content = row.content
    return EarlierTopic(
        str(content.get("title", "")), str(content.get("focusKeyword", "")), row.planned_date, row.run_id
    )


def _record(kind: Kind, row: Row[Any]) -> ItemRecord:
    return ItemRecord(
        id=row.id,
        kind=kind,
        item=row.item,
        revision=row.revision,
        edition=row.edition,
        status=row.status,
        content=row.content,
        content_hash=row.content_hash,
        findings=tuple(row.findings),
        author=row.author,
        **{column: getattr(row, column) for column in NO_TEMPLATE},
        model=row.model,
        created_at=row.created_at.astimezone(UTC),
    )
