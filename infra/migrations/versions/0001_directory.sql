-- What must be known before a school is known: which schools there are, who signs in where, whose a lookup code is.
-- The application may not read these tables; it calls the functions below, each of which answers about one key.
create table directory.tenant (
  id uuid primary key,
  opened_at timestamptz not null default now()
)
--
create table directory.account (
  id uuid primary key,
  login text not null unique check (login = lower(login)),
  password_hash text not null,
  disabled_at timestamptz
)
--
create table directory.place (
  account_id uuid not null references directory.account,
  tenant_id uuid not null references directory.tenant,
  staff_id uuid not null,
  primary key (account_id, tenant_id)
)
--
create table directory.session (
  token_digest text primary key,
  account_id uuid not null references directory.account,
  tenant_id uuid not null references directory.tenant,
  staff_id uuid not null,
  opened_at timestamptz not null,
  seen_at timestamptz not null,
  ends_at timestamptz not null
)
--
create table directory.lookup_code (
  code_digest text primary key,
  tenant_id uuid not null references directory.tenant,
  transcript_id uuid not null
)
--
grant select, insert, update, delete on all tables in schema directory to hocba_ctx
--
grant select (id) on directory.tenant to hocba_dispatcher
--
grant usage on schema directory to hocba_dispatcher
--
create function directory.open_tenant() returns void language sql security definer
  set search_path = pg_catalog, pg_temp as $$
  insert into directory.tenant (id) values (ctx.tenant()) on conflict do nothing
$$
--
create function directory.create_account(account uuid, account_login text, hash text, staff uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.account (id, login, password_hash) values (account, account_login, hash);
  insert into directory.place (account_id, tenant_id, staff_id) values (account, ctx.tenant(), staff)
$$
--
create function directory.find_account(account_login text)
  returns table (account_id uuid, password_hash text, tenant_id uuid, staff_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.password_hash, p.tenant_id, p.staff_id
  from directory.account a join directory.place p on p.account_id = a.id
  where a.login = account_login and a.disabled_at is null
  order by p.tenant_id
$$
--
create function directory.open_session(digest text, account uuid, tenant uuid, staff uuid, ends timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.session (token_digest, account_id, tenant_id, staff_id, opened_at, seen_at, ends_at)
  select digest, p.account_id, p.tenant_id, p.staff_id, now(), now(), ends
  from directory.place p where p.account_id = account and p.tenant_id = tenant and p.staff_id = staff
$$
--
create function directory.find_session(digest text, idle interval)
  returns table (tenant_id uuid, staff_id uuid) language sql security definer
  set search_path = pg_catalog, pg_temp as $$
  update directory.session s set seen_at = now()
  where s.token_digest = digest and s.seen_at < now() - interval '1 minute' and s.seen_at > now() - idle;
  select s.tenant_id, s.staff_id from directory.session s
  where s.token_digest = digest and s.ends_at > now() and s.seen_at > now() - idle
$$
--
create function directory.close_session(digest text) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.session where token_digest = digest
$$
--
create function directory.publish_code(digest text, transcript uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.lookup_code (code_digest, tenant_id, transcript_id)
  values (digest, ctx.tenant(), transcript) on conflict do nothing
$$
--
create function directory.find_code(digest text) returns table (tenant_id uuid, transcript_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.tenant_id, c.transcript_id from directory.lookup_code c where c.code_digest = digest
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'directory' loop
    execute format('alter function %s owner to hocba_ctx', f);
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
