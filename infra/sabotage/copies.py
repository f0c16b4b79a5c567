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


@asynccontextmanager
async def database(postgres: Postgres, name: str, breakage: Breakage | None) -> AsyncIterator[None]:
    """A copy of the template, broken by the breakage's SQL. Raises CannotBreak where that fails."""
    await postgres.create_database(name, TEMPLATE)
    try:
        await run_sql(postgres, name, breakage.sql if breakage else "", breakage)
        yield
    finally:
        await run_sql(postgres, name, breakage.undo if breakage else "", breakage)
        await postgres.drop_database(name)


async def run_sql(postgres: Postgres, name: str, sql: str, breakage: Breakage | None) -> None:
    """Run statements as the superuser."""
    if not sql or breakage is None:
        return
    connection = await asyncpg.connect(postgres.url(SUPERUSER, name))
    try:
        await connection.execute(sql)
    except asyncpg.PostgresError as error:
        raise CannotBreak(f"{breakage.name}: {error}") from error
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
