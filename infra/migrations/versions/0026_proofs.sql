-- What was proved under the old token, for requests that are still on their way with it.
alter table directory.session add column old_factor text
--
set local role hocba_ctx
--
-- As before, but the old token, good for ten more seconds, says what it said: neither the new proof nor its factor.
create or replace function directory.find_session(digest text, idle interval, asked_host text)
  returns table (tenant_id uuid, staff_id uuid, account_id uuid, session_id uuid, factor text, verified_at timestamptz)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.session s set seen_at = now() from directory.tenant t
  where s.token_digest = digest and s.host = asked_host and t.id = s.tenant_id
    and s.seen_at < now() - interval '1 minute'
    and s.seen_at > now() - least(idle, make_interval(mins => t.idle_minutes));
  select s.tenant_id, s.staff_id, s.account_id, s.id,
         case when s.token_digest = digest then s.factor else s.old_factor end,
         case when s.token_digest = digest then s.verified_at else s.opened_at - interval '1 day' end
  from directory.session s join directory.tenant t on t.id = s.tenant_id
  where (s.token_digest = digest or (s.old_digest = digest and s.rotated_at > now() - interval '10 seconds'))
    and s.host = asked_host and s.ends_at > now()
    and s.seen_at > now() - least(idle, make_interval(mins => t.idle_minutes))
$$
--
drop function directory.rotate_session(uuid, text, text, timestamptz)
--
-- Only who shows the session's token of today (`held`, its digest) gets the next one: the old token opens pages for ten
-- seconds, and comes by no proof.
create function directory.rotate_session(session uuid, held text, digest text, proof text, at timestamptz)
  returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.session s
  set old_digest = s.token_digest, old_factor = s.factor, rotated_at = now(), token_digest = digest, factor = proof,
      verified_at = at
  where s.id = session and s.account_id = ctx.account() and s.token_digest = held
  returning true
$$
--
drop function directory.move_session(uuid, text, uuid)
--
-- A session goes on at another place of the account that the transaction speaks for; its token is dead at once.
create function directory.move_session(session uuid, held text, digest text, tenant uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with moved as (
    update directory.session s
    set token_digest = digest, old_digest = null, old_factor = null, rotated_at = null, tenant_id = p.tenant_id,
        staff_id = p.staff_id
    from directory.place p
    where s.id = session and s.account_id = ctx.account() and s.token_digest = held
      and p.account_id = s.account_id and p.tenant_id = tenant and p.tenant_id <> s.tenant_id
    returning 1
  ) select exists (select from moved)
$$
--
revoke all on function directory.rotate_session(uuid, text, text, text, timestamptz) from public
--
revoke all on function directory.move_session(uuid, text, text, uuid) from public
--
grant execute on function directory.rotate_session(uuid, text, text, text, timestamptz) to hocba_app
--
grant execute on function directory.move_session(uuid, text, text, uuid) to hocba_app
--
reset role
