"""The life of one mark sheet in a real browser: teacher, head of department and principal, back and forth, and none of
them has a mouse.
"""

import re

import pytest
from playwright.async_api import Browser, Locator, expect

from infra.demo.seed import PASSWORD
from infra.demo.visitor import Visitor
from infra.demo.workbooks import read_plan
from tests.journeys.conftest import Site
from tests.journeys.people import Person

pytestmark = pytest.mark.needs("chromium")

#: A class that no other journey brings further than its marks; its teacher's department is headed by another.
CLASS, TEACHER, HEAD = "7A1", "gvcn.7a1@songtrang.hocba.test", "gvcn.6a1@songtrang.hocba.test"
SUBJECT = "Hoạt động trải nghiệm, hướng nghiệp"
REMARK = "Em đầu danh sách: xem lại điểm giữa kì."
REASON = "Nhập nhầm điểm cuối kì của em đầu danh sách"


async def test_a_sheet_is_handed_in_sent_back_checked_locked_and_opened_again(
    chromium: Browser, site: Site
) -> None:
    sheet = await marks_are_there(site)
    teacher = await Person.sign_in(chromium, site.url, TEACHER)
    head = await Person.sign_in(chromium, site.url, HEAD)
    principal = await Person.sign_in(chromium, site.named, "hieutruong@songtrang.hocba.test")
    await principal.add_passkey("Điện thoại")
    for person in (teacher, head, principal):
        person.has_no_mouse = True

    await the_teacher_hands_in(teacher, sheet, "30-sheet-to-hand-in")
    await the_head_sends_back(head)
    await the_teacher_mends(teacher, sheet)
    await the_teacher_hands_in(teacher, sheet, "34-sheet-mended")
    await the_head_checks(head)
    await the_principal_locks(principal, sheet)
    await the_principal_opens_again(principal, sheet)
    await the_teacher_changes_one_mark(teacher, sheet)
    await everybody_sees_what_happened(head, sheet)


async def marks_are_there(site: Site) -> str:
    """The pupils and the marks of the class have come in; the address of the sheet."""
    files = [file for file in read_plan(site.books).files if file.school == site.other_school.key]
    wanted = [files[0], *(file for file in files if file.classes == (CLASS,))]
    async with Visitor(site.url, "cntt@songtrang.hocba.test", PASSWORD, lambda: True) as it_teacher:
        taken = await it_teacher.get("/nhap")
        for file in wanted:
            book = site.books / file.path
            if book.name not in taken:
                await it_teacher.post(f"{await it_teacher.upload('/nhap', book)}/ghi")
        classes = await it_teacher.get("/lop")
        path = re.search(rf'href="(/lop/[0-9a-f-]+)">{CLASS}<', classes)
        assert path is not None
        sheets = await it_teacher.get(f"{path.group(1)}/so-diem")
    sheet = re.search(rf'href="(/so-diem/[0-9a-f-]+)">{SUBJECT}<', sheets)
    assert sheet is not None
    return sheet.group(1)


async def the_teacher_hands_in(teacher: Person, sheet: str, picture: str) -> None:
    await teacher.go(sheet)
    await teacher.look(picture)
    await teacher.press_and_agree("Nộp sổ")
    await teacher.sees("Đã nộp sổ điểm.", "Sổ điểm này đã nộp nên điểm không thay đổi")
    await expect(teacher.page.locator("main input[type=text]")).to_have_count(0)


async def the_head_sends_back(head: Person) -> None:
    await head.go("/")
    await head.sees("1 sổ điểm chờ bạn kiểm tra")
    await head.look("31-home-of-the-head")
    await head.press("Mở trang duyệt sổ")
    await head.sees(SUBJECT, CLASS)
    await head.look("32-sheets-to-check")
    await head.write(head.page.get_by_label("Lời nhận xét khi trả lại"), REMARK)
    await head.press("Trả lại sổ")
    await head.sees("Đã trả lại sổ cho giáo viên.", "Không có sổ nào chờ bạn kiểm tra")


async def the_teacher_mends(teacher: Person, sheet: str) -> None:
    await teacher.go("/")
    await teacher.sees("1 sổ điểm được trả lại cho bạn", REMARK)
    await teacher.look("33-home-of-the-teacher")
    await teacher.press("Mở sổ điểm")
    await teacher.sees("Sổ được trả lại để sửa", REMARK)
    await change(teacher, cell_of(teacher, "ĐĐGgk"))


def cell_of(person: Person, column: str) -> Locator:
    """The first pupil's cell of a column."""
    return person.page.get_by_label(re.compile(f", {column}$")).first


async def change(person: Person, cell: Locator) -> tuple[str, str]:
    """Write the other of Đ and CĐ, and wait until it is kept; old and new."""
    old = await cell.input_value()
    new = "CĐ" if old == "Đ" else "Đ"
    await person.write(cell, new)
    await person.page.keyboard.press("Enter")
    await expect(person.page.get_by_role("status").filter(has_text="Đã lưu lúc")).to_be_visible()
    return old, new


async def the_head_checks(head: Person) -> None:
    await head.go("/duyet-so")
    await head.press("Xác nhận đã kiểm tra")
    await head.sees("Đã xác nhận kiểm tra sổ điểm.", "Bạn đã xong việc ở đây")
    await head.look("35-nothing-left-to-check")


async def the_principal_locks(principal: Person, sheet: str) -> None:
    await principal.go(sheet)
    await principal.sees("Đã kiểm tra", "Trả lại cho giáo viên")
    await principal.look("36-sheet-checked")
    await principal.press_and_agree("Khóa sổ")
    await principal.sees("Đã khóa sổ điểm.", "Lịch sử của sổ")


async def the_principal_opens_again(principal: Person, sheet: str) -> None:
    """The passkey has just been a proof, so that no other is asked for."""
    await principal.press("Mở lại sổ")
    await principal.sees("Lý do và thời hạn")
    await principal.write(principal.page.get_by_label("Lý do mở lại"), REASON)
    await principal.write(principal.page.get_by_label("Mở trong bao nhiêu giờ"), "2")
    await principal.look("37-opening-again")
    await principal.press("Mở lại sổ")
    await principal.sees("Đã mở lại sổ điểm", "sau đó tự khóa", REASON)
    await principal.look("38-sheet-opened-again")


async def the_teacher_changes_one_mark(teacher: Person, sheet: str) -> None:
    await teacher.go("/")
    await teacher.sees("1 sổ điểm của bạn đang được mở lại")
    await teacher.press("Mở sổ điểm")
    old, new = await change(teacher, cell_of(teacher, "ĐĐGck"))
    await teacher.press_and_agree("Khóa lại sổ")
    await teacher.sees("Đã khóa lại sổ điểm.")
    row = teacher.page.locator("#sua-sau-khoa tbody tr")
    await expect(row).to_have_count(1)
    for words in ("ĐĐGck", old, new, REASON):
        await expect(row).to_contain_text(words)


async def everybody_sees_what_happened(head: Person, sheet: str) -> None:
    await head.go(sheet)
    titles = head.page.locator("#lich-su .history-title")
    await expect(titles).to_have_text(
        [
            "Khóa lại sổ",
            "Mở lại sổ",
            "Khóa sổ",
            "Tổ trưởng đã kiểm tra",
            "Nộp sổ",
            "Trả lại sổ",
            "Nộp sổ",
        ]
    )
    await head.look("39-history-of-a-sheet")
