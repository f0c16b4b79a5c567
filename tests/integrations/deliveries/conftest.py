"""A province as a process of its own, and the product set to talk to it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from backend.core import http_client, settings
from backend.core.database import TenantId
from tests.core.site_fixtures import product
from tests.factories.issued_versions import open_delivering_school
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import Province, start_province

__all__ = ["product"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def authority(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Province]:
    with start_province(tmp_path_factory.mktemp("authority"), processing=0.05) as running:
        key = running.endpoint().secrets["api_key"]
        with changed_settings(HOCBA_PROVINCE_URL=running.url, HOCBA_PROVINCE_API_KEY=key):
            yield running
    await http_client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def school(authority: Province) -> AsyncIterator[TenantId]:
    """A school of its own for each test; no fault outlives a test."""
    yield await open_delivering_school()
    authority.clear_faults()
