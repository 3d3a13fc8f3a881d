"""erasures

Revision: 0014
Follows: 0011

What was deleted and is still to be taken away elsewhere, and a trail of prompts that lets go of what is about a company
that was deleted (ADR 0028). Only adds: processes of the release before go on beside it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None

_REFUSE = """
create function posthub_refuse_event_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and old.company_id <> '' and not exists (select 1 from companies where id = old.company_id) then
    return old;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$"""


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("company_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("file", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "company_id", "run_id", "file", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_organization_id_run_id"), "erasures", ["organization_id", "run_id"])
    op.execute(_REFUSE)
    _keep_events_by("posthub_refuse_event_change")


def downgrade() -> None:
    _keep_events_by("posthub_refuse_change")
    op.execute("drop function posthub_refuse_event_change()")
    op.drop_table("erasures")


def _keep_events_by(function: str) -> None:
    op.execute("drop trigger prompt_events_kept on prompt_events")
    op.execute(
        "create trigger prompt_events_kept before update or delete on prompt_events"
        f" for each row execute function {function}()"
    )
