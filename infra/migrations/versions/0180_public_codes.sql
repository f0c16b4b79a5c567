-- Statements are separated by a line with two dashes alone.
set local role hocba_ctx
--
-- By the code alone, as the QR has it: one question, and the same answer for a code that nobody has and for one of which
-- every version was recalled.
create or replace function directory.find_code(digest text) returns table (tenant_id uuid, transcript_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.tenant_id, c.transcript_id from directory.lookup_code c where c.code_digest = digest and c.shown
$$
--
-- For whoever holds the document itself: the file, or the page with the date of birth that stands on it.
create function directory.find_held_code(digest text) returns table (tenant_id uuid, transcript_id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.tenant_id, c.transcript_id from directory.lookup_code c where c.code_digest = digest
$$
--
create or replace function directory.publish_code(digest text, transcript uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.lookup_code (code_digest, tenant_id, transcript_id)
  values (digest, ctx.tenant(), transcript)
  on conflict (code_digest) do update set shown = true
    where lookup_code.tenant_id = ctx.tenant() and lookup_code.transcript_id = transcript
$$
--
create function directory.hide_code(transcript uuid) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.lookup_code c set shown = false
  where c.tenant_id = ctx.tenant() and c.transcript_id = transcript
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('find_held_code', 'hide_code') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
--
-- The owner of the tables sees the versions of all schools for as long as this statement takes.
alter table transcript_version no force row level security
--
update directory.lookup_code c set shown = false
where not exists (select from transcript_version v where v.tenant_id = c.tenant_id and v.transcript_id = c.transcript_id
                  and v.issued_at is not null and v.state not in ('cancelled', 'recalled', 'replaced'))
--
alter table transcript_version force row level security
