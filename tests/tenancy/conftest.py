"""Two schools in one database, each with a row in every table, and a connection of the schema's owner."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from sqlalchemy import text

from backend.core import settings
from backend.core.database import tenant_session
from infra.embedded.stack import EmbeddedStack
from tests.factories.small_school import open_small_school
from tests.tenancy.rows import Tenant

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
    dispatcher = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    for tenant in pair:
        for statement in _FORGET:
            await dispatcher.execute(f"{statement} where tenant_id = $1", tenant.tenant_id)
    await dispatcher.close()


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
