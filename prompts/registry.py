"""Which version of a template is in use; versions stay in memory, so that rendering costs no query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import TemplateRef
from domain.errors import NotFound
from domain.ids import stable_id
from domain.text import nearest
from prompts.files import TemplateFile, shipped
from store.database import Database
from store.schema.prompts import prompt_labels, prompt_templates

PRODUCTION = "production"
SHIPPED_BY = "posthub"
FALLBACK_LANGUAGE = "cs"

_LOCK = 0x70726F6D707473  # "prompts": one process at a time brings the shipped ones in

_Place = tuple[str, str]
"""Code and language."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt that is ready to be sent, and the exact version that made it."""

    system: str
    user: str
    purpose: str
    temperature: float | None
    max_tokens: int
    ref: TemplateRef


@dataclass(frozen=True)
class Version:
    """A template with its number."""

    number: int
    template: TemplateFile

    @property
    def ref(self) -> TemplateRef:
        """The name by which artefacts and paid calls remember it."""
        one = self.template
        return TemplateRef(one.code, self.number, one.content_hash, one.language)


class Prompts:
    """The templates in use. Changed labels are seen after `reload`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._production: dict[_Place, int] = {}
        self._versions: dict[tuple[str, str, int], Version] = {}
        self._loading = asyncio.Lock()

    async def sync_shipped(self) -> int:
        """Bring the shipped templates into the database; safe when several processes do it at once.

        A changed file becomes the next version. The label ``production`` follows unless it stands on a version
        of an editor.

        Returns:
            How many versions were added.
        """
        added = 0
        async with self._database.transaction() as connection:
            await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            for template in shipped():
                added += await _bring_in(connection, template)
        await self.reload()
        return added

    async def reload(self) -> None:
        """Read the labels anew, and the versions on which they stand."""
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_in_production())).all()
        self._production = {(row.code, row.language): row.version for row in rows}
        for row in rows:
            self._remember(row)

    async def current(self, language: str) -> dict[str, int]:
        """Return the version in use of every template, by code: what a run pins when it starts."""
        await self._loaded()
        codes = {code for code, _ in self._production}
        return {code: self._production[self._place(code, language)] for code in sorted(codes)}

    async def render(
        self,
        code: str,
        variables: Mapping[str, Any],
        *,
        language: str,
        pinned: Mapping[str, int] | None = None,
    ) -> Rendered:
        """Render a template's version in use, or the pinned one.

        Args:
            code: The template, such as ``BLOGPOST_GEN_V1``.
            variables: Plain data under the names that the template declares.
            language: ISO 639-1; Czech stands in for a language that has no template.
            pinned: Version numbers by code, as `current` gave them.

        Raises:
            NotFound: No such template or version.
            InvalidInput: A variable is missing or is no plain data.
        """
        version = await self.version(code, language, (pinned or {}).get(code))
        system, user = version.template.render(variables)
        template = version.template
        return Rendered(
            system, user, template.purpose, template.temperature, template.max_tokens, version.ref
        )

    async def version(self, code: str, language: str, number: int | None = None) -> Version:
        """Return a version of a template, the one in use when no number is given; NotFound when there is none."""
        await self._loaded()
        place = self._place(code, language)
        wanted = self._production[place] if number is None else number
        known = self._versions.get((*place, wanted))
        return known or await self._fetch(place, wanted)

    async def _loaded(self) -> None:
        if not self._production:
            async with self._loading:
                if not self._production:
                    await self.reload()

    def _place(self, code: str, language: str) -> _Place:
        for place in ((code, language), (code, FALLBACK_LANGUAGE)):
            if place in self._production:
                return place
        meant = nearest(code, {known for known, _ in self._production})
        hint = f"Did you mean {meant}?" if meant else "Bring in the shipped ones with: posthub db upgrade."
        raise NotFound(f"There is no prompt template {code[:60]!r}.", next_step=hint)

    async def _fetch(self, place: _Place, number: int) -> Version:
        code, language = place
        async with self._database.transaction() as connection:
            query = select(prompt_templates).filter_by(code=code, language=language, version=number)
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotFound(
                f"The prompt template {code} ({language}) has no version {number}.",
                next_step="Pin one that exists, or none.",
            )
        return self._remember(row)

    def _remember(self, row: Row[Any]) -> Version:
        name = (row.code, row.language, row.version)
        if name not in self._versions:  # a version never changes
            self._versions[name] = Version(row.version, TemplateFile(row.front_matter, row.body))
        return self._versions[name]


def _in_production() -> Any:
    label, template = prompt_labels.c, prompt_templates.c
    same = (
        (label.code == template.code)
        & (label.language == template.language)
        & (label.version == template.version)
    )
    return select(prompt_templates).join(prompt_labels, same).where(label.label == PRODUCTION)


async def _bring_in(connection: AsyncConnection, template: TemplateFile) -> int:
    place = {"code": template.code, "language": template.language}
    kept = prompt_templates.c
    rows = (
        await connection.execute(
            select(kept.version, kept.author, kept.content_hash).filter_by(**place).order_by(kept.version)
        )
    ).all()
    ours = [row for row in rows if row.author == SHIPPED_BY]
    if ours and ours[-1].content_hash == template.content_hash:
        return 0
    number = rows[-1].version + 1 if rows else 1
    await connection.execute(insert(prompt_templates).values(**_row(template, number)))
    await _move_label(connection, place, number, {row.version for row in ours})
    return 1


async def _move_label(
    connection: AsyncConnection, place: Mapping[str, str], number: int, ours: set[int]
) -> None:
    label = prompt_labels.c
    standing = await connection.scalar(select(label.version).filter_by(**place, label=PRODUCTION))
    if standing is None or standing in ours:
        query = upsert(prompt_labels).values(**place, label=PRODUCTION, version=number)
        await connection.execute(
            query.on_conflict_do_update(
                index_elements=["code", "language", "label"], set_={"version": number}
            )
        )


def _row(template: TemplateFile, number: int) -> dict[str, Any]:
    return {
        "id": stable_id("prompt", template.code, template.language, number),
        "code": template.code,
        "language": template.language,
        "version": number,
        "type": str(template.front_matter["type"]),
        "name": str(template.front_matter["name"]),
        "body": template.body,
        "front_matter": dict(template.front_matter),
        "content_hash": template.content_hash,
        "author": SHIPPED_BY,
        "reason": "shipped with the product",
        "created_at": func.now(),
    }
