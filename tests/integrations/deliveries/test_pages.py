"""What a parked delivery asks of those who may act on it, and nobody else."""

import re
import uuid
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import pytest
from litestar import Litestar

from backend.core import clock, settings
from backend.integrations.deliveries import service, troubles
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


async def test_what_is_looked_for_stays_in_the_address(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    it = await school.browser(site, "it")
    with changed_settings(HOCBA_PROVINCE_URL="http://127.0.0.1:9", HOCBA_PROVINCE_API_KEY="khong-dung"):
        await park_one(school)
        [waiting] = await issue(school.tenant_id)
        async with school.session() as session:
            await service.open_deliveries(session, [waiting])
            [group] = await troubles.groups(session)
        cause = urlencode({"nguyen_nhan": f"{group.authority} {group.cause}"})
        today = clock.today()

        async def found(query: str) -> int:
            text = (await it.get(f"/gui?{query}")).text
            return len(re.findall(r'<th scope="row"><a href="/gui/[0-9a-f-]{36}">', text))

        for query, wanted in (
            ("", 2),
            ("khoi=4", 2),
            ("khoi=5", 0),
            ("lop=4A", 2),
            ("lop=4A&khoi=5", 0),
            ("lop=9Z", 0),
            (cause, 1),
            (f"{cause}&trang_thai=queued", 0),
            (f"tu={today}&den={today}", 2),
            (f"den={today - timedelta(days=1)}", 0),
            ("co_quan=vn.sandbox.hocba/2&trang_thai=parked", 1),
            ("co_quan=vn.khac.hocba/1", 0),
        ):
            assert await found(query) == wanted, query
        asked = f"lop=4A&{cause}&tu={today}&trang_thai=parked"
        text = (await it.get(f"/gui?{asked}")).text
        assert f'value="{today}"' in text
        assert f'<option value="{group.authority} {group.cause}" selected' in text
        links = {unescape(one) for one in re.findall(r'href="(/gui\?[^"]+)"', text)}
        assert any("trang_thai" not in one and "lop=4A" in one and cause in one for one in links)
        beyond = await it.get("/gui?lop=4A&trang=9")
        assert (beyond.status_code, beyond.headers["location"]) == (303, "/gui?lop=4A&trang=1")
        for query, word in (("tu=hom-qua", "Từ ngày"), ("khoi=x", "Khối"), ("trang_thai=x", "Trạng thái")):
            answer = await it.get(f"/gui?{query}")
            assert (answer.status_code, word in answer.text) == (422, True)
