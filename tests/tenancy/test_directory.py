"""Functions above the schools, from the catalog: each answers about one key, so whoever has none learns nothing."""

import itertools
import math
import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest_asyncio

from backend.core import clock, settings
from backend.core.actor import Client
from backend.core.crypto import sha256_hex
from backend.core.database import account_session, context_key, signed_context
from backend.tenants.access import queries
from backend.tenants.access import service as access
from backend.tenants.access.schemas import AccountId, Place
from backend.tenants.factors.schemas import Factor
from tests.factories.small_school import open_small_school
from tests.tenancy.rows import Tenant

Pair = tuple[Tenant, Tenant]

_FUNCTIONS = """
    select p.oid::regprocedure::text as name, p.oid::regproc::text as short,
           array(select format_type(t, null) from unnest(p.proargtypes) t) as types
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'directory' and has_function_privilege('hocba_app', p.oid, 'execute') order by 1
"""
_MOST_TRIES = 256
_TABLES = "select 'directory.' || tablename from pg_tables where schemaname = 'directory' order by 1"
#: Of the platform: how many events of the audit were chained, and the newest checkpoint over all chains, a digest.
_SAYS_NOTHING_OF_A_SCHOOL = {"directory.chain_audit", "directory.newest_checkpoint"}
#: What somebody tries who has no key, by the type of the argument.
_TRIES: dict[str, list[Any]] = {
    "text": ["", "%", "' or true --", None],
    "uuid": [uuid.UUID(int=0), None],
    "interval": [timedelta(days=36500), None],
    "timestamp with time zone": [datetime(2999, 1, 1, tzinfo=UTC), None],
}


@pytest_asyncio.fixture(loop_scope="session", params=["without a school", "as school A"])
async def asking(
    request: Any, pair: Pair, app: asyncpg.Connection, product: settings.Settings
) -> asyncpg.Connection:
    """A connection of the application's role, in a transaction that is rolled back."""
    if request.param == "as school A":
        key = context_key(product.secret_key)
        context = signed_context(pair[0].tenant_id, app.get_server_pid(), 2**31 - 1, key)
        await app.execute("select set_config('app.ctx', $1, true)", context)
    return app


def arguments(types: list[str]) -> Iterator[tuple[Any, ...]]:
    """Every combination of tries; a type that nobody thought of gets nothing.

    A function with many arguments gets the same try for all arguments of one type: their product is too large.
    """
    tries = [_TRIES.get(name, [None]) for name in types]
    if math.prod(map(len, tries)) <= _MOST_TRIES:
        yield from itertools.product(*tries)
        return
    kinds = sorted(set(types))
    for chosen in itertools.product(*(_TRIES.get(name, [None]) for name in kinds)):
        by_type = dict(zip(kinds, chosen, strict=True))
        yield tuple(by_type[name] for name in types)


async def rows_of(connection: asyncpg.Connection, function: Any, values: tuple[Any, ...]) -> list[Any]:
    """What a call answers; an error is no answer."""
    places = ", ".join(f"${number}::{name}" for number, name in enumerate(function["types"], 1))
    point = connection.transaction()
    await point.start()
    try:
        return list(await connection.fetch(f"select * from {function['short']}({places})", *values))
    except asyncpg.PostgresError:
        return []
    finally:
        await point.rollback()


async def test_without_a_key_there_is_no_answer(asking: asyncpg.Connection) -> None:
    functions = await asking.fetch(_FUNCTIONS)
    assert len(functions) >= 8
    for function in (one for one in functions if one["short"] not in _SAYS_NOTHING_OF_A_SCHOOL):
        for values in arguments(function["types"]):
            answer = [row for row in await rows_of(asking, function, values) if any(row.values())]
            assert answer == [], f"{function['name']} {values}"


async def test_a_session_opens_only_where_the_account_works(product: settings.Settings) -> None:
    """An account of A with a person of B, or at a place of B, does not make a session."""
    a, b = await open_small_school("Trường A"), await open_small_school("Trường B")
    ours, theirs = a.staff["clerk"], b.staff["clerk"]
    login = f"clerk@{a.tenant_id.hex}.example"
    async with a.session() as session:
        account_id = await access.create_account(session, ours, login, secrets.token_urlsafe(12))
    places = [(a, theirs), (b, ours), (b, theirs), (a, ours)]
    tries = [Place(tenant_id=school.tenant_id, staff_id=who) for school, who in places]
    assert [await _opened(account_id, place) for place in tries] == [False, False, False, True]


async def _opened(account_id: AccountId, place: Place) -> bool:
    """Whether the application's role gets a session for that account at that place."""
    digest, now = sha256_hex(secrets.token_bytes(16)), clock.now()
    client = Client(host="a.example", network="192.0.2.0/24")
    async with account_session(account_id) as directory:
        ends = now + timedelta(minutes=1)
        await queries.open_session(directory, place, client, Factor.PASSWORD, digest, now, ends)
    return await queries.find_session(digest, timedelta(minutes=1), client.host) is not None


async def test_nobody_reads_the_tables_behind_the_functions(
    app: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    tables = [row[0] for row in await owner.fetch(_TABLES)]
    assert len(tables) >= 5
    for table in tables:
        assert not await owner.fetchval("select has_table_privilege('hocba_app', $1, 'select')", table), table
