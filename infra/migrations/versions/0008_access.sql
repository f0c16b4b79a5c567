-- How people prove who they are (infra/decisions/0017). Statements are separated by a line with two dashes alone.
-- The account of a transaction is signed like its tenant; a tenant's context is not an account's, nor the other way round.
create function ctx.account() returns uuid language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp as $$
declare
  context text := current_setting('app.account', true);
  part text[];
  expected text;
begin
  if coalesce(context, '') = '' then
    return null;
  end if;
  part := string_to_array(context, '.');
  select encode(sha256(k.outer_key || sha256(k.inner_key || convert_to('account.' || part[1] || '.' || part[2] || '.' || part[3], 'UTF8'))), 'hex')
    into expected from ctx.key k;
  if array_length(part, 1) <> 4 or expected is null or part[4] <> expected
     or part[2]::int <> pg_backend_pid() or part[3]::bigint < extract(epoch from clock_timestamp()) then
    raise exception 'account context refused' using errcode = '42501';
  end if;
  return part[1]::uuid;
end $$
--
-- Whoever is signed in while this runs signs in again: an old session does not say how its holder proved who they are.
delete from directory.session
--
alter table directory.session
  add column id uuid not null unique default gen_random_uuid(),
  add column host text not null,
  add column network text not null,
  add column device text not null,
  add column factor text not null,
  add column verified_at timestamptz not null,
  add column old_digest text unique,
  add column rotated_at timestamptz
--
create index ix_session_account_id on directory.session (account_id)
--
alter table directory.account add column reset_at timestamptz
--
create table directory.passkey (
  id uuid primary key,
  account_id uuid not null references directory.account,
  credential_id bytea not null unique,
  public_key bytea not null,
  sign_count bigint not null,
  name text not null,
  added_at timestamptz not null,
  signing_from timestamptz not null,
  used_at timestamptz
)
--
create index ix_passkey_account_id on directory.passkey (account_id)
--
create table directory.totp (
  account_id uuid primary key references directory.account,
  sealed_seed bytea not null,
  last_step bigint not null default 0,
  confirmed_at timestamptz,
  signing_from timestamptz
)
--
create table directory.recovery_code (
  account_id uuid not null references directory.account,
  code_digest text not null,
  primary key (account_id, code_digest)
)
--
-- A ticket is taken once: a challenge that waits for its answer, a password that waits for its code, a link for a new password.
create table directory.ticket (
  digest text primary key,
  purpose text not null,
  account_id uuid references directory.account,
  payload text not null,
  ends_at timestamptz not null
)
--
create index ix_ticket_ends_at on directory.ticket (ends_at)
--
grant select, insert, update, delete on directory.passkey, directory.totp, directory.recovery_code, directory.ticket to hocba_ctx
--
drop function directory.open_session(text, uuid, uuid, uuid, timestamptz)
--
drop function directory.find_session(text, interval)
--
create function directory.open_session(digest text, tenant uuid, staff uuid, seen_host text, seen_network text,
                                       seen_device text, proof text, at timestamptz, ends timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.session s where s.account_id = ctx.account() and s.ends_at < at;
  insert into directory.session (token_digest, account_id, tenant_id, staff_id, host, network, device, factor,
                                 verified_at, opened_at, seen_at, ends_at)
  select digest, p.account_id, p.tenant_id, p.staff_id, seen_host, seen_network, seen_device, proof, at, now(), now(), ends
  from directory.place p where p.account_id = ctx.account() and p.tenant_id = tenant and p.staff_id = staff
$$
--
-- A request that was on its way while the token changed is still let in for ten seconds, without what was proved.
create function directory.find_session(digest text, idle interval, asked_host text)
  returns table (tenant_id uuid, staff_id uuid, account_id uuid, session_id uuid, factor text, verified_at timestamptz)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.session s set seen_at = now()
  where s.token_digest = digest and s.host = asked_host
    and s.seen_at < now() - interval '1 minute' and s.seen_at > now() - idle;
  select s.tenant_id, s.staff_id, s.account_id, s.id, s.factor,
         case when s.token_digest = digest then s.verified_at else s.opened_at - interval '1 day' end
  from directory.session s
  where (s.token_digest = digest or (s.old_digest = digest and s.rotated_at > now() - interval '10 seconds'))
    and s.host = asked_host and s.ends_at > now() and s.seen_at > now() - idle
$$
--
-- The session goes on under a new token, and says what its holder has just proved.
create function directory.rotate_session(session uuid, digest text, proof text, at timestamptz) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.session s
  set old_digest = s.token_digest, rotated_at = now(), token_digest = digest, factor = proof, verified_at = at
  where s.id = session and s.account_id = ctx.account()
  returning true
$$
--
create function directory.sessions(idle interval)
  returns table (session_id uuid, opened_at timestamptz, seen_at timestamptz, network text, device text, factor text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select s.id, s.opened_at, s.seen_at, s.network, s.device, s.factor from directory.session s
  where s.account_id = ctx.account() and s.ends_at > now() and s.seen_at > now() - idle order by s.seen_at desc
$$
--
create function directory.end_session(session uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.session s where s.id = session and s.account_id = ctx.account() returning true
$$
--
-- All sessions of the account but one; all, where that one is null.
create function directory.end_sessions(but uuid) returns bigint
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with gone as (
    delete from directory.session s where s.account_id = ctx.account() and s.id is distinct from but returning 1)
  select count(*) from gone
$$
--
create function directory.login() returns table (login text, password_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.login, a.password_hash from directory.account a where a.id = ctx.account() and a.disabled_at is null
$$
--
create function directory.places() returns table (tenant_id uuid, staff_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.tenant_id, p.staff_id from directory.place p join directory.account a on a.id = p.account_id
  where p.account_id = ctx.account() and a.disabled_at is null order by p.tenant_id
$$
--
create function directory.set_password(hash text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.account a set password_hash = hash where a.id = ctx.account()
$$
--
create function directory.add_passkey(passkey uuid, credential bytea, key bytea, counter bigint, called text,
                                      at timestamptz, signs_from timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.passkey (id, account_id, credential_id, public_key, sign_count, name, added_at, signing_from)
  values (passkey, ctx.account(), credential, key, counter, called, at, signs_from)
$$
--
create function directory.passkeys()
  returns table (id uuid, credential_id bytea, name text, added_at timestamptz, signing_from timestamptz, used_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.credential_id, p.name, p.added_at, p.signing_from, p.used_at
  from directory.passkey p where p.account_id = ctx.account() order by p.added_at, p.id
$$
--
-- Whose a passkey is, before anybody is known: a browser that signs in with one names nothing else.
create function directory.find_passkey(credential bytea)
  returns table (id uuid, account_id uuid, public_key bytea, sign_count bigint, signing_from timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.id, p.account_id, p.public_key, p.sign_count, p.signing_from
  from directory.passkey p join directory.account a on a.id = p.account_id
  where p.credential_id = credential and a.disabled_at is null
$$
--
-- A counter that does not grow is a copied key; keys that do not count stay at nought.
create function directory.use_passkey(passkey uuid, counter bigint, at timestamptz) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.passkey p set sign_count = counter, used_at = at
  where p.id = passkey and p.account_id = ctx.account()
    and (p.sign_count < counter or (p.sign_count = 0 and counter = 0))
  returning true
$$
--
create function directory.remove_passkey(passkey uuid) returns text
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.passkey p where p.id = passkey and p.account_id = ctx.account() returning p.name
$$
--
-- A seed that waits for its first code; one that is in use stays.
create function directory.put_totp(sealed bytea) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.totp as t (account_id, sealed_seed) values (ctx.account(), sealed)
  on conflict (account_id) do update set sealed_seed = excluded.sealed_seed where t.confirmed_at is null
  returning true
$$
--
create function directory.totp()
  returns table (sealed_seed bytea, confirmed_at timestamptz, signing_from timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select t.sealed_seed, t.confirmed_at, t.signing_from from directory.totp t where t.account_id = ctx.account()
$$
--
create function directory.confirm_totp(step bigint, at timestamptz, signs_from timestamptz) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.totp t set confirmed_at = at, signing_from = signs_from, last_step = step
  where t.account_id = ctx.account() and t.confirmed_at is null
  returning true
$$
--
-- A code of a step is used once, and none of an earlier step after it. The seed is sealed anew with today's key.
create function directory.use_totp(step bigint, sealed bytea) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.totp t set last_step = step, sealed_seed = sealed
  where t.account_id = ctx.account() and t.confirmed_at is not null and t.last_step < step
  returning true
$$
--
create function directory.remove_totp() returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.totp t where t.account_id = ctx.account() returning true
$$
--
create function directory.set_recovery_codes(digests text[]) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.recovery_code c where c.account_id = ctx.account();
  insert into directory.recovery_code (account_id, code_digest) select ctx.account(), unnest(digests)
$$
--
create function directory.recovery_codes_left() returns bigint
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select count(*) from directory.recovery_code c where c.account_id = ctx.account()
$$
--
create function directory.use_recovery_code(digest text) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.recovery_code c where c.account_id = ctx.account() and c.code_digest = digest returning true
$$
--
-- A ticket of the account that the transaction speaks for, or of nobody.
create function directory.put_ticket(ticket text, wanted text, content text, ends timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.ticket t where t.ends_at < now();
  insert into directory.ticket (digest, purpose, account_id, payload, ends_at)
  values (ticket, wanted, ctx.account(), content, ends)
$$
--
create function directory.take_ticket(ticket text, wanted text, at timestamptz) returns table (account_id uuid, payload text)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.ticket t where t.digest = ticket and t.purpose = wanted and t.ends_at > at
  returning t.account_id, t.payload
$$
--
-- Whose account a person of the school in context has, where they work nowhere else: that school alone may reset it.
create function directory.account_of(staff uuid) returns table (account_id uuid, login text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.login from directory.place p join directory.account a on a.id = p.account_id
  where p.tenant_id = ctx.tenant() and p.staff_id = staff and a.disabled_at is null
    and not exists (select from directory.place o where o.account_id = a.id and o.tenant_id <> p.tenant_id)
$$
--
-- A new password in place of everything that was lost: other factors and all sessions end.
create function directory.reset_account(hash text, at timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.account a set password_hash = hash, reset_at = at where a.id = ctx.account();
  delete from directory.passkey p where p.account_id = ctx.account();
  delete from directory.totp t where t.account_id = ctx.account();
  delete from directory.recovery_code c where c.account_id = ctx.account();
  delete from directory.ticket t where t.account_id = ctx.account();
  delete from directory.session s where s.account_id = ctx.account()
$$
--
create function directory.last_reset() returns timestamptz
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.reset_at from directory.account a where a.id = ctx.account()
$$
--
-- What is new may be called by the application alone, and then goes to its owner.
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname in ('ctx', 'directory') and p.proowner <> 'hocba_ctx'::regrole loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
    execute format('alter function %s owner to hocba_ctx', f);
  end loop;
end $$
