-- lock_template: Let those who add versions of one template, or move its labels, go one after the other.
select pg_advisory_xact_lock(hashtextextended(:key, 0));

-- lock_shipped: Let one process at a time bring the shipped templates in.
select pg_advisory_xact_lock(:lock);

-- labels_of_template: The labels that count for an organization and its companies, with the versions they stand on.
select l.label, l.organization_id, l.company_id, t.version
  from prompt_labels l join prompt_templates t on t.id = l.template_id
 where l.code = :code and l.language = :language and l.organization_id in ('', :organization_id)
 order by l.organization_id, l.company_id, l.label;

-- labelled_version: The number of the version on which one label stands.
select t.version
  from prompt_labels l join prompt_templates t on t.id = l.template_id
 where l.organization_id = :organization_id and l.company_id = :company_id and l.code = :code
   and l.language = :language and l.label = :label;

-- calls_by_step: How often each step of a version was asked since its last pause was lifted.
select step, count(*) as calls
  from jobs
 where organization_id = :organization_id and world = :world and template_code = :code
   and template_version = :version and template_language = :language
   and created_at > coalesce((select lifted_at from prompt_pauses
                               where organization_id = :organization_id and world = :world
                                 and template_id = :template_id),
                             '-infinity')
 group by step;

-- decisions_of_runs: What people, not policies, decided at one review point of some runs, in their order.
select run_id, item, revision, decision
  from decisions
 where organization_id = :organization_id and run_id = any(:runs) and point = :point
   and not policy and state = 'accepted' and decision in ('approve', 'edit', 'reject', 'drop')
 order by run_id, item, revision, decided_at;

-- failed_items: Items that an arm asked for and whose last attempt failed.
select distinct j.arm, j.company_id, j.run_id, j.item
  from jobs j
  join outcomes o on o.organization_id = j.organization_id and o.run_id = j.run_id and o.item = j.item
                 and o.kind in ('post', 'social')
 where j.organization_id = :organization_id and j.world = :world and j.experiment = :experiment
   and o.status = 'failed'
   and o.revision = (select max(n.revision) from outcomes n
                      where n.organization_id = o.organization_id and n.run_id = o.run_id
                        and n.kind = o.kind and n.item = o.item);

-- work_of_experiment: What the calls of an experiment's arms took, by item and step.
select j.arm, j.company_id, j.run_id, j.item, j.step, count(*) as calls,
       coalesce(sum(j.tokens_used), 0) as tokens,
       coalesce(sum(j.generation_time_seconds), 0) as seconds,
       coalesce(sum((select sum(a.cost_micro) from attempts a where a.job_id = j.id)), 0) as cost
  from jobs j
 where j.organization_id = :organization_id and j.world = :world and j.experiment = :experiment
 group by j.arm, j.company_id, j.run_id, j.item, j.step
 order by j.run_id, j.item, j.arm, j.company_id, j.step;
