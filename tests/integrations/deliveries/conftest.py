"""A province as a process of its own, and the product set to talk to it."""

import uuid
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from backend.core import http_client, settings
from backend.core.database import TenantId, TenantSession
from backend.integrations.deliveries import exchange, service
from backend.integrations.deliveries.schemas import Sending
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


async def begin_sending(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> list[Sending]:
    """What the task does in two transactions: make the messages, and begin to send them."""
    sendings = await service.to_send(session, delivery_ids)
    ready = {one.delivery_id: (one, exchange.Made(message=one.message(b""))) for one in sendings}
    return await service.begin_sending(session, delivery_ids, ready)
