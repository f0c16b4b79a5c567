"""Every table is known to the migrations and stands behind its fence; schema and migrations are the same thing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Integer, Table

from backend import cli, tables
from backend.core import settings
from infra.embedded.stack import EmbeddedStack
from tests.architecture.site import unknown_tables
from tests.architecture.source import PROJECT, backend, plant

#: Tables that the application may touch, or that the product declares, without a fence for the tenant: no forced row
#: security, no policy on the signed context, or a second policy for the application that opens what the first closes.
UNFENCED = """
    select n.nspname || '.' || c.relname
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
      and (has_table_privilege('hocba_app', c.oid, 'select, insert, update, delete, truncate')
           or has_any_column_privilege('hocba_app', c.oid, 'select, insert, update')
           or (n.nspname || '.' || c.relname) = any($1::text[]))
      and not coalesce((
        select c.relrowsecurity and c.relforcerowsecurity and bool_and(p.qual like '%ctx.tenant()%')
        from pg_policies p where p.schemaname = n.nspname and p.tablename = c.relname
          and p.roles && array['public', 'hocba_app']::name[]), false)
    order by 1
"""


def declared() -> list[str]:
    """The product's tables as `schema.table`."""
    return [f"{table.schema or 'public'}.{table.name}" for table in tables.metadata.tables.values()]


def test_every_module_with_tables_is_known() -> None:
    assert list(unknown_tables(backend())) == []
    text = "from backend.core.database import TenantTable\nclass Planted(TenantTable):\n    __tablename__ = 'planted'"
    found = list(unknown_tables(plant(backend(), "backend/records/reports/models.py", text)))
    assert found == ["backend.records.reports.models"]


def test_what_is_imported_is_listed() -> None:
    imported = {found.target for found in backend()["backend.tables"].imports} - {"backend.core.database"}
    assert imported == {module.__name__ for module in tables.MODULES}


@pytest_asyncio.fixture(loop_scope="session")
async def owner(product: settings.Settings, embedded_stack: EmbeddedStack) -> AsyncIterator[Any]:
    """A connection as the schema's owner, in a transaction that is rolled back."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def unfenced(connection: Any) -> list[str]:
    """Tables without a fence."""
    return [row[0] for row in await connection.fetch(UNFENCED, declared())]


async def test_every_table_has_its_fence(owner: Any) -> None:
    assert len(declared()) > 20
    missing = "select name from unnest($1::text[]) as name where to_regclass(name) is null"
    assert await owner.fetch(missing, declared()) == []
    assert await unfenced(owner) == []


@pytest.mark.parametrize(
    "statement",
    [
        "create table public.planted (tenant_id uuid); grant select on public.planted to hocba_app",
        "create table public.planted (tenant_id uuid, a int); grant update (a) on public.planted to hocba_app",
        "create table public.planted (tenant_id uuid); grant select on public.planted to hocba_app;"
        "alter table public.planted enable row level security;"
        "create policy tenant on public.planted using (tenant_id = (select ctx.tenant()))",
        "create table public.planted (tenant_id uuid); grant select on public.planted to hocba_app;"
        "alter table public.planted enable row level security; alter table public.planted force row level security;"
        "create policy tenant on public.planted using (true)",
        "alter table student disable row level security",
        "alter table student no force row level security",
        "drop policy tenant on student",
        "create policy open on student to hocba_app using (true)",
        "drop policy tenant on work.job",
    ],
)
async def test_a_gap_in_a_fence_is_named(owner: Any, statement: str) -> None:
    await owner.execute(statement)
    found = "planted" if "planted" in statement else "job" if "job" in statement else "student"
    assert [name.rpartition(".")[2] for name in await unfenced(owner)] == [found]


def test_migrations_have_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "infra" / "migrations"))
    scripts = ScriptDirectory.from_config(config)
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


@pytest.fixture
def drifted() -> Iterator[None]:
    """A table that no migration makes."""
    table = Table("planted", tables.metadata, Column("id", Integer, primary_key=True))
    yield
    tables.metadata.remove(table)


async def test_schema_and_migrations_agree(product: settings.Settings) -> None:
    assert await asyncio.to_thread(cli.main, ["migrations", "check"]) == 0


async def test_drift_is_named(
    product: settings.Settings, drifted: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await asyncio.to_thread(cli.main, ["migrations", "check"]) == 1
    assert "planted" in capsys.readouterr().err
