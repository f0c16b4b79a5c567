"""What a parked delivery asks of those who may act on it, and nobody else."""

import uuid

import pytest
from litestar import Litestar

from backend.core import settings
from backend.integrations.deliveries import service
from tests.core.site_fixtures import site
from tests.factories.issued_versions import issue
from tests.factories.signing_school import changed_settings
from tests.factories.small_school import SmallSchool, open_small_school

__all__ = ["site"]


async def park_one(school: SmallSchool) -> None:
    """One delivery that the machine has given up."""
    async with school.session() as session:
        await school.open_class(session, "4A", 4)
    [version_id] = await issue(school.tenant_id)
    async with school.session() as session:
        await service.open_deliveries(session, [version_id])
    async with school.session() as session:
        [found] = await service.of_version(session, version_id)
        await service.park(session, uuid.UUID(str(found.id)), "Sở từ chối khóa kết nối.")


@pytest.mark.parametrize("who", ["clerk", "it"])
async def test_home_names_the_step(site: Litestar, product: settings.Settings, who: str) -> None:
    school = await open_small_school()
    browser = await school.browser(site, who)
    with changed_settings(HOCBA_PROVINCE_URL="http://127.0.0.1:9", HOCBA_PROVINCE_API_KEY="khong-dung"):
        assert (await browser.get("/gui/viec")).status_code == 204
        await park_one(school)
        answer = await browser.get("/gui/viec")
    assert "1 học bạ chưa gửi được lên Sở" in answer.text
    assert 'href="/gui?trang_thai=parked"' in answer.text


async def test_it_is_asked_for_on_the_home_page_of_those_who_may_act(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_small_school()
    clerk, principal = [await school.browser(site, who) for who in ("clerk", "principal")]
    assert 'hx-get="/gui/viec"' in (await clerk.get("/")).text
    assert 'hx-get="/gui/viec"' not in (await principal.get("/")).text
    assert (await principal.get("/gui/viec")).status_code == 403
