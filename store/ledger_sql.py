"""The statements of the ledger: each way of moving money is one of them.

Locks are taken in the order jobs, attempts, run_budgets, budgets.
"""

from __future__ import annotations

from sqlalchemy import text

PROCESS_ENDED = "PROCESS_ENDED"
"""The error code of an attempt that was closed for a process that no longer lived."""

HOLD = text("""
with ceiling as (
  update run_budgets set held_micro = held_micro + :held
   where run_id = :run_id and (held_micro + spent_micro + :held <= limit_micro or :held = 0)
  returning 1),
moved as (
  insert into budgets as b (organization_id, month, held_micro)
  select :organization_id, m.month, :held
    from (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
   where (exists (select 1 from ceiling) or not exists (select 1 from run_budgets where run_id = :run_id))
     and (cast(:held as bigint) <= :default_limit
          or exists (select 1 from budgets e where e.organization_id = :organization_id and e.month = m.month))
  on conflict (organization_id, month) do update set held_micro = b.held_micro + excluded.held_micro
   where b.held_micro + b.spent_micro + excluded.held_micro <= coalesce(b.limit_micro, :default_limit)
      or excluded.held_micro = 0
  returning b.month)
insert into attempts (id, job_id, organization_id, company_id, run_id, month, kind, provider, model, engine,
                      state, held_micro, price_ids, template_code, template_version, template_language, experiment,
                      arm, owner)
select :id, :job_id, :organization_id, :company_id, :run_id, month, :kind, :provider, :model, :engine,
       'held', :held, :price_ids, :template_code, :template_version, :template_language, :experiment, :arm, :owner
  from moved
returning month""")

_CLOSED_COLUMNS = """
  returning organization_id, run_id, month, state, basis, held_micro, cost_micro, input_tokens, output_tokens,
            thinking_tokens, cached_tokens, images, seconds, requests"""

# The run's row is locked before the organization's, as in the hold: its count is asked for first.
_MOVE_BUDGET = """,
in_run as (
  update run_budgets r
     set held_micro = r.held_micro - c.held, spent_micro = r.spent_micro + c.cost
    from (select run_id, sum(held_micro)::bigint as held, coalesce(sum(cost_micro), 0)::bigint as cost
            from closed group by run_id) c
   where r.run_id = c.run_id
  returning 1)
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
 where (select count(*) from in_run) >= 0 and b.organization_id = c.organization_id and b.month = c.month
returning b.organization_id, b.month, b.spent_micro, c.cost,
          coalesce(b.limit_micro, :default_limit) as limit_micro, (select count(*) from closed) as closed"""

CLOSE = text(f"""
with closed as (
  update attempts
     set state = :state, basis = :basis, closed_at = now(), error_code = :error_code,
         cost_micro = case when :state = 'void' then 0 else coalesce(:cost, held_micro) end,
         input_tokens = :input_tokens, output_tokens = :output_tokens, thinking_tokens = :thinking_tokens,
         cached_tokens = :cached_tokens, images = :images, seconds = :seconds, requests = :requests
   where id = :id and state = 'held'
  {_CLOSED_COLUMNS})
{_MOVE_BUDGET}""")

_LOSE = f"""
with closed as (
  update attempts
     set state = 'lost', basis = 'worst_case', closed_at = now(), cost_micro = held_micro,
         error_code = '{PROCESS_ENDED}'
   where state = 'held' and provider_ref is null and (%s)
  {_CLOSED_COLUMNS})
{_MOVE_BUDGET}"""

CLOSE_ORPHANS = text(_LOSE % "run_id = :run_id and owner <> :owner or job_id = :job_id")
CLOSE_DEAD = text(
    _LOSE
    % """owner <> :owner and case
           when exists (select 1 from workers w where w.id = attempts.owner)
           then exists (select 1 from workers w where w.id = attempts.owner and w.lease_until < now())
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

ADJUST = text("""
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
  returning 1)
update budgets b
   set spent_micro = b.spent_micro + :delta, adjusted_micro = b.adjusted_micro + :delta,
       unsure_micro = b.unsure_micro - case when was.first and was.basis in ('estimate', 'worst_case')
                                            then was.cost_micro else 0 end
  from made, was
 where (select count(*) from in_run) >= 0 and b.organization_id = made.organization_id
   and b.month = made.month
returning b.organization_id, b.month, b.spent_micro, cast(:delta as bigint) as cost,
          coalesce(b.limit_micro, :default_limit) as limit_micro, 1 as closed""")

RECORD_HIT = text("""
insert into cache_hits (id, job_id, organization_id, company_id, run_id, month, kind, provider, model,
                        template_code, template_version, saved_micro)
values (:id, :job_id, :organization_id, :company_id, :run_id,
        to_char(now() at time zone 'utc', 'YYYY-MM'), :kind, :provider, :model, :template_code,
        :template_version, :saved)""")
