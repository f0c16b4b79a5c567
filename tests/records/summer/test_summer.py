"""After a year: re-assessment, training, additional assessment, the principal's decision, recognition, and the lists."""

import asyncio
from datetime import date

import pytest
from litestar import Litestar
from msgspec import UNSET

from backend.core import clock
from backend.core.actor import machine
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import (
    PROMOTION_NAMES,
    PrimaryResult,
    Promotion,
    PupilResult,
    ResultState,
    Title,
    YearLevel,
)
from backend.records.decisions import service as decisions
from backend.records.decisions.schemas import DecisionKey, DecisionKind
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind, SheetState, SheetSummary
from backend.records.regulations import service as regulations
from backend.records.reports import service as reports
from backend.records.roster import records
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId
from backend.records.season import service as season
from backend.records.season.schemas import Filter, Stage
from backend.records.summer import service
from backend.records.summer.schemas import NewWord
from backend.records.transcripts import queries as transcript_queries
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import SecondaryResults
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class, sheet_of, student_ids
from tests.factories.waiting import somebody_waits
from tests.records.roster.test_records import typed

NAMES = ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"]
AN, BINH, CHI = "9900000001", "9900000002", "9900000003"
TOAN = DecisionKey(DecisionKind.REASSESSED, "TOAN")
CONDUCT = DecisionKey(DecisionKind.CONDUCT, "summer")
LEVEL = DecisionKey(DecisionKind.SUPPLEMENT_LEVEL, "TOAN")
TEST = DecisionKey(DecisionKind.SUPPLEMENT_TEST, "TOAN")
DECIDED = DecisionKey(DecisionKind.PROMOTION)
MARKS = (MarkKind.REGULAR, MarkKind.MIDTERM, MarkKind.FINAL)


@pytest.fixture
def after_summer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a result after the summer is frozen without it."""
    monkeypatch.setattr(clock, "today", lambda: date(2026, 8, 20))


def weak(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """An has 3,0 in Toán and Ngữ văn; Bình's conduct of term II is Chưa đạt."""
    if code == AN and sheet.subject_code in ("TOAN", "VAN") and cell.kind in MARKS:
        return "3"
    return "CĐ" if code == BINH and cell == Cell(MarkKind.CONDUCT, "2") else None


def weak_in_primary(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """An has C and 3 in Toán; Bình has 8 in the test of Toán, so Hoàn thành tốt."""
    if sheet.subject_code != "TOAN":
        return None
    if cell.kind is MarkKind.LEVEL and code == AN:
        return "C"
    return {AN: "3", BINH: "8"}.get(code) if cell == Cell(MarkKind.TEST, "1") else None


async def confirmed(school: SmallSchool, session: TenantSession, grade: int) -> ClassId:
    name = f"{grade}A"
    class_id = await school.open_class(session, name, grade)
    await enroll(session, name, NAMES)
    await fill(session, await school.actor(session, "it"), class_id, weak if grade > 5 else weak_in_primary)
    await lock_class(session, school, class_id)
    await assessment.assess_class(session, class_id)
    await confirm(school, session, class_id)
    return class_id


async def confirm(school: SmallSchool, session: TenantSession, class_id: ClassId) -> int:
    return await assessment.confirm_class(session, await school.actor(session, "homeroom"), class_id)


async def pupil(session: TenantSession, class_id: ClassId, code: str) -> PupilResult:
    results = await assessment.class_results(session, class_id)
    return next(one for one in results if one.student_code == code)


async def say(
    school: SmallSchool,
    session: TenantSession,
    class_id: ClassId,
    code: str,
    key: DecisionKey,
    value: str,
    *,
    reason: str = "",
    seen: int = 0,
    who: str = "homeroom",
) -> PupilResult:
    student_id = (await pupil(session, class_id, code)).student_id
    new = NewWord(student_id=student_id, key=key, value=value, reason=reason, seen=seen)
    await service.say(session, await school.actor(session, who), class_id, new)
    return await pupil(session, class_id, code)


async def test_a_new_result_promotes_is_confirmed_again_and_can_be_taken_back(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        an = await pupil(session, class_id, AN)
        assert (an.result.promotion, an.state) == (Promotion.REASSESSMENT, ResultState.CONFIRMED)
        an = await say(small_school, session, class_id, AN, TOAN, "5,0")
        assert (an.result.promotion, an.state) == (Promotion.PROMOTED, ResultState.COMPUTED)
        assert an.settled
        assert (await pupil(session, class_id, CHI)).state is ResultState.CONFIRMED, "nobody else is asked"
        assert await confirm(small_school, session, class_id) == 1
        cells = (await assessment.class_cells(session, class_id))[an.student_id]
        assert cells["GVCN", 0][Cell(MarkKind.REASSESSED, "TOAN")] == "5", "so the học bạ says it too"
        for never in (0, 2, -1):
            with pytest.raises(Conflict, match="Người khác vừa ghi"):
                await say(small_school, session, class_id, AN, TOAN, "6", reason="Chấm lại bài", seen=never)
        with pytest.raises(Invalid, match="để sửa hoặc bỏ nội dung đã ghi"):
            await say(small_school, session, class_id, AN, TOAN, "", seen=1)
        an = await say(small_school, session, class_id, AN, TOAN, "", reason="Ghi nhầm học sinh", seen=1)
        assert (an.result.promotion, an.state) == (Promotion.REASSESSMENT, ResultState.COMPUTED)


async def test_what_is_not_due_not_theirs_or_not_a_mark_is_refused(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        with pytest.raises(NotFound, match="không thuộc diện này"):
            await say(small_school, session, class_id, CHI, TOAN, "5")
        for who in ("principal", "stranger", "music", "it"):
            for code in (AN, CHI):
                with pytest.raises(Forbidden) as refused:
                    await say(small_school, session, class_id, code, TOAN, "5", who=who)
                assert not any(name in refused.value.message for name in NAMES)
        for mark in ("11", "4,55", "Đ", " "):
            with pytest.raises(Invalid):
                await say(small_school, session, class_id, AN, TOAN, mark.strip())
        with pytest.raises(Invalid, match="Kết quả nhiệm vụ rèn luyện đã giao"):
            await say(small_school, session, class_id, BINH, CONDUCT, "Đ")
        with pytest.raises(Invalid, match="hãy chọn một trong"):
            await say(small_school, session, class_id, BINH, CONDUCT, "X", reason="Đã hoàn thành nhiệm vụ")
        binh = await say(small_school, session, class_id, BINH, CONDUCT, "Đ", reason="Đã hoàn thành nhiệm vụ")
        assert binh.result.promotion is Promotion.PROMOTED
        sheet = await sheet_of(session, class_id, "TOAN", 1)
        principal = await small_school.actor(session, "principal")
        await life.reopen(session, principal, sheet.id, "Nhập nhầm điểm", "24")
        with pytest.raises(Conflict, match="chưa khóa"):
            await say(small_school, session, class_id, AN, TOAN, "5")


async def test_a_word_and_a_freeze_at_the_same_time_take_their_turns(
    small_school: SmallSchool, after_summer: None
) -> None:
    """Whoever freezes holds the class first and its sheets second, and so does whoever says a word."""
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        principal = await small_school.actor(session, "principal")

    async def later() -> PupilResult:
        async with small_school.session() as session:
            return await say(small_school, session, class_id, AN, TOAN, "5")

    async with small_school.session() as session:
        await transcript_queries.hold_class(session, class_id)
        saying = asyncio.create_task(later())
        await somebody_waits(session)
        assert (await transcripts.freeze_class(session, principal, class_id)).frozen == 3
    assert (await saying).result.promotion is Promotion.PROMOTED


async def test_who_waits_for_the_summer_is_frozen_when_it_is_over(
    site: Litestar, small_school: SmallSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An is assessed again, Bình trains in the summer: what PL1 §2.1 wants by 30/6 is Chi's transcript alone."""
    monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 20))

    async def frozen() -> tuple[int, list[str]]:
        report = await transcripts.freeze_class(session, principal, class_id)
        return report.frozen, [name for name, _ in report.left_out]

    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        principal = await small_school.actor(session, "principal")
        report = await transcripts.freeze_class(session, principal, class_id)
        assert (report.frozen, len(report.left_out)) == (1, 2)
        assert report.left_out[0] == (
            NAMES[0],
            "Lò Thị An chờ kết quả sau hè (đánh giá lại trong hè); học bạ chốt khi có kết quả ấy, muộn nhất là từ ngày "
            "14/08/2026.",
        )
        assert (await assessment.progress(session))[class_id].later == 2
        home = await reports.board(session, principal)
        assert home.next_step is None or "chốt" not in home.next_step.title
        assert [(one.done, one.total) for one in home.stages if one.key == "frozen"] == [(1, 1)]
        season_board = await season.board(session, principal, Filter())
        assert [one for one in season_board.waiting if one.stage is Stage.FROZEN] == []
        assert season_board.rows[0].counts[Stage.FROZEN].total == 1
    head = await small_school.browser(site, "principal")
    page = (await head.get(f"/lop/{class_id}/hoc-ba")).text
    assert "2 học sinh chờ kết quả sau hè" in page
    assert f'action="/lop/{class_id}/chot"' not in page
    async with small_school.session() as session:
        await say(small_school, session, class_id, AN, TOAN, "5")
        assert await frozen() == (0, NAMES[:2]), "it is not confirmed yet"
        await confirm(small_school, session, class_id)
        assert await frozen() == (1, NAMES[1:2])
        assert {one.state for one in await gradebook.list_sheets(session, class_id)} == {SheetState.LOCKED}
        monkeypatch.setattr(clock, "today", lambda: date(2026, 8, 14))
        assert (await assessment.progress(session))[class_id].later == 0
        assert await frozen() == (1, [])
        assert {one.state for one in await gradebook.list_sheets(session, class_id)} == {SheetState.FINAL}


async def test_what_was_said_of_the_training_stands_in_the_transcript(
    small_school: SmallSchool, after_summer: None
) -> None:
    done = "Hoàn thành các nhiệm vụ rèn luyện đã giao"
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        await say(small_school, session, class_id, BINH, CONDUCT, "Đ", reason=done)
        await confirm(small_school, session, class_id)
        principal = await small_school.actor(session, "principal")
        await transcripts.freeze_class(session, principal, class_id)
        versions = await transcripts.list_versions(session, class_id)
        results = [(await transcripts.get_snapshot(session, one.id)).year.results for one in versions]
    said = [one.summer_training for one in results if isinstance(one, SecondaryResults)]
    assert said == [UNSET, done, UNSET]


async def test_a_year_that_was_confirmed_keeps_the_readings_of_that_day(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 8)
        principal = await small_school.actor(session, "principal")
        better = {"better_of_reassessment": "1"}
        await regulations.change(session, principal, small_school.year_id, better, "QĐ 12/QĐ-THCS", seen=0)
        an = await say(small_school, session, class_id, AN, TOAN, "2")
        assert not an.policy.better_of_reassessment
        assert not isinstance(an.result, PrimaryResult)
        assert an.result.subjects["TOAN"].final == "2.0", "replaced, as the circular says"


async def test_who_is_still_not_complete_after_help_is_decided_by_the_principal(
    small_school: SmallSchool,
) -> None:
    reason = "Gia đình đề nghị, em đã nắm được phần lớn yêu cầu."
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 3)
        with pytest.raises(NotFound, match="không thuộc diện này"):
            await say(
                small_school, session, class_id, AN, DECIDED, "PROMOTED", reason=reason, who="principal"
            )
        await say(small_school, session, class_id, AN, LEVEL, "H")
        an = await say(small_school, session, class_id, AN, TEST, "4")
        assert (an.result.promotion, an.result.reasons[-2].rule) == (
            Promotion.SUPPLEMENTARY,
            "TT27 Đ.11.1.c",
        )
        with pytest.raises(Forbidden, match="chỉ hiệu trưởng"):
            await say(small_school, session, class_id, AN, DECIDED, "PROMOTED", reason=reason)
        with pytest.raises(Invalid, match="Lý do của quyết định"):
            await say(small_school, session, class_id, AN, DECIDED, "PROMOTED", who="principal")
        an = await say(
            small_school, session, class_id, AN, DECIDED, "PROMOTED", reason=reason, who="principal"
        )
        assert isinstance(an.result, PrimaryResult)
        assert (an.result.promotion, an.result.class_completed) == (Promotion.PROMOTED, False)
        better = await say(
            small_school, session, class_id, AN, TEST, "6", reason="Chấm lại bài kiểm tra", seen=1
        )
        assert isinstance(better.result, PrimaryResult)
        assert (better.result.year_level, better.result.after_supplement) == (
            YearLevel.NOT_COMPLETED,
            YearLevel.COMPLETED,
        )
        assert better.result.class_completed


async def test_who_teaches_one_subject_sees_no_conclusions(site: Litestar, small_school: SmallSchool) -> None:
    """An has 3,0 in Toán, which "music" teaches, and in Ngữ văn."""
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "8A", 8, taken_by_music="TOAN")
        await enroll(session, "8A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id, weak)
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
        an = await pupil(session, class_id, AN)
    page = f"/lop/{class_id}/sau-nam-hoc"
    form = {"hoc_sinh": str(an.student_id), "muc": "reassessed:TOAN", "gia_tri": "4"}
    teacher = await small_school.browser(site, "music")
    shown = (await teacher.get(page)).text
    assert "Toán: kết quả đánh giá lại" in shown
    assert (await teacher.post(page, form)).status_code == 303
    shown += (await teacher.get(page)).text
    assert "Đã ghi." in shown
    assert "Kết luận hiện nay" not in shown
    assert not any(f">{name}<" in shown for name in PROMOTION_NAMES.values())
    homeroom = await small_school.browser(site, "homeroom")
    assert f">{PROMOTION_NAMES[Promotion.REASSESSMENT]}<" in (await homeroom.get(page)).text
    written = {"hoc_sinh": str(an.student_id), "muc": "reassessed:VAN", "gia_tri": "5"}
    assert (await homeroom.post(page, written)).status_code == 303
    assert "Kết luận hiện nay: Được lên lớp." in (await homeroom.get(page)).text


async def test_the_principals_word_is_not_taken_where_no_proof_is_asked(
    site: Litestar, small_school: SmallSchool
) -> None:
    """Who leads the school and teaches, too, may write on the teachers' page: not this."""
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 3)
        await say(small_school, session, class_id, AN, LEVEL, "C")
        an = await say(small_school, session, class_id, AN, TEST, "4")
        small_school.staff["head"] = await people.add_staff(
            session,
            machine(small_school.tenant_id),
            "Hà Thị Vừa Dạy",
            "head@example.vn",
            "HIỆU TRƯỞNG",
            (Role.PRINCIPAL, Role.SUBJECT_TEACHER),
        )
    head = await small_school.browser(site, "head")
    form = {
        "hoc_sinh": str(an.student_id),
        "muc": "promotion:",
        "gia_tri": "PROMOTED",
        "ly_do": "Đã cân nhắc kĩ",
    }
    page = f"/lop/{class_id}/sau-nam-hoc"
    assert "quyet-dinh-len-lop" in (await head.get(page)).text, "the word is asked of them"
    refused = await head.post(page, form)
    assert (refused.status_code, "Không có mục này" in refused.text) == (422, True)
    async with small_school.session() as session:
        assert DECIDED not in (await decisions.of_class(session, class_id))[an.student_id]
    assert (await head.post(f"/lop/{class_id}/quyet-dinh-len-lop", form)).status_code == 303
    async with small_school.session() as session:
        assert (await decisions.of_class(session, class_id))[an.student_id][DECIDED].value == "PROMOTED"


async def test_the_title_that_people_give(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 3)
        for slot, reason in (
            ("outstanding_subject", "Giải Nhì Tiếng Việt cấp xã"),
            ("class_agrees", "Họp lớp ngày 25/5/2026"),
        ):
            assert (await pupil(session, class_id, BINH)).result.title is None
            key = DecisionKey(DecisionKind.RECOGNITION, slot)
            binh = await say(small_school, session, class_id, BINH, key, "1", reason=reason)
        assert binh.result.title is Title.EXEMPLARY


async def test_a_frozen_transcript_stays_and_the_page_says_so(
    site: Litestar, small_school: SmallSchool, after_summer: None
) -> None:
    async with small_school.session() as session:
        class_id = await confirmed(small_school, session, 9)
        principal = await small_school.actor(session, "principal")
        assert (await transcripts.freeze_class(session, principal, class_id)).frozen == 3
        before = [
            await transcripts.get_snapshot(session, one.id)
            for one in await transcripts.list_versions(session, class_id)
        ]
        an = await say(small_school, session, class_id, AN, TOAN, "5")
        assert an.result.promotion is Promotion.PROMOTED
        assert (await transcripts.freeze_class(session, principal, class_id)).frozen == 0
        assert before == [
            await transcripts.get_snapshot(session, one.id)
            for one in await transcripts.list_versions(session, class_id)
        ]
    homeroom = await small_school.browser(site, "homeroom")
    path = f"/lop/{class_id}/sau-nam-hoc"
    shown = await homeroom.get(path)
    assert "cần phát hành phiên bản mới của học bạ" in shown.text
    form = {"hoc_sinh": str(an.student_id), "muc": "reassessed:TOAN", "lan": "1", "gia_tri": "4,2"}
    refused = await homeroom.post(path, form)
    assert (refused.status_code, 'value="4,2"' in refused.text) == (422, True)
    assert (await homeroom.post(path, form | {"ly_do": "Chấm lại bài"})).status_code == 303
    head = await small_school.browser(site, "principal")
    lists = (await head.get("/sau-nam-hoc")).text
    for title in ("Đánh giá lại trong kì nghỉ hè", "Rèn luyện trong kì nghỉ hè"):
        assert title in lists
    assert lists.index("Chưa hoàn thành chương trình cấp học") < lists.index(
        "Hoàn thành chương trình cấp học"
    )
    assert "Chưa xét" not in lists


async def test_nobody_is_listed_as_not_complete_about_whom_nothing_can_be_said(
    site: Litestar, small_school: SmallSchool
) -> None:
    """An has no test in Toán yet; Bình is disabled and need not have results."""

    def gaps(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
        return "" if sheet.subject_code == "TOAN" and code in (AN, BINH) and cell.kind in MARKS else None

    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "9A", 9)
        await enroll(session, "9A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id, gaps)
        office = await small_school.actor(session, "clerk")
        binh = (await student_ids(session, class_id))[NAMES[1]]
        record = await roster.get_record(session, binh)
        said = typed(record, disability="Trí tuệ", not_assessed="1")
        await records.change_pupil(session, office, binh, said, record.revision)
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
        found = await service.lists(session, await small_school.actor(session, "principal"))
    assert [one.full_name for one in found.completed] == [NAMES[2]]
    assert found.not_completed == ()
    assert [(one.full_name, one.now) for one in found.undecided] == [
        (NAMES[0], "Chưa đủ dữ liệu"),
        (NAMES[1], "Không đánh giá (khuyết tật)"),
    ]
    page = (await (await small_school.browser(site, "principal")).get("/sau-nam-hoc")).text
    assert "Chưa xét hoàn thành chương trình cấp học" in page
    assert "Chưa hoàn thành chương trình cấp học" not in page
