"""A school whose people and profile change, its owner's browser, and a connection that sees the directory."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
from litestar import Litestar

from backend.core import settings
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def place(product: settings.Settings) -> TestSchool:
    """A school whose staff comes and goes."""
    return await open_test_school("Trường Người Đến Người Đi")


@pytest_asyncio.fixture(loop_scope="session")
async def owner_of_tables(product: settings.Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees what the application may not."""
    connection = await asyncpg.connect(product.database_migrator_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def owner(site: Litestar, place: TestSchool) -> Browser:
    """The owner's browser, signed in once: passwords are slow."""
    return await signed_in(site, place, Role.OWNER)
