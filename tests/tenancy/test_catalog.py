"""What PostgreSQL itself says about the fences: questions to its catalog that must find nothing, and planted gaps."""

from typing import Any

import pytest

from tests.tenancy.rows import TABLES, named

#: Functions that act above one school. Each is a hole in the fence, so each is here by name.
DEFINERS = {
    "directory.account_to_reset(text, text)",
    "ctx.tenant()",
    "ctx.account()",
    "directory.open_tenant()",
    "directory.set_idle(integer)",
    "directory.create_account(uuid, text, text, uuid)",
    "directory.count_try(text)",
    "directory.deeds_seen()",
    "directory.see_deeds(timestamp with time zone)",
    "directory.forget_tries(text)",
    "directory.account_of(uuid)",
    "directory.login()",
    "directory.places()",
    "directory.set_password(text)",
    "directory.reset_account(text, timestamp with time zone)",
    "directory.last_reset()",
    "directory.open_session(text, uuid, uuid, text, text, text, text, timestamp with time zone, "
    "timestamp with time zone)",
    "directory.find_session(text, interval, text)",
    "directory.rotate_session(uuid, text, text, text, timestamp with time zone)",
    "directory.close_session(text)",
    "directory.sessions(interval)",
    "directory.end_session(uuid)",
    "directory.end_sessions(uuid)",
    "directory.add_passkey(uuid, bytea, bytea, bigint, text, timestamp with time zone, timestamp with time zone)",
    "directory.passkeys()",
    "directory.find_passkey(bytea)",
    "directory.use_passkey(uuid, bigint, timestamp with time zone)",
    "directory.remove_passkey(uuid)",
    "directory.put_totp(bytea)",
    "directory.totp()",
    "directory.confirm_totp(bigint, timestamp with time zone, timestamp with time zone)",
    "directory.use_totp(bigint, bytea)",
    "directory.remove_totp()",
    "directory.set_recovery_codes(text[])",
    "directory.recovery_codes_left()",
    "directory.use_recovery_code(text, timestamp with time zone)",
    "directory.put_ticket(text, text, text, timestamp with time zone)",
    "directory.take_ticket(text, text, timestamp with time zone)",
    "directory.publish_provider(uuid)",
    "directory.withdraw_provider(uuid)",
    "directory.find_provider(uuid)",
    "directory.find_identity(text, text)",
    "directory.link_identity(uuid, text, text, text, timestamp with time zone)",
    "directory.identities()",
    "directory.unlink_identity(uuid)",
    "directory.publish_code(text, uuid)",
    "directory.find_code(text)",
    "directory.find_held_code(text)",
    "directory.hide_code(uuid)",
    "directory.publish_address(text, text, uuid)",
    "directory.publish_binding(text, text)",
    "directory.bound_profiles(text)",
    "directory.find_address(text, text)",
    "directory.receiver_of(text)",
    "directory.offer_transfer(uuid, text, text)",
    "directory.answer_to_transfer(uuid)",
    "directory.withdraw_transfer(uuid)",
    "directory.offers_here()",
    "directory.answer_transfer(uuid, text, text)",
    "directory.file_application(uuid, text)",
    "directory.applications(text, text)",
    "directory.application(text, uuid)",
    "directory.decide_application(text, uuid, text, text, uuid)",
    "directory.move_session(uuid, text, text, uuid)",
    "directory.publish_invitation(text, uuid)",
    "directory.find_invitation(text)",
    "directory.find_login(text)",
    "directory.join_school(uuid, uuid)",
    "directory.close_place(uuid)",
    "directory.reopen_place(uuid)",
    "directory.add_api_client(uuid, text, text, text[], timestamp with time zone)",
    "directory.find_api_client(uuid, text)",
    "directory.add_api_token(text, uuid, text[], timestamp with time zone)",
    "directory.find_api_token(text)",
    "directory.end_api_client(uuid)",
    "directory.note_refused_secret()",
    "directory.api_clients_seen()",
    "directory.chain_audit(integer)",
    "directory.newest_checkpoint()",
    "directory.newest_store_probe()",
    "directory.log_place(bytea)",
    "directory.newest_log_checkpoint()",
    "directory.begin_restoring(text, boolean)",
    "directory.take_away_pupils(uuid[], uuid[])",
    "directory.purge(text, timestamp with time zone, integer)",
    "directory.purge_school(text, timestamp with time zone, integer)",
}
#: Every role of the cluster beside those that PostgreSQL brings. One that is new is asked about here first.
ROLES = {
    "postgres",
    "hocba_migrator",
    "hocba_app",
    "hocba_dispatcher",
    "hocba_ctx",
    "hocba_auditor",
    "hocba_operator",
}
#: What the operator of the platform may do, who sees no table of any school.
OF_THE_OPERATOR = {
    "directory.bound_profiles(text)",
    "directory.begin_restoring(text, boolean)",
    "directory.account_to_reset(text, text)",
    "directory.applications(text, text)",
    "directory.application(text, uuid)",
    "directory.decide_application(text, uuid, text, text, uuid)",
}
#: Roles that processes of the product sign in as: neither the owner of the schema nor whoever runs the server.
_SERVANTS = (
    "select oid, rolname from pg_roles where rolcanlogin and not rolsuper and rolname <> 'hocba_migrator'"
)
#: Schemas of the product.
_OURS = "n.nspname in ('public', 'work', 'ctx', 'directory')"
_TENANT_TABLES = """
    select c.oid, n.nspname || '.' || c.relname as name, c.relrowsecurity, c.relforcerowsecurity
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and n.nspname in ('public', 'work')
      and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id')
"""
_TENANT_COLUMN = "(select a.attnum from pg_attribute a where a.attrelid = {} and a.attname = 'tenant_id')"

#: Each question lists what is wrong.
LINTS = {
    "tables without a forced fence": f"""
        select name from ({_TENANT_TABLES}) t where not (relrowsecurity and relforcerowsecurity)""",
    "tables of the product without a tenant": f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and n.nspname in ('public', 'work') and c.relname <> 'alembic_version'
          and c.oid not in (select oid from ({_TENANT_TABLES}) t)""",
    "policies that are not the tenant's": """
        select p.schemaname || '.' || p.tablename || ' ' || p.policyname from pg_policies p
        where not (p.policyname = 'tenant' and p.permissive = 'PERMISSIVE' and p.cmd = 'ALL' and p.with_check is null
                   and p.qual = '(tenant_id = ( SELECT ctx.tenant() AS tenant))'
                   and p.roles = case p.schemaname when 'work' then '{hocba_app}' else '{public}' end::name[])
          and not (p.policyname = 'dispatcher' and p.schemaname = 'work' and p.roles = '{hocba_dispatcher}')
          and not (p.policyname = 'auditor' and p.tablename = 'audit_event' and p.cmd = 'SELECT'
                   and p.roles = '{hocba_auditor}')""",
    "tables without the tenant's policy": f"""
        select name from ({_TENANT_TABLES}) t
        where not exists (select from pg_policy p where p.polrelid = t.oid and p.polname = 'tenant')""",
    "unique keys that do not begin with the tenant": f"""
        select i.indexrelid::regclass::text from pg_index i join ({_TENANT_TABLES}) t on t.oid = i.indrelid
        where (i.indisunique or i.indisprimary) and i.indkey[0] <> {_TENANT_COLUMN.format("i.indrelid")}""",
    "tables without a primary key": f"""
        select name from ({_TENANT_TABLES}) t
        where not exists (select from pg_index i where i.indrelid = t.oid and i.indisprimary)""",
    "references that may cross schools": f"""
        select k.conname from pg_constraint k join ({_TENANT_TABLES}) t on t.oid = k.conrelid
        where k.contype = 'f' and not (k.conkey[1] = {_TENANT_COLUMN.format("k.conrelid")}
          and k.confkey[1] = coalesce({_TENANT_COLUMN.format("k.confrelid")}, -1::int2) and cardinality(k.conkey) = 2)""",
    "exclusion constraints and foreign tables": """
        select conname::text from pg_constraint where contype = 'x'
        union all select relname::text from pg_class where relkind = 'f'""",
    "tenant columns that may be empty": f"""
        select name from ({_TENANT_TABLES}) t join pg_attribute a on a.attrelid = t.oid and a.attname = 'tenant_id'
        where not a.attnotnull""",
    "views and materialized views": f"""
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind in ('v', 'm')""",
    "partitions and inheritance": f"""
        select inhrelid::regclass::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS} and c.relkind in ('r', 'p')""",
    "sequences, which count": f"""
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind = 'S'""",
    "triggers and rules of our own": f"""
        select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
        join pg_namespace n on n.oid = c.relnamespace where {_OURS} and not t.tgisinternal
        union all select r.rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class
        join pg_namespace n on n.oid = c.relnamespace where {_OURS} and c.relkind in ('r', 'p')""",
    "functions with a search path that others choose": f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {_OURS} and p.prosecdef
          and coalesce(array_to_string(p.proconfig, ','), '') <> 'search_path=pg_catalog, pg_temp'""",
    "functions above the schools with a powerful owner": f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {_OURS} and p.prosecdef and p.proowner <> 'hocba_ctx'::regrole""",
    "functions that everybody may call": f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {_OURS} and exists (
          select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)""",
    "roles that see more than their schools": """
        select rolname from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres'
          and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)""",
    "what a process of the product owns": f"""
        select c.relname from pg_class c join ({_SERVANTS}) s on s.oid = c.relowner
        where c.relnamespace::regnamespace::text !~ '^pg_(temp|toast)'
        union all select p.proname from pg_proc p join ({_SERVANTS}) s on s.oid = p.proowner
        where p.pronamespace::regnamespace::text !~ '^pg_temp'
        union all select n.nspname from pg_namespace n join ({_SERVANTS}) s on s.oid = n.nspowner
        where n.nspname !~ '^pg_(temp|toast)'""",
    "roles that a process of the product may become": f"""
        select s.rolname || ' → ' || r.rolname from pg_roles r, ({_SERVANTS}) s
        where r.oid <> s.oid and (pg_has_role(s.oid, r.oid, 'member') or pg_has_role(s.oid, r.oid, 'set'))""",
    "settings that a role or database brings along": """
        select coalesce(r.rolname, d.datname) || ' ' || array_to_string(s.setconfig, ', ') from pg_db_role_setting s
        left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
        where coalesce(d.datname, current_database()) = current_database()""",
    "rights that what is new would have by itself": "select defaclobjtype::text from pg_default_acl",
    "ways out of the database": """
        select pubname::text from pg_publication union all select evtname::text from pg_event_trigger
        union all select srvname::text from pg_foreign_server union all select oid::text from pg_largeobject_metadata
        union all select extname::text from pg_extension where extname <> 'plpgsql'
        union all select lanname::text from pg_language where not lanpltrusted and lanname not in ('internal', 'c')""",
    "evidence that the application may change": """
        select t || ' ' || r from
          unnest(array['audit_event', 'stored_object', 'work.outbox_event', 'student_change', 'past_duty']) t,
          unnest(array['update', 'delete']) r
        where has_table_privilege('hocba_app', t, r) or r = 'update' and has_any_column_privilege('hocba_app', t, r)""",
    "tables that the application may read without a fence": f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind in ('r', 'p') and c.oid not in (select oid from ({_TENANT_TABLES}) t)
          and (has_table_privilege('hocba_app', c.oid, 'select, insert, update, delete, truncate, references, trigger')
               or has_any_column_privilege('hocba_app', c.oid, 'select, insert, update, references'))""",
    "rights of the application beyond its work": f"""
        select name from ({_TENANT_TABLES}) t
        where has_table_privilege('hocba_app', t.oid, 'truncate, references, trigger')""",
    "tables that the dispatcher may touch beyond its work": f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind in ('r', 'p') and n.nspname <> 'work'
          and (has_table_privilege('hocba_dispatcher', c.oid, 'update, delete, truncate')
               or c.relname not in ('audit_checkpoint', 'store_probe', 'log_entry', 'log_checkpoint')
                  and has_any_column_privilege('hocba_dispatcher', c.oid, 'insert')
               or has_any_column_privilege('hocba_dispatcher', c.oid, 'update')
               or exists (select from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                          and has_column_privilege('hocba_dispatcher', c.oid, a.attnum, 'select')
                          and (c.oid, a.attname) <> ('directory.tenant'::regclass, 'id')
                          and c.relname not in ('audit_head', 'audit_checkpoint', 'store_probe', 'log_entry',
                                               'log_checkpoint')))""",
    "tables that the auditor may read beyond the audit, or write": f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind in ('r', 'p')
          and (has_table_privilege('hocba_auditor', c.oid, 'insert, update, delete, truncate, references, trigger')
               or has_any_column_privilege('hocba_auditor', c.oid, 'insert, update')
               or c.relname not in ('audit_event', 'audit_head', 'audit_checkpoint')
                  and has_any_column_privilege('hocba_auditor', c.oid, 'select'))""",
    "tables that the operator may touch": f"""
        select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and c.relkind in ('r', 'p')
          and (has_table_privilege('hocba_operator', c.oid,
                                   'select, insert, update, delete, truncate, references, trigger')
               or has_any_column_privilege('hocba_operator', c.oid, 'select, insert, update, references'))""",
    "schemas in which a process of the product may create": f"""
        select n.nspname || ' ' || s.rolname from pg_namespace n, ({_SERVANTS}) s
        where {_OURS} and has_schema_privilege(s.oid, n.oid, 'create')""",
    "functions above the schools that the dispatcher may call": f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {_OURS} and p.prosecdef and has_function_privilege('hocba_dispatcher', p.oid, 'execute')""",
    "functions above the schools that the auditor may call": f"""
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where {_OURS} and p.prosecdef and p.oid <> 'ctx.tenant()'::regprocedure
          and has_function_privilege('hocba_auditor', p.oid, 'execute')""",
    "rights given to everybody": f"""
        select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where {_OURS} and exists (select from aclexplode(c.relacl) a where a.grantee = 0)""",
}


async def found(connection: Any, lint: str) -> list[str]:
    return [str(row[0]) for row in await connection.fetch(LINTS[lint])]


@pytest.mark.parametrize("lint", LINTS)
async def test_nothing_is_found(owner: Any, lint: str) -> None:
    assert await found(owner, lint) == []


async def test_the_questions_see_every_table(owner: Any) -> None:
    rows = await owner.fetch(f"select name from ({_TENANT_TABLES}) t")
    assert {row[0] for row in rows} == {named(table) for table in TABLES}


async def test_functions_above_the_schools_are_these(owner: Any) -> None:
    rows = await owner.fetch(
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
        f"where {_OURS} and p.prosecdef"
    )
    assert {row[0].replace(",", ", ").replace(",  ", ", ") for row in rows} == DEFINERS


async def test_functions_of_the_operator_are_these(owner: Any) -> None:
    """And the application may call none of them."""
    may = (
        "select p.oid::regprocedure::text from pg_proc p join pg_namespace n on n.oid = p.pronamespace "
        f"where {_OURS} and has_function_privilege('{{}}', p.oid, 'execute')"
    )
    found = {row[0].replace(",", ", ") for row in await owner.fetch(may.format("hocba_operator"))}
    assert found == OF_THE_OPERATOR
    ours = {row[0].replace(",", ", ") for row in await owner.fetch(may.format("hocba_app"))}
    assert ours & OF_THE_OPERATOR == set()


async def test_roles_are_these(owner: Any) -> None:
    assert {
        row[0] for row in await owner.fetch("select rolname from pg_roles where rolname !~ '^pg_'")
    } == ROLES


PLANTS = {
    "alter table student disable row level security": "tables without a forced fence",
    "alter table work.job no force row level security": "tables without a forced fence",
    "create table public.planted (id int primary key)": "tables of the product without a tenant",
    "drop policy tenant on mark; create policy tenant on mark using (tenant_id = (select ctx.tenant()) or true)": (
        "policies that are not the tenant's"
    ),
    "create policy wider on mark for select using (true)": "policies that are not the tenant's",
    "drop policy tenant on mark; create policy tenant on mark for select using (tenant_id = (select ctx.tenant()))": (
        "policies that are not the tenant's"
    ),
    "create policy dispatcher on mark to hocba_dispatcher using (true)": "policies that are not the tenant's",
    "drop policy tenant on mark": "tables without the tenant's policy",
    "create unique index planted on student (id)": "unique keys that do not begin with the tenant",
    "create unique index planted on student (id, tenant_id)": (
        "unique keys that do not begin with the tenant"
    ),
    "alter table mark drop constraint pk_mark": "tables without a primary key",
    "alter table student add constraint planted unique (id); alter table mark add constraint planted_key "
    "foreign key (student_id) references student (id)": "references that may cross schools",
    "alter table mark add constraint planted_key foreign key (tenant_id) references school (tenant_id)": (
        "references that may cross schools"
    ),
    "alter table student add constraint planted exclude (id with =)": (
        "exclusion constraints and foreign tables"
    ),
    "create view planted as select * from student": "views and materialized views",
    "create materialized view planted as select * from student": "views and materialized views",
    "create table planted () inherits (student)": "partitions and inheritance",
    "create sequence planted": "sequences, which count",
    "create function planted() returns trigger language plpgsql as 'begin return new; end'; "
    "create trigger planted before insert on mark for each row execute function planted()": (
        "triggers and rules of our own"
    ),
    "create rule planted as on delete to mark do instead nothing": "triggers and rules of our own",
    "create function ctx.planted() returns int language sql security definer as 'select 1'": (
        "functions with a search path that others choose"
    ),
    "create function ctx.other() returns int language sql security definer set search_path = pg_catalog, pg_temp "
    "as 'select 1'": "functions above the schools with a powerful owner",
    "create function public.planted() returns int language sql as 'select 1'": (
        "functions that everybody may call"
    ),
    "grant select on ctx.key to hocba_app": "tables that the application may read without a fence",
    "grant select (login) on directory.account to hocba_app": (
        "tables that the application may read without a fence"
    ),
    "set local role hocba_ctx; grant execute on function directory.find_login(text) to hocba_dispatcher; reset role": (
        "functions above the schools that the dispatcher may call"
    ),
    "grant truncate on mark to hocba_app": "rights of the application beyond its work",
    "grant select on student to hocba_dispatcher": "tables that the dispatcher may touch beyond its work",
    "grant select (opened_at) on directory.tenant to hocba_dispatcher": (
        "tables that the dispatcher may touch beyond its work"
    ),
    "grant insert on directory.audit_head to hocba_dispatcher": (
        "tables that the dispatcher may touch beyond its work"
    ),
    "grant select on student to hocba_auditor": "tables that the auditor may read beyond the audit, or write",
    "grant select on student to hocba_operator": "tables that the operator may touch",
    "grant select (login) on directory.account to hocba_operator": "tables that the operator may touch",
    "grant create on schema public to hocba_operator": "schemas in which a process of the product may create",
    "set local role hocba_ctx; grant execute on function directory.find_login(text) to hocba_auditor; reset role": (
        "functions above the schools that the auditor may call"
    ),
    "grant update (n) on audit_event to hocba_auditor": (
        "tables that the auditor may read beyond the audit, or write"
    ),
    "create policy auditor on mark for select to hocba_auditor using (true)": (
        "policies that are not the tenant's"
    ),
    "grant create on schema public to hocba_app": "schemas in which a process of the product may create",
    "grant select on student to public": "rights given to everybody",
    "alter default privileges grant select on tables to hocba_app": (
        "rights that what is new would have by itself"
    ),
    "alter database {database} set row_security = off": "settings that a role or database brings along",
    "select lo_create(0)": "ways out of the database",
    "grant update (outcome) on audit_event to hocba_app": "evidence that the application may change",
    "grant delete on stored_object to hocba_app": "evidence that the application may change",
}


@pytest.mark.parametrize(("plant", "lint"), PLANTS.items(), ids=PLANTS)
async def test_a_planted_gap_is_found(owner: Any, plant: str, lint: str) -> None:
    await owner.execute(plant.format(database=await owner.fetchval("select current_database()")))
    assert await found(owner, lint) != []
