"""One row for each month that is carried through the graph; its id is the LangGraph thread's."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    Table,
    Text,
    exists,
    false,
)
from sqlalchemy.dialects.postgresql import JSONB

from domain.worlds import World
from store.content.run_record import RunStatus
from store.schema.base import created_at, metadata, one_of, required_text
from store.schema.tenants import of_company

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    required_text("company_id"),
    Column("month", Text, nullable=False, comment="YYYY-MM"),
    required_text("tier"),
    Column("request", JSONB, nullable=False),
    required_text("status"),
    Column("waiting_at", Text, comment="the review point that waits for a person"),
    Column("error", JSONB),
    Column("out", Text, comment="where the package was written"),
    Column("sandbox", Boolean, nullable=False, server_default=false()),
    required_text("graph_version"),
    Column("parent_run_id", Text, comment="of a copied thread: the run that it was copied from"),
    Column(
        "origin_run_id",
        Text,
        comment="of a copied thread: the first run of them all, which names their paid calls",
    ),
    created_at(),
    created_at("updated_at"),
    of_company(),
    CheckConstraint(one_of("status", RunStatus), name="status"),
    Index(None, "organization_id", "created_at"),
)


def of_run_in(world: World, run_id: Column[str]) -> ColumnElement[bool]:
    """Whether a row's run is of a world; a run that is not known counts as real."""
    played = exists().where(runs.c.id == run_id, runs.c.sandbox)
    return played if world is World.SANDBOX else ~played
