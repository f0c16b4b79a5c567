-- Tries of a login, counted here, and the news of an account. Statements are separated by a line with two dashes alone.
-- What was counted under digests without a key is found by nobody any more.
delete from directory.sign_in_tries
--
alter table directory.sign_in_tries add column told_at timestamptz
--
alter table directory.account add column deeds_seen_until timestamptz
--
set local role hocba_ctx
--
drop function directory.hold_tries(text)
--
drop function directory.put_tries(text, integer, timestamptz, integer, timestamptz, timestamptz)
--
-- One more try that is not known to be right. The tenth within a quarter of an hour locks: 5 minutes, then 15, 45, and an
-- hour at most, whoever calls this. While a lock lasts, `wrong` counts what was refused. `told` says, once a minute, that
-- a refused try is to be written down. One statement makes the row or holds it: between two, somebody who was right might
-- forget it.
create function directory.count_try(digest text)
  returns table (locked_until timestamptz, refused boolean, told boolean)
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.sign_in_tries t where t.subject_digest in (
    select o.subject_digest from directory.sign_in_tries o where o.ends_at < now() for update skip locked);
  insert into directory.sign_in_tries as t (subject_digest, wrong, since, locks, ends_at)
  values (digest, 1, now(), 0, now() + interval '1 day')
  on conflict (subject_digest) do update
  set (wrong, since, locks, locked_until, told_at, ends_at) = (
    select case step when 'first' then 1 when 'lock' then 0 else t.wrong + 1 end,
           case step when 'first' then now() when 'more' then t.since end,
           case step when 'lock' then t.locks + 1 else t.locks end,
           case step when 'lock' then now() + least(interval '5 minutes' * 3 ^ least(t.locks, 9), interval '1 hour')
                     when 'refused' then t.locked_until end,
           case when step = 'refused' and t.told_at > now() - interval '1 minute' then t.told_at
                when step = 'refused' then now() end,
           now() + interval '1 day'
    from (select case when t.locked_until > now() then 'refused'
                      when t.since is null or t.since < now() - interval '15 minutes' then 'first'
                      when t.wrong >= 9 then 'lock'
                      else 'more' end as step) as one)
  returning t.locked_until, t.locked_until is not null and t.wrong > 0, t.told_at is not null and t.told_at = now()
$$
--
-- Until when the person has seen what became of the account that the transaction speaks for.
create function directory.deeds_seen() returns timestamptz
  language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select a.deeds_seen_until from directory.account a where a.id = ctx.account()
$$
--
create function directory.see_deeds(until timestamptz) returns void
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  update directory.account a set deeds_seen_until = greatest(a.deeds_seen_until, until) where a.id = ctx.account()
$$
--
do $$
declare f regprocedure;
begin
  for f in select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
           where n.nspname = 'directory' and p.proname in ('count_try', 'deeds_seen', 'see_deeds') loop
    execute format('revoke all on function %s from public', f);
    execute format('grant execute on function %s to hocba_app', f);
  end loop;
end $$
--
reset role
