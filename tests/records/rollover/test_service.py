"""A year is rolled over once, undone while nothing was written, and leaves the year before as it was."""

from datetime import date

import pytest
from litestar import Litestar
from sqlalchemy import insert, text

from backend.core import clock
from backend.core.database import TenantSession, references_to
from backend.core.errors import Conflict, Invalid, NotFound
from backend.records.assessment import service as assessment
from backend.records.classes import service as classes
from backend.records.duties import service as duties
from backend.records.gradebook import editing
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetSummary
from backend.records.movements import service as movements
from backend.records.plans import queries as plan_queries
from backend.records.plans import service as plans
from backend.records.plans.schemas import Decision
from backend.records.rollover import queries, service
from backend.records.rollover.schemas import Outcome
from backend.records.roster import service as roster
from backend.records.roster.schemas import HOMEROOM, AcademicYearId, ClassId, StudentId
from backend.tables import metadata
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class, sheet_of, student_ids
from tests.tenancy.rows import Tenant, named

AN, BINH, CHI = "Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"
_OLD_YEAR = text(
    "select md5(string_agg(t::text, '|' order by t::text)) from (select e::text from enrollment e where class_id = :old "
    "union all select s::text from grade_sheet s where class_id = :old "
    "union all select a::text from teaching_assignment a where class_id = :old "
    "union all select r::text from year_result r where class_id = :old) t"
)


async def year_of(school: SmallSchool, session: TenantSession) -> tuple[ClassId, AcademicYearId]:
    """Class 6A1 at its end: An goes up, Bình stays, Chi has open marks; the next year is open."""

    def otherwise(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
        if code.endswith("2") and cell.kind is MarkKind.ABSENCE:
            return "30"
        return "" if code.endswith("3") and cell.kind is MarkKind.CONDUCT else None

    class_id = await school.open_class(session, "6A1", 6)
    await enroll(session, "6A1", [AN, BINH, CHI])
    await fill(session, await school.actor(session, "it"), class_id, otherwise)
    await lock_class(session, school, class_id)
    await assessment.assess_class(session, class_id)
    await assessment.confirm_class(session, await school.actor(session, "homeroom"), class_id)
    return class_id, await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))


async def names_in(session: TenantSession, year_id: AcademicYearId) -> dict[str, list[str]]:
    """class → names of its pupils, in a year."""
    there = [one for one in await roster.list_classes(session) if one.academic_year_id == year_id]
    return {one.name: [p.full_name for p in await roster.list_students(session, one.id)] for one in there}


async def test_a_year_is_rolled_over_once_and_undone_until_it_has_marks(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id, next_year = await year_of(small_school, session)
        year, principal = small_school.year_id, await small_school.actor(session, "principal")
        more = Decision(taught=True, lessons_per_year=70, counts=True, topics=False)
        await plan_queries.decide(session, year, 7, "CN", more)
        before = await session.scalar(_OLD_YEAR, {"old": class_id})
        found, left = await service.open_proposal(session, principal, year)
        assert [pupil.place.full_name for _, pupil in left] == [CHI]
        assert {one.place.full_name: (one.outcome, one.target) for one in found.pupils} == {
            AN: (Outcome.UP, "7A1"),
            BINH: (Outcome.STAYS, "6A1"),
            CHI: (Outcome.UNDECIDED, None),
        }
        with pytest.raises(Conflict, match="vừa thay đổi"):
            await service.apply(session, principal, year, "seen long ago", keep_teachers=True)
        assert await service.apply(session, principal, year, found.basis, keep_teachers=True) == 2
        assert await service.apply(session, principal, year, found.basis, keep_teachers=True) == 0
        assert await names_in(session, next_year) == {"6A1": [BINH], "7A1": [AN]}
        [seventh] = [one for one in await roster.list_classes(session) if one.name == "7A1"]
        assert seventh.homeroom_teacher_id == small_school.staff["homeroom"]
        technology = await sheet_of(session, seventh.id, "CN", 1)
        view = await editing.get_sheet(session, principal, technology.id)
        assert [one.cell.kind for one in view.columns].count(MarkKind.REGULAR) == 3, "70 lessons, as before"
        assert await session.scalar(_OLD_YEAR, {"old": class_id}) == before
        assert await service.undo(session, principal, year) == 2
        assert await service.undo(session, principal, year) == 0
        assert await names_in(session, next_year) == {}
        found = await service.proposal(session, year)
        assert await service.apply(session, principal, year, found.basis, keep_teachers=True) == 2
        [seventh] = [one for one in await roster.list_classes(session) if one.name == "7A1"]
        sheet = await sheet_of(session, seventh.id, "TOAN", 1)
        [an] = (await student_ids(session, seventh.id)).values()
        mark = NewMark(sheet_id=sheet.id, student_id=an, cell=Cell(MarkKind.MIDTERM), value="8")
        homeroom = await small_school.actor(session, "homeroom")
        await editing.set_mark(session, homeroom, mark, revision=0)
        with pytest.raises(Conflict, match="Lớp 7A1 của năm học mới đã có điểm"):
            await service.undo(session, principal, year)
        assert await session.scalar(_OLD_YEAR, {"old": class_id}) == before
        told = await session.execute(
            text(
                "select action, cardinality(about) from audit_event where action like 'roster.year.%roll' order by id"
            )
        )
        assert [tuple(row) for row in told] == [
            ("roster.year.roll", 2),
            ("roster.year.undo_roll", 2),
            ("roster.year.roll", 2),
        ]
        assert (await plans.all_plans(session)).revision_of(next_year, 7, "CN") == 1


async def rolled(
    school: SmallSchool, session: TenantSession
) -> tuple[dict[str, ClassId], dict[str, StudentId]]:
    """The year after `year_of`, rolled over: its classes by name, its pupils by name."""
    class_id, next_year = await year_of(school, session)
    pupils = await student_ids(session, class_id)
    principal = await school.actor(session, "principal")
    basis = (await service.proposal(session, school.year_id)).basis
    await service.apply(session, principal, school.year_id, basis, keep_teachers=True)
    there = await roster.list_classes(session)
    return {one.name: one.id for one in there if one.academic_year_id == next_year}, pupils


async def test_a_class_of_which_something_is_known_stays_when_a_year_is_undone(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        opened, _ = await rolled(small_school, session)
        principal = await small_school.actor(session, "principal")
        [leads] = [
            one for one in await duties.duties_of_class(session, opened["7A1"]) if one.code == HOMEROOM
        ]
        stranger = str(small_school.staff["stranger"])
        typed = {f"cu.{leads.key}": str(leads.teacher_id), f"moi.{leads.key}": stranger}
        assert await duties.change_class(session, principal, opened["7A1"], typed) == 1
        assert await service.undo(session, principal, small_school.year_id) == 2
        left = await roster.list_classes(session)
        assert {(one.name, one.students) for one in left if one.id in opened.values()} == {("7A1", 0)}
        basis = (await service.proposal(session, small_school.year_id)).basis
        assert await service.apply(session, principal, small_school.year_id, basis, keep_teachers=True) == 2
        assert len(await roster.list_students(session, opened["7A1"])) == 1


async def test_whatever_refers_to_a_class_or_to_its_sheets_keeps_it(small_school: SmallSchool) -> None:
    """Every table that refers to one, with a class of its own: a table that is added comes here by itself."""
    opened_with = {"grade_sheet", "teaching_assignment", "elective_choice", "language_choice"}
    referring = {table for parent in ("school_class", *opened_with) for table, _ in references_to(parent)} - {
        metadata.tables[name] for name in opened_with
    }
    assert len(referring) >= 12
    tenant = Tenant(small_school.tenant_id)
    async with small_school.session() as session, session.begin_nested() as made_up:
        await session.execute(text("delete from school"))
        await tenant.fill(session)
        for table in referring:
            for name in ("student", "transcript", "school_class", *opened_with):
                opened = metadata.tables[name]
                tenant.rows[named(opened)] = tenant.new_row(opened)
                await session.execute(insert(opened).values(tenant.rows[named(opened)]))
            class_id = tenant.rows["public.school_class"]["id"]
            assert await queries.untouched_classes(session, [class_id]) == [class_id]
            await session.execute(insert(table).values(tenant.new_row(table)))
            assert await queries.untouched_classes(session, [class_id]) == [], table
        await made_up.rollback()


async def test_who_has_moved_on_is_named_and_stays(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        opened, pupils = await rolled(small_school, session)
        clerk, principal = [await small_school.actor(session, who) for who in ("clerk", "principal")]
        gone = {"ngay": clock.today().isoformat(), "trang_thai": "dropped_out", "ly_do": "Theo đơn"}
        await movements.leave(session, clerk, pupils[AN], str(opened["7A1"]), gone)
        with pytest.raises(Conflict, match=f"{AN} đã được chuyển lớp hoặc ghi rời trường"):
            await service.undo(session, principal, small_school.year_id)
        again = {"ngay": clock.today().isoformat()}
        await movements.place(session, clerk, pupils[AN], opened["7A1"], again)
        with pytest.raises(Conflict, match=AN):
            await service.undo(session, principal, small_school.year_id)
        [place, _] = await roster.places_of(session, pupils[AN])
        assert (place.class_name, place.joined_on) == ("7A1", clock.today())


async def test_a_closed_class_keeps_its_name_and_is_found_nowhere(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        _, next_year = await year_of(small_school, session)
        principal = await small_school.actor(session, "principal")
        seventh = await roster.open_class(session, next_year, "7A1", 7, None)
        await classes.close(session, principal, seventh)
        basis = (await service.proposal(session, small_school.year_id)).basis
        with pytest.raises(Conflict, match="đã có lớp 7A1, nay đã đóng"):
            await service.apply(session, principal, small_school.year_id, basis, keep_teachers=True)
        old = await roster.open_class(session, small_school.year_id, "6A9", 6, None)
        await classes.close(session, principal, old)
        with pytest.raises(NotFound, match="Lớp 6A9 đã đóng"):
            await service.open_class(session, principal, old)


async def test_what_a_colleague_chose_meanwhile_stays_and_is_named(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id, next_year = await year_of(small_school, session)
        for name, grade in (("7A8", 7), ("7A9", 7), ("6A9", 6)):
            await roster.open_class(session, next_year, name, grade, None)
        year, principal = small_school.year_id, await small_school.actor(session, "principal")
        pupils = {name: str(one) for name, one in (await student_ids(session, class_id)).items()}
        seen = {pupils[AN]: "7A1", pupils[BINH]: "6A1"}
        assert await service.choose(session, principal, year, {pupils[AN]: "7A9"}, seen) == 1
        mine = {pupils[AN]: "7A8", pupils[BINH]: "6A9"}
        with pytest.raises(Conflict, match=f"{AN} sang lớp 7A9"):
            await service.choose(session, principal, year, mine, seen)
        found = {one.place.full_name: one.target for one in (await service.proposal(session, year)).pupils}
        assert found == {AN: "7A9", BINH: "6A1", CHI: None}
        unmoved = seen | {pupils[BINH]: "6A9"}
        assert await service.choose(session, principal, year, unmoved, seen) == 1, (
            "who is not touched is not asked"
        )
        found = {one.place.full_name: one.target for one in (await service.proposal(session, year)).pupils}
        assert found == {AN: "7A9", BINH: "6A9", CHI: None}


async def test_a_year_without_results_waits_class_by_class(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await small_school.open_class(session, "6A1", 6)
        await enroll(session, "6A1", [AN, BINH])
        await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
        principal = await small_school.actor(session, "principal")
        found, left = await service.open_proposal(session, principal, small_school.year_id)
        assert (left, [one.waits_for for one in found.classes]) == ([], ["chưa có kết quả năm học"])
        with pytest.raises(Conflict, match="chưa có học sinh nào"):
            await service.apply(session, principal, small_school.year_id, found.basis, keep_teachers=True)


async def test_somebody_goes_to_another_class_and_who_is_left_follows_later(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        class_id, next_year = await year_of(small_school, session)
        year, principal = small_school.year_id, await small_school.actor(session, "principal")
        await roster.open_class(session, next_year, "7A9", 7, None)
        pupils = {name: str(one) for name, one in (await student_ids(session, class_id)).items()}
        seen = {pupils[AN]: "7A1", pupils[BINH]: "6A1"}
        assert await service.choose(session, principal, year, {pupils[AN]: "7A9"}, seen) == 1
        for name, target in ((AN, "8A1"), (BINH, "7A9"), (CHI, "7A9")):
            with pytest.raises(Invalid, match=f"Chưa xếp được {name}"):
                await service.choose(
                    session, principal, year, {pupils[name]: target}, seen | {pupils[AN]: "7A9"}
                )
        found = await service.proposal(session, year)
        await service.apply(session, principal, year, found.basis, keep_teachers=False)
        assert await names_in(session, next_year) == {"6A1": [BINH], "7A1": [], "7A9": [AN]}
        chi = next(one.place.student_id for one in found.pupils if one.place.full_name == CHI)
        with pytest.raises(Invalid, match="còn thiếu"):
            await service.place_one(session, principal, year, chi, "7A1")
        promoted = "jsonb_set(output, '{promotion}', '\"PROMOTED\"')"
        await session.execute(
            text(f"update year_result set state = 'confirmed', output = {promoted} where student_id = :id"),
            {"id": chi},
        )
        assert await service.place_one(session, principal, year, chi, "7A1") == CHI
        with pytest.raises(Conflict, match="đã có lớp 7A1"):
            await service.place_one(session, principal, year, chi, "7A9")
        with pytest.raises(Conflict, match="đã kết chuyển"):
            await service.choose(session, principal, year, {pupils[AN]: "7A1"}, {pupils[AN]: "7A9"})
        assert (await names_in(session, next_year))["7A1"] == [CHI]


async def test_the_pages_from_the_preview_to_the_classes(site: Litestar, small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id, _ = await year_of(small_school, session)
        basis = (await service.proposal(session, small_school.year_id)).basis
        pupils = await student_ids(session, class_id)
    page = f"/truong/nam-hoc/{small_school.year_id}/len-lop"
    principal, clerk = [await small_school.browser(site, who) for who in ("principal", "clerk")]
    assert (await clerk.get(page)).status_code == 403
    shown = (await principal.get(page)).text
    assert ("Quàng Thị Chi" in shown, "kết quả năm học còn thiếu" in shown) == (True, True)
    of_class = f"/lop/{class_id}/len-lop"
    assert "Lò Thị An" in (await principal.get(of_class)).text
    seen = {f"cu.{pupils[BINH]}": "6A1"}
    assert f'name="cu.{pupils[BINH]}" value="6A1"' in (await principal.get(of_class)).text
    refused = await principal.post(of_class, seen | {f"lop.{pupils[BINH]}": "7A1"})
    assert (refused.status_code, "Chưa xếp được Cầm Văn Bình" in refused.text) == (422, True)
    stale = await principal.post(of_class, {f"cu.{pupils[BINH]}": "6A8", f"lop.{pupils[BINH]}": "6A9"})
    assert (stale.status_code, "Cầm Văn Bình sang lớp 6A1" in stale.text) == (409, True)
    assert (await principal.post(page, {"xem": "cũ"})).status_code == 409
    assert (await principal.post(page, {"xem": basis})).status_code == 303
    assert (await principal.post(page, {"xem": basis})).status_code == 303, "twice is once"
    assert "Đã kết chuyển sang năm học 2026-2027" in (await principal.get(page)).text
    listed = (await principal.get("/lop?nam=2026-2027")).text
    assert ("7A1" in listed, "Năm học 2026-2027" in listed) == (True, True)
    assert (await principal.post(f"{page}/hoan-tac", {})).status_code == 303
    assert "7A1" not in (await principal.get("/lop?nam=2026-2027")).text
