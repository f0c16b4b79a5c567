"""Two schools with keys, made once for all tests of the interface."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from backend.core import settings
from tests.integrations.partner_api.partners import Partner, open_partner


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def partners(product: settings.Settings) -> tuple[Partner, Partner]:
    """School A, whose key is used, and school B."""
    return await open_partner("Trường Đối Tác A"), await open_partner("Trường Đối Tác B")


@pytest.fixture
def a(partners: tuple[Partner, Partner]) -> Partner:
    """School A."""
    return partners[0]


@pytest.fixture
def b(partners: tuple[Partner, Partner]) -> Partner:
    """School B."""
    return partners[1]


@pytest_asyncio.fixture(loop_scope="session")
async def owner_of_tables(product: settings.Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role that owns the directory."""
    assert product.database_migrator_url is not None
    connection = await asyncpg.connect(product.database_migrator_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()
