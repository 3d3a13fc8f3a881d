"""Pauses a version whose answers do not fit their schema too often; its parent stands in for it.

The journal is what is counted: an answer that did not fit was asked for again, in a job of its own. Runs that have
started keep the versions that they started with.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from domain.calls import TemplateRef
from domain.steps import Asking, asking_of
from domain.worlds import World
from prompts import versions
from prompts.actor import SYSTEM
from prompts.versions import Version
from store.database import Connection, Database
from store.prompts import pauses
from store.prompts.events import Scope, record

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PauseRule:
    """A version is paused when more than ``share`` of at least ``calls`` calls did not fit their schema."""

    share: float = 0.3
    calls: int = 10


async def schema_failed(
    database: Database, organization_id: str, world: World, ref: TemplateRef, rule: PauseRule
) -> bool:
    """Count anew after an answer that did not fit; returns whether the version has been paused now."""
    async with database.transaction(organization_id) as connection:
        key = (ref.code, ref.language)
        version = await versions.by_number(connection, organization_id, key, ref.version)
        calls, failures = await _count(connection, organization_id, world, version)
        if version.parent is None or calls < rule.calls or failures <= rule.share * calls:
            return False
        return await _pause(connection, organization_id, world, version, calls, failures)


async def _count(
    connection: Connection, organization_id: str, world: World, version: Version
) -> tuple[int, int]:
    """Return how many calls a version has made, and how many of their answers did not fit their schema."""
    steps = await pauses.calls_by_step(
        connection, organization_id, world, version.key, version.number, version.id
    )
    failures = sum(calls for step, calls in steps.items() if asking_of(step) is Asking.SCHEMA)
    return sum(steps.values()) - failures, failures


async def _pause(
    connection: Connection, organization_id: str, world: World, version: Version, calls: int, failures: int
) -> bool:
    place = (connection, organization_id, world, version.id)
    if not await pauses.pause(*place, calls=calls, failures=failures):
        return False
    why = f"{failures} of {calls} answers did not fit the schema; version {version.parent} stands in for it"
    scope = Scope(organization_id, *version.key)
    await record(
        connection,
        scope,
        SYSTEM,
        "paused",
        version=version.number,
        reason=why,
        world=world,
        calls=calls,
        failures=failures,
    )
    log.warning("Template %s version %s is paused: %s", version.template.code, version.number, why)
    return True
