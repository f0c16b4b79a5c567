"""The season board: each step counted, and one thing to do for whoever looks."""

from datetime import date

import pytest

from backend.core import clock, storage
from backend.core.ids import new_id
from backend.records.assessment import service as assessment
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Step
from backend.records.departments import service as departments
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.reports import service
from backend.records.reports.schemas import NextStep
from backend.records.roster import service as roster
from backend.records.transcripts.schemas import VersionState
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import NewRequest, NewSigner
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.statements import statements
from tests.factories.small_school import (
    MUSIC,
    SmallSchool,
    enroll,
    fill,
    lock_class,
    open_small_school,
    sheet_of,
)
from tests.records.transcripts.conftest import NAMES, Season, season

__all__ = ["season"]


async def board(
    school: SmallSchool, who: str = "principal"
) -> tuple[dict[str, tuple[int, int]], NextStep | None]:
    """stage → (done, total), and what to do next."""
    async with school.session(read_only=True) as session:
        found = await service.board(session, await school.actor(session, who))
    return {stage.key: (stage.done, stage.total) for stage in found.stages}, found.next_step


async def waiting_for(school: SmallSchool) -> str:
    """What the school is said to wait for."""
    async with school.session(read_only=True) as session:
        return (await service.board(session, await school.actor(session, "it"))).waiting_for


def title(step: NextStep | None) -> str:
    assert step is not None
    return step.title


async def test_a_school_on_its_first_day(small_school: SmallSchool) -> None:
    stages, step = await board(small_school)
    assert set(stages.values()) == {(0, 0)}
    assert step is None
    assert "nhập danh sách học sinh" in await waiting_for(small_school)
    _, step = await board(small_school, "it")
    assert (title(step), step.url if step else "") == ("Trường chưa có học sinh", "/nhap")


async def test_workbooks_of_marks_follow_the_register(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        classes = [await small_school.open_class(session, f"1{letter}", 1) for letter in "ABCDEFG"]
        await enroll(session, "1A", NAMES)
        sheets = len(await gradebook.list_sheets(session))
    _, step = await board(small_school, "it")
    assert step is not None
    assert (step.title, step.url) == (f"{sheets} sổ điểm chưa có điểm", "/nhap")
    assert "1A, 1B, 1C, 1D, 1E và 2 lớp khác." in step.text
    async with small_school.session() as session:
        await fill(session, await small_school.actor(session, "it"), classes[0])
    _, step = await board(small_school, "it")
    assert step is not None
    assert "1B, 1C, 1D, 1E, 1F và 1 lớp khác." in step.text


async def test_looking_at_the_board_counts_no_marks(small_school: SmallSchool) -> None:
    """It is asked for again and again; there are hundreds of thousands of them."""
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id)
    with statements() as asked:
        for who in ("principal", "homeroom"):
            await board(small_school, who)
        counted = [statement for statement in asked if "FROM mark" in statement]
        await board(small_school, "it")
    assert counted == []
    assert [one for one in asked if "FROM mark" in one and "count(" in one] == []
    assert any("FROM mark" in one for one in asked), "the control: who imports is told which sheets are empty"


async def test_the_clerk_is_asked_for_the_seal_not_for_a_signature(small_school: SmallSchool) -> None:
    clerk = small_school.staff["clerk"]
    await ask(small_school, b"%PDF-1 sealed", NewSigner(role=signing.SEAL_ROLE, staff_id=None, name="Trường"))
    _, step = await board(small_school, "clerk")
    assert step is not None
    assert (step.title, step.action) == ("1 học bạ đang chờ đóng dấu", "Mở khay ký và đóng dấu")
    await ask(
        small_school, b"%PDF-1 signed", NewSigner(role="principal", staff_id=clerk, name="Lò Thị Văn Thư")
    )
    _, step = await board(small_school, "clerk")
    assert title(step) == "1 học bạ đang chờ bạn ký"


async def ask(school: SmallSchool, document: bytes, signer: NewSigner) -> None:
    """A document that waits for this one signer."""
    async with school.session() as session:
        file = storage.file_of(document, "application/pdf")
        await storage.register(session, file)
        request = NewRequest(
            subject_id=new_id(),
            label="Lò Thị An",
            group="Lớp 1A",
            sort_key="",
            document_sha256=file.sha256,
            signers=(signer,),
        )
        await signing.open_requests(session, [request])


async def test_each_step_is_counted_as_it_is_done(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id)
        sheets = len(await gradebook.list_sheets(session, class_id))
    stages, step = await board(small_school)
    assert (stages["locked"], stages["assessed"]) == ((0, sheets), (0, 3))
    assert title(step) == f"Còn {sheets} sổ điểm chưa khóa"
    assert await waiting_for(small_school) == f"Trường còn {sheets} sổ điểm chưa khóa."
    _, step = await board(small_school, "music")
    assert title(step) == "Bạn còn 1 sổ điểm chưa nộp"
    async with small_school.session() as session:
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
    stages, step = await board(small_school, "homeroom")
    assert (stages["locked"], stages["assessed"], stages["confirmed"]) == ((sheets, sheets), (3, 3), (0, 3))
    assert title(step) == "Kết quả lớp 1A chờ bạn xác nhận"
    waiting = "Trường đang chờ giáo viên chủ nhiệm xác nhận kết quả của 3 học sinh."
    assert await waiting_for(small_school) == waiting
    async with small_school.session() as session:
        await assessment.confirm_class(session, await small_school.actor(session, "homeroom"), class_id)
    stages, step = await board(small_school)
    assert (stages["confirmed"], stages["frozen"]) == ((3, 3), (0, 3))
    assert title(step) == "Học bạ lớp 1A chờ chốt"


async def test_a_version_counts_in_every_step_that_it_has_passed(season: Season) -> None:
    first, second, _ = await season.freeze()
    await season.render(first)
    await season.ask_for_signatures(first)
    await season.render(second)
    stages, step = await board(season.school)
    passed = [VersionState.FROZEN, VersionState.RENDERED, VersionState.SIGNING, VersionState.ISSUED]
    assert [stages[state][0] for state in passed] == [3, 2, 1, 0]
    assert step is None
    _, step = await board(season.school, "homeroom")
    assert title(step) == "1 học bạ đang chờ bạn ký"


async def test_another_school_counts_nothing_of_this_one(season: Season) -> None:
    await season.freeze()
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    stages, step = await board(other)
    assert set(stages.values()) == {(0, 0)}
    assert step is None


async def test_the_board_is_of_the_year_that_the_school_works_in(
    season: Season, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next year's, opened ahead, takes no last day away; three weeks before its first day the board begins anew."""
    school = season.school
    await season.freeze()
    monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 28))
    async with school.session() as session:
        days = {Step.ISSUED: "2026-06-29"}
        await calendar.change(session, season.principal, school.year_id, "2026-01-16", "2026-01-19", days)
        await school.open_class(session, "1B", 1)
        next_year = await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
    stages, _ = await board(school)
    async with school.session(read_only=True) as session:
        found = await service.board(session, season.principal)
    assert (stages["frozen"], found.academic_year, len(found.notices)) == ((3, 3), "2025-2026", 1)
    monkeypatch.setattr(clock, "today", lambda: date(2026, 8, 20))
    async with school.session() as session:
        class_id = await roster.open_class(session, next_year, "2A", 2, school.staff["homeroom"])
        await roster.assign_teachers(session, class_id, {MUSIC: school.staff["music"]})
        await gradebook.open_sheets(session, class_id)
        await enroll(session, "2A", ["Lường Văn Dũng"], 4)
        sheets = len(await gradebook.list_sheets(session, class_id))
        found = await service.board(session, season.principal)
    stages, step = await board(school)
    assert stages.pop("locked") == (0, sheets)
    assert set(stages.values()) == {(0, 1)}
    assert (found.academic_year, found.notices) == ("2026-2027", ())
    assert title(step) == f"Còn {sheets} sổ điểm chưa khóa"
    _, step = await board(school, "it")
    assert title(step) == f"{sheets} sổ điểm chưa có điểm"
    _, step = await board(school, "music")
    assert title(step) == "Bạn còn 1 sổ điểm chưa nộp"


async def test_a_head_sees_their_own_reopened_sheet_before_what_others_wait_for(
    small_school: SmallSchool,
) -> None:
    """Its clock runs; what waits to be checked does not close."""
    staff = small_school.staff
    async with small_school.session() as session:
        first = await small_school.open_class(session, "1A", 1)
        second = await small_school.open_class(session, "1B", 1)
        principal = await small_school.actor(session, "principal")
        await lock_class(session, small_school, first)
        roles = [Role.SUBJECT_TEACHER, Role.DEPARTMENT_HEAD]
        await people.change_staff(session, principal, staff["music"], "Quách Bảo Ngân", "", roles)
        department = await departments.open_department(session, principal, "Tổ khối 1")
        await departments.change_department(
            session, principal, department, "Tổ khối 1", staff["music"], [staff["homeroom"]]
        )
        await life.submit_class(session, await small_school.actor(session, "homeroom"), second)
    _, step = await board(small_school, "music")
    assert "chờ bạn kiểm tra" in title(step)
    async with small_school.session() as session:
        sheet = await sheet_of(session, first, MUSIC)
        await life.reopen(session, principal, sheet.id, "Nhập nhầm một điểm", "24")
    _, step = await board(small_school, "music")
    assert title(step) == "1 sổ điểm của bạn đang được mở lại"
