"""Experiments between versions of one template, and the arm that each company got."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from domain.worlds import World
from store.database import Connection
from store.prompts.templates import TemplateKey
from store.schema.prompts import prompt_assignments, prompt_experiments


@dataclass(frozen=True)
class Arm:
    """One version of an experiment; weights of all arms sum to 1."""

    name: str
    version: int
    template_id: str
    weight: float


@dataclass(frozen=True)
class Experiment:
    """Versions of one template that are tried against each other; the first arm is what the others are held against.

    ``world`` says of which world its arms and what they have shown are read; people start and stop it for both.
    """

    id: str
    organization_id: str
    code: str
    language: str
    status: str
    allocation: str
    arms: tuple[Arm, ...]
    minimum: int
    starts_at: datetime
    ends_at: datetime | None
    author: str
    reason: str
    created_at: datetime
    closed_at: datetime | None
    world: World = World.REAL

    def active(self, now: datetime) -> bool:
        """Whether a run that starts now takes part."""
        return (
            self.status == "running"
            and self.starts_at <= now
            and (self.ends_at is None or now < self.ends_at)
        )

    def arm(self, name: str) -> Arm | None:
        return next((arm for arm in self.arms if arm.name == name), None)


async def count(connection: Connection, organization_id: str, key: TemplateKey) -> int:
    """Return how many experiments there were on a template."""
    query = select(func.count()).select_from(prompt_experiments)
    return int(await connection.scalar(_on(query, organization_id, key)) or 0)


async def add(connection: Connection, values: Mapping[str, Any]) -> Experiment:
    """Keep a new experiment; ``values`` are the columns."""
    statement = insert(prompt_experiments).values(**values).returning(prompt_experiments)
    return _experiment((await connection.execute(statement)).one())


async def running(connection: Connection, organization_id: str, key: TemplateKey) -> Experiment | None:
    """Return the experiment that runs on a template."""
    query = _on(select(prompt_experiments), organization_id, key).filter_by(status="running")
    row = (await connection.execute(query)).first()
    return _experiment(row) if row else None


async def running_everywhere(connection: Connection) -> list[Experiment]:
    """Return the running experiments of everybody."""
    query = select(prompt_experiments).where(prompt_experiments.c.status == "running")
    return [_experiment(row) for row in await connection.execute(query)]


async def latest(connection: Connection, organization_id: str, key: TemplateKey) -> Experiment | None:
    """Return the running experiment on a template, or its last one."""
    kept = prompt_experiments.c
    query = _on(select(prompt_experiments), organization_id, key)
    query = query.order_by((kept.status == "running").desc(), kept.created_at.desc())
    row = (await connection.execute(query)).first()
    return _experiment(row) if row else None


async def all_of(connection: Connection, organization_id: str) -> list[Experiment]:
    """Return every experiment of an organization, the newest first."""
    kept = prompt_experiments.c
    query = select(prompt_experiments).where(kept.organization_id == organization_id)
    return [_experiment(row) for row in await connection.execute(query.order_by(kept.created_at.desc()))]


async def close(
    connection: Connection, organization_id: str, key: TemplateKey, status: str
) -> Experiment | None:
    """End the running experiment of a template; None where none runs."""
    statement = (
        update(prompt_experiments)
        .filter_by(organization_id=organization_id, code=key[0], language=key[1], status="running")
        .values(status=status, closed_at=func.now())
        .returning(prompt_experiments)
    )
    row = (await connection.execute(statement)).first()
    return _experiment(row) if row else None


async def arm_of(connection: Connection, experiment: Experiment, company_id: str) -> str | None:
    """Return the name of the arm that a company has."""
    query = select(prompt_assignments.c.arm).filter_by(
        experiment_id=experiment.id, company_id=company_id, world=experiment.world
    )
    found = await connection.scalar(query)
    return None if found is None else str(found)


async def assign(connection: Connection, experiment: Experiment, company_id: str, arm: str) -> None:
    """Give a company an arm; the first one stays."""
    values = {
        "experiment_id": experiment.id,
        "company_id": company_id,
        "world": experiment.world,
        "organization_id": experiment.organization_id,
        "arm": arm,
    }
    await connection.execute(upsert(prompt_assignments).values(**values).on_conflict_do_nothing())


async def assignments(connection: Connection, experiment: Experiment) -> dict[str, str]:
    """Return the arm of every company that takes part, by company id, in the order in which they came."""
    kept = prompt_assignments.c
    query = select(kept.company_id, kept.arm).filter_by(experiment_id=experiment.id, world=experiment.world)
    rows = await connection.execute(query.order_by(kept.assigned_at))
    return {row.company_id: row.arm for row in rows}


def _on(query: Select[Any], organization_id: str, key: TemplateKey) -> Select[Any]:
    kept = prompt_experiments.c
    return query.where(kept.organization_id == organization_id, kept.code == key[0], kept.language == key[1])


def _experiment(row: Row[Any]) -> Experiment:
    fields: dict[str, Any] = dict(row._mapping)
    fields["arms"] = tuple(Arm(**arm) for arm in fields["arms"])
    for moment in ("starts_at", "ends_at", "created_at", "closed_at"):
        fields[moment] = fields[moment].astimezone(UTC) if fields[moment] else None
    return Experiment(**fields)
