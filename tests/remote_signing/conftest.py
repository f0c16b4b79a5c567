"""A signing service process that confirms by itself, and the product set to talk to it."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from backend.core import http_client, settings
from tests.core.site_fixtures import product, site
from tests.factories.signing_school import SigningSchool, open_signing_school, settings_for
from tests.fakes.processes import SigningService, start_signing_service

__all__ = ["product", "site"]


@pytest.fixture(scope="session")
def signing_process(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SigningService]:
    with start_signing_service(tmp_path_factory.mktemp("signing"), auto_confirm=0.05) as service:
        yield service


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def signing(signing_process: SigningService) -> AsyncIterator[SigningService]:
    """The product asks that service, for the tests of this file alone: others come in between."""
    with settings_for(signing_process):
        yield signing_process
    await http_client.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def school(signing: SigningService) -> AsyncIterator[SigningSchool]:
    """A school of its own for each test; no fault outlives a test."""
    yield await open_signing_school(signing)
    signing.clear_faults()
