"""One account with places in several schools: a choice at the sign-in, one school at a time, and no other school."""

import uuid

import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.actor import Browser as Asking
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school

HOST = "127.0.0.1:8000"


Chain = tuple[TestSchool, TestSchool]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chain(product: settings.Settings) -> Chain:
    """Two schools; the owner of the first one owns both."""
    first, second = await open_test_school("Trường Chuỗi Một"), await open_test_school("Trường Chuỗi Hai")
    asking = Asking(host=HOST, network="192.0.2.9/32")
    account = await access.prove(first.login(Role.OWNER), PASSWORD, asking)
    async with tenant_session(second.tenant_id) as session:
        staff = await people.add_staff(
            session, machine(second.tenant_id), "Cô Chủ Chuỗi", "chuoi@truong.example", "", [Role.OWNER]
        )
        await access.join(session, account, staff)
    return first, second


async def test_a_chain_is_seen_one_school_at_a_time(site: Litestar, chain: Chain) -> None:
    one, two = chain
    browser = Browser(site)
    answer = await browser.sign_in(one.login(Role.OWNER), PASSWORD, tiep="/nhan-su")
    assert answer.headers["location"] == "/chon-truong?tiep=/nhan-su"
    shown = await browser.get(answer.headers["location"])
    assert shown.text.count("Đang ở trường này") == 1
    first = browser.cookie("hocba")
    here = await browser.get("/nhan-su")
    other = two.tenant_id if "Cô Chủ Chuỗi" not in here.text else one.tenant_id
    await browser.get("/chon-truong?tiep=/nhan-su")
    moved = await browser.post("/chon-truong", {"truong": str(other), "tiep": "/nhan-su"})
    assert (moved.status_code, moved.headers["location"]) == (303, "/nhan-su")
    assert browser.cookie("hocba") != first
    assert await access.find_session(first, HOST) is None, "the old token is dead"
    there = await browser.get("/nhan-su")
    assert ("Cô Chủ Chuỗi" in there.text) is not ("Cô Chủ Chuỗi" in here.text)
    async with tenant_session(other, read_only=True) as session:
        recorded = await session.scalar(
            text("select count(*) from audit_event where action = 'access.session.change_place'")
        )
    assert recorded == 1


async def test_who_works_at_a_closed_school_begins_at_an_open_one(site: Litestar, chain: Chain) -> None:
    one, two = chain
    for closed, is_open in ((one, two), (two, one)):
        async with tenant_session(closed.tenant_id) as session:
            await session.execute(text("update school set closes_on = :day"), {"day": clock.today()})
        browser = Browser(site)
        await browser.sign_in(one.login(Role.OWNER), PASSWORD)
        found = await access.find_session(browser.cookie("hocba"), HOST)
        assert found is not None
        assert found.place.tenant_id == is_open.tenant_id
        shown = await browser.get("/chon-truong")
        assert shown.text.count("đã đóng từ ngày") == 1
        assert (await browser.post("/chon-truong", {"truong": str(closed.tenant_id)})).status_code == 303
        assert (await browser.get("/chu-truong")).status_code == 200, "its owner still takes the data away"
        async with tenant_session(closed.tenant_id) as session:
            await session.execute(text("update school set closes_on = null"))


async def test_no_other_school(site: Litestar, chain: Chain, school: TestSchool) -> None:
    browser = Browser(site)
    await browser.sign_in(chain[0].login(Role.OWNER), PASSWORD)
    await browser.get("/chon-truong")
    answers = [
        await browser.post("/chon-truong", {"truong": target})
        for target in (str(school.tenant_id), str(uuid.uuid4()), "x")
    ]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert "không làm việc ở trường vừa chọn" in answers[0].text
    found = await access.find_session(browser.cookie("hocba"), HOST)
    assert found is not None
    with pytest.raises(Conflict, match="đổi mã hoặc đã kết thúc"):
        await access.move(found.sign_in, school.tenant_id)
    elsewhere = msgspec.structs.replace(found.sign_in, factor="elsewhere")
    with pytest.raises(Conflict, match="chỉ dùng được ở trường ấy"):
        await access.move(elsewhere, chain[1].tenant_id)


async def test_the_token_of_before_moves_no_session(site: Litestar, chain: Chain) -> None:
    """Neither to another school, where the new proof would come along, nor to the school where the session is."""
    browser, thief = Browser(site), Browser(site)
    await browser.sign_in(chain[0].login(Role.OWNER), PASSWORD)
    thief.http.cookies.set("hocba", browser.cookie("hocba"))
    await browser.get("/xac-minh")
    assert (await browser.post("/xac-minh", {"password": PASSWORD})).status_code == 303
    found = await access.find_session(browser.cookie("hocba"), HOST)
    assert found is not None
    assert (await thief.get("/chon-truong")).status_code == 200, "a request that was under way"
    for school in chain:
        refused = await thief.post("/chon-truong", {"truong": str(school.tenant_id)})
        assert (refused.status_code, refused.headers.get("set-cookie")) == (409, None)
    assert await access.find_session(browser.cookie("hocba"), HOST) == found
    await browser.get("/chon-truong")
    here = await browser.post("/chon-truong", {"truong": str(found.place.tenant_id)})
    assert (here.status_code, "đang làm việc ở trường này rồi" in here.text) == (409, True)


async def test_whoever_works_at_one_school_is_not_asked(site: Litestar, school: TestSchool) -> None:
    answer = await Browser(site).sign_in(school.login(Role.CLERK), PASSWORD, tiep="/lop")
    assert answer.headers["location"] == "/lop"
