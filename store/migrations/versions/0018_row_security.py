"""row security

Revision: 0018
Follows: 0017

Every table gets row level security at the end of this upgrade and of each later one (`store.migrations.walls`), so
nothing stands here but the way back. End the processes of the release before first: where the database's user is no
superuser they would see no rows any more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_POLICIES = """
    select tablename, policyname from pg_policies
     where schemaname = current_schema() and policyname in ('own', 'shared', 'system')"""


def upgrade() -> None:
    """Policies, rights and views are seen to once all tables are there."""


def downgrade() -> None:
    for table, policy in op.get_bind().execute(sa.text(_POLICIES)).all():
        op.execute(f"drop policy {policy} on {table}")
        op.execute(f"alter table {table} no force row level security, disable row level security")
    for view in ("ledger_entries", "usage_records", "usage_by_provider"):
        op.execute(f"alter view {view} reset (security_invoker)")
