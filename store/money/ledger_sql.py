"""The statements of the ledger: each way of moving money is one of them.

Locks are taken in the order jobs, attempts, run_budgets, budgets.
"""

from __future__ import annotations

from sqlalchemy import text

from store.money.budgets import THRESHOLDS
from store.statements import by_position

PROCESS_ENDED = "PROCESS_ENDED"
"""The error code of an attempt that was closed for a process that no longer lived."""

_CLOSED_COLUMNS = """
  returning a.id, a.organization_id, a.world, a.run_id, a.month, a.state, a.basis, a.held_micro, a.cost_micro,
            a.input_tokens, a.output_tokens, a.thinking_tokens, a.cached_tokens, a.images, a.seconds, a.requests"""

# Each count is asked for so that one step waits for the one before it; rows of one table are locked in one order.
_MOVE_BUDGET = """,
runs as (
  select 1 from run_budgets where run_id in (select run_id from closed) order by run_id for update),
in_run as (
  update run_budgets r
     set held_micro = r.held_micro - c.held, spent_micro = r.spent_micro + c.cost
    from (select run_id, sum(held_micro)::bigint as held, coalesce(sum(cost_micro), 0)::bigint as cost
            from closed group by run_id) c
   where (select count(*) from runs) > 0 and r.run_id = c.run_id
  returning 1),
months as (
  select 1 from budgets
   where (select count(*) from in_run) >= 0
     and (organization_id, world, month) in (select organization_id, world, month from closed)
   order by organization_id, world, month for update),
moved as (
  update budgets b
     set held_micro = b.held_micro - c.held, spent_micro = b.spent_micro + c.cost,
         lost_micro = b.lost_micro + c.lost, unsure_micro = b.unsure_micro + c.unsure,
         calls = b.calls + c.calls, input_tokens = b.input_tokens + c.input_tokens,
         output_tokens = b.output_tokens + c.output_tokens,
         thinking_tokens = b.thinking_tokens + c.thinking_tokens,
         cached_tokens = b.cached_tokens + c.cached_tokens, images = b.images + c.images,
         seconds = b.seconds + c.seconds, requests = b.requests + c.requests
    from (select organization_id, world, month, sum(held_micro)::bigint as held,
                 coalesce(sum(cost_micro), 0)::bigint as cost,
                 coalesce(sum(cost_micro) filter (where state = 'lost'), 0)::bigint as lost,
                 coalesce(sum(cost_micro) filter (where basis in ('estimate', 'worst_case')), 0)::bigint as unsure,
                 count(*) filter (where state <> 'void') as calls, sum(input_tokens) as input_tokens,
                 sum(output_tokens) as output_tokens, sum(thinking_tokens) as thinking_tokens,
                 sum(cached_tokens) as cached_tokens, sum(images) as images, sum(seconds) as seconds,
                 sum(requests) as requests
            from closed group by organization_id, world, month) c
   where (select count(*) from months) > 0
     and (b.organization_id, b.world, b.month) = (c.organization_id, c.world, c.month)
  returning b.organization_id, b.world, b.month, b.spent_micro, b.held_micro, c.cost,
            coalesce(b.limit_micro, :default_limit) as limit_micro)"""

# Bookings of one budget follow each other, so exactly one of them sees each threshold crossed.
_ANNOUNCE = f""",
crossed as (
  insert into budget_events (organization_id, world, month, percent, limit_micro, spent_micro)
  select organization_id, world, month, percent, limit_micro, spent_micro
    from moved cross join unnest(array[{", ".join(map(str, THRESHOLDS))}]) percent
   where (spent_micro - cost) * 100 < limit_micro * percent and limit_micro * percent <= spent_micro * 100
  on conflict do nothing
  returning organization_id, world, month, percent)
select m.organization_id, m.world, m.month, m.spent_micro, m.held_micro, m.limit_micro,
       array(select c.percent from crossed c
              where (c.organization_id, c.world, c.month) = (m.organization_id, m.world, m.month)
              order by 1) as crossed"""

_CLOSINGS = """jsonb_to_recordset(cast(:rows as jsonb)) as g(
    organization_id text, id text, state text, basis text, cost bigint, error_code text, input_tokens int,
    output_tokens int, thinking_tokens int, cached_tokens int, images int, seconds float8, requests int,
    job_id text, job_status text, job_output jsonb, job_error jsonb, job_tokens int)"""

CLOSE = by_position(
    f"""
with given as materialized (select * from {_CLOSINGS}),
answered as (
  update jobs j
     set status = g.job_status, output = g.job_output, error = g.job_error, lease_until = null, completed_at = now(),
         tokens_used = g.job_tokens, generation_time_seconds = extract(epoch from now() - j.started_at)
    from given g
   where j.organization_id = g.organization_id and j.id = g.job_id and j.output is null
     and (j.owner = :owner or j.status <> 'processing')
  returning 1),
closed as (
  update attempts a
     set state = g.state, basis = g.basis, closed_at = now(), error_code = g.error_code,
         cost_micro = case when g.state = 'void' then 0 else coalesce(g.cost, a.held_micro) end,
         input_tokens = g.input_tokens, output_tokens = g.output_tokens, thinking_tokens = g.thinking_tokens,
         cached_tokens = g.cached_tokens, images = g.images, seconds = g.seconds, requests = g.requests
    from given g
   where (select count(*) from answered) >= 0 and a.organization_id = g.organization_id and a.id = g.id
     and a.state = 'held'
  {_CLOSED_COLUMNS})
{_MOVE_BUDGET}{_ANNOUNCE}, (select array_agg(id) from closed) as closed
  from moved m""",
    *("rows", "owner", "default_limit"),
)

_LOSE = f"""
with closed as (
  update attempts a
     set state = 'lost', basis = 'worst_case', closed_at = now(), cost_micro = held_micro,
         error_code = '{PROCESS_ENDED}'
   where state = 'held' and provider_ref is null and (%s)
  {_CLOSED_COLUMNS})
{_MOVE_BUDGET}{_ANNOUNCE}, (select array_agg(id) from closed) as closed
  from moved m"""

CLOSE_ORPHANS = text(
    _LOSE
    % "organization_id = :organization_id and (run_id = :run_id and owner <> :owner or job_id = :job_id)"
)
CLOSE_DEAD = text(
    _LOSE
    % """owner <> :owner and case
           when exists (select 1 from workers w where w.id = a.owner)
           then exists (select 1 from workers w where w.id = a.owner and w.lease_until < now())
           else opened_at < now() - make_interval(secs => :unknown_seconds) end"""
)


ADJUST = text(f"""
with made as (
  insert into adjustments (id, attempt_id, job_id, organization_id, world, company_id, run_id, month, kind, provider,
                           model, template_code, template_version, delta_micro, reason, source, bill_line,
                           booked_at)
  select :id, id, job_id, organization_id, world, company_id, run_id, month, kind, provider, model, template_code,
         template_version, :delta, :reason, :source, :bill_line, opened_at
    from attempts where id = :attempt_id and state <> 'held'
  on conflict (id) do nothing
  returning attempt_id, organization_id, world, run_id, month),
was as (
  select a.cost_micro, a.basis, not exists (select 1 from adjustments d where d.attempt_id = a.id) as first
    from attempts a join made on made.attempt_id = a.id),
in_run as (
  update run_budgets r set spent_micro = r.spent_micro + :delta from made where r.run_id = made.run_id
  returning 1),
moved as (
  update budgets b
   set spent_micro = b.spent_micro + :delta, adjusted_micro = b.adjusted_micro + :delta,
       unsure_micro = b.unsure_micro - case when was.first and was.basis in ('estimate', 'worst_case')
                                            then was.cost_micro else 0 end
  from made, was
 where (select count(*) from in_run) >= 0
   and (b.organization_id, b.world, b.month) = (made.organization_id, made.world, made.month)
  returning b.organization_id, b.world, b.month, b.spent_micro, b.held_micro, cast(:delta as bigint) as cost,
            coalesce(b.limit_micro, :default_limit) as limit_micro)
{_ANNOUNCE}
  from moved m""")
