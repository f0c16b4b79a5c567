"""The pages of departments: lists, forms, and what they say when something is refused."""

from litestar import Litestar

from backend.records.departments import service
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool


def words(browser: Browser) -> str:
    assert browser.page is not None
    return " ".join(browser.page.xpath("string(//main)").split())


async def test_a_department_is_made_filled_and_ended(site: Litestar, small_school: SmallSchool) -> None:
    staff = small_school.staff
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        roles = [Role.SUBJECT_TEACHER, Role.DEPARTMENT_HEAD]
        await people.change_staff(session, principal, staff["stranger"], "Tạ Khánh Linh", "", roles)
    browser = await small_school.browser(site, "principal")
    await browser.get("/to-chuyen-mon")
    assert "Trường chưa có tổ chuyên môn" in words(browser)
    assert (await browser.post("/to-chuyen-mon", {"ten": "Khối 1"})).status_code == 422
    assert "bắt đầu bằng chữ “Tổ”" in words(browser)
    made = await browser.post("/to-chuyen-mon", {"ten": "Tổ khối 1"})
    page = made.headers["location"]
    await browser.get(page)
    assert browser.page is not None
    options = browser.page.xpath("//select[@name='to_truong']/option/text()")
    assert options == ["Chưa chọn", "Tạ Khánh Linh"]
    chosen = {"ten": "Tổ khối 1", "to_truong": str(staff["stranger"]), "thanh_vien": str(staff["homeroom"])}
    assert (await browser.post(page, chosen)).headers["location"] == "/to-chuyen-mon"
    await browser.get("/to-chuyen-mon")
    assert "Tạ Khánh Linh" in words(browser)
    assert "2 giáo viên chưa thuộc tổ nào" in words(browser)
    async with small_school.session() as session:
        assert await service.checkers(session) == {staff["homeroom"]: staff["stranger"]}

    second = (await browser.post("/to-chuyen-mon", {"ten": "Tổ khối 2"})).headers["location"]
    await browser.get(second)
    assert browser.page.xpath("//input[@name='thanh_vien']/@value") != []
    assert str(staff["homeroom"]) not in browser.page.xpath("//input[@name='thanh_vien']/@value")
    refused = await browser.post(second, {"ten": "Tổ khối 2", "thanh_vien": str(staff["homeroom"])})
    assert refused.status_code == 409
    assert "đang thuộc Tổ khối 1" in words(browser)
    for bad in ("x", "", str(small_school.tenant_id)):
        answer = await browser.post(second, {"ten": "Tổ khối 2", "thanh_vien": bad})
        assert answer.status_code == (422 if bad else 303)
        await browser.get(second)
    assert (await browser.post(f"{second}/bo")).headers["location"] == "/to-chuyen-mon"
    assert (await browser.get(second)).status_code == 404
