"""The roles of the PostgreSQL cluster and their rights on a database. Every statement may be run again."""

from collections.abc import Mapping

import asyncpg

#: Owns the database and everything the migrations make in it.
MIGRATOR = "hocba_migrator"
#: What web and workers sign in as: owns nothing, bound by row-level security.
APP = "hocba_app"
#: What the job dispatcher signs in as: the same limits.
DISPATCHER = "hocba_dispatcher"
#: What `hocba audit check` signs in as: reads the audit of all schools, nothing else, and writes nothing.
AUDITOR = "hocba_auditor"
#: What the operator's commands sign in as: calls the few functions of the platform, sees no table.
OPERATOR = "hocba_operator"
#: Owns the few SECURITY DEFINER functions; nobody signs in as it.
CONTEXT = "hocba_ctx"

_LIMITS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"


async def create_roles(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    """Create the six roles, or bring them back to what they should be. `passwords` is by login role."""
    existing = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    async with connection.transaction():
        for role in (*passwords, CONTEXT):
            verb = "ALTER" if role in existing else "CREATE"
            login = f"LOGIN PASSWORD '{passwords[role]}'" if role in passwords else "NOLOGIN"
            await connection.execute(f"{verb} ROLE {role} {login} {_LIMITS}")
        await connection.execute(f"GRANT {CONTEXT} TO {MIGRATOR} WITH SET TRUE, INHERIT FALSE, ADMIN FALSE")
        await connection.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")


async def provision(connection: asyncpg.Connection, database: str, template: str | None = None) -> None:
    """Make sure that `database` exists, is the migrator's, and that the other roles may just connect."""
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
        # file_copy is faster for tests, which do not sync; with syncing its checkpoints cost a second.
        copy = f'TEMPLATE "{template}" STRATEGY file_copy' if template else ""
        await connection.execute(f'CREATE DATABASE "{database}" OWNER {MIGRATOR} {copy}')
    await connection.execute(f'REVOKE ALL ON DATABASE "{database}" FROM PUBLIC')
    await connection.execute(f'GRANT CONNECT, TEMPORARY ON DATABASE "{database}" TO {APP}')
    await connection.execute(f'GRANT CONNECT ON DATABASE "{database}" TO {DISPATCHER}, {AUDITOR}, {OPERATOR}')
