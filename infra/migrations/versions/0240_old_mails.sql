-- What came of an e-mail is asked for some months, not for ever. Statements are separated by a line with two dashes alone.
grant select, delete on notice_mail to hocba_ctx
--
set local role hocba_ctx
--
-- As before, and e-mails of long ago.
create or replace function directory.purge_school(what text, before timestamptz, most int, out gone bigint, out files text[])
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
    when 'import_change' then
      with went as (
        delete from public.import_change where tenant_id = school and id in (
          select c.id from public.import_change c where c.tenant_id = school and c.taken_at < before limit most)
        returning 1)
      select count(*) into gone from went;
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
    when 'notice_mail' then
      with went as (
        delete from public.notice_mail where tenant_id = school and id in (
          select m.id from public.notice_mail m where m.tenant_id = school and m.created_at < before limit most)
        returning 1)
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
reset role
