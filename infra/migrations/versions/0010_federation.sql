-- Accounts elsewhere that open an account here. Statements are separated by a line with two dashes alone.
create table directory.identity (
  id uuid primary key,
  account_id uuid not null references directory.account,
  issuer text not null,
  subject text not null,
  label text not null,
  linked_at timestamptz not null,
  unique (issuer, subject)
)
--
create index ix_identity_account_id on directory.identity (account_id)
--
-- Which school has made a provider known: all that a browser names before anybody is signed in.
create table directory.provider (
  id uuid primary key,
  tenant_id uuid not null references directory.tenant
)
--
grant select, insert, update, delete on directory.identity, directory.provider to hocba_ctx
--
create function directory.publish_provider(provider uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.provider (id, tenant_id) values (provider, ctx.tenant())
$$
--
create function directory.withdraw_provider(provider uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.provider p where p.id = provider and p.tenant_id = ctx.tenant()
$$
--
create function directory.find_provider(provider uuid) returns table (tenant_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.tenant_id from directory.provider p where p.id = provider
$$
--
-- By issuer and subject, never by address: an address may be given to somebody else.
create function directory.find_identity(of_issuer text, of_subject text) returns table (account_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.account_id from directory.identity i join directory.account a on a.id = i.account_id
  where i.issuer = of_issuer and i.subject = of_subject and a.disabled_at is null
$$
--
create function directory.link_identity(identity uuid, of_issuer text, of_subject text, called text, at timestamptz)
  returns boolean language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.identity (id, account_id, issuer, subject, label, linked_at)
  values (identity, ctx.account(), of_issuer, of_subject, called, at)
  on conflict (issuer, subject) do nothing
  returning true
$$
--
create function directory.identities() returns table (id uuid, issuer text, label text, linked_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.id, i.issuer, i.label, i.linked_at from directory.identity i
  where i.account_id = ctx.account() order by i.linked_at, i.id
$$
--
create function directory.unlink_identity(identity uuid) returns text
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.identity i where i.id = identity and i.account_id = ctx.account() returning i.label
$$
--
-- What is new may be called by the application alone, and then goes to its owner.
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proowner <> 'hocba_ctx'::regrole loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
    execute format('alter function %s owner to hocba_ctx', f);
  end loop;
end $$
