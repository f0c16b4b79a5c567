-- Wrong passwords and codes of one login, over all networks. Statements are separated by a line with two dashes alone.
-- Logins that nobody has are counted alike, so only their digest is kept, for a day.
create table directory.sign_in_tries (
  subject_digest text primary key,
  wrong integer not null,
  since timestamptz,
  locks integer not null,
  locked_until timestamptz,
  ends_at timestamptz not null
)
--
create index ix_sign_in_tries_ends_at on directory.sign_in_tries (ends_at)
--
grant select, insert, update, delete on directory.sign_in_tries to hocba_ctx
--
set local role hocba_ctx
--
-- What was counted so far, and nobody else counts for the same login until this transaction ends. One statement makes the
-- row or holds it: between two, somebody who was right might forget it.
create function directory.hold_tries(digest text)
  returns table (wrong integer, since timestamptz, locks integer, locked_until timestamptz)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.sign_in_tries t where t.subject_digest in (
    select o.subject_digest from directory.sign_in_tries o where o.ends_at < now() for update skip locked);
  insert into directory.sign_in_tries as t (subject_digest, wrong, locks, ends_at)
  values (digest, 0, 0, now() + interval '1 day')
  on conflict (subject_digest) do update set ends_at = excluded.ends_at
  returning t.wrong, t.since, t.locks, t.locked_until
$$
--
create function directory.put_tries(digest text, wrong_now integer, since_then timestamptz, locks_now integer,
                                    until timestamptz, ends timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.sign_in_tries t
  set wrong = wrong_now, since = since_then, locks = locks_now, locked_until = until, ends_at = ends
  where t.subject_digest = digest
$$
--
create function directory.forget_tries(digest text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.sign_in_tries t where t.subject_digest = digest
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('hold_tries', 'put_tries', 'forget_tries') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
-- One way to ask for a login; and nothing was ever written into disabled_at.
drop function directory.find_account(text)
--
create or replace function directory.find_login(account_login text) returns table (account_id uuid, password_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.password_hash from directory.account a where a.login = account_login
$$
--
create or replace function directory.login() returns table (login text, password_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.login, a.password_hash from directory.account a where a.id = ctx.account()
$$
--
create or replace function directory.places() returns table (tenant_id uuid, staff_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.tenant_id, p.staff_id from directory.place p where p.account_id = ctx.account() order by p.tenant_id
$$
--
create or replace function directory.find_passkey(credential bytea)
  returns table (id uuid, account_id uuid, public_key bytea, sign_count bigint, signing_from timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.account_id, p.public_key, p.sign_count, p.signing_from
  from directory.passkey p where p.credential_id = credential
$$
--
create or replace function directory.account_of(staff uuid) returns table (account_id uuid, login text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.login from directory.place p join directory.account a on a.id = p.account_id
  where p.tenant_id = ctx.tenant() and p.staff_id = staff
    and not exists (select from directory.place o where o.account_id = a.id and o.tenant_id <> p.tenant_id)
$$
--
create or replace function directory.find_identity(of_issuer text, of_subject text) returns table (account_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.account_id from directory.identity i where i.issuer = of_issuer and i.subject = of_subject
$$
--
reset role
--
alter table directory.account drop column disabled_at
