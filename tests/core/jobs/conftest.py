"""Tasks that are probes, and a school for each test."""

import pytest
import pytest_asyncio

from backend.core import jobs, settings
from backend.core.database import TenantId
from backend.core.jobs import Lane
from tests.core.jobs.probes import KIND, TOGETHER, add, hear, open_tenant, probe


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probes are tasks while these tests run; nobody else comes upon them."""
    monkeypatch.setitem(jobs._TASKS, KIND, jobs.Task(KIND, "Việc thử", Lane.RENDER, 3, hear, probe))
    monkeypatch.setitem(
        jobs._TASKS, TOGETHER, jobs.Task(TOGETHER, "Việc thử", Lane.RENDER, 3, hear, probe, together=4)
    )


@pytest_asyncio.fixture(loop_scope="session")
async def tenant(product: settings.Settings) -> TenantId:
    """A school of its own for each test, with one job."""
    tenant_id = await open_tenant()
    await add(tenant_id)
    return tenant_id
