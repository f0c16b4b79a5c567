"""Sheets looked through: on their page, for the head of department, and answered once."""

import pytest
from litestar import Litestar
from sqlalchemy import select

from backend.core.actor import machine
from backend.core.audit import Action, AuditEvent
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.records.classes import service as classes
from backend.records.departments import service as departments
from backend.records.gradebook import editing, exemptions, life
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetSummary
from backend.records.review import service
from backend.records.review.schemas import FindingKind
from backend.records.roster.schemas import ClassId
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.statements import statements
from tests.factories.small_school import SmallSchool, enroll, fill, sheet_of, student_ids

NAMES = ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"]
TEST, COMMENT = Cell(MarkKind.TEST, "1"), Cell(MarkKind.COMMENT)


def odd(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """An has 3 in the test of Toán with T; Bình has no comment there."""
    if sheet.subject_code != "TOAN":
        return None
    if cell == TEST and code[-1] == "1":
        return "3"
    return "" if cell == COMMENT and code[-1] == "2" else None


async def filled(school: SmallSchool, session: TenantSession, name: str = "1A", first: int = 1) -> ClassId:
    class_id = await school.open_class(session, name, 1)
    await enroll(session, name, NAMES, first)
    await fill(session, await school.actor(session, "it"), class_id, odd)
    return class_id


async def head_of_homeroom(school: SmallSchool, session: TenantSession) -> None:
    """Somebody checks the sheets of the homeroom teacher."""
    machine_of = machine(school.tenant_id)
    email = f"head@{school.tenant_id.hex}.example"
    roles = (Role.DEPARTMENT_HEAD,)
    head = await people.add_staff(session, machine_of, "Hà Đức Trí", email, "GIÁO VIÊN", roles)
    school.staff["head"] = head
    principal = await school.actor(session, "principal")
    department_id = await departments.open_department(session, principal, "Tổ 1")
    members = [school.staff["homeroom"]]
    await departments.change_department(session, principal, department_id, "Tổ 1", head, members)


async def test_an_oddity_is_answered_once_and_comes_back_when_the_mark_changes(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        class_id = await filled(small_school, session)
        sheet = (await sheet_of(session, class_id, "TOAN")).id
        homeroom = await small_school.actor(session, "homeroom")
        review = await service.look_through(session, homeroom, sheet)
        assert [one.finding.kind for one in review.findings] == [
            FindingKind.LEVEL_AND_TEST,
            FindingKind.EMPTY_COMMENT,
        ]
        assert (review.open, review.may_answer, review.to_hand_in) == (2, True, True)
        key = review.findings[0].finding.key
        await service.answer(session, homeroom, sheet, key, "Em ốm hôm kiểm tra, cả năm học tốt.")
        with pytest.raises(Conflict, match="Người khác vừa giải thích chỗ này"):
            await service.answer(session, homeroom, sheet, key, "Đã xem")
        again = await service.look_through(session, homeroom, sheet)
        assert (again.open, again.findings[0].said_by) == (1, "Đinh Thị Hoài Thu")
        an = (await student_ids(session, class_id))[NAMES[0]]
        new = NewMark(sheet_id=sheet, student_id=an, cell=TEST, value="2")
        await editing.set_mark(session, homeroom, new, revision=1)
        assert (await service.look_through(session, homeroom, sheet)).open == 2
        with pytest.raises(NotFound, match="Chỗ này đã được sửa"):
            await service.answer(session, homeroom, sheet, key, "Đã xem")
        with pytest.raises(Forbidden, match="giải thích được chỗ cần xem lại"):
            await service.answer(
                session, await small_school.actor(session, "it"), sheet, review.findings[1].finding.key, "Xem"
            )
        with pytest.raises(Forbidden):
            await service.look_through(session, await small_school.actor(session, "stranger"), sheet)


async def test_a_head_sees_all_that_waits_with_as_many_questions_for_more_sheets(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        await head_of_homeroom(small_school, session)
        homeroom = await small_school.actor(session, "homeroom")
        counts = []
        for name, first in (("1A", 1), ("1B", 11), ("1C", 21)):
            class_id = await filled(small_school, session, name, first)
            await life.submit_class(session, homeroom, class_id)
            with statements() as asked:
                found, waiting = await service.look_through_waiting(
                    session, await small_school.actor(session, "head")
                )
            counts.append(len(asked))
            assert waiting > len(found) == len(counts), "one odd sheet a class, the others are not shown"
        assert len(set(counts)) == 1, counts
    browser = await small_school.browser(site, "head")
    assert "3 sổ có chỗ nên xem lại" in (await browser.get("/duyet-so/ra-soat/tom-tat")).text
    shown = (await browser.get("/duyet-so/ra-soat")).text
    assert "Lò Thị An: mức T nhưng điểm kiểm tra là 3." in shown
    assert "Cầm Văn Bình: cột Nhận xét để trống." in shown


async def test_who_is_exempt_from_the_subject_is_no_oddity(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await filled(small_school, session)
        sheet = (await sheet_of(session, class_id, "TOAN")).id
        pupils = await student_ids(session, class_id)
        principal = await small_school.actor(session, "principal")
        for name in NAMES[:2]:
            who = (class_id, pupils[name], "TOAN", "disability")
            await exemptions.exempt(session, principal, *who, "Quyết định 12/QĐ-HT.")
        review = await service.look_through(session, principal, sheet)
        assert review.findings == ()


async def test_whoever_reads_of_a_copied_comment_has_looked_at_those_who_have_it(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        await head_of_homeroom(small_school, session)
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", [*NAMES, "Vì Thị Dung", "Hoàng Văn Em"])
        await fill(session, await small_school.actor(session, "it"), class_id)
        pupils = await student_ids(session, class_id)
        sheet = (await sheet_of(session, class_id, "TOAN")).id
        await life.submit(session, await small_school.actor(session, "homeroom"), sheet)
    browser = await small_school.browser(site, "head")
    assert "5 học sinh có cùng một lời nhận xét" in (await browser.get("/duyet-so/ra-soat")).text
    async with small_school.session(read_only=True) as session:
        read = select(AuditEvent.about).where(
            AuditEvent.action == Action.SHEET_READ, AuditEvent.subject_id == sheet
        )
        assert set(await session.scalar(read) or ()) == {class_id, *pupils.values()}


async def test_a_sheet_of_a_closed_class_waits_for_nobody_and_is_looked_through_all_the_same(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        await head_of_homeroom(small_school, session)
        class_id = await small_school.open_class(session, "1A", 1)
        await life.submit_class(session, await small_school.actor(session, "homeroom"), class_id)
        sheet = (await sheet_of(session, class_id, "TOAN")).id
        await classes.close(session, await small_school.actor(session, "principal"), class_id)
    browser = await small_school.browser(site, "head")
    waiting = (await browser.get("/duyet-so/ra-soat")).text
    assert "0 trên 0 sổ chờ bạn kiểm tra" in waiting
    assert "Không thấy chỗ khác thường" in waiting
    page = await browser.get(f"/so-diem/{sheet}/ra-soat")
    assert (page.status_code, "Không thấy" in page.text) == (200, True)


async def test_the_page_of_a_sheet_leads_to_the_cell_and_keeps_what_was_typed(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        class_id = await filled(small_school, session)
        sheet = (await sheet_of(session, class_id, "TOAN")).id
        an = (await student_ids(session, class_id))[NAMES[0]]
        homeroom = await small_school.actor(session, "homeroom")
        key = (await service.look_through(session, homeroom, sheet)).findings[0].finding.key
    browser = await small_school.browser(site, "homeroom")
    page = (await browser.get(f"/so-diem/{sheet}")).text
    assert f'hx-get="/so-diem/{sheet}/ra-soat/tom-tat"' in page
    assert f'id="o-{an}-test:1"' in page
    summary = (await browser.get(f"/so-diem/{sheet}/ra-soat/tom-tat")).text
    assert f'href="/so-diem/{sheet}#o-{an}-test:1"' in summary
    assert "ô còn trống" in summary
    path = f"/so-diem/{sheet}/ra-soat"
    assert "chỗ cần xem" in (await browser.get(path)).text.lower()
    assert (await browser.post(path, {"diem": key, "giai_thich": "x"})).status_code == 422
    answered = await browser.post(path, {"diem": key, "giai_thich": "Em ốm hôm kiểm tra"})
    assert answered.status_code == 303
    assert "Em ốm hôm kiểm tra" in (await browser.get(path)).text
