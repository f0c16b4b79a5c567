"""The life of a sheet through its pages: who is offered what, and what a form that was not filled in says."""

from datetime import timedelta

import pytest
from litestar import Litestar

from backend.core import clock
from backend.records.departments import service as departments
from backend.records.gradebook import life
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.records.gradebook.conftest import ClassBook


def offered(browser: Browser) -> set[str]:
    """Last words of the addresses of the forms on the last page of a sheet."""
    assert browser.page is not None
    actions = browser.page.xpath("//main//form[@method='post']/@action")
    return {str(one).rpartition("/")[2] for one in actions}


def words(browser: Browser) -> str:
    assert browser.page is not None
    return " ".join(browser.page.xpath("string(//main)").split())


@pytest.fixture
def address(book: ClassBook) -> str:
    return f"/so-diem/{book.sheets['TOAN']}"


async def with_head(book: ClassBook) -> None:
    """The homeroom teacher belongs to a department that "stranger" heads."""
    staff = book.school.staff
    async with book.school.session() as session:
        principal = book.actors["principal"]
        roles = [Role.DEPARTMENT_HEAD]
        await people.change_staff(session, principal, staff["stranger"], "Tạ Khánh Linh", "", roles)
        department = await departments.open_department(session, principal, "Tổ khối 1")
        await departments.change_department(
            session, principal, department, "Tổ khối 1", staff["stranger"], [staff["homeroom"]]
        )


async def test_each_is_offered_what_is_theirs(site: Litestar, book: ClassBook, address: str) -> None:
    await with_head(book)
    people_here = {who: await book.school.browser(site, who) for who in ("homeroom", "stranger", "principal")}

    async def offers() -> dict[str, set[str]]:
        for browser in people_here.values():
            assert (await browser.get(address)).status_code == 200
        return {who: offered(browser) for who, browser in people_here.items()}

    teacher, head, principal = people_here.values()
    assert await offers() == {"homeroom": {"nop"}, "stranger": set(), "principal": set()}
    assert "Nên xem lại trước khi nộp" in words(teacher)
    assert "6 ô còn trống, ở 2 học sinh" in words(teacher)
    assert (await teacher.post(f"{address}/nop")).headers["location"] == address
    assert await offers() == {
        "homeroom": {"rut"},
        "stranger": {"kiem-tra", "tra-lai"},
        "principal": {"tra-lai"},
    }
    await head.get("/duyet-so")
    assert "Toán, lớp 1A" in words(head)
    assert "6 ô còn trống, ở 2 học sinh" in words(head)
    assert (await head.post(f"{address}/kiem-tra")).headers["location"] == "/duyet-so"
    assert await offers() == {"homeroom": set(), "stranger": {"tra-lai"}, "principal": {"khoa", "tra-lai"}}
    assert (await principal.post(f"{address}/khoa")).status_code == 303
    assert await offers() == {"homeroom": set(), "stranger": set(), "principal": set()}
    assert principal.page is not None
    assert principal.page.xpath(f"//a[@href='{address}/mo-lai']")


async def test_a_remark_reaches_the_teacher_everywhere(site: Litestar, book: ClassBook, address: str) -> None:
    await with_head(book)
    teacher, head = await book.school.browser(site, "homeroom"), await book.school.browser(site, "stranger")
    await teacher.get(address)
    await teacher.post(f"{address}/nop")
    await head.get("/")
    assert "1 sổ điểm chờ bạn kiểm tra" in words(head)
    await head.get("/duyet-so")
    refused = await head.post(f"{address}/tra-lai", {"loi": "sai"})
    assert refused.status_code == 422
    assert "cần từ 5 đến 500 ký tự" in refused.text
    sent = await head.post(f"{address}/tra-lai", {"loi": "Xem lại <b>điểm</b> của An"})
    assert sent.headers["location"] == "/duyet-so"
    for page in ("/", f"/lop/{book.class_id}/so-diem", address):
        await teacher.get(page)
        assert "“Xem lại <b>điểm</b> của An”" in words(teacher), page


async def test_a_reopening_asks_for_a_proof_first(
    site: Litestar, book: ClassBook, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.lock("TOAN")
    principal = await book.school.browser(site, "principal")
    page = f"{address}/mo-lai"
    await principal.get(page)
    assert "Lý do và thời hạn" in words(principal)
    refused = await principal.post(page, {"ly_do": "Nhập nhầm một điểm", "so_gio": "100"})
    assert refused.status_code == 422
    assert "Nhập nhầm một điểm" in words(principal), "what was typed is still there"
    later = clock.now() + timedelta(minutes=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    for answer in (
        await principal.get(page),
        await principal.post(page, {"ly_do": "Nhập nhầm một điểm", "so_gio": "2"}),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, f"/xac-minh?tiep={page}")
    await principal.get(address)
    assert "Mở lại sổ" in words(principal), "it is locked still"


async def test_the_whole_class_is_handed_in_checked_and_locked(site: Litestar, book: ClassBook) -> None:
    await with_head(book)
    async with book.school.session() as session:
        await life.submit_class(session, book.actors["music"], book.class_id)
    address = f"/lop/{book.class_id}"
    for who, deed, said in (
        ("homeroom", "nop-so", "Đã nộp 8 sổ điểm."),
        ("stranger", "duyet-so", "Đã xác nhận kiểm tra 8 sổ điểm."),
        ("principal", "khoa-so", "Đã khóa 9 sổ điểm."),
    ):
        browser = await book.school.browser(site, who)
        page = await browser.get(f"{address}/so-diem")
        assert f'action="{address}/{deed}"' in page.text
        assert (await browser.post(f"{address}/{deed}")).status_code == 303
        page = await browser.get(f"{address}/so-diem")
        assert said in page.text
        assert f'action="{address}/{deed}"' not in page.text, "nothing is left to do"
