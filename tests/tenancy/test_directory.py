"""Functions above the schools, from the catalog: each answers about one key, so whoever has none learns nothing."""

import itertools
import math
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from backend.core import clock, settings
from backend.core.actor import Browser
from backend.core.crypto import sha256_hex
from backend.core.database import (
    PublicSession,
    account_session,
    context_key,
    public_session,
    signed_account,
    signed_context,
)
from backend.tenants.access import queries
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Place
from backend.tenants.factors.schemas import Factor
from infra.embedded.stack import EmbeddedStack
from tests.factories.small_school import open_small_school
from tests.tenancy.places import Place as SchoolPlace
from tests.tenancy.rows import Tenant

Pair = tuple[Tenant, Tenant]

_FUNCTIONS = """
    select p.oid::regprocedure::text as name, p.oid::regproc::text as short,
           array(select format_type(t, null) from unnest(p.proargtypes) t) as types
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'directory' and has_function_privilege('hocba_app', p.oid, 'execute') order by 1
"""
_TABLES = "select 'directory.' || tablename from pg_tables where schemaname = 'directory' order by 1"
#: What somebody tries who has no key, by the type of the argument.
_TRIES: dict[str, list[Any]] = {
    "text": ["", "%", "' or true --", None],
    "uuid": [uuid.UUID(int=0), None],
    "interval": [timedelta(days=36500), None],
    "timestamp with time zone": [datetime(2999, 1, 1, tzinfo=UTC), None],
    "bytea": [b"", None],
    "bigint": [0, 2**62, None],
    "integer": [0, 2**30, None],
    "text[]": [[], ["%"], None],
    "uuid[]": [[], [uuid.UUID(int=0)], None],
}
#: Functions with more combinations than this get the same try in all places of a type.
_MOST = 64
#: What answers without a key, and why that tells of nobody.
_KEYLESS = {
    "directory.newest_checkpoint()": "number, time and digest of a document about the whole installation",
    "directory.newest_log_checkpoint()": "what anybody may mirror: how many digests the public log has, and their root",
    "directory.newest_store_probe()": "when the store was last tried, and what it did not keep",
    "directory.chain_audit(integer)": "how many events of the school in context it has taken into the chain",
}
#: Whose ids the directory keeps.
_KNOWN_THERE = (
    "staff_member transcript invitation api_client identity_provider passkey identity session offer".split()
)
#: What a call is given beside ids.
_PLAUSIBLE = {name: tries[0] for name, tries in _TRIES.items()}


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
    """Every combination of tries, of long functions every try; a type that nobody thought of has none."""
    tries = [_TRIES[name] for name in types]
    if math.prod(len(one) for one in tries) <= _MOST:
        yield from itertools.product(*tries)
    else:
        yield from (tuple(one[number % len(one)] for one in tries) for number in range(12))


def _call(function: Any) -> str:
    places = ", ".join(f"${number}::{name}" for number, name in enumerate(function["types"], 1))
    return f"select * from {function['short']}({places})"


async def rows_of(connection: asyncpg.Connection, function: Any, values: tuple[Any, ...]) -> list[Any]:
    """What a call answers; an error is no answer."""
    point = connection.transaction()
    await point.start()
    try:
        return list(await connection.fetch(_call(function), *values))
    except asyncpg.PostgresError:
        return []
    finally:
        await point.rollback()


async def test_without_a_key_there_is_no_answer(asking: asyncpg.Connection) -> None:
    functions = await asking.fetch(_FUNCTIONS)
    assert len(functions) >= 50
    assert {*_KEYLESS} <= {one["name"] for one in functions}
    for function in (one for one in functions if one["name"] not in _KEYLESS):
        for values in arguments(function["types"]):
            answer = [row for row in await rows_of(asking, function, values) if any(row.values())]
            assert answer == [], f"{function['name']} {values}"


async def test_a_session_opens_only_where_the_account_works(product: settings.Settings) -> None:
    """An account of A with a person or at a place of B does not make a session; nor does whoever speaks for none."""
    a, b = await open_small_school("Trường A"), await open_small_school("Trường B")
    ours, theirs = a.staff["clerk"], b.staff["clerk"]
    login = f"clerk@{a.tenant_id.hex}.example"
    async with a.session() as session:
        await access.create_account(session, ours, login, secrets.token_urlsafe(12))
    account_id = await _account(login)
    places = [(a, theirs), (b, ours), (b, theirs), (a, ours)]
    tries = [Place(tenant_id=school.tenant_id, staff_id=who) for school, who in places]
    assert [await _opened(account_session(account_id), place) for place in tries] == [False] * 3 + [True]
    assert [await _opened(public_session(), place) for place in tries] == [False] * 4


async def _opened(asking: AbstractAsyncContextManager[PublicSession], place: Place) -> bool:
    """Whether the application's role gets a session at that place, at the host where it was asked for and no other."""
    digest, now = sha256_hex(secrets.token_bytes(16)), clock.now()
    client = Browser(host="a.example", network="10.0.0.0/24")
    async with asking as directory:
        end = now + timedelta(minutes=1)
        await queries.open_session(directory, place, client, Factor.PASSWORD, digest, now, end)
    assert await queries.find_session(digest, timedelta(minutes=1), "b.example") is None
    found = await queries.find_session(digest, timedelta(minutes=1), client.host)
    return found is not None and found.place == place


@pytest_asyncio.fixture(loop_scope="session")
async def nothing_of_b_moves(places: tuple[SchoolPlace, SchoolPlace]) -> AsyncIterator[None]:
    before = await places[1].fingerprint()
    yield
    assert await places[1].fingerprint() == before


@pytest.mark.usefixtures("nothing_of_b_moves")
async def test_ids_of_b_give_nothing_to_whoever_speaks_for_a(
    places: tuple[SchoolPlace, SchoolPlace], embedded_stack: EmbeddedStack, product: settings.Settings
) -> None:
    """Every function, in school A and for an account there, with each id of B in each place of an id; and it is kept."""
    a, b = places
    speaker = await _account(await a.login("stranger"))
    ids = [*(b.ids[name] for name in _KNOWN_THERE), b.school.tenant_id, await _account(b.principal)]
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_app"))
    for function in await connection.fetch(_FUNCTIONS):
        for one in ids if {"uuid", "text"} & {*function["types"]} else ids[:1]:
            own = _PLAUSIBLE | {
                "uuid": one,
                "text": f"of A, {one}",
            }  # what one call leaves under it, another may find
            values = tuple(own[name] for name in function["types"])
            answer = await _kept(connection, product, a.school.tenant_id, speaker, function, values)
            told = [sign for sign in b.signs if sign != str(one) and sign in answer]
            assert told == [], f"{function['name']} {values}"
    await connection.close()


async def _account(login: str) -> uuid.UUID:
    async with public_session() as directory:
        found = await queries.find_login(directory, login)
    assert found is not None
    return found[0]


async def _kept(
    connection: asyncpg.Connection,
    product: settings.Settings,
    tenant_id: uuid.UUID,
    account_id: uuid.UUID,
    function: Any,
    values: tuple[Any, ...],
) -> str:
    """The answer of a call whose doing stays; an error is no answer."""
    signed = (connection.get_server_pid(), int(time()) + 60, context_key(product.secret_key))
    try:
        async with connection.transaction():
            set_both = "select set_config('app.ctx', $1, true), set_config('app.account', $2, true)"
            await connection.execute(
                set_both, signed_context(tenant_id, *signed), signed_account(account_id, *signed)
            )
            rows = await connection.fetch(_call(function), *values)
    except asyncpg.PostgresError:
        return ""
    return "\n".join(str([*row.values()]) for row in rows)


async def test_nobody_reads_the_tables_behind_the_functions(
    app: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    tables = [row[0] for row in await owner.fetch(_TABLES)]
    assert len(tables) >= 5
    for table in tables:
        assert not await owner.fetchval("select has_table_privilege('hocba_app', $1, 'select')", table), table
