-- One row for each probe of the object store. Statements are separated by a line with two dashes alone.
create table directory.store_probe (
  at timestamptz primary key,
  tried int not null,
  broken text[] not null
)
--
grant select, insert on directory.store_probe to hocba_dispatcher
--
grant select on directory.store_probe to hocba_ctx
--
create function directory.newest_store_probe() returns table (at timestamptz, tried int, broken text[])
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select p.at, p.tried, p.broken from directory.store_probe p order by p.at desc limit 1
$$
--
revoke all on function directory.newest_store_probe() from public
--
grant execute on function directory.newest_store_probe() to hocba_app
--
alter function directory.newest_store_probe() owner to hocba_ctx
