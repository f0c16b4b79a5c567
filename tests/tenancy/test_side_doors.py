"""Ways around the tables: whatever else the application's role may read or call shows nothing of school B to A."""

from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from backend.core import settings
from backend.core.database import context_key, signed_context
from infra.embedded.stack import EmbeddedStack
from tests.tenancy.rows import TABLES, Tenant, named

Pair = tuple[Tenant, Tenant]

#: Everything in the database that can be read like a table: views, statistics and catalogs of PostgreSQL too.
_READABLE = """
    select quote_ident(n.nspname) || '.' || quote_ident(c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and has_schema_privilege(n.oid, 'usage')
      and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select'))
"""
#: A function of the attacker's own that says what it is given; being cheap, it is asked before dearer conditions.
_SPY = """
    create function pg_temp.spy(said text) returns boolean language plpgsql cost 0.0000001 as $$
    begin raise notice '%', said; return true; end $$
"""


@pytest_asyncio.fixture(loop_scope="session")
async def attacker(pair: Pair, app: Any, product: settings.Settings) -> Any:
    """A bare connection with A's context: what somebody could do who can run SQL there."""
    context = signed_context(
        pair[0].tenant_id, app.get_server_pid(), 2**31 - 1, context_key(product.secret_key)
    )
    await app.execute("select set_config('app.ctx', $1, true)", context)
    return app


async def showing(connection: Any, *tokens: str) -> list[set[str]]:
    """For each token the relations in whose rows it stands."""
    found: list[set[str]] = [set() for _ in tokens]
    for name in [row[0] for row in await connection.fetch(_READABLE)]:
        point = connection.transaction()
        await point.start()
        try:
            rows = await connection.fetch(f"select t::text from {name} t")
        except asyncpg.InsufficientPrivilegeError:
            rows = []  # some columns alone may be read
        await point.rollback()
        for token, places in zip(tokens, found, strict=True):
            if any(token in (row[0] or "") for row in rows):
                places.add(name)
    return found


async def test_nothing_that_can_be_read_shows_b(
    pair: Pair, attacker: Any, embedded_stack: EmbeddedStack
) -> None:
    a, b = pair
    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    for table in TABLES:  # statistics keep samples of the rows
        await owner.execute(f"analyze {named(table)}")
    await owner.close()
    own, foreign = await showing(attacker, a.token, b.token)
    assert foreign == set()
    assert len(own) > len(TABLES) / 2


async def test_a_function_of_ones_own_is_shown_no_hidden_row(pair: Pair, attacker: Any) -> None:
    a, b = pair
    told: list[str] = []
    attacker.add_log_listener(lambda _, message: told.append(str(message)))
    await attacker.execute(_SPY)
    for table in TABLES:
        await attacker.fetch(f"select from {named(table)} t where pg_temp.spy(t::text)")
    assert any(a.token in said for said in told)
    assert [said for said in told if b.token in said or str(b.tenant_id) in said] == []


async def test_the_key_of_the_context_is_out_of_reach(attacker: Any) -> None:
    for statement in ("select * from ctx.key", "copy ctx.key to stdout", "set role hocba_ctx"):
        point = attacker.transaction()
        await point.start()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await attacker.execute(statement)
        await point.rollback()
