"""The life of a sheet through its pages: who is offered what, and what a form that was not filled in says."""

from datetime import timedelta

import pytest
from litestar import Litestar

from backend.core import clock
from backend.records.departments import service as departments
from backend.records.gradebook import exemptions, life
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.records.gradebook.conftest import COMMENT, ClassBook


def offered(browser: Browser) -> set[str]:
    """Last words of the addresses of the forms on the last page of a sheet."""
    assert browser.page is not None
    actions = browser.page.xpath("//main//form[@method='post']/@action")
    return {str(one).rpartition("/")[2] for one in actions}


def words(browser: Browser) -> str:
    assert browser.page is not None
    return " ".join(browser.page.xpath("string(//main)").split())


def hidden(browser: Browser, action: str) -> str:
    """The newest hand-in that the form for a deed on the last page says it has shown."""
    assert browser.page is not None
    [value] = browser.page.xpath(f"//form[@action='{action}']//input[@name='den']/@value")
    return str(value)


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
    assert head.page is not None
    assert head.page.xpath("string(//textarea[@name='loi'])") == "sai", "what was typed is still there"
    assert offered(head) == {"kiem-tra", "tra-lai"}
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


async def test_what_was_handed_in_again_is_looked_at_again(
    site: Litestar, book: ClassBook, address: str
) -> None:
    """A head and a principal whose pages show the sheets as they were handed in first."""
    await with_head(book)
    of_class = f"/lop/{book.class_id}"
    head, principal = (
        await book.school.browser(site, "stranger"),
        await book.school.browser(site, "principal"),
    )
    async with book.school.session() as session:
        await life.submit_class(session, book.actors["homeroom"], book.class_id)
    seen = {}
    for page, action in (
        ("/duyet-so", "/duyet-so"),
        ("/duyet-so", f"{address}/kiem-tra"),
        (address, f"{address}/kiem-tra"),
        (f"{of_class}/so-diem", f"{of_class}/duyet-so"),
    ):
        await head.get(page)
        seen[action] = hidden(head, action)
    async with book.school.session() as session:
        await life.withdraw(session, book.actors["homeroom"], book.sheets["TOAN"])
    async with book.school.session() as session:
        await life.submit(session, book.actors["homeroom"], book.sheets["TOAN"])
    refused = await head.post(f"{address}/kiem-tra", {"den": seen[f"{address}/kiem-tra"]})
    assert refused.status_code == 409
    assert "vừa được nộp lại" in refused.text
    for action in ("/duyet-so", f"{of_class}/duyet-so"):
        await head.get("/duyet-so")
        await head.post(action, {"den": seen[action]})
        await head.get("/duyet-so")
        assert "1 sổ điểm chờ bạn kiểm tra" in words(head), action
    assert head.page is not None
    assert not head.page.xpath("//form[@action='/duyet-so']"), "one sheet has a button of its own"
    assert (
        await head.post(f"{address}/kiem-tra", {"den": hidden(head, f"{address}/kiem-tra")})
    ).status_code == 303

    await principal.get(f"{of_class}/so-diem")
    shown = hidden(principal, f"{of_class}/khoa-so")
    async with book.school.session() as session:
        await life.send_back(session, book.actors["principal"], book.sheets["TOAN"], "Xem lại một điểm")
    async with book.school.session() as session:
        await life.submit(session, book.actors["homeroom"], book.sheets["TOAN"])
        await life.check(session, await book.school.actor(session, "stranger"), book.sheets["TOAN"])
    await principal.get(address)
    assert (await principal.post(f"{address}/khoa", {"den": shown})).status_code == 409
    await principal.get(f"{of_class}/so-diem")
    await principal.post(f"{of_class}/khoa-so", {"den": shown})
    await principal.get(f"{of_class}/so-diem")
    assert "Đã khóa 7 sổ điểm." in words(principal)


async def test_a_form_that_names_no_instant(site: Litestar, book: ClassBook, address: str) -> None:
    await with_head(book)
    head = await book.school.browser(site, "stranger")
    await head.get("/duyet-so")
    for bad in ("hôm qua", "2026-01-01T00:00:00"):
        assert (await head.post("/duyet-so", {"den": bad})).status_code in (400, 422)


async def test_a_remark_is_for_those_who_may_open_the_sheet(
    site: Litestar, book: ClassBook, address: str
) -> None:
    async with book.school.session() as session:
        await life.submit(session, book.actors["homeroom"], book.sheets["TOAN"])
        await life.send_back(session, book.actors["principal"], book.sheets["TOAN"], "Xem lại điểm của An")
    for who, reads in (("homeroom", True), ("stranger", False)):
        browser = await book.school.browser(site, who)
        status = (await browser.get(f"/lop/{book.class_id}/so-diem")).status_code
        assert status == (200 if reads else 403), who
        assert ("Xem lại điểm của An" in words(browser)) is reads, who


async def test_a_reopened_sheet_is_closed_by_the_clock_on_every_page(
    site: Litestar, book: ClassBook, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.lock("TOAN")
    async with book.school.session() as session:
        await life.reopen(session, book.actors["principal"], book.sheets["TOAN"], "Nhập nhầm điểm", "1")
    teacher = await book.school.browser(site, "homeroom")
    await teacher.get("/")
    assert "đang được mở lại" in words(teacher)
    await teacher.get(address)
    assert "sau đó tự khóa" in words(teacher)
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    for browser in (teacher, await book.school.browser(site, "principal")):
        assert (await browser.get(address)).status_code == 200
        assert "đã hết hạn mở lại nên điểm không thay đổi" in words(browser)
        assert "sau đó tự khóa" not in words(browser)
        assert "chỉ giáo viên phụ trách ghi được" not in words(browser)
        await browser.get("/")
        assert "đang được mở lại" not in words(browser)


async def test_nobody_is_sent_to_ask_themselves(site: Litestar, book: ClassBook, address: str) -> None:
    await book.lock("TOAN")
    for who, says in (
        (
            "homeroom",
            "Sổ điểm này đã khóa nên điểm không thay đổi; nếu điểm cần sửa, hiệu trưởng mở lại sổ trước.",
        ),
        ("principal", "Sổ điểm này đã khóa nên điểm không thay đổi."),
    ):
        browser = await book.school.browser(site, who)
        await browser.get(address)
        assert says in words(browser), who


async def test_a_telephone_offers_letters_where_letters_stand(
    site: Litestar, book: ClassBook, address: str
) -> None:
    teacher = await book.school.browser(site, "homeroom")
    await teacher.get(f"/so-diem/{book.sheets['TOAN']}")
    assert teacher.page is not None
    found = {
        cell.get("data-column"): (
            cell.xpath("string(.//input/@inputmode)"),
            cell.xpath("string(.//input/@autocapitalize)"),
        )
        for cell in teacher.page.xpath("//td[@data-cell]")
    }
    assert found["level:"] == ("", "characters")
    assert found["test:1"] == ("decimal", "")


async def test_a_cell_says_what_stands_in_it_how_it_came_about_and_whether_it_is_written(
    site: Litestar, book: ClassBook, address: str
) -> None:
    an, binh = book.pupils["Lò Thị An"], book.pupils["Cầm Văn Bình"]
    await book.write("homeroom", "TOAN", "Lò Thị An", Cell(MarkKind.TEST, "1"), "v")
    await book.write("homeroom", "TOAN", "Lò Thị An", COMMENT, 'Đọc "1 < 2" & viết')
    async with book.school.session() as session:
        who = (book.class_id, binh, "TOAN", "health", "Quyết định 12/QĐ-HT.")
        await exemptions.exempt(session, book.actors["principal"], *who)
    browser = await book.school.browser(site, "homeroom")
    page = (await browser.get(address)).text
    head = f'id="o-{an}-test:1" data-cell data-student="{an}" data-column="test:1" data-version="1"'
    note = "vắng có lý do, chờ kiểm tra bù"
    assert f'<td class="mark" {head} data-note="{note}">' in page
    assert (
        '<input class="mark-input" type="text" value="V" aria-label="Lò Thị An, KTĐK" autocomplete="off" '
        f'inputmode="decimal" maxlength="5" title="{note}"><small class="mark-note">{note}</small>' in page
    )
    assert f'<td class="mark mark-text" id="o-{an}-comment:"' in page
    assert ">\nĐọc &#34;1 &lt; 2&#34; &amp; viết</textarea>" in page
    assert f'id="o-{binh}-level:"' in page
    assert (
        '<input class="mark-input" type="text" value="" aria-label="Cầm Văn Bình, Mức đạt được" '
        'autocomplete="off" autocapitalize="characters" maxlength="5" readonly>' in page
    )
