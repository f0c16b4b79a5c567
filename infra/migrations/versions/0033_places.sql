-- An account with places in several schools: which ones, and the session goes on in another of them under a new token.
set local role hocba_ctx
--
create function directory.places_of_session(digest text, idle interval)
  returns table (tenant_id uuid, staff_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.tenant_id, p.staff_id
  from directory.session s join directory.place p on p.account_id = s.account_id
  where s.token_digest = digest and s.ends_at > now() and s.seen_at > now() - idle
  order by p.tenant_id
$$
--
create function directory.move_session(digest text, idle interval, new_digest text, tenant uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with moved as (
    update directory.session s set token_digest = new_digest, tenant_id = p.tenant_id, staff_id = p.staff_id
    from directory.place p
    where s.token_digest = digest and s.ends_at > now() and s.seen_at > now() - idle
      and p.account_id = s.account_id and p.tenant_id = tenant
    returning 1
  ) select exists (select from moved)
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('places_of_session', 'move_session') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
