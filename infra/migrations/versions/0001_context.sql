-- The signed tenant context (infra/decisions/0002). Statements are separated by a line with two dashes alone.
create schema ctx
--
create schema work
--
create schema directory
--
revoke all on schema public from public
--
grant usage on schema public to hocba_app
--
grant usage, create on schema ctx, directory to hocba_ctx
--
grant usage on schema ctx, directory to hocba_app
--
grant usage on schema work to hocba_app, hocba_dispatcher
--
-- HMAC-SHA-256 (RFC 2104) with its two padded keys prepared, because the embedded server has no pgcrypto.
create table ctx.key (inner_key bytea not null, outer_key bytea not null)
--
grant select on ctx.key to hocba_ctx
--
create function ctx.tenant() returns uuid language plpgsql stable security definer parallel restricted
  set search_path = pg_catalog, pg_temp as $$
declare
  context text := current_setting('app.ctx', true);
  part text[];
  expected text;
begin
  if coalesce(context, '') = '' then
    return null;  -- no context, no rows
  end if;
  part := string_to_array(context, '.');
  select encode(sha256(k.outer_key || sha256(k.inner_key || convert_to(part[1] || '.' || part[2] || '.' || part[3], 'UTF8'))), 'hex')
    into expected from ctx.key k;
  if array_length(part, 1) <> 4 or expected is null or part[4] <> expected
     or part[2]::int <> pg_backend_pid() or part[3]::bigint < extract(epoch from clock_timestamp()) then
    raise exception 'tenant context refused' using errcode = '42501';
  end if;
  return part[1]::uuid;
end $$
--
alter function ctx.tenant() owner to hocba_ctx
--
revoke all on function ctx.tenant() from public
--
grant execute on function ctx.tenant() to hocba_app, hocba_migrator
