"""One request is one transaction."""

import asyncio
from uuid import uuid4

from backend.core import database
from backend.core.database import tenant_session
from tests.core.browser import Browser
from tests.core.probes import count
from tests.core.site_fixtures import TestSchool


async def rows(school: TestSchool, label: str) -> int:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await count(session, label)


async def test_a_get_cannot_write(probe_principal: Browser, school: TestSchool) -> None:
    label = uuid4().hex
    answer = await probe_principal.get(f"/thu/ghi-khi-doc?nhan={label}")
    assert answer.status_code == 500
    assert await rows(school, label) == 0


async def test_a_post_is_committed_before_it_is_answered(
    probe_principal: Browser, school: TestSchool
) -> None:
    label = uuid4().hex
    await probe_principal.get("/thu/trang")
    answer = await probe_principal.post("/thu/ghi", {"nhan": label})
    assert answer.status_code == 303
    assert await rows(school, label) == 1


async def test_errors_roll_back(probe_principal: Browser, school: TestSchool) -> None:
    await probe_principal.get("/thu/trang")
    token = probe_principal.csrf_token
    for end, status in (("error", 409), ("bug", 500), ("template", 500)):
        label = uuid4().hex
        answer = await probe_principal.post("/thu/ghi", {"nhan": label, "ket": end, "csrf_token": token})
        assert answer.status_code == status
        assert await rows(school, label) == 0, end


async def test_connections_come_back(probe_principal: Browser) -> None:
    """No request keeps a connection: refused, broken, or without asking for a session."""
    paths = ["/thu/trang", "/thu/manh", "/thu/so?so=x", "/thu/ghi-khi-doc?nhan=a", "/thu/chot"] * 10
    await asyncio.gather(*(probe_principal.get(path) for path in paths))
    assert database.engine().pool.checkedout() == 0  # type: ignore[attr-defined]
