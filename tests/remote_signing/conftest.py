"""A signing service process that confirms by itself, and the product set to talk to it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from backend.core import http_client, settings
from tests.core.site_fixtures import product, site
from tests.factories.signing_school import SigningSchool, open_signing_school, settings_for
from tests.fakes.processes import SigningService, start_signing_service

__all__ = ["product", "site"]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def signing(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SigningService]:
    folder = tmp_path_factory.mktemp("signing")
    with start_signing_service(folder, auto_confirm=0.05) as service, settings_for(service):
        yield service
    await http_client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def school(signing: SigningService) -> AsyncIterator[SigningSchool]:
    """A school of its own for each test; no fault outlives a test."""
    yield await open_signing_school(signing)
    signing.clear_faults()
