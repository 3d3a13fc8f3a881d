"""Brings the templates that come with the product into the database, and never overwrites an editor's."""

from __future__ import annotations

from prompts import versions
from prompts.active import PRODUCTION
from prompts.actor import RELEASE
from prompts.files import TemplateFile, shipped
from prompts.versions import Version
from store.database import Connection, Database
from store.prompts import labels, templates
from store.prompts.events import Scope, record
from store.schema.prompts import SHARED
from store.tenancy import SYSTEM

REASON = "shipped with the product"


async def sync(database: Database) -> int:
    """Bring the shipped templates into the database; safe when several processes do it at once.

    A changed file becomes the next version. The shared label ``production`` follows unless it stands on a version
    of an editor; labels of organizations and companies are never touched.

    Returns:
        How many versions were added.
    """
    added = 0
    async with database.transaction(SYSTEM) as connection:
        await templates.lock_shipped(connection)
        for template in shipped():
            added += await _bring_in(connection, template)
    return added


async def _bring_in(connection: Connection, template: TemplateFile) -> int:
    key = (template.code, template.language)
    ours = await templates.by_author(connection, key, RELEASE.author)
    if ours and ours[-1].content_hash == template.content_hash:
        return 0
    await templates.lock(connection, key)
    made = await versions.add(
        connection,
        SHARED,
        template,
        author=RELEASE.author,
        reason=REASON,
        parent=ours[-1].number if ours else None,
    )
    await record(connection, Scope(SHARED, *key), RELEASE, "saved", version=made.number, reason=REASON)
    await _move_label(connection, made, {row.id for row in ours})
    return 1


async def _move_label(connection: Connection, made: Version, ours: set[str]) -> None:
    scope = Scope(SHARED, *made.key)
    before = await labels.template_of(connection, scope, PRODUCTION)
    if before is not None and before not in ours:
        return
    await labels.put(connection, scope, PRODUCTION, made.id)
    await record(connection, scope, RELEASE, "labelled", version=made.number, label=PRODUCTION, reason=REASON)
