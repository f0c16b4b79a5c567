-- Invitations before the school is known, and places that were put aside when a person left.
create table directory.invitation (
  token_digest text primary key,
  tenant_id uuid not null references directory.tenant,
  invitation_id uuid not null
)
--
create table directory.former_place (
  account_id uuid not null references directory.account,
  tenant_id uuid not null references directory.tenant,
  staff_id uuid not null,
  primary key (account_id, tenant_id)
)
--
grant select, insert, update, delete on directory.invitation, directory.former_place to hocba_ctx
--
set local role hocba_ctx
--
create function directory.publish_invitation(digest text, invitation uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.invitation (token_digest, tenant_id, invitation_id) values (digest, ctx.tenant(), invitation)
$$
--
create function directory.find_invitation(digest text) returns table (tenant_id uuid, invitation_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select i.tenant_id, i.invitation_id from directory.invitation i where i.token_digest = digest
$$
--
create function directory.find_login(account_login text) returns table (account_id uuid, password_hash text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.id, a.password_hash from directory.account a where a.login = account_login and a.disabled_at is null
$$
--
create function directory.join_school(account uuid, staff uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.former_place f where f.account_id = account and f.tenant_id = ctx.tenant();
  with joined as (
    insert into directory.place (account_id, tenant_id, staff_id) values (account, ctx.tenant(), staff)
    on conflict do nothing returning 1
  ) select exists (select from joined)
$$
--
create function directory.close_place(staff uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.session s where s.tenant_id = ctx.tenant() and s.staff_id = staff;
  with closed as (
    delete from directory.place p where p.tenant_id = ctx.tenant() and p.staff_id = staff returning p.*
  ) insert into directory.former_place select account_id, tenant_id, staff_id from closed
    on conflict (account_id, tenant_id) do update set staff_id = excluded.staff_id
$$
--
create function directory.reopen_place(staff uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with opened as (
    delete from directory.former_place f where f.tenant_id = ctx.tenant() and f.staff_id = staff returning f.*
  ) insert into directory.place select account_id, tenant_id, staff_id from opened on conflict do nothing
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('publish_invitation', 'find_invitation', 'find_login',
             'join_school', 'close_place', 'reopen_place') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
