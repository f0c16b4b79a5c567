"""Two schools in one database, each with a row in every table, and a connection of the schema's owner."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import database, logs, settings
from backend.core.database import TenantId, tenant_session
from infra.embedded.stack import EmbeddedStack
from tests.factories.small_school import open_small_school
from tests.tenancy.places import Place, asking_place, hidden_place
from tests.tenancy.rows import Tenant
from tests.tenancy.visitors import Visitor

#: The relay and the dispatcher of later tests need not meet what we made up.
_FORGET = ("delete from work.job", "delete from work.outbox_event")


async def _filled(name: str) -> Tenant:
    school = await open_small_school(name)
    tenant = Tenant(school.tenant_id)
    async with tenant_session(tenant.tenant_id) as session:
        await session.execute(text("delete from school"))
        await tenant.fill(session)
    return tenant


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pair(
    product: settings.Settings, embedded_stack: EmbeddedStack
) -> AsyncIterator[tuple[Tenant, Tenant]]:
    """School A, who attacks, and school B."""
    pair = await _filled("Trường A"), await _filled("Trường B")
    yield pair
    await _forget(embedded_stack, *(tenant.tenant_id for tenant in pair))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def visitor(site: Litestar, places: tuple[Place, Place]) -> Visitor:
    """The principal of school A, to whom every other role was given as well."""
    return await Visitor.of(site, places[0].school, "principal", places[0].key)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def nothing_of_b_moves(places: tuple[Place, Place], own: Place) -> AsyncIterator[None]:
    """Whatever `own`, who attacks, does in a file: nothing of B is written, and nothing of `own` refers to B.

    Looked at after the last attack, because what one of them has done is there after the next. Which of them it was
    shows when they are run one by one.
    """
    before = await places[1].fingerprint()
    yield
    after = await places[1].fingerprint()
    assert {kept for kept in after if after[kept] != before.get(kept)} == set()
    assert await own.refers_to(places[1].all_ids) == []


@pytest.fixture
def no_log_line_of_b(places: tuple[Place, Place], caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No line that is logged while somebody of A asks names B."""
    caplog.set_level(logging.DEBUG, "backend")
    yield
    lines = [logs.JsonFormatter().format(record) for record in caplog.get_records("call")]
    assert [line for line in lines if any(sign in line for sign in places[1].signs)] == []


async def _forget(stack: EmbeddedStack, *tenant_ids: TenantId) -> None:
    dispatcher = await asyncpg.connect(stack.postgres.url("hocba_dispatcher"))
    for tenant_id in tenant_ids:
        for statement in _FORGET:
            await dispatcher.execute(f"{statement} where tenant_id = $1", tenant_id)
    await dispatcher.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def places(site: Litestar, embedded_stack: EmbeddedStack) -> AsyncIterator[tuple[Place, Place]]:
    """School A, who asks, and school B, whose texts are canaries."""
    places = await asking_place(), await hidden_place(site)
    yield places
    await _forget(embedded_stack, *(place.school.tenant_id for place in places))


@pytest_asyncio.fixture(loop_scope="session")
async def owner(product: settings.Settings, embedded_stack: EmbeddedStack) -> AsyncIterator[Any]:
    """A connection as the schema's owner, in a transaction that is rolled back."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def app(product: settings.Settings, embedded_stack: EmbeddedStack) -> AsyncIterator[Any]:
    """A bare connection of the application's role, in a transaction, without a tenant."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_app"))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def small_pool(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[int], None]]:
    """Give the product a pool of so many connections."""
    engines = []

    def use(size: int) -> None:
        engines.append(database.new_engine(pool_size=size, max_overflow=0, pool_timeout=60))
        monkeypatch.setattr(database, "engine", lambda: engines[-1])

    yield use
    for engine in engines:
        await engine.dispose()
