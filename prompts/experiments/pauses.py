"""Pauses a version whose answers do not fit their schema too often; its parent stands in for it.

The journal is what is counted: an answer that did not fit was asked for again, in a job of its own. Runs that have
started keep the versions that they started with.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from sqlalchemy import text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.calls import TemplateRef
from prompts import versions
from prompts.actor import SYSTEM
from prompts.events import Scope, record
from prompts.versions import Version
from store.database import Database
from store.schema.prompts import prompt_pauses

log = logging.getLogger(__name__)

_COUNT = text("""
select count(*) filter (where step not like '%/again') as calls,
       count(*) filter (where step like '%/again') as failures
  from jobs
 where organization_id = :organization_id and template_code = :code and template_version = :version
   and template_language = :language
   and created_at > coalesce((select lifted_at from prompt_pauses
                               where organization_id = :organization_id and template_id = :template_id),
                             '-infinity')""")


@dataclass(frozen=True)
class PauseRule:
    """A version is paused when more than ``share`` of at least ``calls`` calls did not fit their schema."""

    share: float = 0.3
    calls: int = 10


async def schema_failed(database: Database, organization_id: str, ref: TemplateRef, rule: PauseRule) -> bool:
    """Count anew after an answer that did not fit; returns whether the version has been paused now."""
    async with database.transaction() as connection:
        place = (ref.code, ref.language)
        version = await versions.by_number(connection, organization_id, place, ref.version)
        calls, failures = await _count(connection, organization_id, version)
        if version.parent is None or calls < rule.calls or failures <= rule.share * calls:
            return False
        return await _pause(connection, organization_id, version, calls, failures)


async def lift(connection: AsyncConnection, organization_id: str, version: Version) -> bool:
    """End a pause; failures until now do not count any more. Returns whether there was one."""
    kept = prompt_pauses.c
    mine = (
        (kept.organization_id == organization_id)
        & (kept.template_id == version.id)
        & kept.lifted_at.is_(None)
    )
    statement = update(prompt_pauses).where(mine).values(lifted_at=text("now()"))
    return (await connection.execute(statement)).rowcount > 0


async def _count(connection: AsyncConnection, organization_id: str, version: Version) -> tuple[int, int]:
    values = {
        "organization_id": organization_id,
        "code": version.template.code,
        "version": version.number,
        "language": version.template.language,
        "template_id": version.id,
    }
    row = (await connection.execute(_COUNT, values)).one()
    return int(row.calls), int(row.failures)


async def _pause(
    connection: AsyncConnection, organization_id: str, version: Version, calls: int, failures: int
) -> bool:
    row = {"organization_id": organization_id, "template_id": version.id}
    counted = {"calls": calls, "failures": failures}
    statement = insert(prompt_pauses).values(**row, **counted)
    again = statement.on_conflict_do_update(
        index_elements=list(row),
        set_={**counted, "paused_at": text("now()"), "lifted_at": None},
        where=prompt_pauses.c.lifted_at.is_not(None),
    )
    if (await connection.execute(again.returning(prompt_pauses.c.template_id))).first() is None:
        return False
    why = f"{failures} of {calls} answers did not fit the schema; version {version.parent} stands in for it"
    scope = Scope(organization_id, *version.place)
    await record(
        connection,
        scope,
        SYSTEM,
        "paused",
        version=version.number,
        reason=why,
        calls=calls,
        failures=failures,
    )
    log.warning("Template %s version %s is paused: %s", version.template.code, version.number, why)
    return True
