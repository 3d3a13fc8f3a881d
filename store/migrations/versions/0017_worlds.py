"""worlds

Revision: 0017
Follows: 0014

What the sandbox made up and what real providers were paid for are told apart in every row that carries money, an answer
or a place (ADR 0031). What stands there is told by its run; of a run that was deleted nothing is known but that money
may have been paid, so it stays real.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0014"
branch_labels = None
depends_on = None

_BY_RUN = ("jobs", "attempts", "adjustments", "cache_hits")
_KEYS = {
    "budgets": ("organization_id", "month"),
    "budget_events": ("organization_id", "month", "percent", "limit_micro"),
    "prompt_pauses": ("organization_id", "template_id"),
    "prompt_assignments": ("experiment_id", "company_id"),
}
_STAY = {"attempts": "closed_rows_stay", "adjustments": "rows_stay"}
_COUNTS = ("input_tokens", "output_tokens", "thinking_tokens", "cached_tokens", "images", "seconds", "requests")
_MONEY = ("held_micro", "spent_micro", "lost_micro", "unsure_micro", "adjusted_micro", "calls")
_FIGURES = (*_MONEY, *_COUNTS)
_PLAYED = "exists (select 1 from runs r where r.company_id = a.company_id and r.sandbox)"
_WORKED = "exists (select 1 from runs r where r.company_id = a.company_id and not r.sandbox)"

_SPLIT = f"""
insert into budgets (organization_id, world, month, limit_micro, {", ".join(_FIGURES)})
select e.organization_id, w.world, e.month, min(b.limit_micro),
       coalesce(sum(held_micro) filter (where mine), 0), coalesce(sum(cost_micro) filter (where mine), 0),
       coalesce(sum(cost_micro) filter (where mine and state = 'lost'), 0),
       coalesce(sum(e.unsure_micro) filter (where mine), 0), coalesce(sum(e.adjusted_micro) filter (where mine), 0),
       count(*) filter (where mine and state in ('settled', 'lost')),
       {", ".join(f"coalesce(sum(e.{name}) filter (where mine), 0)" for name in _COUNTS)}
  from (values ('real'), ('sandbox')) w(world), lateral (select *, l.world = w.world as mine from ledger_entries l) e,
       lateral (select limit_micro from budgets s where (s.organization_id, s.month) = (e.organization_id, e.month)) b
 where exists (select 1 from attempts a
                where (a.organization_id, a.month, a.world) = (e.organization_id, e.month, 'sandbox'))
 group by e.organization_id, w.world, e.month
on conflict (organization_id, world, month) do update
   set {", ".join(f"{name} = excluded.{name}" for name in _FIGURES)}"""

_EVENTS = """
update budget_events e set world = 'sandbox'
  from budgets b
 where (b.organization_id, b.world, b.month) = (e.organization_id, 'real', e.month)
   and exists (select 1 from budgets s
                where (s.organization_id, s.world, s.month) = (e.organization_id, 'sandbox', e.month))
   and b.spent_micro * 100 < e.limit_micro * e.percent"""

_ASSIGNED = f"update prompt_assignments a set world = 'sandbox' where {_PLAYED} and not {_WORKED}"

_MERGE = f"""
insert into budgets (organization_id, world, month, limit_micro, {", ".join(_FIGURES)})
select organization_id, 'real', month, limit_micro, {", ".join(_FIGURES)} from budgets where world = 'sandbox'
on conflict (organization_id, world, month) do update
   set {", ".join(f"{name} = budgets.{name} + excluded.{name}" for name in _FIGURES)}"""


def _views(*, world: bool) -> tuple[str, ...]:
    of_attempt, of_adjustment, of_row = (f", {table}world" if world else "" for table in ("a.", "d.", ""))
    entries = f"""
create view ledger_entries as
select a.id as attempt_id, a.job_id, a.organization_id, a.company_id, a.run_id, a.month, a.kind, a.provider,
       a.model, a.template_code, a.template_version, a.opened_at as booked_at, a.state, a.basis,
       case when a.state = 'held' then a.held_micro else 0 end as held_micro,
       coalesce(a.cost_micro, 0) as cost_micro,
       case when a.basis in ('estimate', 'worst_case')
             and not exists (select 1 from adjustments d where d.attempt_id = a.id)
            then a.cost_micro else 0 end as unsure_micro,
       0::bigint as adjusted_micro, a.input_tokens, a.output_tokens, a.thinking_tokens, a.cached_tokens,
       a.images, a.seconds, a.requests{of_attempt}
  from attempts a
union all
select d.attempt_id, d.job_id, d.organization_id, d.company_id, d.run_id, d.month, d.kind, d.provider,
       d.model, d.template_code, d.template_version, d.booked_at, 'adjusted', 'provider',
       0, d.delta_micro, 0, d.delta_micro, 0, 0, 0, 0, 0, 0, 0{of_adjustment}
  from adjustments d"""
    usage = f"""
create view usage_records as
select organization_id, month, calls, requests, input_tokens, output_tokens, thinking_tokens, cached_tokens,
       images, seconds, spent_micro as cost_micro, lost_micro, unsure_micro, adjusted_micro,
       held_micro as open_micro{of_row}
  from budgets"""
    by_provider = f"""
create view usage_by_provider as
select organization_id, month, provider, model,
       count(*) filter (where state in ('settled', 'lost')) as calls,
       sum(requests) as requests, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
       sum(thinking_tokens) as thinking_tokens, sum(cached_tokens) as cached_tokens, sum(images) as images,
       sum(seconds) as seconds, sum(cost_micro)::bigint as cost_micro,
       sum(adjusted_micro)::bigint as adjusted_micro, sum(held_micro)::bigint as open_micro{of_row}
  from ledger_entries group by organization_id, month, provider, model{of_row}"""
    return entries, usage, by_provider


def upgrade() -> None:
    _drop_views()
    for table in (*_BY_RUN, *_KEYS):
        op.add_column(table, sa.Column("world", sa.Text(), server_default="real", nullable=False))
        op.create_check_constraint(op.f(f"ck_{table}_world"), table, "world in ('real', 'sandbox')")
    for table in _BY_RUN:
        _unlocked(
            table, f"update {table} a set world = 'sandbox' from runs r where r.id = a.run_id and r.sandbox"
        )
    for table, key in _KEYS.items():
        place = 2 if table == "prompt_assignments" else 1
        _key(table, (*key[:place], "world", *key[place:]))
    for statement in (*_views(world=True), _SPLIT, _EVENTS, _ASSIGNED):
        op.execute(statement)


def downgrade() -> None:
    _drop_views()
    op.execute(_MERGE)
    for table, key in _KEYS.items():
        op.execute(f"delete from {table} where world = 'sandbox'")
        _key(table, key)
    for table in (*_BY_RUN, *_KEYS):
        op.drop_constraint(op.f(f"ck_{table}_world"), table)
        op.drop_column(table, "world")
    for statement in _views(world=False):
        op.execute(statement)


def _drop_views() -> None:
    for view in ("usage_by_provider", "usage_records", "ledger_entries"):
        op.execute(f"drop view {view}")


def _unlocked(table: str, statement: str) -> None:
    """Change rows that a trigger keeps from being changed."""
    trigger = _STAY.get(table)
    if trigger:
        op.execute(f"alter table {table} disable trigger {trigger}")
    op.execute(statement)
    if trigger:
        op.execute(f"alter table {table} enable trigger {trigger}")


def _key(table: str, columns: tuple[str, ...]) -> None:
    op.drop_constraint(op.f(f"pk_{table}"), table, type_="primary")
    op.create_primary_key(op.f(f"pk_{table}"), table, list(columns))
