-- Statements are separated by a line with two dashes alone.
create table directory.bound_profile (
  tenant_id uuid primary key references directory.tenant,
  profile text not null,
  school text not null,
  bound_at timestamptz not null default now()
)
--
grant select, insert, update on directory.bound_profile to hocba_ctx
--
-- The owner of the tables sees the bindings of all schools for as long as this statement takes.
alter table authority_binding no force row level security
--
alter table school no force row level security
--
insert into directory.bound_profile (tenant_id, profile, school, bound_at)
select b.tenant_id, b.profile, s.name, b.bound_at
from authority_binding b join school s on s.tenant_id = b.tenant_id where b.ended_at is null
--
alter table authority_binding force row level security
--
alter table school force row level security
--
set local role hocba_ctx
--
create function directory.publish_binding(profile text, school text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.bound_profile (tenant_id, profile, school)
  values (ctx.tenant(), publish_binding.profile, publish_binding.school)
  on conflict (tenant_id) do update
    set profile = excluded.profile, school = excluded.school, bound_at = excluded.bound_at
$$
--
create function directory.bound_profiles(operator text)
  returns table (tenant_id uuid, profile text, school text, bound_at timestamptz)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, details)
  values (operator, 'authorities.bindings.list', '{}');
  select b.tenant_id, b.profile, b.school, b.bound_at from directory.bound_profile b
  order by b.profile, b.school, b.tenant_id
$$
--
revoke all on function directory.publish_binding(text, text), directory.bound_profiles(text) from public
--
grant execute on function directory.publish_binding(text, text) to hocba_app
--
grant execute on function directory.bound_profiles(text) to hocba_operator
--
reset role
