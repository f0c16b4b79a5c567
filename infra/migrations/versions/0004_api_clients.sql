-- Keys of other systems: looked up before a school is known, so in the directory, and only as digests.
create table directory.api_client (
  id uuid primary key,
  tenant_id uuid not null references directory.tenant,
  name text not null,
  secret_digest text,
  scopes text[] not null,
  ends_at timestamptz not null,
  seen_at timestamptz
)
--
create table directory.api_token (
  token_digest text primary key,
  client_id uuid not null references directory.api_client on delete cascade,
  scopes text[] not null,
  ends_at timestamptz not null
)
--
create index ix_api_token_client on directory.api_token (client_id)
--
grant select, insert, update, delete on directory.api_client, directory.api_token to hocba_ctx
--
create function directory.add_api_client(client uuid, client_name text, digest text, client_scopes text[], ends timestamptz)
  returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.api_client (id, tenant_id, name, secret_digest, scopes, ends_at)
  values (client, ctx.tenant(), client_name, digest, client_scopes, ends)
$$
--
create function directory.find_api_client(client uuid, digest text)
  returns table (tenant_id uuid, client_id uuid, name text, scopes text[])
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.tenant_id, c.id, c.name, c.scopes from directory.api_client c
  where c.id = client and c.secret_digest = digest and c.ends_at > now()
$$
--
create function directory.add_api_token(digest text, client uuid, token_scopes text[], ends timestamptz)
  returns void language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.api_token t using directory.api_client c
  where t.client_id = client and c.id = client and c.tenant_id = ctx.tenant() and t.ends_at < now();
  insert into directory.api_token (token_digest, client_id, scopes, ends_at)
  select digest, c.id, token_scopes, least(ends, c.ends_at) from directory.api_client c
  where c.id = client and c.tenant_id = ctx.tenant() and token_scopes <@ c.scopes
$$
--
create function directory.find_api_token(digest text)
  returns table (tenant_id uuid, client_id uuid, name text, scopes text[])
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.api_client c set seen_at = now() from directory.api_token t
  where t.token_digest = digest and t.client_id = c.id and t.ends_at > now()
    and (c.seen_at is null or c.seen_at < now() - interval '1 minute');
  select c.tenant_id, c.id, c.name, t.scopes from directory.api_token t join directory.api_client c on c.id = t.client_id
  where t.token_digest = digest and t.ends_at > now()
$$
--
create function directory.end_api_client(client uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.api_client c where c.id = client and c.tenant_id = ctx.tenant()
$$
--
create function directory.api_clients_seen() returns table (client_id uuid, seen_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.id, c.seen_at from directory.api_client c where c.tenant_id = ctx.tenant() and c.seen_at is not null
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname ~ 'api_(client|token)' loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
    execute format('alter function %s owner to hocba_ctx', f);
  end loop;
end $$
