"""exact money

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NEVER_CHANGES = """
create function {name}() returns trigger language plpgsql as $$
begin
  raise exception '{table}: a booked row never changes; correct it by a row in adjustments'
    using errcode = 'restrict_violation';
end $$"""

_TRIGGERS = (
    _NEVER_CHANGES.format(name="attempts_never_change", table="attempts"),
    _NEVER_CHANGES.format(name="adjustments_never_change", table="adjustments"),
    """create trigger closed_rows_stay before update on attempts for each row
       when (old.state <> 'held') execute function attempts_never_change()""",
    """create trigger rows_are_kept before delete on attempts for each row
       execute function attempts_never_change()""",
    """create trigger rows_stay before update or delete on adjustments for each row
       execute function adjustments_never_change()""",
)

_BACKFILL = """
update budgets b
   set lost_micro = s.lost, unsure_micro = s.unsure, calls = s.calls, input_tokens = s.input_tokens,
       output_tokens = s.output_tokens, thinking_tokens = s.thinking_tokens, cached_tokens = s.cached_tokens,
       images = s.images, seconds = s.seconds, requests = s.requests
  from (select organization_id, month, count(*) filter (where state in ('settled', 'lost')) as calls,
               coalesce(sum(cost_micro) filter (where state = 'lost'), 0) as lost,
               coalesce(sum(cost_micro) filter (where basis in ('estimate', 'worst_case')), 0) as unsure,
               sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
               sum(thinking_tokens) as thinking_tokens, sum(cached_tokens) as cached_tokens,
               sum(images) as images, sum(seconds) as seconds, sum(requests) as requests
          from attempts group by organization_id, month) s
 where b.organization_id = s.organization_id and b.month = s.month"""

_ENTRIES = """
create view ledger_entries as
select a.id as attempt_id, a.job_id, a.organization_id, a.company_id, a.run_id, a.month, a.kind, a.provider,
       a.model, a.template_code, a.template_version, a.opened_at as booked_at, a.state, a.basis,
       case when a.state = 'held' then a.held_micro else 0 end as held_micro,
       coalesce(a.cost_micro, 0) as cost_micro,
       case when a.basis in ('estimate', 'worst_case')
             and not exists (select 1 from adjustments d where d.attempt_id = a.id)
            then a.cost_micro else 0 end as unsure_micro,
       0::bigint as adjusted_micro, a.input_tokens, a.output_tokens, a.thinking_tokens, a.cached_tokens,
       a.images, a.seconds, a.requests
  from attempts a
union all
select d.attempt_id, d.job_id, d.organization_id, d.company_id, d.run_id, d.month, d.kind, d.provider,
       d.model, d.template_code, d.template_version, d.booked_at, 'adjusted', 'provider',
       0, d.delta_micro, 0, d.delta_micro, 0, 0, 0, 0, 0, 0, 0
  from adjustments d"""

_USAGE = """
create view usage_records as
select organization_id, month, calls, requests, input_tokens, output_tokens, thinking_tokens, cached_tokens,
       images, seconds, spent_micro as cost_micro, lost_micro, unsure_micro, adjusted_micro,
       held_micro as open_micro
  from budgets"""

_BY_PROVIDER = """
create view usage_by_provider as
select organization_id, month, provider, model,
       count(*) filter (where state in ('settled', 'lost')) as calls,
       sum(requests) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
       sum(thinking_tokens) as thinking_tokens, sum(cached_tokens) as cached_tokens, sum(images) as images,
       sum(seconds) as seconds, sum(cost_micro)::bigint as cost_micro,
       sum(adjusted_micro)::bigint as adjusted_micro, sum(held_micro)::bigint as open_micro
  from ledger_entries group by organization_id, month, provider, model"""


def upgrade() -> None:
    op.create_table(
        "budget_events",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column(
            "limit_micro", sa.BigInteger(), nullable=False, comment="a raised limit can be reached again"
        ),
        sa.Column("spent_micro", sa.BigInteger(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("percent in (80, 100)", name=op.f("ck_budget_events_percent")),
        sa.PrimaryKeyConstraint(
            "organization_id", "month", "percent", "limit_micro", name=op.f("pk_budget_events")
        ),
    )
    op.create_table(
        "cache_hits",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column(
            "saved_micro", sa.BigInteger(), nullable=False, comment="what the answer cost when it was bought"
        ),
        sa.Column("booked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("saved_micro >= 0", name=op.f("ck_cache_hits_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cache_hits")),
    )
    op.create_index(
        op.f("ix_cache_hits_organization_id_month"), "cache_hits", ["organization_id", "month"], unique=False
    )
    op.create_index(op.f("ix_cache_hits_run_id"), "cache_hits", ["run_id"], unique=False)
    op.create_table(
        "quotes",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("expected_micro", sa.BigInteger(), nullable=False),
        sa.Column("worst_micro", sa.BigInteger(), nullable=False),
        sa.Column(
            "lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="by step and provider"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_quotes")),
    )
    op.create_table(
        "run_budgets",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("limit_micro", sa.BigInteger(), nullable=False),
        sa.Column("held_micro", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("spent_micro", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("held_micro >= 0", name=op.f("ck_run_budgets_held")),
        sa.CheckConstraint("limit_micro >= 0", name=op.f("ck_run_budgets_limit")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_budgets")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.Text(), nullable=False, comment="the owner that attempts name"),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), nullable=False, comment="past: the process is dead"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("attempt_id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("month", sa.Text(), nullable=False, comment="the month of the attempt that is corrected"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("template_code", sa.Text(), nullable=True),
        sa.Column("template_version", sa.Integer(), nullable=True),
        sa.Column(
            "delta_micro", sa.BigInteger(), nullable=False, comment="what is added to the attempt's cost"
        ),
        sa.Column("reason", sa.Text(), nullable=False, comment="bill, unbilled, late_answer"),
        sa.Column("source", sa.Text(), nullable=False, comment="the bill, or the process that knew better"),
        sa.Column("bill_line", sa.Text(), nullable=True, comment="the bill's own id of the line"),
        sa.Column(
            "booked_at", sa.DateTime(timezone=True), nullable=False, comment="when the attempt was opened"
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempts.id"], name=op.f("fk_adjustments_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustments")),
    )
    op.create_index(op.f("ix_adjustments_attempt_id"), "adjustments", ["attempt_id"], unique=False)
    op.create_index(
        op.f("ix_adjustments_organization_id_month"),
        "adjustments",
        ["organization_id", "month"],
        unique=False,
    )
    op.create_index(op.f("ix_adjustments_run_id"), "adjustments", ["run_id"], unique=False)
    op.create_index(
        "ix_attempts_held", "attempts", ["owner"], unique=False, postgresql_where=sa.text("state = 'held'")
    )
    op.add_column(
        "budgets",
        sa.Column(
            "lost_micro",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of it: sent without a whole answer, as first booked",
        ),
    )
    op.add_column(
        "budgets",
        sa.Column(
            "unsure_micro",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of it: estimated or at worst case, and not yet corrected by a bill",
        ),
    )
    op.add_column(
        "budgets",
        sa.Column(
            "adjusted_micro",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="of it: corrections",
        ),
    )
    op.add_column("budgets", sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "budgets", sa.Column("input_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "budgets", sa.Column("output_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "budgets", sa.Column("thinking_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "budgets", sa.Column("cached_tokens", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "budgets", sa.Column("images", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("budgets", sa.Column("seconds", sa.Float(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "budgets", sa.Column("requests", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.alter_column(
        "budgets",
        "spent_micro",
        existing_type=sa.BIGINT(),
        comment="settled, lost and adjusted",
        existing_nullable=False,
        existing_server_default=sa.text("0"),
    )
    for statement in (_BACKFILL, *_TRIGGERS, _ENTRIES, _USAGE, _BY_PROVIDER):
        op.execute(statement)


def downgrade() -> None:
    for view in ("usage_by_provider", "usage_records", "ledger_entries"):
        op.execute(f"drop view {view}")
    op.execute("drop trigger closed_rows_stay on attempts")
    op.execute("drop trigger rows_are_kept on attempts")
    op.execute("drop trigger rows_stay on adjustments")
    op.execute("drop function attempts_never_change, adjustments_never_change")
    op.alter_column(
        "budgets",
        "spent_micro",
        existing_type=sa.BIGINT(),
        comment=None,
        existing_comment="settled, lost and adjusted",
        existing_nullable=False,
        existing_server_default=sa.text("0"),
    )
    op.drop_column("budgets", "requests")
    op.drop_column("budgets", "seconds")
    op.drop_column("budgets", "images")
    op.drop_column("budgets", "cached_tokens")
    op.drop_column("budgets", "thinking_tokens")
    op.drop_column("budgets", "output_tokens")
    op.drop_column("budgets", "input_tokens")
    op.drop_column("budgets", "calls")
    op.drop_column("budgets", "adjusted_micro")
    op.drop_column("budgets", "unsure_micro")
    op.drop_column("budgets", "lost_micro")
    op.drop_index("ix_attempts_held", table_name="attempts", postgresql_where=sa.text("state = 'held'"))
    op.drop_index(op.f("ix_adjustments_run_id"), table_name="adjustments")
    op.drop_index(op.f("ix_adjustments_organization_id_month"), table_name="adjustments")
    op.drop_index(op.f("ix_adjustments_attempt_id"), table_name="adjustments")
    op.drop_table("adjustments")
    op.drop_table("workers")
    op.drop_table("run_budgets")
    op.drop_table("quotes")
    op.drop_index(op.f("ix_cache_hits_run_id"), table_name="cache_hits")
    op.drop_index(op.f("ix_cache_hits_organization_id_month"), table_name="cache_hits")
    op.drop_table("cache_hits")
    op.drop_table("budget_events")
