"""no semantic answers

Revision: 0005
Follows: 0004

The semantic cache is gone (ADR 0013). Only processes of the release before this one that had opted in
(POSTHUB_SEMANTIC_CACHE) read the table: end them before migrating.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index(op.f("ix_semantic_answers_organization_id_frame"), table_name="semantic_answers")
    op.drop_table("semantic_answers")


def downgrade() -> None:
    op.create_table(
        "semantic_answers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column(
            "frame",
            sa.Text(),
            nullable=False,
            comment="hash of everything that is asked but the question itself",
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("embedding", postgresql.ARRAY(sa.Float()), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_semantic_answers")),
    )
    op.create_index(
        op.f("ix_semantic_answers_organization_id_frame"),
        "semantic_answers",
        ["organization_id", "frame"],
        unique=False,
    )
