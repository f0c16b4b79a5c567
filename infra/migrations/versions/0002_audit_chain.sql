-- Each school's events form a chain (infra/decisions/0016). They are written outside of it, in the transaction of the
-- deed, by a role that cannot name the columns of the chain; the function below joins them on, each once, without a gap.
create table directory.audit_head (
  tenant_id uuid primary key references directory.tenant,
  n bigint not null,
  hash text not null,
  settled_at timestamptz
)
--
create table directory.audit_checkpoint (
  number bigint primary key,
  made_at timestamptz not null,
  document_sha256 text not null,
  token_sha256 text not null
)
--
grant select, insert, update on directory.audit_head to hocba_ctx
--
grant select on directory.audit_checkpoint to hocba_ctx
--
grant select on directory.audit_head to hocba_dispatcher
--
grant select, insert on directory.audit_checkpoint to hocba_dispatcher
--
revoke insert on audit_event from hocba_app
--
grant insert (tenant_id, id, at, actor_id, actor_name, action, subject_id, subject_label, about, outcome, details)
  on audit_event to hocba_app
--
grant usage on schema public to hocba_ctx
--
grant select, update (n, prev_hash, hash, settled_at) on audit_event to hocba_ctx
--
-- The whole of an event as one text: each part with its length in bytes, so that no two events have the same text.
-- `settled_at` is when no event of the school was left outside the chain: who was not there then is younger.
create function directory.chain_audit(most int) returns int language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  utc constant text := 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"';
  school uuid := ctx.tenant();
  head directory.audit_head;
  event public.audit_event;
  previous text;
  done int := 0;
begin
  insert into directory.audit_head (tenant_id, n, hash) values (school, 0, repeat('0', 64)) on conflict do nothing;
  select h.* into head from directory.audit_head h where h.tenant_id = school for update;
  for event in
    select e.* from public.audit_event e where e.tenant_id = school and e.n is null order by e.at, e.id limit most
  loop
    done := done + 1;
    head.n := head.n + 1;
    previous := head.hash;
    select encode(sha256(convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-'), ',' order by place), 'UTF8')), 'hex')
      into head.hash
      from unnest(array[
        'hocba audit 1', school::text, head.n::text, previous, to_char(head.settled_at at time zone 'UTC', utc),
        event.id::text, to_char(event.at at time zone 'UTC', utc), event.actor_id::text, event.actor_name, event.action,
        event.subject_id::text, event.subject_label, array_to_string(event.about, ' '), event.outcome, event.details::text
      ]) with ordinality as parts (part, place);
    update public.audit_event e
      set n = head.n, prev_hash = previous, hash = head.hash, settled_at = head.settled_at
      where e.tenant_id = school and e.id = event.id;
  end loop;
  if done < most and (done > 0 or head.settled_at is null or head.settled_at < now() - interval '10 minutes') then
    head.settled_at := now();
  elsif done = 0 then
    return 0;
  end if;
  update directory.audit_head h set n = head.n, hash = head.hash, settled_at = head.settled_at where h.tenant_id = school;
  return done;
end $$
--
-- The newest checkpoint with the SHA-256 of its document. While there is none: number 0, made when the first school came.
create function directory.newest_checkpoint() returns table (number bigint, made_at timestamptz, document_sha256 text)
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(c.number, 0), coalesce(c.made_at, t.opened_at), coalesce(c.document_sha256, '')
  from (select min(opened_at) as opened_at from directory.tenant) t
    left join (select * from directory.audit_checkpoint order by number desc limit 1) c on true
$$
--
revoke all on function directory.chain_audit(int), directory.newest_checkpoint() from public
--
grant execute on function directory.chain_audit(int), directory.newest_checkpoint() to hocba_app
--
alter function directory.chain_audit(int) owner to hocba_ctx
--
alter function directory.newest_checkpoint() owner to hocba_ctx
--
-- Whoever checks reads the events of all schools, their heads and the checkpoints, and writes nothing.
grant usage on schema public, directory, ctx to hocba_auditor
--
grant execute on function ctx.tenant() to hocba_auditor
--
grant select on audit_event, directory.audit_head, directory.audit_checkpoint to hocba_auditor
--
create policy auditor on audit_event for select to hocba_auditor using (true)
