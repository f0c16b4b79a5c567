-- A session is asked for before its school is known, so what the school allows it to rest stands beside the school here.
alter table directory.tenant add column idle_minutes integer check (idle_minutes between 1 and 30)
--
set local role hocba_ctx
--
create function directory.set_idle(minutes integer) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.tenant t set idle_minutes = minutes where t.id = ctx.tenant()
$$
--
revoke all on function directory.set_idle(integer) from public
--
grant execute on function directory.set_idle(integer) to hocba_app
--
-- As before, but a school may want less than the platform's `idle`.
create or replace function directory.find_session(digest text, idle interval, asked_host text)
  returns table (tenant_id uuid, staff_id uuid, account_id uuid, session_id uuid, factor text, verified_at timestamptz)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.session s set seen_at = now() from directory.tenant t
  where s.token_digest = digest and s.host = asked_host and t.id = s.tenant_id
    and s.seen_at < now() - interval '1 minute'
    and s.seen_at > now() - least(idle, make_interval(mins => t.idle_minutes));
  select s.tenant_id, s.staff_id, s.account_id, s.id, s.factor,
         case when s.token_digest = digest then s.verified_at else s.opened_at - interval '1 day' end
  from directory.session s join directory.tenant t on t.id = s.tenant_id
  where (s.token_digest = digest or (s.old_digest = digest and s.rotated_at > now() - interval '10 seconds'))
    and s.host = asked_host and s.ends_at > now()
    and s.seen_at > now() - least(idle, make_interval(mins => t.idle_minutes))
$$
--
create or replace function directory.sessions(idle interval)
  returns table (session_id uuid, opened_at timestamptz, seen_at timestamptz, network text, device text, factor text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id, s.opened_at, s.seen_at, s.network, s.device, s.factor
  from directory.session s join directory.tenant t on t.id = s.tenant_id
  where s.account_id = ctx.account() and s.ends_at > now()
    and s.seen_at > now() - least(idle, make_interval(mins => t.idle_minutes)) order by s.seen_at desc
$$
--
reset role
