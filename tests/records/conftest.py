"""A new small school for each test that asks for one."""

import pytest_asyncio

from backend.core import settings
from tests.factories.small_school import SmallSchool, open_small_school


@pytest_asyncio.fixture(loop_scope="session")
async def small_school(product: settings.Settings) -> SmallSchool:
    """A school of one's own, on the product's real servers."""
    return await open_small_school()
