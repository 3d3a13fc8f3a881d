"""The statements of the ledger: each way of moving money is one of them.

Locks are taken in the order jobs, attempts, run_budgets, budgets.
"""

from __future__ import annotations

from sqlalchemy import text

from store.database import by_position
from store.money.budgets import THRESHOLDS

PROCESS_ENDED = "PROCESS_ENDED"
"""The error code of an attempt that was closed for a process that no longer lived."""

_HOLDS = """jsonb_to_recordset(cast(:rows as jsonb)) as g(
    id text, job_id text, organization_id text, company_id text, run_id text, kind text, provider text, model text,
    engine text, held bigint, price_ids text[], template_code text, template_version int, template_language text,
    experiment text, arm text)"""

# All or nothing: where one of the rows does not fit, ``moved`` lacks its organization, its month is null, and the
# table's NOT NULL undoes the whole statement.
HOLD = by_position(
    f"""
with given as materialized (select * from {_HOLDS}),
of_run as (select run_id, sum(held)::bigint as held from given group by run_id),
ceilings as (
  select 1 from run_budgets where run_id in (select run_id from of_run) order by run_id for update),
raised as (
  update run_budgets r set held_micro = r.held_micro + o.held
    from of_run o
   where (select count(*) from ceilings) > 0 and r.run_id = o.run_id
     and (r.held_micro + r.spent_micro + o.held <= r.limit_micro or o.held = 0)
  returning 1),
moved as (
  insert into budgets as b (organization_id, month, held_micro)
  select o.organization_id, m.month, o.held
    from (select organization_id, sum(held)::bigint as held from given group by organization_id) o,
         (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
   where (select count(*) from raised) = (select count(*) from ceilings)
     and (o.held <= :default_limit
          or exists (select 1 from budgets e where e.organization_id = o.organization_id and e.month = m.month))
   order by o.organization_id
  on conflict (organization_id, month) do update set held_micro = b.held_micro + excluded.held_micro
   where b.held_micro + b.spent_micro + excluded.held_micro <= coalesce(b.limit_micro, :default_limit)
      or excluded.held_micro = 0
  returning b.organization_id, b.month)
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine,
                      state, held_micro, price_ids, template_code, template_version, template_language, experiment,
                      arm, owner)
select g.id, g.job_id, organization_id, g.company_id, g.run_id, m.month, g.kind, g.provider, g.model, g.engine,
       'held', g.held, g.price_ids, g.template_code, g.template_version, g.template_language, g.experiment, g.arm,
       :owner
  from given g left join moved m using (organization_id)
returning month""",
    *("rows", "owner", "default_limit"),
)

_CLOSED_COLUMNS = """
  returning a.id, a.organization_id, a.run_id, a.month, a.state, a.basis, a.held_micro, a.cost_micro, a.input_tokens,
            a.output_tokens, a.thinking_tokens, a.cached_tokens, a.images, a.seconds, a.requests"""

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
     and (organization_id, month) in (select organization_id, month from closed)
   order by organization_id, month for update),
moved as (
  update budgets b
     set held_micro = b.held_micro - c.held, spent_micro = b.spent_micro + c.cost,
         lost_micro = b.lost_micro + c.lost, unsure_micro = b.unsure_micro + c.unsure,
         calls = b.calls + c.calls, input_tokens = b.input_tokens + c.input_tokens,
         output_tokens = b.output_tokens + c.output_tokens,
         thinking_tokens = b.thinking_tokens + c.thinking_tokens,
         cached_tokens = b.cached_tokens + c.cached_tokens, images = b.images + c.images,
         seconds = b.seconds + c.seconds, requests = b.requests + c.requests
    from (select organization_id, month, sum(held_micro)::bigint as held,
                 coalesce(sum(cost_micro), 0)::bigint as cost,
                 coalesce(sum(cost_micro) filter (where state = 'lost'), 0)::bigint as lost,
                 coalesce(sum(cost_micro) filter (where basis in ('estimate', 'worst_case')), 0)::bigint as unsure,
                 count(*) filter (where state <> 'void') as calls, sum(input_tokens) as input_tokens,
                 sum(output_tokens) as output_tokens, sum(thinking_tokens) as thinking_tokens,
                 sum(cached_tokens) as cached_tokens, sum(images) as images, sum(seconds) as seconds,
                 sum(requests) as requests
            from closed group by organization_id, month) c
   where (select count(*) from months) > 0 and b.organization_id = c.organization_id and b.month = c.month
  returning b.organization_id, b.month, b.spent_micro, c.cost,
            coalesce(b.limit_micro, :default_limit) as limit_micro)"""

# Bookings of one budget follow each other, so exactly one of them sees each threshold crossed.
_ANNOUNCE = f""",
crossed as (
  insert into budget_events (organization_id, month, percent, limit_micro, spent_micro)
  select organization_id, month, percent, limit_micro, spent_micro
    from moved cross join unnest(array[{", ".join(map(str, THRESHOLDS))}]) percent
   where (spent_micro - cost) * 100 < limit_micro * percent and limit_micro * percent <= spent_micro * 100
  on conflict do nothing
  returning organization_id, month, percent)
select m.organization_id, m.month, m.spent_micro, m.limit_micro,
       array(select c.percent from crossed c where (c.organization_id, c.month) = (m.organization_id, m.month)
              order by 1) as crossed"""

_CLOSINGS = """jsonb_to_recordset(cast(:rows as jsonb)) as g(
    id text, state text, basis text, cost bigint, error_code text, input_tokens int, output_tokens int,
    thinking_tokens int, cached_tokens int, images int, seconds float8, requests int,
    job_id text, job_status text, job_output jsonb, job_error jsonb, job_tokens int)"""

CLOSE = by_position(
    f"""
with given as materialized (select * from {_CLOSINGS}),
answered as (
  update jobs j
     set status = g.job_status, output = g.job_output, error = g.job_error, lease_until = null, completed_at = now(),
         tokens_used = g.job_tokens, generation_time_seconds = extract(epoch from now() - j.started_at)
    from given g
   where j.id = g.job_id and j.output is null and (j.owner = :owner or j.status <> 'processing')
  returning 1),
closed as (
  update attempts a
     set state = g.state, basis = g.basis, closed_at = now(), error_code = g.error_code,
         cost_micro = case when g.state = 'void' then 0 else coalesce(g.cost, a.held_micro) end,
         input_tokens = g.input_tokens, output_tokens = g.output_tokens, thinking_tokens = g.thinking_tokens,
         cached_tokens = g.cached_tokens, images = g.images, seconds = g.seconds, requests = g.requests
    from given g
   where (select count(*) from answered) >= 0 and a.id = g.id and a.state = 'held'
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

CLOSE_ORPHANS = text(_LOSE % "run_id = :run_id and owner <> :owner or job_id = :job_id")
CLOSE_DEAD = text(
    _LOSE
    % """owner <> :owner and case
           when exists (select 1 from workers w where w.id = a.owner)
           then exists (select 1 from workers w where w.id = a.owner and w.lease_until < now())
           else opened_at < now() - make_interval(secs => :unknown_seconds) end"""
)
ONE_SWEEPER = text("select pg_try_advisory_xact_lock(hashtextextended('posthub:sweep', 0))")

RELEASE_JOBS = text("""
update jobs set status = 'pending', lease_until = now()
 where run_id = :run_id and status = 'processing' and owner <> :owner""")

LEFT = text("""
select coalesce(b.limit_micro, :default_limit) as limit_micro, coalesce(b.held_micro, 0) as held_micro,
       coalesce(b.spent_micro, 0) as spent_micro, m.month, r.limit_micro as run_limit_micro,
       r.held_micro as run_held_micro, r.spent_micro as run_spent_micro
  from (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
  left join budgets b on b.organization_id = :organization_id and b.month = m.month
  left join run_budgets r on r.run_id = :run_id""")

ADJUST = text(f"""
with made as (
  insert into adjustments (id, attempt_id, job_id, organization_id, company_id, run_id, month, kind, provider,
                           model, template_code, template_version, delta_micro, reason, source, bill_line,
                           booked_at)
  select :id, id, job_id, organization_id, company_id, run_id, month, kind, provider, model, template_code,
         template_version, :delta, :reason, :source, :bill_line, opened_at
    from attempts where id = :attempt_id and state <> 'held'
  on conflict (id) do nothing
  returning attempt_id, organization_id, run_id, month),
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
 where (select count(*) from in_run) >= 0 and b.organization_id = made.organization_id
   and b.month = made.month
  returning b.organization_id, b.month, b.spent_micro, cast(:delta as bigint) as cost,
            coalesce(b.limit_micro, :default_limit) as limit_micro)
{_ANNOUNCE}
  from moved m""")
