"""Prompt templates as data: every version is kept, labels say which one is in use, experiments compare them.

``organization_id`` is empty for what everybody shares: the templates that come with the product. Versions and
events are never changed or deleted: triggers refuse it. A change of a label, an experiment or a pause is told to
every process that listens on the channel ``posthub_prompts``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.schema.base import READABLE, created_at, metadata, of_world, required_text

SHARED = ""
"""The organization of what everybody shares."""
EVERY_COMPANY = ""
"""The company of a label that holds for a whole organization."""
CHANNEL = "posthub_prompts"
_SHARED_ROWS = {READABLE: f"organization_id = '{SHARED}'"}


def _empty(name: str, comment: str | None = None) -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text("''"), comment=comment)


prompt_templates = Table(
    "prompt_templates",
    metadata,
    Column("id", Text, primary_key=True),
    _empty("organization_id", "who wrote it; empty: shipped with the product"),
    required_text("code"),
    required_text("language"),
    Column("version", Integer, nullable=False),
    Column("parent", Integer, comment="the version that it was made from"),
    required_text("type"),
    required_text("name"),
    required_text("body"),
    Column("front_matter", JSONB, nullable=False),
    required_text("content_hash"),
    required_text("author"),
    _empty("reason"),
    created_at(),
    UniqueConstraint("organization_id", "code", "language", "version"),
    Index(None, "code", "language", "version"),
    info=_SHARED_ROWS,
)

prompt_labels = Table(
    "prompt_labels",
    metadata,
    Column("organization_id", Text, primary_key=True, server_default=text("''")),
    Column("company_id", Text, primary_key=True, server_default=text("''")),
    Column("code", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("template_id", Text, ForeignKey("prompt_templates.id"), nullable=False),
    info=_SHARED_ROWS,
)

prompt_events = Table(
    "prompt_events",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _empty("organization_id"),
    _empty("company_id"),
    required_text("code"),
    required_text("language"),
    Column("event", Text, nullable=False, comment="saved, labelled, unlabelled, started, stopped, paused, …"),
    Column("version", Integer),
    Column("label", Text),
    Column("author", Text, nullable=False, comment="who"),
    Column("role", Text, nullable=False, comment="as what: admin, manager, editor, release, system"),
    Column("origin", Text, nullable=False, comment="from where: the program and the machine"),
    _empty("reason", "why"),
    Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    created_at(),
    Index(None, "organization_id", "code", "id"),
    info=_SHARED_ROWS,
)

prompt_experiments = Table(
    "prompt_experiments",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("organization_id"),
    required_text("code"),
    required_text("language"),
    required_text("status"),
    Column("allocation", Text, nullable=False, comment="weights, or thompson: the better arm gets more"),
    Column("arms", JSONB, nullable=False, comment="[{name, version, template_id, weight}]"),
    Column("minimum", Integer, nullable=False, comment="decisions of each arm before there is a verdict"),
    created_at("starts_at"),
    Column("ends_at", DateTime(timezone=True)),
    required_text("author"),
    _empty("reason"),
    created_at(),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("status in ('running', 'stopped', 'promoted')", name="status"),
    CheckConstraint("allocation in ('weights', 'thompson')", name="allocation"),
    CheckConstraint("minimum > 0", name="minimum"),
    Index(
        "uq_prompt_experiments_running",
        "organization_id",
        "code",
        "language",
        unique=True,
        postgresql_where=text("status = 'running'"),
    ),
)

prompt_assignments = Table(
    "prompt_assignments",
    metadata,
    Column("experiment_id", Text, ForeignKey("prompt_experiments.id"), primary_key=True),
    Column("company_id", Text, primary_key=True),
    of_world(primary_key=True),
    required_text("organization_id"),
    required_text("arm"),
    created_at("assigned_at"),
)

prompt_pauses = Table(
    "prompt_pauses",
    metadata,
    Column("organization_id", Text, primary_key=True),
    of_world(primary_key=True),
    Column("template_id", Text, ForeignKey("prompt_templates.id"), primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("failures", Integer, nullable=False, comment="calls whose answer did not fit its schema"),
    created_at("paused_at"),
    Column("lifted_at", DateTime(timezone=True), comment="calls before this do not count any more"),
)
