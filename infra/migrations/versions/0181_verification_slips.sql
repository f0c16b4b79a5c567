-- Addresses that a stranger holds and that lead to one thing of one school: kept as digests, one question about one of
-- them, nothing lists them. Statements are separated by a line with two dashes alone.
create table directory.public_address (
  digest text primary key,
  kind text not null,
  tenant_id uuid not null references directory.tenant,
  subject_id uuid not null
)
--
grant select, insert on directory.public_address to hocba_ctx
--
set local role hocba_ctx
--
create function directory.publish_address(of_kind text, address text, subject uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.public_address (digest, kind, tenant_id, subject_id)
  values (address, of_kind, ctx.tenant(), subject)
$$
--
create function directory.find_address(of_kind text, address text) returns table (tenant_id uuid, subject_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.tenant_id, a.subject_id from directory.public_address a where a.digest = address and a.kind = of_kind
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('publish_address', 'find_address') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
