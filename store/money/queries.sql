-- mark_used_up: Write down once that a month's budget was refused for want of money.
insert into budget_events (organization_id, world, month, percent, limit_micro, spent_micro)
values (:organization_id, :world, :month, 100, :limit_micro, :spent_micro)
on conflict do nothing returning 1;

-- show_budget: A month's budget, with the configuration's limit where it has none of its own.
select coalesce(b.limit_micro, :default_limit) as limit_micro, b.limit_micro is not null as own_limit,
       coalesce(held_micro, 0) as held_micro, coalesce(spent_micro, 0) as spent_micro,
       coalesce(lost_micro, 0) as lost_micro, coalesce(unsure_micro, 0) as unsure_micro,
       coalesce(adjusted_micro, 0) as adjusted_micro, m.month
  from (select coalesce(:month, to_char(now() at time zone 'utc', 'YYYY-MM')) as month) m
  left join budgets b on b.organization_id = :organization_id and b.world = :world and b.month = m.month;

-- set_budget: Give a month a limit of its own.
insert into budgets (organization_id, world, month, limit_micro) values (:organization_id, :world, :month, :limit)
on conflict (organization_id, world, month) do update set limit_micro = excluded.limit_micro;

-- set_run_budget: Give a run a ceiling, with what it has used so far.
insert into run_budgets (run_id, organization_id, limit_micro, held_micro, spent_micro)
select :run_id, :organization_id, :limit, coalesce(sum(held_micro), 0), coalesce(sum(cost_micro), 0)
  from ledger_entries where organization_id = :organization_id and run_id = :run_id
on conflict (run_id) do update set limit_micro = excluded.limit_micro
 where run_budgets.organization_id = excluded.organization_id;

-- is_of_world: Whether anything was booked or set for an organization in a world; a row with nothing in it is neither.
select exists (select 1 from budgets where organization_id = :organization_id and world = :world
                  and (calls > 0 or held_micro > 0 or limit_micro is not null));

-- budget_events: The thresholds that a month has reached.
select month, percent, limit_micro, spent_micro, happened_at from budget_events
 where organization_id = :organization_id and world = :world and month = :month order by limit_micro, percent;

-- hold: Reserve the most that some attempts can cost and open their rows, all of them or none.
-- Where one does not fit, "moved" lacks its organization, its month is null, and the table's NOT NULL undoes it all.
with given as materialized (select * from jsonb_to_recordset(cast(:rows as jsonb)) as g(
    id text, job_id text, organization_id text, company_id text, run_id text, kind text, provider text, model text,
    engine text, held bigint, price_ids text[], template_code text, template_version int, template_language text,
    experiment text, arm text)),
of_run as (select organization_id, run_id, sum(held)::bigint as held from given group by organization_id, run_id),
ceilings as (
  select 1 from run_budgets
   where (organization_id, run_id) in (select organization_id, run_id from of_run) order by run_id for update),
raised as (
  update run_budgets r set held_micro = r.held_micro + o.held
    from of_run o
   where (select count(*) from ceilings) > 0 and (r.organization_id, r.run_id) = (o.organization_id, o.run_id)
     and (r.held_micro + r.spent_micro + o.held <= r.limit_micro or o.held = 0)
  returning 1),
moved as (
  insert into budgets as b (organization_id, world, month, held_micro)
  select o.organization_id, :world, m.month, o.held
    from (select organization_id, sum(held)::bigint as held from given group by organization_id) o,
         (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
   where (select count(*) from raised) = (select count(*) from ceilings)
     and (o.held <= :default_limit
          or exists (select 1 from budgets e
                      where e.organization_id = o.organization_id and e.world = :world and e.month = m.month))
   order by o.organization_id
  on conflict (organization_id, world, month) do update set held_micro = b.held_micro + excluded.held_micro
   where b.held_micro + b.spent_micro + excluded.held_micro <= coalesce(b.limit_micro, :default_limit)
      or excluded.held_micro = 0
  returning b.organization_id, b.month)
insert into attempts (id, job_id, organization_id, world, company_id, run_id, month, kind, provider, model, engine,
                      state, held_micro, price_ids, template_code, template_version, template_language, experiment,
                      arm, owner)
select g.id, g.job_id, organization_id, :world, g.company_id, g.run_id, m.month, g.kind, g.provider, g.model, g.engine,
       'held', g.held, g.price_ids, g.template_code, g.template_version, g.template_language, g.experiment, g.arm,
       :owner
  from given g left join moved m using (organization_id)
returning month;

-- lock_sweep: Try to be the one sweeper.
select pg_try_advisory_xact_lock(hashtextextended('posthub:sweep', 0));

-- release_jobs: Let go of the jobs that earlier processes had in hand in a run.
update jobs set status = 'pending', lease_until = now()
 where organization_id = :organization_id and run_id = :run_id and status = 'processing' and owner <> :owner;

-- budget_left: What is left of a month and of a run's own ceiling.
select coalesce(b.limit_micro, :default_limit) as limit_micro, coalesce(b.held_micro, 0) as held_micro,
       coalesce(b.spent_micro, 0) as spent_micro, m.month, r.limit_micro as run_limit_micro,
       r.held_micro as run_held_micro, r.spent_micro as run_spent_micro
  from (select to_char(now() at time zone 'utc', 'YYYY-MM') as month) m
  left join budgets b on b.organization_id = :organization_id and b.world = :world and b.month = m.month
  left join run_budgets r on r.organization_id = :organization_id and r.run_id = :run_id;

-- lock_job: Let callers of one job look it up one after the other.
select pg_advisory_xact_lock(hashtextextended(:id, 0));

-- find_job: A job as it stands, and whether its worker still works on it: the job's own lease holds, and the process lives.
select j.id, j.status, j.output, j.provider_ref, j.error, j.owner,
       j.lease_until > now() and w.lease_until > now() as leased
  from jobs j left join workers w on w.id = j.owner where j.id = :id and j.organization_id = :organization_id;

-- open_jobs: Open jobs that are not known yet; one that a cache answered comes with its answer and what it saved.
-- Written without waiting for the disk, for the hold that follows, or the node that resumes, makes up for a crash.
with opened as (
  insert into jobs (id, key, organization_id, world, company_id, run_id, kind, node, item, revision, step, status, owner,
                    lease_until, input, output, template_code, template_version, template_language, experiment, arm,
                    started_at, completed_at, generation_time_seconds)
  select g.id, g.key, g.organization_id, g.world, g.company_id, g.run_id, g.kind, g.node, g.item, g.revision, g.step,
         case when g.output is null then 'processing' else 'completed' end,
         :owner, now() + make_interval(secs => g.lease), g.input, g.output, g.template_code,
         g.template_version, g.template_language, g.experiment, g.arm, now(),
         case when g.output is not null then now() end, case when g.output is not null then 0 end
    from (select set_config('synchronous_commit', 'off', true)) unhurried, jsonb_to_recordset(cast(:rows as jsonb)) as g(
      id text, key text, organization_id text, world text, company_id text, run_id text, kind text, node text, item text,
      revision int, step text, lease float8, input jsonb, output jsonb, template_code text, template_version int,
      template_language text, experiment text, arm text)
   order by g.id
  on conflict do nothing
  returning *),
saved as (
  insert into cache_hits (id, job_id, organization_id, world, company_id, run_id, month, kind, provider, model,
                          template_code, template_version, saved_micro)
  select id, id, organization_id, world, company_id, run_id, to_char(now() at time zone 'utc', 'YYYY-MM'), kind,
         output -> 'served' ->> 'provider', output -> 'served' ->> 'model', template_code, template_version,
         (output -> 'served' ->> 'saved_micro')::bigint
    from opened where output is not null)
select id from opened;

-- take_job: Take a known job over, to work on it.
update jobs set status = 'processing', owner = :owner, lease_until = now() + make_interval(secs => :lease),
                started_at = now(), completed_at = null, error = null,
                retry_count = retry_count + case when status in ('failed', 'processing') then 1 else 0 end
 where id = :id and organization_id = :organization_id;

-- fail_job: Close a job of this process without an answer.
update jobs set status = :status, error = cast(:error as jsonb), lease_until = null, completed_at = now(),
                generation_time_seconds = extract(epoch from now() - started_at)
 where id = :id and organization_id = :organization_id and owner = :owner and status = 'processing';

-- refer_job: Keep what a bought media file is collected with.
update jobs set provider_ref = cast(:ref as jsonb) where id = :id and organization_id = :organization_id;

-- keep_job: Say that a job of this process is still being worked on.
update jobs set lease_until = now() + make_interval(secs => :lease)
 where id = :id and organization_id = :organization_id and owner = :owner and status = 'processing' returning 1;

-- forget_job_ref: Drop the reference to a media job that failed.
update jobs set provider_ref = null where id = :id and organization_id = :organization_id;

-- refer_attempt: Keep the provider's own id of a media job on its open attempt.
update attempts set provider_ref = :ref
 where id = :id and organization_id = :organization_id and state = 'held';

-- beat: Take a process's lease, or hold on to it.
insert into workers (id, host, pid, lease_until)
values (:id, :host, :pid, now() + make_interval(secs => :lease))
on conflict (id) do update set lease_until = excluded.lease_until;

-- end_lease: Give a process's lease up at once.
update workers set lease_until = now() where id = :id;

-- forget_workers: Drop leases that are long over and hold nothing.
delete from workers w where lease_until < now() - interval '7 days'
   and not exists (select 1 from attempts a where a.owner = w.id and a.state = 'held');

-- typical_tokens: Average tokens of a company's newest calls, by template.
select template_code, count(*) as calls, avg(input_tokens) as input_tokens, avg(output_tokens) as output_tokens
  from (select a.template_code, a.input_tokens, a.output_tokens,
               row_number() over (partition by a.template_code order by a.opened_at desc) as place
          from attempts a join companies c on c.id = a.company_id
         where a.organization_id = :organization_id and a.world = :world and c.organization_id = :organization_id
           and c.name_key = :name_key and a.state = 'settled' and a.template_code is not null) recent
 where place <= :last
 group by template_code;

-- approved_posts: How many approved posts came of the runs that a month's or a run's costs belong to.
select count(*) from (
  select distinct p.run_id, p.item from blog_posts p
   where p.organization_id = :organization_id and p.status in ('approved', 'packaged')
     and p.run_id in (select run_id from ledger_entries
                       where organization_id = :organization_id
                         and (cast(:month as text) is null or month = :month)
                         and case when cast(:run_id as text) is null then world = :world
                                  else run_id = :run_id end)) posts;

-- keep_quote: Keep what a run was said to cost; the first one stays.
insert into quotes (run_id, organization_id, expected_micro, worst_micro, lines)
values (:run_id, :organization_id, :expected, :worst, cast(:lines as jsonb))
on conflict (run_id) do nothing;

-- quote_of_run: What a run was said to cost.
select expected_micro, worst_micro, lines from quotes
 where organization_id = :organization_id and run_id = :run_id;

-- actual_cost: What a run has cost, by node and provider.
select coalesce(j.node, 'other') as node, e.provider, sum(e.cost_micro)::bigint as cost_micro
  from ledger_entries e left join jobs j on j.id = e.job_id
 where e.organization_id = :organization_id and e.run_id = :run_id
 group by 1, 2;

-- lock_reconcile: Let one process at a time compare a bill with the ledger.
select pg_advisory_xact_lock(hashtextextended('posthub:reconcile', 0));

-- clock: The database's clock.
select now();

-- attempts_of_months: The attempts of a bill's months, with their corrections so far.
select a.id, a.organization_id, a.month, a.provider, a.model, a.state, a.held_micro, a.opened_at, a.closed_at,
       coalesce(a.cost_micro, a.held_micro) + coalesce(d.delta, 0) as cost_micro, a.provider_ref,
       a.basis in ('estimate', 'worst_case') and d.delta is null as unsure,
       case when a.state = 'settled' then j.output -> 'raw' ->> 'id' end as request_id
  from attempts a
  left join jobs j on j.id = a.job_id
  left join lateral (select sum(delta_micro)::bigint as delta from adjustments d where d.attempt_id = a.id) d
       on true
 where a.month = any(:months) and a.world = :world;

-- find_attempt: A ledger row as it stands.
select state, held_micro, cost_micro, price_ids, error_code from attempts
 where id = :id and organization_id = :organization_id;

-- cost_of_run: What a run has cost: settled, lost and adjusted.
select coalesce(sum(cost_micro), 0) from ledger_entries
 where organization_id = :organization_id and run_id = :run_id;
