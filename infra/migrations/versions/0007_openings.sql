-- Schools that want to be opened, and the operator's own way to them. hocba_operator may call the three functions that
-- are granted to it below and nothing else; each writes who used it into platform_event, which nobody can change.
create table directory.school_application (
  id uuid primary key,
  facts jsonb not null,
  applied_at timestamptz not null default now(),
  state text not null default 'pending' check (state in ('pending', 'approved', 'refused')),
  decided_at timestamptz,
  decided_by text,
  reason text,
  tenant_id uuid
)
--
create unique index uq_school_application_code on directory.school_application ((facts #>> '{school,code}'))
  where state = 'approved'
--
create table directory.platform_event (
  id uuid primary key default gen_random_uuid(),
  at timestamptz not null default clock_timestamp(),
  operator text not null check (operator <> ''),
  action text not null,
  subject_id uuid,
  details jsonb not null
)
--
grant select, insert, update on directory.school_application to hocba_ctx
--
grant insert on directory.platform_event to hocba_ctx
--
grant usage on schema directory to hocba_operator
--
set local role hocba_ctx
--
create function directory.file_application(application uuid, facts text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.school_application (id, facts) values (application, facts::jsonb)
$$
--
create function directory.applications(operator text, wanted text)
  returns table (id uuid, facts text, state text, applied_at timestamptz, known bigint)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, details)
  values (operator, 'openings.application.list', jsonb_build_object('state', wanted));
  select a.id, a.facts::text, a.state, a.applied_at,
         (select count(*) from directory.school_application o
          where o.state = 'approved' and o.id <> a.id and o.facts #>> '{school,code}' = a.facts #>> '{school,code}')
  from directory.school_application a where a.state = wanted order by a.applied_at, a.id
$$
--
create function directory.application(operator text, application uuid)
  returns table (id uuid, facts text, state text, applied_at timestamptz, known bigint)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, subject_id, details)
  values (operator, 'openings.application.read', application, '{}');
  select a.id, a.facts::text, a.state, a.applied_at,
         (select count(*) from directory.school_application o
          where o.state = 'approved' and o.id <> a.id and o.facts #>> '{school,code}' = a.facts #>> '{school,code}')
  from directory.school_application a where a.id = application for update of a
$$
--
-- A decision is made once; approving again answers with the tenant that was given then.
create function directory.decide_application(operator text, application uuid, verdict text, why text, tenant uuid)
  returns uuid language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, subject_id, details)
  values (operator, 'openings.application.' || verdict, application, jsonb_build_object('reason', why));
  update directory.school_application a
  set state = verdict, decided_at = now(), decided_by = operator, reason = why, tenant_id = tenant
  where a.id = application and a.state = 'pending';
  select a.tenant_id from directory.school_application a where a.id = application and a.state = verdict
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('applications', 'application', 'decide_application') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_operator', f);
  end loop;
end $$
--
revoke all on function directory.file_application(uuid, text) from public
--
grant execute on function directory.file_application(uuid, text) to hocba_app
--
reset role
