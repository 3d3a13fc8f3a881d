"""What a run has made: DNA, personas, topics, posts, social posts and assets, in all their versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, Select, Table, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import NO_TEMPLATE, TemplateRef
from domain.errors import NotFound
from domain.ids import stable_id
from domain.month import Version
from domain.stages import Kind as Kind
from domain.worlds import World
from store.content.erasures import FILE_KEYS
from store.content.item_record import ItemRecord as ItemRecord
from store.content.item_record import Owner as Owner
from store.content.item_record import record, values_of
from store.database import Database
from store.schema.content import TABLES, assets, topics
from store.schema.content import ItemStatus as ItemStatus
from store.schema.runs import of_run_in, runs
from store.text import storable_json, storable_text

NOT_PLANNED = (ItemStatus.REJECTED, ItemStatus.DROPPED)
"""Statuses of topics that will never be written, so that they block nothing."""


@dataclass(frozen=True)
class EarlierTopic:
    """A topic that another run of the same company has planned."""

    title: str
    focus_keyword: str
    planned_date: date | None
    run_id: str


class Items:
    """Reads and writes items. Nothing is ever overwritten but an item's status.

    Args:
        database: Where they are.
        world: Of which what other runs have planned counts.
    """

    def __init__(self, database: Database, *, world: World = World.REAL) -> None:
        self._database = database
        self._world = world

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
        """Store what was made. The same content of the same revision is stored once, another is a new edition.

        Raises:
            InvalidInput: The content is no plain JSON.
        """
        values = values_of(owner, kind, item, revision, content)
        values |= {
            "findings": storable_json(list(findings)),
            "author": author,
            "model": model,
            "status": status,
        }
        if template:
            values |= template.booked()
        async with self._database.transaction(owner.organization_id) as connection:
            return await _add(connection, owner, kind, values)

    async def edit(
        self,
        owner: Owner,
        kind: Kind,
        item: str,
        version: Version,
        content: Mapping[str, Any],
        *,
        author: str,
        findings: Sequence[str] = (),
    ) -> ItemRecord:
        """Store what a person made of a version, as an edition of the same revision.

        Content that this revision had before makes no new edition: its row is returned.

        Raises:
            NotFound: There is no such version in this run.
            InvalidInput: The content is no plain JSON.
        """
        values = values_of(owner, kind, item, version["revision"], content)
        values |= {"findings": storable_json(list(findings)), "author": storable_text(author)}
        async with self._database.transaction(owner.organization_id) as connection:
            changed = await _exactly(connection, owner, kind, item, version)
            values |= {"status": ItemStatus.DRAFT, "model": changed.model}
            values |= {column: getattr(changed, column) for column in NO_TEMPLATE}
            return await _add(connection, owner, kind, values)

    async def get(self, owner: Owner, kind: Kind, item: str, version: Version) -> ItemRecord:
        """Return exactly one version.

        Raises:
            NotFound: There is no such version in this run of this organization.
        """
        async with self._database.transaction(owner.organization_id) as connection:
            return await _exactly(connection, owner, kind, item, version)

    async def of(self, owner: Owner, kind: Kind, versions: Mapping[str, Version]) -> list[ItemRecord]:
        """Return exactly these versions, ordered by item.

        Raises:
            NotFound: One of them is not in this run of this organization.
        """
        async with self._database.transaction(owner.organization_id) as connection:
            return [
                await _exactly(connection, owner, kind, item, versions[item]) for item in sorted(versions)
            ]

    async def newest(self, owner: Owner, kind: Kind, item: str) -> ItemRecord:
        """Return the newest edition of the newest revision.

        Raises:
            NotFound: There is no such item in this run of this organization.
        """
        async with self._database.transaction(owner.organization_id) as connection:
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
        async with self._database.transaction(owner.organization_id) as connection:
            rows = (await connection.execute(query)).all()
        return [record(kind, row) for row in rows]

    async def history(self, owner: Owner, kind: Kind, item: str) -> list[ItemRecord]:
        """Return every version of an item, oldest first; empty where there is none."""
        table = TABLES[kind]
        query = (
            _of(table, owner)
            .where(table.c.item == storable_text(item))
            .order_by(table.c.revision, table.c.edition)
        )
        async with self._database.transaction(owner.organization_id) as connection:
            rows = (await connection.execute(query)).all()
        return [record(kind, row) for row in rows]

    async def mark(self, owner: Owner, kind: Kind, item: str, version: Version, status: str) -> None:
        """Set the status of a version.

        Raises:
            NotFound: There is no such version in this run of this organization.
        """
        table = TABLES[kind]
        async with self._database.transaction(owner.organization_id) as connection:
            meant = await _exactly(connection, owner, kind, item, version)
            mine = (table.c.id == meant.id) & (table.c.organization_id == owner.organization_id)
            await connection.execute(update(table).where(mine).values(status=status))

    async def has_file(self, organization_id: str, key: str) -> bool:
        """Whether any asset of an organization shows a file."""
        shows = or_(*(one == key for one in FILE_KEYS))
        query = select(exists().where(assets.c.organization_id == organization_id, shows))
        async with self._database.transaction(organization_id) as connection:
            return bool(await connection.scalar(query))

    async def earlier_topics(self, owner: Owner, *, company_id: str) -> list[EarlierTopic]:
        """Return what other runs of this company have planned, oldest date first."""
        newest = _newest_topics(owner.organization_id, self._world, company_id, owner.run_id).subquery()
        query = (
            select(newest)
            .where(newest.c.status.not_in(NOT_PLANNED))
            .order_by(newest.c.planned_date, newest.c.run_id, newest.c.item)
        )
        async with self._database.transaction(owner.organization_id) as connection:
            rows = (await connection.execute(query)).all()
        return [_earlier(row) for row in rows]

    async def planned_count(
        self, organization_id: str, company_id: str, month: str, *, exclude_run: str
    ) -> int:
        """Count the topics approved for a month (``YYYY-MM``) in other runs of this company."""
        newest = _newest_topics(organization_id, self._world, company_id, exclude_run).subquery()
        query = (
            select(func.count())
            .select_from(newest)
            .where(
                newest.c.status == ItemStatus.APPROVED,
                func.to_char(newest.c.planned_date, "YYYY-MM") == month,
            )
        )
        async with self._database.transaction(organization_id) as connection:
            return int((await connection.execute(query)).scalar_one())


def _of(table: Table, owner: Owner) -> Select[Any]:
    return select(table).where(
        table.c.organization_id == owner.organization_id, table.c.run_id == storable_text(owner.run_id)
    )


def _newest_of_each(table: Table, owner: Owner) -> Select[Any]:
    return (
        _of(table, owner)
        .ext(distinct_on(table.c.item))
        .order_by(table.c.item, table.c.revision.desc(), table.c.edition.desc())
    )


def _newest_topics(organization_id: str, world: World, company_id: str, exclude_run: str) -> Select[Any]:
    return (
        select(topics)
        .where(
            topics.c.organization_id == organization_id,
            topics.c.company_id == company_id,
            topics.c.run_id != exclude_run,
            topics.c.run_id.not_in(_family(exclude_run)),
            of_run_in(world, topics.c.run_id),
        )
        .ext(distinct_on(topics.c.run_id, topics.c.item))
        .order_by(topics.c.run_id, topics.c.item, topics.c.revision.desc(), topics.c.edition.desc())
    )


def _family(run_id: str) -> Select[Any]:
    """The runs of a thread and of all its copies: they are branches of one month, none repeats another."""
    mine, theirs = runs.alias(), runs.alias()
    first = func.coalesce(mine.c.origin_run_id, mine.c.id)
    return (
        select(theirs.c.id)
        .join(mine, first == func.coalesce(theirs.c.origin_run_id, theirs.c.id))
        .where(mine.c.id == run_id, theirs.c.organization_id == mine.c.organization_id)
    )


async def _newest(connection: AsyncConnection, owner: Owner, kind: Kind, item: str) -> ItemRecord:
    table = TABLES[kind]
    query = _newest_of_each(table, owner).where(table.c.item == storable_text(item))
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(f"There is no {kind.value} {storable_text(item)!r} in this run.")
    return record(kind, row)


async def _exactly(
    connection: AsyncConnection, owner: Owner, kind: Kind, item: str, version: Version
) -> ItemRecord:
    table = TABLES[kind]
    query = _of(table, owner).where(
        table.c.item == storable_text(item),
        table.c.revision == version["revision"],
        table.c.edition == version["edition"],
        table.c.content_hash == storable_text(version["hash"]),
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise NotFound(
            f"There is no {kind.value} {storable_text(item)!r} in this run with revision {version['revision']} and "
            f"edition {version['edition']} of this content."
        )
    return record(kind, row)


async def _serialise(connection: AsyncConnection, owner: Owner, kind: Kind, item: str) -> None:
    """Let writers of one item go one after the other, so that each sees the editions before its own."""
    key = stable_id("item", owner.organization_id, owner.run_id, kind, item)
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0))))


async def _add(connection: AsyncConnection, owner: Owner, kind: Kind, values: dict[str, Any]) -> ItemRecord:
    """Store content as the next edition of its revision, or return the edition that has it already."""
    table, item, revision = TABLES[kind], values["item"], values["revision"]
    await _serialise(connection, owner, kind, item)
    query = (
        _of(table, owner).where(table.c.item == item, table.c.revision == revision).order_by(table.c.edition)
    )
    editions = (await connection.execute(query)).all()
    for row in editions:
        if row.content_hash == values["content_hash"]:
            return record(kind, row)
    edition = editions[-1].edition + 1 if editions else 0
    identity = stable_id(owner.organization_id, owner.run_id, kind, item, revision, edition)
    statement = insert(table).values(**values, id=identity, edition=edition).returning(table)
    return record(kind, (await connection.execute(statement)).one())


def _earlier(row: Row[Any]) -> EarlierTopic:
    content = row.content
    return EarlierTopic(
        str(content.get("title", "")), str(content.get("focusKeyword", "")), row.planned_date, row.run_id
    )
