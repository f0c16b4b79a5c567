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


def shown(browser: Browser) -> dict[str, str]:
    """What the form of the last page would send as it stands, with at most one member ticked."""
    assert browser.page is not None
    found = browser.page.xpath
    return {
        "cu": found("string(//input[@name='cu']/@value)"),
        "ten": found("string(//form//input[@name='ten']/@value)"),
        "to_truong": found("string(//select[@name='to_truong']/option[@selected]/@value)"),
        "thanh_vien": " ".join(found("//input[@name='thanh_vien'][@checked]/@value")),
    }


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
    assert shown(browser)["ten"] == "Khối 1"
    made = await browser.post("/to-chuyen-mon", {"ten": "Tổ khối 1"})
    page = made.headers["location"]
    await browser.get(page)
    assert browser.page is not None
    options = browser.page.xpath("//select[@name='to_truong']/option/text()")
    assert options == ["Chưa chọn", "Tạ Khánh Linh"]
    chosen = shown(browser) | {"to_truong": str(staff["stranger"]), "thanh_vien": str(staff["homeroom"])}
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
    refused = await browser.post(second, shown(browser) | {"thanh_vien": str(staff["homeroom"])})
    assert refused.status_code == 409
    assert "đang thuộc Tổ khối 1" in words(browser)
    for bad in ("x", "", str(small_school.tenant_id)):
        answer = await browser.post(second, shown(browser) | {"thanh_vien": bad})
        assert answer.status_code == (422 if bad else 303)
        await browser.get(second)
    assert (await browser.post(f"{second}/bo")).headers["location"] == "/to-chuyen-mon"
    assert (await browser.get(second)).status_code == 404


async def test_what_was_typed_survives_a_refusal_and_the_slower_of_two_is_told(
    site: Litestar, small_school: SmallSchool
) -> None:
    staff = small_school.staff
    async with small_school.session() as session:
        actor = await small_school.actor(session, "principal")
        department_id = await service.open_department(session, actor, "Tổ khối 1")
        await service.change_department(
            session, actor, department_id, "Tổ khối 1", None, [staff["homeroom"], staff["music"]]
        )
    browser = await small_school.browser(site, "principal")
    page = f"/to-chuyen-mon/{department_id}"
    await browser.get(page)
    typed = shown(browser) | {"ten": "Khối một", "thanh_vien": str(staff["stranger"])}
    assert (await browser.post(page, typed)).status_code == 422
    assert shown(browser) == typed
    async with small_school.session() as session:
        await service.change_department(session, actor, department_id, "Tổ khối 1", None, [staff["music"]])
    typed["ten"] = "Tổ khối một"
    assert (await browser.post(page, typed)).status_code == 409
    assert "vừa được người khác đổi (tổ trưởng: chưa chọn; thành viên: Quách Bảo Ngân)" in words(browser)
    again = shown(browser)
    assert again == typed | {"cu": again["cu"]}
    assert (await browser.post(page, again)).status_code == 303
    async with small_school.session() as session:
        [department] = await service.list_departments(session)
    assert (department.name, department.members) == ("Tổ khối một", (staff["stranger"],))
