"""Versions of templates in the database: what they are, and how they are found, numbered and kept.

An organization sees the versions that come with the product and its own, never another's. A number means one
version in this view: an organization's next number is above all that it sees, a release's above all that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import TemplateRef
from domain.errors import NotFound
from domain.ids import stable_id
from domain.text import nearest
from prompts.files import TemplateFile
from store.schema.prompts import SHARED, prompt_templates
from store.text import clean_text

Place = tuple[str, str]
"""Code and language."""


@dataclass(frozen=True)
class Version:
    """A template with its number; ``parent`` is the number of the version that it was made from."""

    id: str
    organization_id: str
    number: int
    parent: int | None
    template: TemplateFile
    author: str
    reason: str
    created_at: datetime

    @property
    def place(self) -> Place:
        return self.template.code, self.template.language

    @property
    def shipped(self) -> bool:
        return self.organization_id == SHARED

    def ref(self, experiment: str | None = None, arm: str | None = None) -> TemplateRef:
        """The name by which artefacts and paid calls remember it."""
        one = self.template
        return TemplateRef(
            one.code, self.number, one.content_hash, one.language, experiment, arm, one.cache_seconds
        )


def of_row(row: Row[Any]) -> Version:
    return Version(
        id=row.id,
        organization_id=row.organization_id,
        number=row.version,
        parent=row.parent,
        template=TemplateFile(row.front_matter, row.body),
        author=row.author,
        reason=row.reason,
        created_at=row.created_at.astimezone(UTC),
    )


def version_id(organization_id: str, place: Place, number: int) -> str:
    """The id of a version; those that are shared have no organization in it."""
    owner = (organization_id,) if organization_id else ()
    return stable_id("prompt", *owner, *place, number)


async def lock(connection: AsyncConnection, place: Place) -> None:
    """Let those who add versions of one template, or move its labels, go one after the other."""
    key = func.hashtextextended(f"posthub:prompt:{place[0]}:{place[1]}", 0)
    await connection.execute(select(func.pg_advisory_xact_lock(key)))


async def add(
    connection: AsyncConnection,
    organization_id: str,
    template: TemplateFile,
    *,
    author: str,
    reason: str,
    parent: int | None,
    created_at: datetime | None = None,
) -> Version:
    """Keep a template as the next version; the caller holds the `lock`."""
    kept = prompt_templates.c
    query = select(func.max(kept.version)).filter_by(code=template.code, language=template.language)
    if organization_id != SHARED:
        query = query.where(kept.organization_id.in_((SHARED, organization_id)))
    number = int(await connection.scalar(query) or 0) + 1
    values = {
        "id": version_id(organization_id, (template.code, template.language), number),
        "organization_id": organization_id,
        "code": template.code,
        "language": template.language,
        "version": number,
        "parent": parent,
        "type": str(template.front_matter["type"]),
        "name": str(template.front_matter["name"]),
        "body": template.body,
        "front_matter": dict(template.front_matter),
        "content_hash": template.content_hash,
        "author": clean_text(author),
        "reason": clean_text(reason),
    }
    if created_at is not None:
        values["created_at"] = created_at
    row = (
        await connection.execute(insert(prompt_templates).values(**values).returning(prompt_templates))
    ).one()
    return of_row(row)


async def by_number(connection: AsyncConnection, organization_id: str, place: Place, number: int) -> Version:
    """Return a version that an organization sees.

    Raises:
        NotFound: It sees none of this number.
    """
    code, language = place
    query = _seen(organization_id).filter_by(code=code, language=language, version=number)
    row = (await connection.execute(query)).first() if 0 < number < 2**31 else None
    if row is None:
        raise NotFound(
            f"The template {code} ({language}) has no version {number}.",
            next_step=f"See what there is with: posthub prompts history {code}",
        )
    return of_row(row)


async def by_id(connection: AsyncConnection, organization_id: str, template_id: str) -> Version:
    """Return a version that an organization sees; NotFound when it sees none of this id."""
    row = (await connection.execute(_seen(organization_id).filter_by(id=template_id))).first()
    if row is None:
        raise NotFound("A prompt version that this run started with is gone.", next_step="Start it again.")
    return of_row(row)


async def all_of(connection: AsyncConnection, organization_id: str, place: Place) -> list[Version]:
    """Return every version that an organization sees, the oldest first; empty for a template that is unknown."""
    code, language = place
    query = _seen(organization_id).filter_by(code=code, language=language)
    rows = (await connection.execute(query.order_by(prompt_templates.c.version))).all()
    return [of_row(row) for row in rows]


async def places(connection: AsyncConnection, organization_id: str) -> list[Place]:
    """Return code and language of every template that an organization sees, in order."""
    kept = prompt_templates.c
    query = select(kept.code, kept.language).where(kept.organization_id.in_((SHARED, organization_id)))
    rows = (await connection.execute(query.distinct().order_by(kept.code, kept.language))).all()
    return [(row.code, row.language) for row in rows]


async def known_place(connection: AsyncConnection, organization_id: str, code: str, language: str) -> Place:
    """Return the template's place.

    Raises:
        NotFound: The organization sees no such template; names the nearest.
    """
    found = await places(connection, organization_id)
    if (code, language) in found:
        return code, language
    if any(code == known for known, _ in found):
        languages = ", ".join(one for known, one in found if known == code)
        raise NotFound(
            f"There is no template {code} in the language {language[:10]!r}.",
            next_step=f"There is: {languages}.",
        )
    raise unknown_template(code, {known for known, _ in found})


def unknown_template(code: str, known: set[str]) -> NotFound:
    meant = nearest(code, known)
    hint = f"Did you mean {meant}?" if meant else "Bring in the shipped ones with: posthub db upgrade."
    return NotFound(f"There is no prompt template {code[:60]!r}.", next_step=hint)


def _seen(organization_id: str) -> Any:
    return select(prompt_templates).where(prompt_templates.c.organization_id.in_((SHARED, organization_id)))
