"""Pauses of versions, and the calls that they are judged by."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from domain.worlds import World
from store.database import Connection
from store.prompts import sql
from store.prompts.templates import TemplateKey
from store.schema.prompts import prompt_pauses


async def in_force(connection: Connection, world: World) -> frozenset[tuple[str, str]]:
    """Return organization and template id of every version that is paused now in a world."""
    query = select(prompt_pauses).where(prompt_pauses.c.lifted_at.is_(None), prompt_pauses.c.world == world)
    rows = await connection.execute(query)
    return frozenset((row.organization_id, row.template_id) for row in rows)


async def calls_by_step(
    connection: Connection,
    organization_id: str,
    world: World,
    key: TemplateKey,
    number: int,
    template_id: str,
) -> dict[str, int]:
    """Return how often each step of a version was asked since its last pause was lifted."""
    values = {
        "organization_id": organization_id,
        "world": world,
        "code": key[0],
        "language": key[1],
        "version": number,
        "template_id": template_id,
    }
    return {row.step: int(row.calls) for row in await connection.execute(sql("calls_by_step"), values)}


async def pause(
    connection: Connection,
    organization_id: str,
    world: World,
    template_id: str,
    *,
    calls: int,
    failures: int,
) -> bool:
    """Pause a version; False if it is paused already."""
    row = {"organization_id": organization_id, "world": world, "template_id": template_id}
    counted = {"calls": calls, "failures": failures}
    statement = insert(prompt_pauses).values(**row, **counted)
    again = statement.on_conflict_do_update(
        index_elements=list(row),
        set_={**counted, "paused_at": func.now(), "lifted_at": None},
        where=prompt_pauses.c.lifted_at.is_not(None),
    )
    return (await connection.execute(again.returning(prompt_pauses.c.template_id))).first() is not None


async def lift(connection: Connection, organization_id: str, template_id: str) -> bool:
    """End a pause, in both worlds; failures until now do not count any more. Returns whether there was one."""
    kept = prompt_pauses.c
    mine = (kept.organization_id == organization_id) & (kept.template_id == template_id)
    statement = update(prompt_pauses).where(mine, kept.lifted_at.is_(None)).values(lifted_at=func.now())
    return (await connection.execute(statement)).rowcount > 0
