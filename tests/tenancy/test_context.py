"""The signed context: without one no row, with a wrong one an error, and none is left behind on a connection."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from time import time
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import clock, settings
from backend.core.crypto import sha256_hex
from backend.core.database import (
    account_session,
    context_key,
    public_session,
    signed_account,
    signed_context,
    tenant_session,
)
from backend.core.questions import Question
from backend.tenants.access import queries as access_queries
from infra.embedded.stack import EmbeddedStack
from tests.tenancy.rows import TABLES, Tenant, named

Pair = tuple[Tenant, Tenant]
SET = "select set_config('app.ctx', $1, true)"
SET_ACCOUNT = "select set_config('app.account', $1, true)"


class Forger(NamedTuple):
    """What somebody needs to sign the context of a school, or of an account, and a good one to begin with."""

    tenant: uuid.UUID
    other: uuid.UUID
    pid: int
    key: bytes
    sign: Callable[[uuid.UUID, int, int, bytes], str] = signed_context

    def signed(
        self,
        tenant: uuid.UUID | None = None,
        pid: int | None = None,
        seconds: float = 30,
        key: bytes | None = None,
    ) -> str:
        return self.sign(tenant or self.tenant, pid or self.pid, int(time() + seconds), key or self.key)


@pytest.fixture
def forger(pair: Pair, app: Any, product: settings.Settings) -> Forger:
    a, b = pair
    return Forger(b.tenant_id, a.tenant_id, app.get_server_pid(), context_key(product.secret_key))


async def test_a_good_context_shows_one_school(pair: Pair, app: Any, forger: Forger) -> None:
    await app.execute(SET, forger.signed())
    for table in TABLES:
        found = await app.fetch(f"select distinct tenant_id from {named(table)}")
        assert [row[0] for row in found] == [pair[1].tenant_id], named(table)


async def test_without_a_context_there_is_nothing(pair: Pair, app: Any) -> None:
    for context in (None, ""):
        if context is not None:
            await app.execute(SET, context)
        for table in TABLES:
            assert await app.fetchval(f"select count(*) from {named(table)}") == 0, named(table)
            point = app.transaction()
            await point.start()
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app.execute(f"insert into {named(table)} (tenant_id) values ($1)", pair[1].tenant_id)
            await point.rollback()


Forgery = Callable[[Forger], str]

FORGERIES: dict[str, Forgery] = {
    "another school under the same signature": lambda f: f.signed().replace(str(f.tenant), str(f.other)),
    "a later end under the same signature": lambda f: ".".join(
        [*f.signed().split(".")[:2], str(int(time()) + 9999), f.signed().split(".")[3]]
    ),
    "expired": lambda f: f.signed(seconds=-1),
    "of another backend": lambda f: f.signed(pid=f.pid + 1),
    "another key": lambda f: f.signed(key=context_key("x" * 32)),
    "no key": lambda f: f.signed(key=b"\x00" * 32),
    "no signature": lambda f: f.signed().rpartition(".")[0],
    "empty signature": lambda f: f.signed().rpartition(".")[0] + ".",
    "half a signature": lambda f: f.signed()[:-32],
    "signature in capitals": lambda f: ".".join(
        [*f.signed().split(".")[:3], f.signed().split(".")[3].upper()]
    ),
    "one part more": lambda f: f"{f.signed()}.1",
    "one part more in front": lambda f: f"1.{f.signed()}",
    "SHA-256 without the key": lambda f: (
        f"{f.tenant}.{f.pid}.{int(time()) + 30}."
        + sha256_hex(f"{f.tenant}.{f.pid}.{int(time()) + 30}".encode())
    ),
    "the school alone": lambda f: str(f.tenant),
    "dots": lambda _: "...",
    "words": lambda _: "a.b.c.d",
    "a space": lambda _: " ",
    "SQL": lambda _: "' or true --",
    "very long": lambda f: f.signed() + "0" * 100_000,
    "all schools": lambda _: "*",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_a_forged_context_is_refused(pair: Pair, app: Any, forger: Forger, forge: Forgery) -> None:
    await app.execute(SET, forge(forger))
    for statement in (
        "select count(*) from student",
        "select ctx.tenant()",
        "delete from mark",
        "select directory.open_tenant()",
    ):
        point = app.transaction()
        await point.start()
        with pytest.raises(asyncpg.PostgresError) as refused:
            await app.execute(statement)
        assert refused.value.sqlstate == "42501", statement
        await point.rollback()


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
async def test_nobody_speaks_for_an_account_by_a_forged_word(
    app: Any, forger: Forger, forge: Forgery
) -> None:
    await app.execute(SET_ACCOUNT, forge(forger._replace(sign=signed_account)))
    await _every_account_is_refused(app)


async def test_the_context_of_a_school_is_no_account_and_the_other_way_round(
    app: Any, forger: Forger
) -> None:
    await app.execute(SET_ACCOUNT, forger.signed())
    await _every_account_is_refused(app)
    await app.execute(SET, forger._replace(sign=signed_account).signed())
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="tenant context refused"):
        await app.fetchval("select count(*) from student")


async def _every_account_is_refused(app: Any) -> None:
    for statement in (
        "select ctx.account()",
        "select * from directory.login()",
        "select * from directory.sessions('1 day')",
        "select directory.set_password('')",
    ):
        point = app.transaction()
        await point.start()
        with pytest.raises(asyncpg.PostgresError) as refused:
            await app.execute(statement)
        assert refused.value.sqlstate == "42501", statement
        await point.rollback()


async def test_a_transaction_speaks_for_one_account_until_it_ends(product: settings.Settings) -> None:
    """By itself, whatever is forgotten besides when a connection comes back."""
    account = uuid.uuid4()
    async with account_session(account) as session:
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        assert await driver.fetchval("select ctx.account()") == account
        await driver.execute("commit")
        assert await driver.fetchval("select ctx.account()") is None


async def test_a_context_ends_while_its_transaction_goes_on(app: Any, forger: Forger) -> None:
    await app.execute(SET, forger.signed(seconds=2))
    assert await app.fetchval("select count(*) from student") > 0
    await asyncio.sleep(2.1)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="tenant context refused"):
        await app.fetchval("select count(*) from student")


async def test_a_context_ends_with_its_transaction(
    embedded_stack: EmbeddedStack, product: settings.Settings, pair: Pair
) -> None:
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_app"))
    value = signed_context(
        pair[1].tenant_id, connection.get_server_pid(), int(time()) + 30, context_key(product.secret_key)
    )
    async with connection.transaction():
        await connection.execute(SET, value)
        assert await connection.fetchval("select count(*) from student") > 0
    assert await connection.fetchval("select count(*) from student") == 0
    await connection.execute(SET, value)
    assert await connection.fetchval("select count(*) from student") == 0, "it needs a transaction"
    await connection.close()


async def test_a_context_lasts_a_minute(pair: Pair) -> None:
    """Whoever steals one has it for no longer than a transaction may last."""
    async with tenant_session(pair[0].tenant_id) as session:
        context = await session.scalar(text("select current_setting('app.ctx')"))
    assert context is not None
    assert 0 < int(context.split(".")[2]) - time() <= 60


async def test_a_transaction_that_reads_cannot_be_made_to_write(pair: Pair) -> None:
    for statement in (
        "update student set full_name = full_name",
        "set local transaction_read_only = off",
        "select set_config('transaction_read_only', 'off', true)",
        "begin read write",
    ):
        with pytest.raises(DBAPIError):
            await write_while_reading(pair[0], statement)


async def write_while_reading(tenant: Tenant, statement: str) -> None:
    async with tenant_session(tenant.tenant_id, read_only=True) as session:
        await session.execute(text(statement))
        await session.execute(text("update student set full_name = full_name"))


class _Broken(Exception):
    pass


async def misbehave(tenant: Tenant, rng: random.Random) -> None:
    """One transaction of a school that ends in one of the ways in which transactions end."""
    how = rng.choice(["well", "raise", "error", "savepoint", "cancel query", "cancel later", "nothing"])
    try:
        async with asyncio.timeout(0.03 if how.startswith("cancel") else 60):
            async with tenant_session(tenant.tenant_id, read_only=rng.random() < 0.3) as session:
                if how == "nothing":
                    return
                await session.execute(text("select count(*) from student"))
                if how == "raise":
                    raise _Broken
                if how == "error":
                    await session.execute(text("select 1 / 0"))
                if how == "savepoint":
                    with pytest.raises(DBAPIError):
                        async with session.begin_nested():
                            await session.execute(text("select 1 / 0"))
                    await session.execute(text("select count(*) from student"))
                if how == "cancel query":
                    await session.execute(text("select pg_sleep(5)"))
                if how == "cancel later":
                    await asyncio.sleep(5)
    except (_Broken, DBAPIError, TimeoutError):
        pass


async def look(tenant: Tenant, other: Tenant) -> None:
    """What the next one on that connection sees: nothing without a school, and only its own with one."""
    async with public_session() as session:
        assert await session.scalar(text("select coalesce(current_setting('app.ctx', true), '')")) == ""
        assert await session.scalar(text("select count(*) from student")) == 0
        assert await session.scalar(text("select count(*) from work.job")) == 0
    async with tenant_session(tenant.tenant_id) as session:
        seen = "\n".join(await session.scalars(text("select s::text from student s")))
    assert tenant.token in seen
    assert other.token not in seen


async def test_one_connection_lent_to_both_schools_in_turn(
    pair: Pair, small_pool: Callable[[int], None]
) -> None:
    small_pool(1)
    rng = random.Random(5)
    for _ in range(60):
        first, second = rng.sample(pair, 2)
        await misbehave(first, rng)
        if rng.random() < 0.3:
            async with public_session() as session:
                assert await access_queries.find_login(session, "nobody@example") is None
        await look(second, first)


async def test_a_transaction_that_is_cut_off_at_any_step(
    pair: Pair, small_pool: Callable[[int], None]
) -> None:
    """Its BEGIN may have reached PostgreSQL or not: the next one on the connection is not inside of it."""
    small_pool(1)
    await look(*pair)
    for step in range(40):
        task = asyncio.create_task(_count(pair[0]))
        await asyncio.sleep(step / 10_000)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await look(pair[1], pair[0])


async def test_a_connection_whose_statement_was_cut_off_is_not_lent_again(
    pair: Pair, small_pool: Callable[[int], None]
) -> None:
    """Neither an answer nor a transaction that is still on its way can reach the next one."""
    small_pool(1)
    before = await _backend(pair[0])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), tenant_session(pair[0].tenant_id) as session:
            await session.ask(_LONG)
    assert await _backend(pair[1]) != before


_LONG = Question(text("select 1 from pg_sleep(5)"))


async def _backend(tenant: Tenant) -> int:
    async with tenant_session(tenant.tenant_id) as session:
        return int(await session.scalar(text("select pg_backend_pid()")) or 0)


async def _count(tenant: Tenant) -> None:
    async with tenant_session(tenant.tenant_id, read_only=True) as session:
        await session.execute(text("select count(*) from student"))


async def test_two_connections_and_many_at_once(pair: Pair, small_pool: Callable[[int], None]) -> None:
    small_pool(2)
    rng = random.Random(6)

    async def visit() -> None:
        first, second = rng.sample(pair, 2)
        await misbehave(first, rng)
        await look(second, first)

    await asyncio.gather(*(visit() for _ in range(30)))


@pytest.mark.parametrize(
    "left",
    [
        "create temporary table student as select * from public.student",
        "create temporary table t (n int) on commit delete rows;"
        " create function pg_temp.copy() returns trigger language plpgsql as 'begin return new; end'",
        "declare c cursor with hold for select * from student",
        "select set_config('search_path', 'pg_catalog', false)",
        "set session characteristics as transaction read only",
        "select set_config('app.ctx', 'left behind', false)",
        "select pg_advisory_lock(7)",
        "listen something",
    ],
)
@pytest.mark.parametrize("commits", [True, False])
async def test_what_a_session_could_keep_does_not_wait_for_the_next_school(
    pair: Pair, small_pool: Callable[[int], None], left: str, commits: bool
) -> None:
    small_pool(1)
    await look(*pair)
    async with tenant_session(pair[0].tenant_id) as session:
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(left)
        if not commits:
            await session.rollback()
    async with public_session() as session:
        kept = await session.execute(text(_KEPT))
        assert [row.what for row in kept] == []
    await look(*reversed(pair))


#: What is still there of an earlier transaction of this connection.
_KEPT = """
    select relname::text as what from pg_class where relnamespace = pg_my_temp_schema() and relkind = 'r'
    union all select name from pg_cursors where is_holdable
    union all select name from pg_settings where source = 'session' and name <> 'transaction_isolation'
    union all select 'context' where coalesce(current_setting('app.ctx', true), '') <> ''
    union all select locktype from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()
    union all select pg_listening_channels()
"""


async def test_a_session_says_its_context_for_one_transaction(pair: Pair) -> None:
    """By itself, whatever is forgotten besides when a connection comes back."""
    async with tenant_session(pair[0].tenant_id) as session:
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        assert await driver.fetchval("select current_setting('app.ctx', true)")
        await driver.execute("commit")
        assert not await driver.fetchval("select current_setting('app.ctx', true)")


async def test_no_other_connection_reads_a_context(pair: Pair, app: Any) -> None:
    """It is good for a minute wherever its connection is lent, and roles see what their other connections say."""
    async with tenant_session(pair[1].tenant_id) as session:
        driver = (await (await session.connection()).get_raw_connection()).driver_connection
        assert driver is not None
        seen = await app.fetchval(
            "select query from pg_stat_activity where pid = $1", driver.get_server_pid()
        )
        assert "app.ctx" in seen, "the statement that set it was the last one"
        assert str(pair[1].tenant_id) not in seen


@pytest.mark.parametrize("seconds", [-7200, 7200])
async def test_a_clock_that_is_wrong_keeps_nobody_out(
    pair: Pair, small_pool: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """PostgreSQL's clock judges a context, which lasts a minute by it, whatever time it is here."""
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(seconds=seconds))
    small_pool(1)
    async with tenant_session(pair[0].tenant_id) as session:
        assert await session.scalar(text("select count(*) from student"))
        context = await session.scalar(text("select current_setting('app.ctx')"))
    assert context is not None
    assert 0 < int(context.split(".")[2]) - time() <= 61
