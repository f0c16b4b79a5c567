"""Teachers' whole tasks in a real browser: a class of forty from a copied block of marks to results that are confirmed.

The site runs in this process, behind a socket, so that what people have written is compared with what is stored.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as every

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Locator, expect

from backend.app import create_app
from backend.core.database import TenantSession
from backend.core.settings import Settings
from backend.records.departments import service as departments
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import SheetId
from backend.records.plans import service as plans
from backend.records.plans.schemas import Choice, Decision
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subjects_of
from backend.records.roster.schemas import HOMEROOM, ClassId
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from infra.assets.build import build
from tests.factories.machine import Machine
from tests.factories.small_school import (
    PASSWORD,
    STAFF,
    SmallSchool,
    enroll,
    fill,
    open_small_school,
    sheet_of,
)
from tests.journeys.people import Person

pytestmark = pytest.mark.needs("chromium")

CLASS, GRADE, SUBJECT, DEPARTMENT = "10A1", 10, "VAN", "Tổ Ngữ văn"
FAMILIES = ("Bạc Cầm", "Cà Văn", "Điêu Thị", "Hà Minh", "Lò Thị", "Lường Văn", "Quàng Thị", "Vì Văn")
GIVEN = ("An", "Bình", "Dung", "Hoa", "Sơn")
#: Four regular marks for 105 lessons (TT22 Đ.6.2.b), the cluster of chuyên đề, two periodic marks and a comment.
LABELS = (
    *("ĐĐGtx 1", "ĐĐGtx 2", "ĐĐGtx 3", "ĐĐGtx 4"),
    *("Chuyên đề", "ĐĐGgk", "ĐĐGck", "Nhận xét"),
)
TYPED_WRONG = {(2, 1): "11", (7, 5): "abc"}
REMARK = "Em đầu danh sách: xem lại điểm cuối kì."
CORRECTED = "6,5"
#: ĐTBmhk of the pupil at the head of the list, with chuyên đề as one more ĐĐGtx (TT22 Đ.9.1).
HOW = f"(6 + 6,3 + 6,6 + 6,9 + 7,2 + 2 × 7,5 + 3 × {CORRECTED}) : 10 = 6,8"
ABOUT = "Chăm ngoan, giúp bạn ở {} buổi."


def written(row: int, column: int) -> str:
    """What the teacher has in Excel for a pupil: marks with a comma, and a sentence."""
    if LABELS[column] == "Nhận xét":
        return f"Viết rõ ý, đọc thêm {row + 1} tác phẩm trong hè."
    tenths = 60 + (row * 7 + column * 3) % 41
    return f"{tenths // 10},{tenths % 10}" if tenths % 10 else str(tenths // 10)


def stored(text: str) -> str:
    """How a mark or a sentence is kept."""
    return text.replace(",", ".") if re.fullmatch(r"[\d,]+", text) else text


@dataclass(frozen=True)
class Forty:
    """The class, its school, the sheets that people fill here, and where the site is."""

    school: SmallSchool
    class_id: ClassId
    sheet_id: SheetId
    homeroom_id: SheetId
    pupils: tuple[str, ...]
    url: str

    @property
    def page(self) -> str:
        return f"/lop/{self.class_id}"

    async def sign_in(self, chromium: Browser, who: str) -> Person:
        """Somebody of the small school in a browser of their own."""
        one = await Person.arrive(chromium, self.url)
        await one.begin_to_sign_in(_login(self.school, who), PASSWORD)
        await expect(one.page.get_by_role("heading", level=1)).to_contain_text("Xin chào")
        return one

    async def kept(self, sheet_id: SheetId) -> list[list[str]]:
        """What is stored of a sheet as a block: a row for each pupil, in the order of the columns, "" for nothing."""
        async with self.school.session(read_only=True) as session:
            school_class = await roster.get_class(session, self.class_id)
            content = (await gradebook.contents(session, school_class))[sheet_id]
        return [[cells.get(one.cell, "") for one in content.columns] for cells in content.cells.values()]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def forty(product: Settings) -> AsyncIterator[Forty]:
    """All of the class is written and handed in but one sheet of Ngữ văn and the homeroom teacher's own."""
    build()
    school = await open_small_school("Trường Trung học phổ thông Tư thục Hoa Mai")
    pupils = tuple(f"{family} {given}" for given, family in every(GIVEN, FAMILIES))
    async with school.session() as session:
        for who in ("music", "homeroom", "stranger", "principal"):
            await access.create_account(session, school.staff[who], _login(school, who), PASSWORD)
        class_id = await school.open_class(session, CLASS, GRADE, taken_by_music=SUBJECT)
        await _offer_topics(session, school, class_id)
        await enroll(session, CLASS, pupils)
        sheet = await sheet_of(session, class_id, SUBJECT, term=1)
        homeroom = await sheet_of(session, class_id, HOMEROOM)
        empty = (sheet.id, homeroom.id)
        await fill(
            session,
            await school.actor(session, "it"),
            class_id,
            lambda one, *_: "" if one.id in empty else None,
        )
        await _hand_in_and_lock(session, school, class_id, but=empty)
        await _found_a_department(session, school)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(create_app(), lifespan="off", log_config=None))
        serving = asyncio.create_task(server.serve([listener]))
        yield Forty(school, class_id, sheet.id, homeroom.id, pupils, url)
        server.should_exit = True
        await serving


def _login(school: SmallSchool, who: str) -> str:
    return f"{who}@{school.tenant_id.hex}.example"


async def _offer_topics(session: TenantSession, school: SmallSchool, class_id: ClassId) -> None:
    """The grade has the cluster of chuyên đề of the subject, and the class takes it."""
    subject = next(one for one in subjects_of(GRADE) if one.code == SUBJECT)
    decision = Decision(taught=True, lessons_per_year=subject.lessons_per_year, counts=True, topics=True)
    assert await plans.decide(session, school.year_id, GRADE, SUBJECT, decision)
    usual = await plans.choices_of_class(session, await roster.get_class(session, class_id))
    await plans.choose(session, class_id, {None: Choice(usual.combination.electives, frozenset({SUBJECT}))})


async def _hand_in_and_lock(
    session: TenantSession, school: SmallSchool, class_id: ClassId, but: Collection[SheetId]
) -> None:
    """Every sheet but these has come to its end."""
    for one in await gradebook.list_sheets(session, class_id):
        if one.id not in but:
            who = "music" if one.subject_code == SUBJECT else "homeroom"
            await life.submit(session, await school.actor(session, who), one.id)
    await life.lock_class(session, await school.actor(session, "principal"), class_id)


async def _found_a_department(session: TenantSession, school: SmallSchool) -> None:
    """From now on "stranger" looks at what "music" hands in."""
    principal, head = await school.actor(session, "principal"), school.staff["stranger"]
    roles = (Role.SUBJECT_TEACHER, Role.DEPARTMENT_HEAD)
    await people.change_staff(session, principal, head, STAFF["stranger"][0], "", roles)
    made = await departments.open_department(session, principal, DEPARTMENT)
    await departments.change_department(
        session, principal, made, DEPARTMENT, head, [head, school.staff["music"]]
    )


async def test_a_class_of_forty_comes_from_copied_marks_to_confirmed_results(
    chromium: Browser, forty: Forty
) -> None:
    teacher = await forty.sign_in(chromium, "music")
    await the_teacher_pastes(teacher, forty)
    await the_teacher_mends_two_cells(teacher, forty)
    await the_teacher_hands_in(teacher)
    head = await forty.sign_in(chromium, "stranger")
    await the_head_sends_back(head)
    await the_teacher_mends_what_was_said(teacher, forty)
    await the_teacher_hands_in(teacher)
    await the_head_checks(head, forty)
    principal = await forty.sign_in(chromium, "principal")
    await the_principal_locks(principal, forty)
    homeroom = await forty.sign_in(chromium, "homeroom")
    await the_homeroom_teacher_fills_their_own(homeroom, forty)
    await the_principal_locks_the_rest(principal, forty)
    await Machine(forty.school.tenant_id).rest()
    await the_homeroom_teacher_confirms(homeroom, forty)
    assert [one.complaints for one in (teacher, head, principal, homeroom)] == [[], [], [], []]


async def the_teacher_pastes(teacher: Person, forty: Forty) -> None:
    """As in Excel: copied there, one cell chosen here, Ctrl+V. What is good is kept at once."""
    await teacher.go(f"{forty.page}/so-diem")
    await (
        teacher.page.locator("#so-cua-toi tr", has_text=re.compile(r"Học kì I\b")).get_by_role("link").click()
    )
    heads = teacher.page.locator("#so thead th")
    await expect(heads).to_have_count(1 + len(LABELS))
    assert tuple((await heads.all_inner_texts())[1:]) == LABELS
    rows = [
        [TYPED_WRONG.get((row, column), written(row, column)) for column in range(len(LABELS))]
        for row in range(len(forty.pupils))
    ]
    await paste(teacher, cell_of(teacher, forty.pupils[0], LABELS[0]), rows)
    await expect(state_of(teacher)).to_contain_text("2 ô chưa lưu được")
    for (row, column), typed in TYPED_WRONG.items():
        await expect(cell_of(teacher, forty.pupils[row], LABELS[column])).to_have_value(typed)
    await is_kept(forty, dict.fromkeys(TYPED_WRONG, ""))


async def the_teacher_mends_two_cells(teacher: Person, forty: Forty) -> None:
    """Each bad cell is named by pupil and column; the sheet is not handed in with one."""
    problems = teacher.page.locator("[data-sheet-problems] li")
    await expect(problems).to_have_count(len(TYPED_WRONG))
    for at, ((row, column), typed) in enumerate(TYPED_WRONG.items()):
        for words in (forty.pupils[row], LABELS[column], f"“{typed}”", "từ 0 đến 10"):
            await expect(problems.nth(at)).to_contain_text(words)
    await teacher.sees("2 ô còn trống, ở 2 học sinh, trong đó có Điêu Thị An.")
    await teacher.look("40-forty-pasted")
    await teacher.press_and_agree("Nộp sổ")
    await teacher.sees("Còn 2 ô chưa lưu; hãy lưu hoặc sửa trước khi nộp.")
    for row, column in TYPED_WRONG:
        await problems.first.get_by_role("button").click()
        await expect(cell_of(teacher, forty.pupils[row], LABELS[column])).to_be_focused()
        await teacher.page.keyboard.type(written(row, column))
        await teacher.page.keyboard.press("Enter")
        await expect(problems.filter(has_text=forty.pupils[row])).to_have_count(0)
    await expect(state_of(teacher)).to_contain_text("Đã lưu lúc")
    await expect(teacher.page.locator("main")).not_to_contain_text("còn trống")
    await is_kept(forty, {})


async def the_teacher_hands_in(teacher: Person) -> None:
    await teacher.press_and_agree("Nộp sổ")
    await teacher.sees("Đã nộp sổ điểm.")
    await expect(teacher.page.locator("main .mark-input")).to_have_count(0)


async def the_head_sends_back(head: Person) -> None:
    await head.press("Mở trang duyệt sổ")
    await head.sees(f"Ngữ văn, lớp {CLASS}", "Không có ô trống.")
    await head.page.get_by_label("Lời nhận xét khi trả lại").fill(REMARK)
    await head.press("Trả lại sổ")
    await head.sees("Đã trả lại sổ cho giáo viên.", "Không có sổ nào chờ bạn kiểm tra")


async def the_teacher_mends_what_was_said(teacher: Person, forty: Forty) -> None:
    await teacher.go("/")
    await teacher.sees("1 sổ điểm được trả lại cho bạn", REMARK)
    await teacher.press("Mở sổ điểm")
    await teacher.sees("Sổ được trả lại để sửa", REMARK)
    cell = cell_of(teacher, forty.pupils[0], LABELS[6])
    await cell.fill(CORRECTED)
    await cell.press("Enter")
    await expect(state_of(teacher)).to_contain_text("Đã lưu lúc")
    await is_kept(forty, {(0, 6): CORRECTED})


async def the_head_checks(head: Person, forty: Forty) -> None:
    await head.go("/duyet-so")
    await head.press("Mở sổ")
    await expect(head.page.get_by_role("row", name=forty.pupils[0])).to_contain_text(CORRECTED)
    await head.press("Xác nhận đã kiểm tra")
    await head.sees("Đã xác nhận kiểm tra sổ điểm.")


async def the_principal_locks(principal: Person, forty: Forty) -> None:
    await principal.go(f"/so-diem/{forty.sheet_id}")
    await principal.press_and_agree("Khóa sổ")
    await principal.sees("Đã khóa sổ điểm.")


async def the_homeroom_teacher_fills_their_own(homeroom: Person, forty: Forty) -> None:
    """Conduct of both terms, absences and a comment; the column of the summer stays empty."""
    await homeroom.go(f"{forty.page}/so-diem")
    await homeroom.page.get_by_role("link", name="Sổ chủ nhiệm").click()
    rows = [
        ["T", "K" if row % 2 else "T", "", "2", "0", ABOUT.format(row + 1)]
        for row in range(len(forty.pupils))
    ]
    await paste(homeroom, cell_of(homeroom, forty.pupils[0], "Rèn luyện HKI"), rows)
    await expect(state_of(homeroom)).to_contain_text("Đã lưu lúc")
    assert [row[:6] for row in await forty.kept(forty.homeroom_id)] == rows
    await the_teacher_hands_in(homeroom)


async def the_principal_locks_the_rest(principal: Person, forty: Forty) -> None:
    await principal.go(f"{forty.page}/so-diem")
    await principal.sees("Còn 1 sổ chưa khóa")
    await principal.press_and_agree("Khóa 1 sổ")
    await principal.sees("Tất cả sổ của lớp đã khóa")


async def the_homeroom_teacher_confirms(homeroom: Person, forty: Forty) -> None:
    """After a look at why one pupil's result is what it is: with the marks that were pasted."""
    await homeroom.go(f"{forty.page}/ket-qua")
    await homeroom.sees("0 trên 40 học sinh")
    await homeroom.page.get_by_role("row", name=forty.pupils[0]).get_by_role("link").click()
    await homeroom.sees("giáo viên chủ nhiệm chưa xác nhận", HOW)
    await homeroom.look("41-forty-explained")
    await homeroom.page.go_back()
    await homeroom.press_and_agree("Xác nhận kết quả")
    await homeroom.sees("Đã xác nhận kết quả của 40 học sinh.", "40 trên 40 học sinh")


async def is_kept(forty: Forty, otherwise: Mapping[tuple[int, int], str]) -> None:
    """The sheet as it is stored is the block that was copied, 40 × 8, otherwise in a few cells."""
    kept = await forty.kept(forty.sheet_id)
    assert (len(kept), {len(row) for row in kept}) == (40, {8})
    wanted = [
        [stored(otherwise.get((row, column), written(row, column))) for column in range(len(LABELS))]
        for row in range(len(forty.pupils))
    ]
    assert kept == wanted


def cell_of(person: Person, pupil: str, column: str) -> Locator:
    """Where a mark is written."""
    return person.page.get_by_label(f"{pupil}, {column}", exact=True)


def state_of(person: Person) -> Locator:
    """What the sheet says about saving."""
    return person.page.locator("[data-sheet-state]")


async def paste(person: Person, first: Locator, rows: Sequence[Sequence[str]]) -> None:
    """What Excel puts on the clipboard for a block, and Ctrl+V in its first cell."""
    text = "".join("\t".join(row) + "\r\n" for row in rows)
    await expect(person.page.locator("#so")).to_have_attribute("data-blocks", "yes")  # its scripts have run
    await person.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await person.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    await first.focus()
    await person.page.keyboard.press("Control+v")
