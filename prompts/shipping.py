"""Brings the templates that come with the product into the database, and never overwrites an editor's."""

from __future__ import annotations

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from prompts import versions
from prompts.actor import RELEASE
from prompts.events import Scope, record
from prompts.files import TemplateFile, shipped
from prompts.versions import Version
from store.database import Database
from store.schema.prompts import SHARED, prompt_labels, prompt_templates

PRODUCTION = "production"
REASON = "shipped with the product"

_LOCK = 0x70726F6D707473  # "prompts": one process at a time brings the shipped ones in


async def sync(database: Database) -> int:
    """Bring the shipped templates into the database; safe when several processes do it at once.

    A changed file becomes the next version. The shared label ``production`` follows unless it stands on a version
    of an editor; labels of organizations and companies are never touched.

    Returns:
        How many versions were added.
    """
    added = 0
    async with database.transaction() as connection:
        await connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        for template in shipped():
            added += await _bring_in(connection, template)
    return added


async def _bring_in(connection: AsyncConnection, template: TemplateFile) -> int:
    place = (template.code, template.language)
    kept = prompt_templates.c
    query = (
        select(kept.id, kept.version, kept.content_hash)
        .filter_by(organization_id=SHARED, code=place[0], language=place[1], author=RELEASE.author)
        .order_by(kept.version)
    )
    ours = (await connection.execute(query)).all()
    if ours and ours[-1].content_hash == template.content_hash:
        return 0
    await versions.lock(connection, place)
    made = await versions.add(
        connection,
        SHARED,
        template,
        author=RELEASE.author,
        reason=REASON,
        parent=ours[-1].version if ours else None,
    )
    await record(connection, Scope(SHARED, *place), RELEASE, "saved", version=made.number, reason=REASON)
    await _move_label(connection, made, {row.id for row in ours})
    return 1


async def _move_label(connection: AsyncConnection, made: Version, ours: set[str]) -> None:
    code, language = made.place
    where = {
        "organization_id": SHARED,
        "company_id": "",
        "code": code,
        "language": language,
        "label": PRODUCTION,
    }
    standing = await connection.scalar(select(prompt_labels.c.template_id).filter_by(**where))
    if standing is not None and standing not in ours:
        return
    query = upsert(prompt_labels).values(**where, template_id=made.id)
    await connection.execute(
        query.on_conflict_do_update(index_elements=list(where), set_={"template_id": made.id})
    )
    scope = Scope(SHARED, code, language)
    await record(connection, scope, RELEASE, "labelled", version=made.number, label=PRODUCTION, reason=REASON)
