"""questions

Revision: 0006
Follows: 0005

When what waits was asked for the first time (ADR 0018). Only adds: processes of the release before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column(
            "id",
            sa.Text(),
            nullable=False,
            comment="made of everything that was asked, in its exact version",
        ),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column(
            "point",
            sa.Text(),
            nullable=False,
            comment="the review point: dna, personas, topics, posts, packages",
        ),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="for the first time, by the clock of the process that asked: answers older than this are to others",
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "company_id"],
            ["companies.organization_id", "companies.id"],
            name=op.f("fk_questions_organization_id_company_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_questions")),
    )
    op.create_index(
        op.f("ix_questions_organization_id_run_id"), "questions", ["organization_id", "run_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_questions_organization_id_run_id"), table_name="questions")
    op.drop_table("questions")
