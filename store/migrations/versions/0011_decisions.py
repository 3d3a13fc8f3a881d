"""decisions

Revision: 0011
Follows: 0010

An approval becomes a decision, which is a row before it is carried out (ADR 0019). What stands there was carried out.
End the processes of the release before first: the table that they write into is gone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KEPT = """id, organization_id, company_id, run_id, point, item, revision, edition, decision, reason, decided_by,
           policy, content_hash, decided_at"""


def upgrade() -> None:
    op.create_table("decisions", *_columns("decisions"), *_more_columns())
    _index("decisions")
    op.create_index(
        "uq_decisions_recorded",
        "decisions",
        ["organization_id", "run_id", "token"],
        unique=True,
        postgresql_where=sa.text("state = 'recorded' and token <> ''"),
    )
    op.create_index(
        "ix_decisions_request", "decisions", ["request"], postgresql_where=sa.text("request <> ''")
    )
    op.execute(
        f"""insert into decisions ({_KEPT}, token, edited, parts, state, problem, request, checkpoint)
            select {_KEPT}, '', '{{}}', '[]', 'accepted', '', '', '' from approvals"""
    )
    op.drop_table("approvals")


def downgrade() -> None:
    op.create_table("approvals", *_columns("approvals"))
    _index("approvals")
    op.execute(
        f"insert into approvals ({_KEPT}) select {_KEPT} from decisions where state = 'accepted'"
    )
    op.drop_table("decisions")


def _columns(table: str) -> list[sa.schema.SchemaItem]:
    """What both tables have."""
    return [
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
            name=op.f(f"fk_{table}_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def _more_columns() -> list[sa.schema.SchemaItem]:
    """What makes a decision of an approval."""
    return [
        sa.Column(
            "token", sa.Text(), nullable=False, comment="of what was shown; empty in rows of earlier releases"
        ),
        sa.Column("edited", postgresql.JSONB(), nullable=False, comment="the fields that change"),
        sa.Column(
            "parts",
            postgresql.JSONB(),
            nullable=False,
            comment="of a rejected package, what is made again; empty: all",
        ),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False, comment="why it was refused"),
        sa.Column(
            "request",
            sa.Text(),
            nullable=False,
            comment="the server's run that brought it; empty in process",
        ),
        sa.Column(
            "checkpoint", sa.Text(), nullable=False, comment="of the thread's, where it was accepted"
        ),
        sa.Column(
            "settled_at", sa.DateTime(timezone=True), nullable=True, comment="when it was accepted or refused"
        ),
        sa.CheckConstraint(
            "state in ('recorded', 'accepted', 'refused', 'taken back')", name=op.f("ck_decisions_state")
        ),
    ]


def _index(table: str) -> None:
    op.create_index(
        op.f(f"ix_{table}_organization_id_run_id"), table, ["organization_id", "run_id"], unique=False
    )
