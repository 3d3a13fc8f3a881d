"""Versions of templates: what they are, and how they are found, numbered and kept.

An organization sees the versions that come with the product and its own, never another's. A number means one
version in this view: an organization's next number is above all that it sees, a release's above all that there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.calls import TemplateRef
from domain.errors import NotFound
from domain.ids import stable_id
from domain.text import nearest
from prompts.files import TemplateFile
from store.database import Connection
from store.prompts import templates
from store.prompts.templates import TemplateKey, TemplateRow
from store.schema.prompts import SHARED


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
    def key(self) -> TemplateKey:
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


def of_row(row: TemplateRow) -> Version:
    return Version(
        id=row.id,
        organization_id=row.organization_id,
        number=row.number,
        parent=row.parent,
        template=TemplateFile(row.front_matter, row.body),
        author=row.author,
        reason=row.reason,
        created_at=row.created_at,
    )


def version_id(organization_id: str, key: TemplateKey, number: int) -> str:
    """The id of a version; those that are shared have no organization in it."""
    owner = (organization_id,) if organization_id else ()
    return stable_id("prompt", *owner, *key, number)


async def add(
    connection: Connection,
    organization_id: str,
    template: TemplateFile,
    *,
    author: str,
    reason: str,
    parent: int | None,
    created_at: datetime | None = None,
) -> Version:
    """Keep a template as the next version; the caller holds `store.prompts.templates.lock`."""
    key = (template.code, template.language)
    number = await templates.next_number(connection, organization_id, key)
    values: dict[str, Any] = {
        "id": version_id(organization_id, key, number),
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
        "author": author,
        "reason": reason,
    }
    if created_at is not None:
        values["created_at"] = created_at
    return of_row(await templates.add(connection, values))


async def by_number(connection: Connection, organization_id: str, key: TemplateKey, number: int) -> Version:
    """Return a version that an organization sees.

    Raises:
        NotFound: It sees none of this number.
    """
    row = await templates.by_number(connection, organization_id, key, number)
    if row is None:
        raise NotFound(
            f"The template {key[0]} ({key[1]}) has no version {number}.",
            next_step=f"See what there is with: posthub prompts history {key[0]}",
        )
    return of_row(row)


async def by_id(connection: Connection, organization_id: str, template_id: str) -> Version:
    """Return a version that an organization sees; NotFound when it sees none of this id."""
    row = await templates.by_id(connection, organization_id, template_id)
    if row is None:
        raise NotFound("A prompt version that this run started with is gone.", next_step="Start it again.")
    return of_row(row)


async def all_of(connection: Connection, organization_id: str, key: TemplateKey) -> list[Version]:
    """Return every version that an organization sees, the oldest first; empty for a template that is unknown."""
    return [of_row(row) for row in await templates.all_of(connection, organization_id, key)]


async def known_key(connection: Connection, organization_id: str, code: str, language: str) -> TemplateKey:
    """Return a template's key.

    Raises:
        NotFound: The organization sees no such template; names the nearest.
    """
    found = await templates.keys(connection, organization_id)
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
