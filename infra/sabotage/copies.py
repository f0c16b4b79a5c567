"""Throw-away copies: a database made from a template, a tree of links with one file of its own."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg

from infra.embedded.postgres import SUPERUSER, Postgres
from infra.sabotage.breakages import PROJECT, Breakage, CannotBreak

#: A migrated database that nobody is connected to.
TEMPLATE = "sabotage_template"
#: What tests need of a tree.
_PARTS = ("backend", "frontend_templates", "infra", "tests")
_FILES = ("pyproject.toml", "alembic.ini", ".env.example")
#: Every function of ours as it stands now.
_FUNCTIONS = """
    select md5(string_agg(pg_get_functiondef(p.oid), '' order by p.oid))
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where p.prokind = 'f' and n.nspname in ('ctx', 'directory', 'public', 'work')
"""


@asynccontextmanager
async def database(postgres: Postgres, name: str, breakage: Breakage | None) -> AsyncIterator[None]:
    """A copy of the template, broken by the breakage's SQL. Raises CannotBreak where that fails."""
    await postgres.create_database(name, TEMPLATE)
    try:
        async with _superuser(postgres, name) as connection:
            await break_there(connection, breakage)
        try:
            yield
        finally:
            if breakage and breakage.undo:
                async with _superuser(postgres, name) as connection:
                    await connection.execute(breakage.undo)
    finally:
        await postgres.drop_database(name)


async def break_there(connection: asyncpg.Connection, breakage: Breakage | None) -> None:
    """Run the breakage's SQL. Raises CannotBreak where that fails, or leaves a function as it was that it rewrites."""
    if breakage is None or not breakage.sql:
        return
    before = await connection.fetchval(_FUNCTIONS)
    try:
        await connection.execute(breakage.sql)
    except asyncpg.PostgresError as error:
        raise CannotBreak(f"{breakage.name}: {error}") from error
    if "pg_get_functiondef" in breakage.sql and await connection.fetchval(_FUNCTIONS) == before:
        raise CannotBreak(f"{breakage.name}: the text to break stands in no function")


@asynccontextmanager
async def _superuser(postgres: Postgres, name: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.url(SUPERUSER, name))
    try:
        yield connection
    finally:
        await connection.close()


@contextmanager
def tree(folder: Path, breakage: Breakage | None) -> Iterator[Path]:
    """The project with the breakage's file changed; the project itself where no file is broken.

    Files are linked, not copied, and the broken one is written anew: the project's own stays as it is.
    """
    if breakage is None or not breakage.file:
        yield PROJECT
        return
    broken = breakage.patched(PROJECT)
    try:
        for part in _PARTS:
            shutil.copytree(PROJECT / part, folder / part, copy_function=os.link)
        for name in _FILES:
            os.link(PROJECT / name, folder / name)
        (folder / breakage.file).unlink()
        (folder / breakage.file).write_text(broken, encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
