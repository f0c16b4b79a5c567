-- What has been kept long enough (backend/core/retention.py). How long is said in the code; what is younger than the
-- months below does not go, whoever asks. Statements are separated by a line with two dashes alone.
grant select, delete on import_run, invitation, data_request, school_export, stored_object to hocba_ctx
--
grant delete on directory.school_application to hocba_ctx
--
set local role hocba_ctx
--
-- What lies before the fence; counted for the operator.
create function directory.purge(what text, before timestamptz, most int) returns int
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  months constant int := case what when 'school_application' then 24 else 1 end;
  gone int;
begin
  if before > now() - make_interval(months => months) then
    raise exception 'too young to be purged: %', what using errcode = '42501';
  end if;
  case what
    when 'session' then
      delete from directory.session where id in (
        select s.id from directory.session s where s.ends_at < before limit most);
    when 'sign_in_tries' then
      delete from directory.sign_in_tries where subject_digest in (
        select t.subject_digest from directory.sign_in_tries t where t.ends_at < before limit most);
    when 'ticket' then
      delete from directory.ticket where digest in (
        select t.digest from directory.ticket t where t.ends_at < before limit most);
    when 'api_token' then
      delete from directory.api_token where token_digest in (
        select t.token_digest from directory.api_token t where t.ends_at < before limit most);
    when 'school_application' then
      delete from directory.school_application where id in (
        select a.id from directory.school_application a where a.decided_at < before limit most);
  end case;
  get diagnostics gone = row_count;
  if gone > 0 then
    insert into directory.platform_event (operator, action, details)
    values ('hocba dispatch', 'retention.purge', jsonb_build_object('what', what, 'count', gone));
  end if;
  return gone;
end $$
--
-- What the school of the transaction has: how many rows went, and the files that nothing names any more. Only kinds of
-- files of imports and exports go; what transcripts, signatures and deliveries are made of has others.
create function directory.purge_school(what text, before timestamptz, most int, out gone bigint, out files text[])
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  school constant uuid := ctx.tenant();
  months constant int := case what when 'school_export' then 1 when 'data_request' then 60 else 24 end;
  named text[];
begin
  if before > now() - make_interval(months => months) then
    raise exception 'too young to be purged: %', what using errcode = '42501';
  end if;
  case what
    when 'import_run' then
      with went as (
        delete from public.import_run where tenant_id = school and id in (
          select r.id from public.import_run r where r.tenant_id = school and r.uploaded_at < before limit most)
        returning file_sha256, parsed_sha256)
      select count(*), array_agg(file_sha256) || array_agg(parsed_sha256) into gone, named from went;
    when 'school_export' then
      with went as (
        delete from public.school_export where tenant_id = school and id in (
          select e.id from public.school_export e where e.tenant_id = school and e.asked_at < before
            -- One that is being packed may come upon an archive of the same bytes.
            and not exists (select from public.school_export r where r.tenant_id = school and r.state = 'running')
          limit most)
        returning id, parts)
      select count(distinct went.id), array_agg(part ->> 'sha256') into gone, named
      from went left join lateral jsonb_array_elements(went.parts) part on true;
    when 'data_request' then
      with went as (
        delete from public.data_request where tenant_id = school and id in (
          select d.id from public.data_request d where d.tenant_id = school and d.closed_at < before limit most)
        returning 1)
      select count(*) into gone from went;
    when 'invitation' then
      with went as (
        delete from public.invitation where tenant_id = school and id in (
          select i.id from public.invitation i where i.tenant_id = school and i.expires_at < before limit most)
        returning id),
      links as (
        delete from directory.invitation l using went where l.tenant_id = school and l.invitation_id = went.id)
      select count(*) into gone from went;
  end case;
  with forgotten as (
    delete from public.stored_object o where o.tenant_id = school and o.sha256 = any (named)
      and o.content_type in ('application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', 'application/json',
                             'application/zip')
      and not exists (select from public.import_run r
                      where r.tenant_id = school and o.sha256 in (r.file_sha256, r.parsed_sha256))
      and not exists (select from public.school_export e, jsonb_array_elements(e.parts) part
                      where e.tenant_id = school and part ->> 'sha256' = o.sha256)
    returning o.sha256)
  select coalesce(array_agg(sha256), '{}') into files from forgotten;
end $$
--
revoke all on function directory.purge(text, timestamptz, int), directory.purge_school(text, timestamptz, int)
  from public
--
grant execute on function directory.purge(text, timestamptz, int), directory.purge_school(text, timestamptz, int)
  to hocba_app
--
reset role
