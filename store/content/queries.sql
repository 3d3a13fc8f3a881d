-- at_work: The processes, other than this one, that have jobs of a run in hand.
select distinct w.host, w.pid from jobs j join workers w on w.id = j.owner
 where j.run_id = :run_id and j.status = 'processing' and j.owner <> :owner and w.lease_until > now();

-- take_run: Try to be the one process that works on a run.
select pg_try_advisory_lock(hashtextextended(:key, 0));
