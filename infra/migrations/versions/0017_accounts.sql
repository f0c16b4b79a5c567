-- What becomes of an account that is given back. Statements are separated by a line with two dashes alone.
set local role hocba_ctx
--
drop function directory.use_recovery_code(text)
--
-- Who comes in by a recovery code is let in as by a reset: what they add afterwards signs a day later.
create function directory.use_recovery_code(digest text, at timestamptz) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with used as (
    delete from directory.recovery_code c where c.account_id = ctx.account() and c.code_digest = digest returning 1),
  let_in as (
    update directory.account a set reset_at = at where a.id = ctx.account() and exists (select from used))
  select exists (select from used)
$$
--
revoke all on function directory.use_recovery_code(text, timestamptz) from public
--
grant execute on function directory.use_recovery_code(text, timestamptz) to hocba_app
--
-- A new password in place of everything that was lost: factors, accounts elsewhere and all sessions end.
create or replace function directory.reset_account(hash text, at timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.account a set password_hash = hash, reset_at = at where a.id = ctx.account();
  delete from directory.passkey p where p.account_id = ctx.account();
  delete from directory.totp t where t.account_id = ctx.account();
  delete from directory.recovery_code c where c.account_id = ctx.account();
  delete from directory.identity i where i.account_id = ctx.account();
  delete from directory.ticket t where t.account_id = ctx.account();
  delete from directory.session s where s.account_id = ctx.account()
$$
--
-- Whose account the operator of the platform is about to give back.
create function directory.account_to_reset(operator text, wanted text) returns uuid
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, subject_id, details)
  values (operator, 'access.account.reset_link', (select a.id from directory.account a where a.login = wanted),
          jsonb_build_object('login', wanted));
  select a.id from directory.account a where a.login = wanted
$$
--
revoke all on function directory.account_to_reset(text, text) from public
--
grant execute on function directory.account_to_reset(text, text) to hocba_operator
--
-- A decision is made once; approving again answers with the tenant that was given then. The event says whether it counted.
create or replace function directory.decide_application(operator text, application uuid, verdict text, why text, tenant uuid)
  returns uuid language sql security definer set search_path = pg_catalog, pg_temp as $$
  with decided as (
    update directory.school_application a
    set state = verdict, decided_at = now(), decided_by = operator, reason = why, tenant_id = tenant
    where a.id = application and a.state = 'pending' returning 1)
  insert into directory.platform_event (operator, action, subject_id, details)
  values (operator, 'openings.application.' || verdict, application,
          jsonb_build_object('reason', why, 'decided', exists (select from decided)));
  select a.tenant_id from directory.school_application a where a.id = application and a.state = verdict
$$
--
reset role
