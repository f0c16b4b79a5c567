-- Packages that one school offers to another: from whom, to whom, the digest of the bytes, what became of it. Nothing
-- about the pupil; why one is refused is a word of a closed list. Statements are separated by a line with two dashes alone.
create table directory.transfer_offer (
  transfer_id uuid primary key,
  from_tenant uuid not null references directory.tenant,
  to_tenant uuid not null references directory.tenant,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  state text not null default 'offered' check (state in ('offered', 'accepted', 'refused', 'withdrawn')),
  why text check (why in ('no_such_pupil', 'not_admitted', 'wrong_content')),
  offered_at timestamptz not null default now(),
  answered_at timestamptz,
  check (from_tenant <> to_tenant),
  check ((why is not null) = (state = 'refused'))
)
--
create index ix_transfer_offer_to on directory.transfer_offer (to_tenant, offered_at)
--
grant select, insert, update (state, why, answered_at) on directory.transfer_offer to hocba_ctx
--
set local role hocba_ctx
--
-- Which school the operator opened under a Ministry code: what a school says of itself is no address for a học bạ, nor
-- for its sender.
create function directory.receiver_of(code text) returns uuid
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.tenant_id from directory.school_application a join directory.tenant t on t.id = a.tenant_id
  where a.state = 'approved' and a.facts #>> '{school,code}' = code
    and a.tenant_id <> ctx.tenant()
    and exists (select from directory.school_application own where own.state = 'approved' and own.tenant_id = ctx.tenant())
$$
--
create function directory.offer_transfer(transfer uuid, code text, digest text) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.transfer_offer (transfer_id, from_tenant, to_tenant, sha256)
  select transfer, ctx.tenant(), to_tenant, digest
  from (select directory.receiver_of(code) as to_tenant) r where to_tenant is not null
  on conflict do nothing;
  select exists (select from directory.transfer_offer o
                 where o.transfer_id = transfer and o.from_tenant = ctx.tenant() and o.sha256 = digest)
$$
--
create function directory.answer_to_transfer(transfer uuid)
  returns table (state text, why text, answered_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.state, o.why, o.answered_at from directory.transfer_offer o
  where o.transfer_id = transfer and o.from_tenant = ctx.tenant()
$$
--
create function directory.withdraw_transfer(transfer uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with done as (
    update directory.transfer_offer o set state = 'withdrawn', answered_at = now()
    where o.transfer_id = transfer and o.from_tenant = ctx.tenant() and o.state = 'offered'
    returning 1
  ) select exists (select from done)
$$
--
create function directory.offers_here()
  returns table (transfer_id uuid, from_code text, from_name text, sha256 text, state text, why text,
                 offered_at timestamptz, answered_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select o.transfer_id, a.facts #>> '{school,code}', a.facts #>> '{school,name}', o.sha256, o.state, o.why,
         o.offered_at, o.answered_at
  from directory.transfer_offer o
  join directory.school_application a on a.tenant_id = o.from_tenant and a.state = 'approved'
  where o.to_tenant = ctx.tenant() and o.state <> 'withdrawn'
  order by o.offered_at desc, o.transfer_id
$$
--
create function directory.answer_transfer(transfer uuid, verdict text, reason text) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with done as (
    update directory.transfer_offer o set state = verdict, why = reason, answered_at = now()
    where o.transfer_id = transfer and o.to_tenant = ctx.tenant() and o.state = 'offered'
      and verdict in ('accepted', 'refused')
    returning 1
  ) select exists (select from done)
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('receiver_of', 'offer_transfer', 'answer_to_transfer',
             'withdraw_transfer', 'offers_here', 'answer_transfer') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
