-- Entries are digests. What waits carries the school's id, for its fence; what is in the log does not.
-- Statements are separated by a line with two dashes alone.
alter table work.log_entry enable row level security
--
alter table work.log_entry force row level security
--
create policy tenant on work.log_entry to hocba_app using (tenant_id = (select ctx.tenant()))
--
create policy dispatcher on work.log_entry to hocba_dispatcher using (true)
--
grant insert, select on work.log_entry to hocba_app
--
grant select, delete on work.log_entry to hocba_dispatcher
--
create table directory.log_entry (
  n bigint primary key check (n >= 0),
  entry bytea not null unique
)
--
create table directory.log_checkpoint (
  size bigint primary key check (size > 0),
  note text not null,
  verifier text not null,
  made_at timestamptz not null
)
--
grant select on directory.log_entry, directory.log_checkpoint to hocba_ctx
--
grant select, insert on directory.log_entry, directory.log_checkpoint to hocba_dispatcher
--
set local role hocba_ctx
--
create function directory.log_place(of_entry bytea) returns bigint
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select e.n from directory.log_entry e where e.entry = of_entry
$$
--
create function directory.newest_log_checkpoint() returns table (size bigint, note text, verifier text, made_at timestamptz)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select c.size, c.note, c.verifier, c.made_at from directory.log_checkpoint c order by c.size desc limit 1
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('log_place', 'newest_log_checkpoint') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
