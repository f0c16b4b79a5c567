"""The product on real servers, and a new small school for each test that asks for one."""

import pytest_asyncio

from backend.core import settings
from tests.core.site_fixtures import product, site
from tests.factories.small_school import SmallSchool, open_small_school

__all__ = ["product", "site"]


@pytest_asyncio.fixture(loop_scope="session")
async def small_school(product: settings.Settings) -> SmallSchool:
    """A school of one's own."""
    return await open_small_school()
