-- Statements are separated by a line with two dashes alone.
create function directory.begin_restoring(operator text, written boolean) returns setof uuid
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  insert into directory.platform_event (operator, action, details)
  values (operator, 'restoring.forward', jsonb_build_object('written', written));
  select t.id from directory.tenant t order by t.id
$$
--
revoke all on function directory.begin_restoring(text, boolean) from public
--
grant execute on function directory.begin_restoring(text, boolean) to hocba_operator
--
alter function directory.begin_restoring(text, boolean) owner to hocba_ctx
