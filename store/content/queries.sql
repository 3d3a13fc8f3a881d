-- at_work: The processes, other than this one, that have jobs of a run in hand.
select distinct w.host, w.pid from jobs j join workers w on w.id = j.owner
 where j.organization_id = :organization_id and j.run_id = :run_id and j.status = 'processing'
   and j.owner <> :owner and w.lease_until > now();

-- take_run: Try to be the one process that works on a run.
select pg_try_advisory_lock(hashtextextended(:key, 0));

-- hold_month: Let one at a time open a run of a company's month, until the transaction ends.
select pg_advisory_xact_lock(hashtextextended(:key, 0));

-- month_taken: The first run of a company's month, but for one that failed before anything was made; none for a run that is kept.
select r.id, r.status from runs r
 where r.organization_id = :organization_id and r.company_id = :company_id and r.month = :month
   and r.sandbox = :sandbox
   and not exists (select 1 from runs own where own.id = :id)
   and not (r.status = 'failed'
            and not exists (select 1 from outcomes o
                             where o.organization_id = r.organization_id and o.run_id = r.id and o.status = 'done'))
 order by r.created_at, r.id limit 1;

-- lock_company: Let no run of a company begin: its row would refer to the company's.
select id from companies where organization_id = :organization_id and id = :company_id for update;

-- untaken_run: Take the runs of a company, until the transaction ends; returns one that another process works on.
select id from (select id, pg_try_advisory_xact_lock(hashtextextended('posthub:run:' || id, 0)) as taken
                  from runs where organization_id = :organization_id and company_id = :company_id) its
 where not taken limit 1;
