"""What became of what an experiment's arms asked for: items, decisions, failures, and what the calls took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.database import Connection
from store.prompts import sql
from store.prompts.experiments import Experiment
from store.schema.content import TABLES
from store.schema.runs import of_run_in


@dataclass(frozen=True, slots=True)
class MadeItem:
    """One edition of one revision of an item that an arm asked for; edition 0 is the model's own."""

    arm: str
    company_id: str
    run_id: str
    item: str
    revision: int
    edition: int
    content: Any


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about a revision of an item."""

    run_id: str
    item: str
    revision: int
    decision: str


@dataclass(frozen=True, slots=True)
class FailedItem:
    """An item whose last attempt failed."""

    arm: str
    company_id: str
    run_id: str
    item: str


@dataclass(frozen=True, slots=True)
class StepWork:
    """What the calls of one step of an item took; ``cost`` in micro-USD."""

    arm: str
    company_id: str
    run_id: str
    item: str
    step: str
    calls: int
    tokens: int
    seconds: float
    cost: int


async def items(connection: Connection, experiment: Experiment, kind: str) -> list[MadeItem]:
    """Return all editions of what an experiment's arms asked for, of one kind of item."""
    kept = TABLES[kind].c
    names = ("arm", "company_id", "run_id", "item", "revision", "edition", "content")
    query = (
        select(*(kept[name] for name in names))
        .where(kept.organization_id == experiment.organization_id, kept.experiment == experiment.id)
        .where(of_run_in(experiment.world, kept.run_id))
        .order_by(kept.run_id, kept.item, kept.revision, kept.edition)
    )
    return [MadeItem(**row._mapping) for row in await connection.execute(query)]


async def decisions(
    connection: Connection, organization_id: str, runs: Sequence[str], point: str
) -> list[Decision]:
    """Return what people decided at a review point of some runs, by run, item and revision, in their order."""
    values = {"organization_id": organization_id, "runs": list(runs), "point": point}
    return [Decision(**row._mapping) for row in await connection.execute(sql("decisions_of_runs"), values)]


async def failed(connection: Connection, experiment: Experiment) -> list[FailedItem]:
    """Return the items that were never made."""
    values = _of(experiment)
    return [FailedItem(**row._mapping) for row in await connection.execute(sql("failed_items"), values)]


async def work(connection: Connection, experiment: Experiment) -> list[StepWork]:
    """Return what the calls took, by item and step."""
    values = _of(experiment)
    rows = await connection.execute(sql("work_of_experiment"), values)
    return [
        StepWork(
            row.arm,
            row.company_id,
            row.run_id,
            row.item,
            row.step,
            int(row.calls),
            int(row.tokens),
            float(row.seconds),
            int(row.cost),
        )
        for row in rows
    ]


def _of(experiment: Experiment) -> dict[str, str]:
    return {
        "organization_id": experiment.organization_id,
        "world": experiment.world,
        "experiment": experiment.id,
    }
