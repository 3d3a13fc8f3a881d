"""branches

Revision: 0010
Follows: 0009

A copied thread is a run of its own with its parent named (ADR 0020). Only adds: processes of the release before go on
beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "runs",
        sa.Column(
            "parent_run_id",
            sa.Text(),
            nullable=True,
            comment="of a copied thread: the run that it was copied from",
        ),
    )
    op.add_column(
        "runs",
        sa.Column(
            "origin_run_id",
            sa.Text(),
            nullable=True,
            comment="of a copied thread: the first run of them all, which names their paid calls",
        ),
    )


def downgrade() -> None:
    op.drop_column("runs", "origin_run_id")
    op.drop_column("runs", "parent_run_id")
