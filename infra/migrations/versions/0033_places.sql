-- A session goes on at another place of the account that the transaction speaks for; its old token is dead at once.
set local role hocba_ctx
--
create function directory.move_session(session uuid, digest text, tenant uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with moved as (
    update directory.session s
    set token_digest = digest, old_digest = null, rotated_at = null, tenant_id = p.tenant_id, staff_id = p.staff_id
    from directory.place p
    where s.id = session and s.account_id = ctx.account() and p.account_id = s.account_id and p.tenant_id = tenant
    returning 1
  ) select exists (select from moved)
$$
--
revoke all on function directory.move_session(uuid, text, uuid) from public
--
grant execute on function directory.move_session(uuid, text, uuid) to hocba_app
--
reset role
