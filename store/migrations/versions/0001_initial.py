"""The first schema.

Revision: 0001
Follows:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "month", sa.Text(), nullable=False, comment="UTC month of the hold, by the database's clock"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "basis",
            sa.Text(),
            nullable=True,
            comment="how the cost is known: provider, usage, estimate, worst_case",
        ),
        sa.Column("held_micro", sa.BigInteger(), nullable=False),
        sa.Column("cost_micro", sa.BigInteger(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("thinking_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("images", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("seconds", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "price_ids",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="the price rows that its cost comes from",
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True, comment="the provider's own id of a media job"),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'held') = (closed_at is null)", name=op.f("ck_attempts_closed")),
        sa.CheckConstraint(
            "basis in ('provider', 'usage', 'estimate', 'worst_case')", name=op.f("ck_attempts_basis")
        ),
        sa.CheckConstraint("state in ('held', 'settled', 'void', 'lost')", name=op.f("ck_attempts_state")),
        sa.CheckConstraint("held_micro >= 0 and cost_micro >= 0", name=op.f("ck_attempts_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_job_id"), "attempts", ["job_id"], unique=False)
    op.create_index(
        op.f("ix_attempts_organization_id_month"), "attempts", ["organization_id", "month"], unique=False
    )
    op.create_index(op.f("ix_attempts_run_id"), "attempts", ["run_id"], unique=False)
    op.create_table(
        "budgets",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("limit_micro", sa.BigInteger(), nullable=True, comment="NULL: what the configuration says"),
        sa.Column("held_micro", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("spent_micro", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("held_micro >= 0", name=op.f("ck_budgets_held")),
        sa.CheckConstraint("limit_micro >= 0", name=op.f("ck_budgets_limit")),
        sa.PrimaryKeyConstraint("organization_id", "month", name=op.f("pk_budgets")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="who, where, which item, hash of the request"),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("step", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True, comment="the process instance that works on it"),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="after this the owner counts as dead",
        ),
        sa.Column(
            "input",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="purpose, request hash, chain; no prompt text",
        ),
        sa.Column(
            "output",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="the bought answer; once set it is never bought again",
        ),
        sa.Column(
            "provider_ref",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="what a bought media file is collected with",
        ),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("retry_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_retries", sa.Integer(), server_default=sa.text("3"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("5"), nullable=False),
        sa.Column("tokens_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("generation_time_seconds", sa.Float(), nullable=True),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status in ('pending', 'processing', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_jobs_status"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    op.create_index(
        op.f("ix_jobs_organization_id_run_id"), "jobs", ["organization_id", "run_id"], unique=False
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
    )
    op.create_table(
        "prices",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("list_name", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "unit", sa.Text(), nullable=False, comment="input, cached_input, output, image, second, search, …"
        ),
        sa.Column("usd_per", sa.Numeric(), nullable=False, comment="USD for `per` units"),
        sa.Column("per", sa.Numeric(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="the last day on which it holds"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("usd_per >= 0 and per > 0", name=op.f("ck_prices_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
        sa.UniqueConstraint(
            "list_name",
            "provider",
            "model",
            "unit",
            "valid_from",
            name=op.f("uq_prices_list_name_provider_model_unit_valid_from"),
        ),
    )
    op.create_table(
        "prompt_templates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("front_matter", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prompt_templates")),
        sa.UniqueConstraint(
            "code", "language", "version", name=op.f("uq_prompt_templates_code_language_version")
        ),
    )
    op.create_table(
        "companies",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "name_key", sa.Text(), nullable=False, comment="NFKC and case folded: one company per name"
        ),
        sa.Column("website", sa.Text(), nullable=False),
        sa.Column("business_field", sa.Text(), nullable=False),
        sa.Column("product_type", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_companies_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_companies")),
        sa.UniqueConstraint("organization_id", "id", name=op.f("uq_companies_organization_id_id")),
        sa.UniqueConstraint(
            "organization_id", "name_key", name=op.f("uq_companies_organization_id_name_key")
        ),
    )
    op.create_table(
        "prompt_labels",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code", "language", "version"],
            ["prompt_templates.code", "prompt_templates.language", "prompt_templates.version"],
            name=op.f("fk_prompt_labels_code_language_version"),
        ),
        sa.PrimaryKeyConstraint("code", "language", "label", name=op.f("pk_prompt_labels")),
    )
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "point",
            sa.Text(),
            nullable=False,
            comment="the review point: dna, personas, topics, posts, packages",
        ),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("policy", sa.Boolean(), nullable=False, comment="decided by the policy, not by a person"),
        sa.Column(
            "content_hash", sa.Text(), nullable=False, comment="of the exact content that was decided on"
        ),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_approvals_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index(
        op.f("ix_approvals_organization_id_run_id"), "approvals", ["organization_id", "run_id"], unique=False
    )
    op.create_table(
        "assets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_assets_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assets")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_assets_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_table(
        "blog_posts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("word_count", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_blog_posts_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blog_posts")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_blog_posts_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_table(
        "company_dna",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_company_dna_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_dna")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_company_dna_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_table(
        "fact_sources",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_fact_sources_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_sources")),
    )
    op.create_index(
        op.f("ix_fact_sources_organization_id_run_id"),
        "fact_sources",
        ["organization_id", "run_id"],
        unique=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("reason", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "money", sa.Text(), nullable=False, comment="what it did to money: none, held, spent, lost"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status in ('done', 'failed', 'skipped')", name=op.f("ck_outcomes_status")),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_outcomes_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcomes")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "kind",
            "item",
            "revision",
            name=op.f("uq_outcomes_organization_id_run_id_kind_item_revision"),
        ),
    )
    op.create_table(
        "personas",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_personas_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_personas")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_personas_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="YYYY-MM"),
        sa.Column("tier", sa.Text(), nullable=False),
        sa.Column("request", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("waiting_at", sa.Text(), nullable=True, comment="the review point that waits for a person"),
        sa.Column("error", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("out", sa.Text(), nullable=True, comment="where the package was written"),
        sa.Column("sandbox", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("graph_version", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status in ('running', 'waiting', 'done', 'failed', 'cancelled')", name=op.f("ck_runs_status")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_runs_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_index(
        op.f("ix_runs_organization_id_created_at"), "runs", ["organization_id", "created_at"], unique=False
    )
    op.create_table(
        "social_posts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_social_posts_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_social_posts")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_social_posts_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_table(
        "topics",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column(
            "revision", sa.Integer(), nullable=False, comment="counts how often the model made it again"
        ),
        sa.Column("edition", sa.Integer(), nullable=False, comment="counts a person's edits of one revision"),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column(
            "findings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "author", sa.Text(), nullable=False, comment="'model', or the person who wrote this edition"
        ),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("planned_date", sa.Date(), nullable=True),
        sa.Column("title_key", sa.Text(), nullable=True, comment="NFKC and case folded title"),
        sa.Column("focus_key", sa.Text(), nullable=True, comment="NFKC and case folded focus keyword"),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_topics_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topics")),
        sa.UniqueConstraint(
            "organization_id",
            "run_id",
            "item",
            "revision",
            "edition",
            name=op.f("uq_topics_organization_id_run_id_item_revision_edition"),
        ),
    )
    op.create_index(
        op.f("ix_topics_organization_id_company_id_planned_date"),
        "topics",
        ["organization_id", "company_id", "planned_date"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_topics_organization_id_company_id_planned_date"), table_name="topics")
    op.drop_table("topics")
    op.drop_table("social_posts")
    op.drop_index(op.f("ix_runs_organization_id_created_at"), table_name="runs")
    op.drop_table("runs")
    op.drop_table("personas")
    op.drop_table("outcomes")
    op.drop_index(op.f("ix_fact_sources_organization_id_run_id"), table_name="fact_sources")
    op.drop_table("fact_sources")
    op.drop_table("company_dna")
    op.drop_table("blog_posts")
    op.drop_table("assets")
    op.drop_index(op.f("ix_approvals_organization_id_run_id"), table_name="approvals")
    op.drop_table("approvals")
    op.drop_table("prompt_labels")
    op.drop_table("companies")
    op.drop_table("prompt_templates")
    op.drop_table("prices")
    op.drop_table("organizations")
    op.drop_index(op.f("ix_jobs_organization_id_run_id"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_table("budgets")
    op.drop_index(op.f("ix_attempts_run_id"), table_name="attempts")
    op.drop_index(op.f("ix_attempts_organization_id_month"), table_name="attempts")
    op.drop_index(op.f("ix_attempts_job_id"), table_name="attempts")
    op.drop_table("attempts")
