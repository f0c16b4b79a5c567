"""Alembic's entry: connects as the migrator, takes a lock, and sets time-outs so that no migration waits for ever."""

import asyncio

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from backend import tables
from backend.core import settings

#: Any constant: two migrations at once wait for each other here.
LOCK = 20252026


def run(connection: Connection) -> None:
    """Apply what is missing, all in one transaction."""
    context.configure(
        connection=connection,
        target_metadata=tables.metadata,
        include_schemas=True,
        include_name=_ours,
        compare_type=True,
    )
    with context.begin_transaction():
        connection.execute(text("set local lock_timeout = '5s'"))
        connection.execute(text("set local statement_timeout = '10min'"))
        connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


def _ours(name: str | None, kind: str, parents: object) -> bool:
    return kind != "schema" or name in (None, "work")


async def main() -> None:
    """Connect and run."""
    url = settings.get().database_migrator_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(main())
