-- Wrong secrets of a connection, counted here. Statements are separated by a line with two dashes alone.
alter table directory.api_client add column refused integer not null default 0
--
alter table directory.api_client add column refusal_told_at timestamptz
--
set local role hocba_ctx
--
-- One more wrong secret of the connection that the transaction speaks for: its id stands where else an account's does, so
-- an id that anybody knows tells nothing. A row comes back for the first of an hour: whose it is, and how many there
-- were since the last row. Beyond a thousand nothing is counted, and so nothing written, until the hour is over.
create function directory.note_refused_secret() returns table (tenant_id uuid, name text, refused integer)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  with one as (
    select c.id, c.refused + 1 as so_far,
           c.refusal_told_at is null or c.refusal_told_at < now() - interval '1 hour' as is_due
    from directory.api_client c
    where c.id = ctx.account() and c.secret_digest is not null and c.ends_at > now()
    for update
  ), counted as (
    update directory.api_client c
    set refused = case when one.is_due then 0 else one.so_far end,
        refusal_told_at = case when one.is_due then now() else c.refusal_told_at end
    from one
    where c.id = one.id and (one.is_due or one.so_far <= 1000)
    returning c.tenant_id, c.name, one.so_far, one.is_due
  )
  select counted.tenant_id, counted.name, counted.so_far from counted where counted.is_due
$$
--
revoke all on function directory.note_refused_secret() from public
--
grant execute on function directory.note_refused_secret() to hocba_app
--
reset role
