"""Money: logical calls (jobs, the journal), physical attempts (the ledger), budgets and prices.

Amounts are integer micro-USD. A row of ``attempts`` never changes once it is closed, and a row of ``adjustments``
never: triggers of the database refuse it. Triggers and the views ``ledger_entries``, ``usage_records`` and
``usage_by_provider`` stand in the migrations.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.schema.base import READABLE, created_at, metadata, of_world, required_text


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


def _micro(name: str, comment: str | None = None) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"), comment=comment)


jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False, unique=True, comment="who, where, which item, hash of the request"),
    required_text("organization_id"),
    of_world(),
    required_text("company_id"),
    required_text("run_id"),
    required_text("kind"),
    required_text("node"),
    required_text("item"),
    _count("revision"),
    Column("step", Text, nullable=False, server_default=text("''")),
    required_text("status"),
    Column("owner", Text, comment="the process instance that works on it"),
    Column("lease_until", DateTime(timezone=True), comment="after this the owner counts as dead"),
    Column("input", JSONB, nullable=False, comment="purpose, request hash, chain; no prompt text"),
    Column("output", JSONB, comment="the bought answer; once set it is never bought again"),
    Column("provider_ref", JSONB, comment="what a bought media file is collected with"),
    Column("error", JSONB),
    _count("retry_count"),
    _count("max_retries", 3),
    _count("priority", 5),
    _count("tokens_used"),
    Column("generation_time_seconds", Float),
    Column("template_code", Text),
    Column("template_version", Integer),
    Column("template_language", Text),
    Column("experiment", Text),
    Column("arm", Text),
    Column("started_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    created_at(),
    CheckConstraint("status in ('pending', 'processing', 'completed', 'failed', 'cancelled')", name="status"),
    Index(None, "organization_id", "run_id"),
    Index(None, "organization_id", "template_code", "template_version"),
    Index(None, "experiment", postgresql_where=text("experiment is not null")),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("job_id"),
    required_text("organization_id"),
    of_world(),
    required_text("company_id"),
    required_text("run_id"),
    Column("month", Text, nullable=False, comment="UTC month of the hold, by the database's clock"),
    required_text("kind"),
    required_text("provider"),
    required_text("model"),
    required_text("engine"),
    required_text("state"),
    Column("basis", Text, comment="how the cost is known: provider, usage, estimate, worst_case"),
    Column("held_micro", BigInteger, nullable=False),
    Column("cost_micro", BigInteger),
    _count("input_tokens"),
    _count("output_tokens"),
    _count("thinking_tokens"),
    _count("cached_tokens"),
    _count("images"),
    Column("seconds", Float, nullable=False, server_default=text("0")),
    _count("requests"),
    Column("price_ids", ARRAY(Text), nullable=False, comment="the price rows that its cost comes from"),
    Column("template_code", Text),
    Column("template_version", Integer),
    Column("template_language", Text),
    Column("experiment", Text),
    Column("arm", Text),
    Column("provider_ref", Text, comment="the provider's own id of a media job"),
    Column("error_code", Text),
    required_text("owner"),
    created_at("opened_at"),
    Column("closed_at", DateTime(timezone=True)),
    CheckConstraint("state in ('held', 'settled', 'void', 'lost')", name="state"),
    CheckConstraint("basis in ('provider', 'usage', 'estimate', 'worst_case')", name="basis"),
    CheckConstraint("held_micro >= 0 and cost_micro >= 0", name="amounts"),
    CheckConstraint("(state = 'held') = (closed_at is null)", name="closed"),
    Index(None, "organization_id", "month"),
    Index(None, "run_id"),
    Index(None, "job_id"),
    Index("ix_attempts_held", "owner", postgresql_where=text("state = 'held'")),
)

adjustments = Table(
    "adjustments",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("attempt_id"),
    required_text("job_id"),
    required_text("organization_id"),
    of_world(),
    required_text("company_id"),
    required_text("run_id"),
    Column("month", Text, nullable=False, comment="the month of the attempt that is corrected"),
    required_text("kind"),
    required_text("provider"),
    required_text("model"),
    Column("template_code", Text),
    Column("template_version", Integer),
    Column("delta_micro", BigInteger, nullable=False, comment="what is added to the attempt's cost"),
    Column("reason", Text, nullable=False, comment="bill, unbilled, late_answer"),
    Column("source", Text, nullable=False, comment="the bill, or the process that knew better"),
    Column("bill_line", Text, comment="the bill's own id of the line"),
    Column("booked_at", DateTime(timezone=True), nullable=False, comment="when the attempt was opened"),
    created_at(),
    ForeignKeyConstraint(["attempt_id"], ["attempts.id"]),
    Index(None, "attempt_id"),
    Index(None, "organization_id", "month"),
    Index(None, "run_id"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("organization_id", Text, primary_key=True),
    of_world(primary_key=True),
    Column("month", Text, primary_key=True),
    Column("limit_micro", BigInteger, comment="NULL: what the configuration says"),
    _micro("held_micro"),
    _micro("spent_micro", "settled, lost and adjusted"),
    _micro("lost_micro", "of it: sent without a whole answer, as first booked"),
    _micro("unsure_micro", "of it: estimated or at worst case, and not yet corrected by a bill"),
    _micro("adjusted_micro", "of it: corrections"),
    _micro("calls"),
    _micro("input_tokens"),
    _micro("output_tokens"),
    _micro("thinking_tokens"),
    _micro("cached_tokens"),
    _micro("images"),
    Column("seconds", Float, nullable=False, server_default=text("0")),
    _micro("requests"),
    # No check on the sum: a settle must never fail, an overrun is written down as it was.
    CheckConstraint("held_micro >= 0", name="held"),
    CheckConstraint("limit_micro >= 0", name="limit"),
)

run_budgets = Table(
    "run_budgets",
    metadata,
    Column("run_id", Text, primary_key=True),
    required_text("organization_id"),
    Column("limit_micro", BigInteger, nullable=False),
    _micro("held_micro"),
    _micro("spent_micro"),
    CheckConstraint("held_micro >= 0", name="held"),
    CheckConstraint("limit_micro >= 0", name="limit"),
)

budget_events = Table(
    "budget_events",
    metadata,
    Column("organization_id", Text, primary_key=True),
    of_world(primary_key=True),
    Column("month", Text, primary_key=True),
    Column("percent", Integer, primary_key=True),
    Column("limit_micro", BigInteger, primary_key=True, comment="a raised limit can be reached again"),
    Column("spent_micro", BigInteger, nullable=False),
    created_at("happened_at"),
    CheckConstraint("percent in (80, 100)", name="percent"),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True, comment="the owner that attempts name"),
    required_text("host"),
    Column("pid", Integer, nullable=False),
    created_at("started_at"),
    Column("lease_until", DateTime(timezone=True), nullable=False, comment="past: the process is dead"),
    info={READABLE: "true"},
)

cache_hits = Table(
    "cache_hits",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("job_id"),
    required_text("organization_id"),
    of_world(),
    required_text("company_id"),
    required_text("run_id"),
    required_text("month"),
    required_text("kind"),
    required_text("provider"),
    required_text("model"),
    Column("template_code", Text),
    Column("template_version", Integer),
    Column("saved_micro", BigInteger, nullable=False, comment="what the answer cost when it was bought"),
    created_at("booked_at"),
    CheckConstraint("saved_micro >= 0", name="amounts"),
    Index(None, "organization_id", "month"),
    Index(None, "run_id"),
)

quotes = Table(
    "quotes",
    metadata,
    Column("run_id", Text, primary_key=True),
    required_text("organization_id"),
    Column("expected_micro", BigInteger, nullable=False),
    Column("worst_micro", BigInteger, nullable=False),
    Column("lines", JSONB, nullable=False, comment="by step and provider"),
    created_at(),
)

prices = Table(
    "prices",
    metadata,
    Column("id", Text, primary_key=True),
    required_text("list_name"),
    required_text("provider"),
    required_text("model"),
    Column("unit", Text, nullable=False, comment="input, cached_input, output, image, second, search, …"),
    Column("usd_per", Numeric, nullable=False, comment="USD for `per` units"),
    Column("per", Numeric, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date, comment="the last day on which it holds"),
    required_text("source"),
    created_at(),
    UniqueConstraint("list_name", "provider", "model", "unit", "valid_from"),
    CheckConstraint("usd_per >= 0 and per > 0", name="amounts"),
    info={READABLE: "true"},
)
