"""Prompts that editors own: versions of an organization, labels, experiments, pauses, and an audit trail

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ASKED_BY = ("company_dna", "personas", "topics", "blog_posts", "social_posts", "assets", "jobs", "attempts")
_KEPT_FOR_EVER = ("prompt_templates", "prompt_events")
_TOLD = ("prompt_labels", "prompt_experiments", "prompt_pauses")

_REFUSE = """
create function posthub_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$"""
_TELL = """
create function posthub_tell_prompts() returns trigger language plpgsql as $$
begin
  perform pg_notify('posthub_prompts', tg_table_name);
  return null;
end $$"""


def upgrade() -> None:
    op.create_table(
        "prompt_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("company_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column(
            "event",
            sa.Text(),
            nullable=False,
            comment="saved, labelled, unlabelled, started, stopped, paused, …",
        ),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False, comment="who"),
        sa.Column(
            "role", sa.Text(), nullable=False, comment="as what: admin, manager, editor, release, system"
        ),
        sa.Column("origin", sa.Text(), nullable=False, comment="from where: the program and the machine"),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False, comment="why"),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_events")),
    )
    op.create_index(
        op.f("ix_prompt_events_organization_id_code_id"),
        "prompt_events",
        ["organization_id", "code", "id"],
        unique=False,
    )
    op.create_table(
        "prompt_experiments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "allocation", sa.Text(), nullable=False, comment="weights, or thompson: the better arm gets more"
        ),
        sa.Column(
            "arms",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="[{name, version, template_id, weight}]",
        ),
        sa.Column(
            "minimum", sa.Integer(), nullable=False, comment="decisions of each arm before there is a verdict"
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "allocation in ('weights', 'thompson')", name=op.f("ck_prompt_experiments_allocation")
        ),
        sa.CheckConstraint(
            "status in ('running', 'stopped', 'promoted')", name=op.f("ck_prompt_experiments_status")
        ),
        sa.CheckConstraint("minimum > 0", name=op.f("ck_prompt_experiments_minimum")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_experiments")),
    )
    op.create_index(
        "uq_prompt_experiments_running",
        "prompt_experiments",
        ["organization_id", "code", "language"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "prompt_assignments",
        sa.Column("experiment_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["prompt_experiments.id"], name=op.f("fk_prompt_assignments_experiment_id")
        ),
        sa.PrimaryKeyConstraint("experiment_id", "company_id", name=op.f("pk_prompt_assignments")),
    )
    op.create_table(
        "prompt_pauses",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("template_id", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column(
            "failures", sa.Integer(), nullable=False, comment="calls whose answer did not fit its schema"
        ),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "lifted_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="calls before this do not count any more",
        ),
        sa.ForeignKeyConstraint(
            ["template_id"], ["prompt_templates.id"], name=op.f("fk_prompt_pauses_template_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "template_id", name=op.f("pk_prompt_pauses")),
    )
    for table in _ASKED_BY:
        for column in ("template_language", "experiment", "arm"):
            op.add_column(table, sa.Column(column, sa.Text(), nullable=True))
    op.create_index(
        op.f("ix_jobs_experiment"),
        "jobs",
        ["experiment"],
        unique=False,
        postgresql_where=sa.text("experiment is not null"),
    )
    op.create_index(
        op.f("ix_jobs_organization_id_template_code_template_version"),
        "jobs",
        ["organization_id", "template_code", "template_version"],
        unique=False,
    )
    op.add_column(
        "prompt_templates",
        sa.Column(
            "organization_id",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="who wrote it; empty: shipped with the product",
        ),
    )
    op.add_column(
        "prompt_templates",
        sa.Column("parent", sa.Integer(), nullable=True, comment="the version that it was made from"),
    )
    op.add_column(
        "prompt_labels", sa.Column("organization_id", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column(
        "prompt_labels", sa.Column("company_id", sa.Text(), server_default=sa.text("''"), nullable=False)
    )
    op.add_column("prompt_labels", sa.Column("template_id", sa.Text(), nullable=True))
    op.execute("""
        update prompt_labels l set template_id = t.id from prompt_templates t
         where t.code = l.code and t.language = l.language and t.version = l.version""")
    op.alter_column("prompt_labels", "template_id", nullable=False)
    op.drop_constraint(op.f("fk_prompt_labels_code_language_version"), "prompt_labels", type_="foreignkey")
    op.drop_column("prompt_labels", "version")
    op.create_foreign_key(
        op.f("fk_prompt_labels_template_id"), "prompt_labels", "prompt_templates", ["template_id"], ["id"]
    )
    op.drop_constraint(op.f("pk_prompt_labels"), "prompt_labels", type_="primary")
    op.create_primary_key(
        op.f("pk_prompt_labels"),
        "prompt_labels",
        ["organization_id", "company_id", "code", "language", "label"],
    )
    op.drop_constraint(op.f("uq_prompt_templates_code_language_version"), "prompt_templates", type_="unique")
    op.create_unique_constraint(
        op.f("uq_prompt_templates_organization_id_code_language_version"),
        "prompt_templates",
        ["organization_id", "code", "language", "version"],
    )
    op.create_index(
        op.f("ix_prompt_templates_code_language_version"),
        "prompt_templates",
        ["code", "language", "version"],
        unique=False,
    )
    op.execute(_REFUSE)
    for table in _KEPT_FOR_EVER:
        op.execute(
            f"create trigger {table}_kept before update or delete on {table} for each row execute function posthub_refuse_change()"
        )
        op.execute(
            f"create trigger {table}_kept_whole before truncate on {table} for each statement execute function posthub_refuse_change()"
        )
    op.execute(_TELL)
    for table in _TOLD:
        op.execute(
            f"create trigger {table}_told after insert or update or delete on {table} for each statement execute function posthub_tell_prompts()"
        )


def downgrade() -> None:
    for table in _TOLD:
        op.execute(f"drop trigger {table}_told on {table}")
    for table in _KEPT_FOR_EVER:
        op.execute(f"drop trigger {table}_kept on {table}")
        op.execute(f"drop trigger {table}_kept_whole on {table}")
    op.execute("drop function posthub_tell_prompts()")
    op.execute("drop function posthub_refuse_change()")
    op.drop_table("prompt_pauses")
    op.drop_table("prompt_assignments")
    op.drop_index("uq_prompt_experiments_running", table_name="prompt_experiments")
    op.drop_table("prompt_experiments")
    op.drop_index(op.f("ix_prompt_events_organization_id_code_id"), table_name="prompt_events")
    op.drop_table("prompt_events")
    op.execute("""
        delete from prompt_labels l using prompt_templates t
         where t.id = l.template_id and (l.organization_id <> '' or t.organization_id <> '')""")
    op.execute("delete from prompt_templates where organization_id <> ''")
    op.drop_constraint(op.f("pk_prompt_labels"), "prompt_labels", type_="primary")
    op.drop_constraint(op.f("fk_prompt_labels_template_id"), "prompt_labels", type_="foreignkey")
    op.drop_constraint(
        op.f("uq_prompt_templates_organization_id_code_language_version"), "prompt_templates", type_="unique"
    )
    op.drop_index(op.f("ix_prompt_templates_code_language_version"), table_name="prompt_templates")
    op.create_unique_constraint(
        op.f("uq_prompt_templates_code_language_version"), "prompt_templates", ["code", "language", "version"]
    )
    op.add_column("prompt_labels", sa.Column("version", sa.Integer(), nullable=True))
    op.execute(
        "update prompt_labels l set version = t.version from prompt_templates t where t.id = l.template_id"
    )
    op.alter_column("prompt_labels", "version", nullable=False)
    for column in ("template_id", "company_id", "organization_id"):
        op.drop_column("prompt_labels", column)
    op.create_primary_key(op.f("pk_prompt_labels"), "prompt_labels", ["code", "language", "label"])
    op.create_foreign_key(
        op.f("fk_prompt_labels_code_language_version"),
        "prompt_labels",
        "prompt_templates",
        ["code", "language", "version"],
        ["code", "language", "version"],
    )
    for column in ("parent", "organization_id"):
        op.drop_column("prompt_templates", column)
    op.drop_index(op.f("ix_jobs_organization_id_template_code_template_version"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_experiment"), table_name="jobs")
    for table in _ASKED_BY:
        for column in ("arm", "experiment", "template_language"):
            op.drop_column(table, column)
