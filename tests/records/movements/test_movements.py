"""Pupils change classes with their marks, come, leave and come back, and hold nobody up."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import Promotion, ResultState
from backend.records.gradebook import editing
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import CARRY, Cell, MarkKind, NewMark, SheetState
from backend.records.movements import service
from backend.records.movements.schemas import Moved
from backend.records.planning import service as planning
from backend.records.planning.schemas import Wanted
from backend.records.plans import service as plans
from backend.records.plans.schemas import Choice
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId, EnrollmentStatus, StudentId, StudentStatus
from backend.records.transcripts import service as transcripts
from tests.factories.small_school import (
    SmallSchool,
    enroll,
    fill,
    lock_class,
    open_small_school,
    sheet_of,
    student_ids,
)

AN, BINH = "Lò Thị An", "Cầm Văn Bình"


class Two:
    """Two classes of one grade: An and Bình study in 1A, Chi in 1B."""

    def __init__(self, session: TenantSession, a: ClassId, b: ClassId, ids: Mapping[str, StudentId]) -> None:
        self.session, self.a, self.b, self.ids = session, a, b, ids

    async def names(self, class_id: ClassId) -> list[str]:
        return [one.full_name for one in await roster.list_students(self.session, class_id)]

    async def move(self, clerk: Actor, who: str = AN, **typed: str) -> Moved:
        said = {"ngay": clock.today().isoformat()} | typed
        return await service.change_class(self.session, clerk, self.ids[who], str(self.a), self.b, said)

    async def leave(self, clerk: Actor, who: str = AN, **typed: str) -> StudentStatus:
        said = {"ngay": clock.today().isoformat(), "trang_thai": "transferred_out", "ly_do": "Theo đơn"}
        return await service.leave(self.session, clerk, self.ids[who], str(self.a), said | typed)

    async def place(self, clerk: Actor, class_id: ClassId, who: str = AN, **typed: str) -> Moved:
        said = {"ngay": clock.today().isoformat()} | typed
        return await service.place(self.session, clerk, self.ids[who], class_id, said)


async def two(school: SmallSchool, session: TenantSession) -> Two:
    a, b = [await school.open_class(session, name, 1) for name in ("1A", "1B")]
    await enroll(session, "1A", [AN, BINH])
    await enroll(session, "1B", ["Quàng Thị Chi"], first=3)
    return Two(session, a, b, await student_ids(session, a))


async def marks_of(found: Two, class_id: ClassId, who: str = AN) -> Any:
    return (await gradebook.class_marks(found.session, class_id)).get(found.ids[who], {})


async def test_marks_follow_a_pupil_into_another_class(small_school: SmallSchool) -> None:
    """Into locked sheets as well: they say who came from where and keep old and new; results are computed again."""
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom, principal = [
            await small_school.actor(session, who) for who in ("clerk", "homeroom", "principal")
        ]
        for class_id in (found.a, found.b):
            await fill(session, homeroom, class_id)
        await lock_class(session, small_school, found.b)
        await assessment.assess_class(session, found.b)
        await assessment.confirm_class(session, homeroom, found.b)
        before = await marks_of(found, found.a)
        decided = text(
            "insert into exemption (tenant_id, id, class_id, student_id, subject_code, ground, reason, decided_at)"
            " values (:tenant, :id, :class_id, :pupil, 'GDTC', 'health', 'Theo giấy khám', now())"
        )
        values = {"tenant": session.tenant_id, "id": new_id(), "class_id": found.a, "pupil": found.ids[AN]}
        await session.execute(decided, values)
        moved = await found.move(clerk, ly_do="Theo đơn của gia đình")
        marks = sum(map(len, before.values()))
        assert moved == Moved(class_name="1B", marks=marks, missing=(), given_up=())
        exempt = text("select class_id, reason, ended_by from exemption where student_id = :pupil")
        kept = {tuple(row) for row in await session.execute(exempt, {"pupil": found.ids[AN]})}
        assert kept == {(found.a, "Theo giấy khám", clerk.staff_id), (found.b, "Theo giấy khám", None)}
        assert await found.names(found.a) == [BINH]
        assert await found.names(found.b) == [AN, "Quàng Thị Chi"]
        assert await marks_of(found, found.b) == before
        assert await marks_of(found, found.a) == before, "the old sheets keep theirs"
        sheet = await editing.get_sheet(session, principal, (await sheet_of(session, found.b, "TV")).id)
        assert (sheet.summary.state, sheet.steps[0].deed) == (SheetState.LOCKED, CARRY)
        assert sheet.steps[0].words == "Lò Thị An, từ lớp 1A"
        assert {(one.pupil, one.old) for one in sheet.changes} == {(AN, "")}
        await assessment.assess_class(session, found.b)
        states = {one.full_name: one.state for one in await assessment.class_results(session, found.b)}
        assert states == {AN: ResultState.COMPUTED, "Quàng Thị Chi": ResultState.CONFIRMED}
        with pytest.raises(Conflict, match="vừa được xếp sang lớp khác"):
            await found.move(clerk)
        places = await roster.places_of(session, found.ids[AN])
        assert {(one.class_name, one.reason) for one in places} == {
            ("1A", "Theo đơn của gia đình"),
            ("1B", None),
        }


async def test_what_is_made_up_is_made_up_in_the_new_class(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        sheet = await sheet_of(session, found.a, "TOAN")
        test = Cell(MarkKind.TEST, "1")
        new = NewMark(sheet_id=sheet.id, student_id=found.ids[AN], cell=test, value="v")
        await editing.set_mark(session, homeroom, new, revision=0)
        await found.move(clerk)
        waiting = [await gradebook.awaited_make_ups(session, one) for one in (found.a, found.b)]
        assert [[one.pupil for one in of] for of in waiting] == [[], [AN]]


async def test_where_nobody_may_go(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk = await small_school.actor(session, "clerk")
        other_grade = await small_school.open_class(session, "2A", 2)
        today = {"ngay": clock.today().isoformat()}
        for target in (other_grade, found.a):
            with pytest.raises(Invalid, match="chỉ chuyển sang lớp khác của khối 1"):
                await service.change_class(session, clerk, found.ids[AN], str(found.a), target, today)
        for day in ("2999-01-01", "2020-01-01", "hôm qua"):
            with pytest.raises(Invalid):
                await found.move(clerk, ngay=day)
        with pytest.raises(Conflict, match="đang học lớp 1A"):
            await found.place(clerk, found.b)
        assert await found.names(found.a) == [AN, BINH]


async def test_a_class_that_is_frozen_takes_nobody_in_and_lets_nobody_move(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom, principal = [
            await small_school.actor(session, who) for who in ("clerk", "homeroom", "principal")
        ]
        await freeze(small_school, session, found.b, homeroom, principal)
        with pytest.raises(Conflict, match="Lớp 1B đã chốt học bạ nên không nhận thêm học sinh"):
            await found.move(clerk)
        await found.leave(clerk)
        with pytest.raises(Conflict, match="đã chốt học bạ"):
            await found.place(clerk, found.b)
        await freeze(small_school, session, found.a, homeroom, principal)
        with pytest.raises(Conflict, match="đã chốt ở lớp 1A"):
            await service.change_class(
                session,
                clerk,
                found.ids[BINH],
                str(found.a),
                await small_school.open_class(session, "1C", 1),
                {"ngay": clock.today().isoformat()},
            )


async def freeze(
    school: SmallSchool, session: TenantSession, class_id: ClassId, homeroom: Actor, principal: Actor
) -> None:
    await fill(session, homeroom, class_id)
    await lock_class(session, school, class_id)
    await assessment.assess_class(session, class_id)
    await assessment.confirm_class(session, homeroom, class_id)
    assert (await transcripts.freeze_class(session, principal, class_id)).left_out == ()


async def test_who_has_left_holds_nobody_up(small_school: SmallSchool) -> None:
    """An has no marks and leaves: the class is locked, confirmed and frozen without them, and what they had stays."""
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom, principal = [
            await small_school.actor(session, who) for who in ("clerk", "homeroom", "principal")
        ]
        await fill(session, homeroom, found.a, lambda _, code, __: "" if code.endswith("1") else None)
        await lock_class(session, small_school, found.a)
        await assessment.assess_class(session, found.a)
        await assessment.confirm_class(session, homeroom, found.a)
        report = await transcripts.freeze_class(session, principal, found.a)
        assert [name for name, _ in report.left_out] == [AN]
        assert await found.leave(clerk) is StudentStatus.TRANSFERRED_OUT
        with pytest.raises(Conflict, match="vừa được người khác chuyển lớp hoặc ghi rời trường"):
            await found.leave(clerk)
        report = await transcripts.freeze_class(session, principal, found.a)
        assert (report.known, report.left_out) == (1, ())
        sheets = await gradebook.list_sheets(session, found.a)
        assert {sheet.state for sheet in sheets} == {SheetState.FINAL}
        record = await roster.get_record(session, found.ids[AN])
        assert (record.status, record.status_on) == (StudentStatus.TRANSFERRED_OUT, clock.today())


async def test_who_comes_back_brings_the_marks_of_then(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        await fill(session, homeroom, found.a)
        for reason in ({"ly_do": ""}, {"trang_thai": "completed"}, {"trang_thai": ""}):
            with pytest.raises(Invalid):
                await found.leave(clerk, **reason)
        await found.leave(clerk, trang_thai="suspended")
        assert (await found.place(clerk, found.b)).class_name == "1B"
        assert await marks_of(found, found.b) == await marks_of(found, found.a) != {}
        assert (await roster.get_record(session, found.ids[AN])).status is StudentStatus.RETURNED


async def test_who_comes_back_to_the_class_that_they_left_finds_their_own_marks(
    small_school: SmallSchool,
) -> None:
    """Even where all of it happened on one day: what stands there is newer than what they left in the class before."""
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        await fill(session, homeroom, found.a)
        await found.move(clerk)
        sheet = await sheet_of(session, found.b, "TV")
        cell = next(one for one in (await marks_of(found, found.b))["TV", 0] if one.kind is MarkKind.TEST)
        newer = NewMark(sheet_id=sheet.id, student_id=found.ids[AN], cell=cell, value="6")
        await gradebook.record_marks(session, homeroom, [newer])
        today = {"ngay": clock.today().isoformat()}
        left = today | {"trang_thai": "suspended", "ly_do": "Theo đơn"}
        await service.leave(session, clerk, found.ids[AN], str(found.b), left)
        before = await marks_of(found, found.b)
        await found.place(clerk, found.b)
        assert (before["TV", 0][cell], await marks_of(found, found.b)) == ("6", before)
        await service.leave(session, clerk, found.ids[AN], str(found.b), left)
        await found.place(clerk, found.a)
        assert await marks_of(found, found.a) == before, "the newer ones come along to the older class"


async def test_who_leaves_has_no_place_in_the_next_year_either(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk = await small_school.actor(session, "clerk")
        next_year, last_year = [
            await roster.open_year(session, f"{first}-{first + 1}", date(first, 9, 5), date(first + 1, 5, 31))
            for first in (clock.today().year + 1, 2020)
        ]
        later, earlier = [
            await roster.open_class(session, year, "2A", 2, None) for year in (next_year, last_year)
        ]
        await roster.enroll_students(session, [(found.ids[AN], one, None) for one in (later, earlier)])
        await found.leave(clerk)
        ended = {
            one.class_id: (one.status, one.left_on) for one in await roster.places_of(session, found.ids[AN])
        }
        gone = (EnrollmentStatus.LEFT, clock.today())
        assert ended == {found.a: gone, later: gone, earlier: (EnrollmentStatus.STUDYING, None)}
        about = await session.scalar(
            text("select about from audit_event where action = 'roster.pupil.leave'")
        )
        assert set(about or ()) == {found.ids[AN], found.a, later}


async def test_a_transfer_in_is_missing_marks_by_name_and_the_class_waits(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        await found.leave(clerk)
        await fill(session, homeroom, found.b)
        await lock_class(session, small_school, found.b)
        await assessment.assess_class(session, found.b)
        await found.place(clerk, found.b, truong_cu="Trường Tiểu học Mai Sơn", so_dang_bo="125")
        with pytest.raises(Conflict, match="đang tính lại kết quả"):
            await assessment.confirm_class(session, homeroom, found.b)
        await assessment.assess_class(session, found.b)
        results = {one.full_name: one.result for one in await assessment.class_results(session, found.b)}
        assert results[AN].promotion is Promotion.PENDING
        assert results["Quàng Thị Chi"].promotion is Promotion.PROMOTED
        [place, _] = await roster.places_of(session, found.ids[AN])
        assert (place.came_from, place.registry_no) == ("Trường Tiểu học Mai Sơn", "125")
        record = await roster.get_record(session, found.ids[AN])
        assert record.status is StudentStatus.TRANSFERRED_IN


async def test_years_elsewhere_are_read_only_and_printed(small_school: SmallSchool) -> None:
    old = {
        "nam_hoc": "2024-2025",
        "khoi": "1",
        "lop": "1C",
        "ten_truong": "TH Mai Sơn",
        "ket_qua": "Toán: T\n\n",
    }
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk = await small_school.actor(session, "clerk")
        an = found.ids[AN]
        for wrong in (
            {"nam_hoc": "2024-2026"},
            {"nam_hoc": "2098-2099"},
            {"khoi": "13"},
            {"ten_truong": ""},
            {"ket_qua": "x\n" * 41},
        ):
            with pytest.raises(Invalid):
                await service.enter_earlier_year(session, clerk, an, old | wrong)
        assert await service.enter_earlier_year(session, clerk, an, old) == "2024-2025"
        with pytest.raises(Conflict, match="đã được ghi"):
            await service.enter_earlier_year(session, clerk, an, old)
        history = [one for one in await roster.study_history(session, found.a) if one.student_id == an]
        assert [(one.academic_year, one.school_name) for one in history] == [
            ("2024-2025", "TH Mai Sơn"),
            ("2025-2026", None),
        ]
        [entered] = await roster.earlier_years(session, an)
        assert entered.results == "Toán: T"
        with pytest.raises(Invalid, match="Chưa có lý do"):
            await service.withdraw_earlier_year(session, clerk, an, entered.id, " ")
        with pytest.raises(NotFound):
            await service.withdraw_earlier_year(session, clerk, found.ids[BINH], entered.id, "của bạn khác")
        await service.withdraw_earlier_year(session, clerk, an, entered.id, "Chép nhầm trường")
        with pytest.raises(NotFound):
            await service.withdraw_earlier_year(session, clerk, an, entered.id, "lần nữa")
        assert [one.academic_year for one in await roster.study_history(session, found.a)] == [
            "2025-2026"
        ] * 2


#: Electives of grade 10 whose sheets are open in every class of these tests.
_THREE = ("DIA", "KTPL", "LY")


@pytest.mark.parametrize(
    ("there", "keeps", "given_up"),
    [
        (("HOA",), {*_THREE, "HOA"}, ()),
        (("TIN", "HOA"), {*_THREE, "HOA"}, ()),
        (("TIN",), {*_THREE}, ("Hóa học",)),
    ],
    ids=["as the class", "apart from the class", "the class does not have it"],
)
async def test_electives_follow_a_pupil_and_nothing_is_chosen_for_them(
    site: Litestar,
    small_school: SmallSchool,
    there: tuple[str, ...],
    keeps: set[str],
    given_up: tuple[str, ...],
) -> None:
    async with small_school.session() as session:
        a, b = [await small_school.open_class(session, name, 10) for name in ("10A", "10B")]
        await enroll(session, "10A", [AN, BINH])
        await enroll(session, "10B", ["Quàng Thị Chi"], first=3)
        found = Two(session, a, b, await student_ids(session, a))
        clerk, homeroom, principal = [
            await small_school.actor(session, who) for who in ("clerk", "homeroom", "principal")
        ]
        for code in ("TIN", "HOA"):
            having = {
                str(one) for one in (a, b) if (one == a and code == "HOA") or (one == b and code in there)
            }
            wanted = Wanted(lessons="70", classes=frozenset(having))
            await planning.change(session, principal, small_school.year_id, 10, code, wanted)
        await plans.choose(session, b, {None: Choice(frozenset({*_THREE, there[0]}))})
        await fill(session, homeroom, b)
        await lock_class(session, small_school, b)
        view = await service.open_movements(session, clerk, found.ids[AN])
        [choice] = view.choices
        assert ("không có Hóa học mà học sinh đang chọn" in choice.remark) is bool(given_up)
        assert (await found.move(clerk)).given_up == given_up
        target = await planning.class_electives(session, homeroom, b)
        assert target.choices.of(found.ids[AN]).electives == keeps
        assert (found.ids[AN] in target.choices.pupils) is (keeps != {*_THREE, there[0]})
        await assessment.assess_class(session, b)
        view_of_class = await assessment.open_results(session, homeroom, b)
        [of_an] = [one.id for one in view_of_class.results if one.full_name == AN]
        listed = view_of_class.missing
        waiting = [one.pupils for one in listed if one.is_choice]
        assert waiting == ([(AN,)] if given_up else [])
        assert any(one.startswith(f"{AN} đang có 3 môn") for one in target.problems) is bool(given_up)
    browser = await small_school.browser(site, "homeroom")
    results = (await browser.get(f"/lop/{b}/ket-qua")).text
    assert (f'<a href="/lop/{b}/mon-lua-chon">Xem lại môn lựa chọn</a>' in results) is bool(given_up)
    explained = (await browser.get(f"/ket-qua/{of_an}")).text
    link = f'<a href="/lop/{b}/mon-lua-chon">Đúng 4 môn lựa chọn của học sinh</a>'
    assert (link in explained) is bool(given_up)


async def test_pupils_and_classes_of_another_school_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        theirs = await two(other, session)
    async with small_school.session() as session:
        found = await two(small_school, session)
        clerk = await small_school.actor(session, "clerk")
        today = {"ngay": clock.today().isoformat(), "trang_thai": "dropped_out", "ly_do": "x"}
        for asked in (
            service.open_movements(session, clerk, theirs.ids[AN]),
            service.leave(session, clerk, theirs.ids[AN], str(theirs.a), today),
            service.change_class(session, clerk, found.ids[AN], str(found.a), theirs.b, today),
            service.place(session, clerk, theirs.ids[AN], found.a, today),
            service.enter_earlier_year(session, clerk, theirs.ids[AN], {}),
        ):
            with pytest.raises(NotFound):
                await asked


async def test_the_page(site: Litestar, small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        found = await two(small_school, session)
    here = f"/hoc-sinh/{found.ids[AN]}"
    browser = await small_school.browser(site, "clerk")
    await browser.get(f"{here}/den-di")
    sent = {"o_lop": str(found.a), "ngay": clock.today().isoformat()}
    assert (await browser.post(f"{here}/den-di/chuyen-lop", sent | {"lop": "x"})).status_code == 422
    moved = await browser.post(f"{here}/den-di/chuyen-lop", sent | {"lop": str(found.b)})
    assert moved.headers["location"] == here
    assert "Đã chuyển sang lớp 1B" in (await browser.get(here)).text
    stale = sent | {"trang_thai": "dropped_out", "ly_do": "Theo đơn"}
    assert (await browser.post(f"{here}/den-di/roi-truong", stale)).status_code == 409
    left = await browser.post(f"{here}/den-di/roi-truong", stale | {"o_lop": str(found.b)})
    assert left.status_code == 303
    await browser.get(f"{here}/den-di")
    back = {"lop": str(found.a), "ngay": clock.today().isoformat()}
    assert (await browser.post(f"{here}/den-di/xep-lop", back)).status_code == 303
    old = {"nam_hoc": "2024-2025", "khoi": "1", "lop": "1C", "ten_truong": "TH Mai Sơn"}
    assert (await browser.post(f"{here}/den-di/nam-hoc-cu", old)).status_code == 303
    assert "TH Mai Sơn" in (await browser.get(f"{here}/den-di")).text
    homeroom = await small_school.browser(site, "homeroom")
    assert (await homeroom.get(f"{here}/den-di")).status_code == 403
