"""A plan and choices are changed on their pages: preview, save, and who may."""

import asyncio
import re

import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core.errors import Conflict
from backend.records.assessment import queries as assessment_queries
from backend.records.assessment import service as assessment
from backend.records.gradebook import editing
from backend.records.gradebook import queries as gradebook_queries
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.planning import service
from backend.records.planning.schemas import Wanted
from backend.records.plans import service as plans
from backend.records.plans.schemas import Choice
from backend.records.transcripts import queries as transcript_queries
from backend.records.transcripts import service as transcripts
from tests.core.statements import statements
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class, sheet_of, student_ids
from tests.factories.waiting import somebody_waits

TECHNOLOGY = "CN"
AN, BINH, CHI = "Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"


async def test_lessons_are_raised_after_a_preview_and_everybody_may_see_it(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "6A", 6)
    principal, music = [await small_school.browser(site, who) for who in ("principal", "music")]
    grade = f"/truong/nam-hoc/{small_school.year_id}/ke-hoach-mon/6"
    page = f"{grade}/mon?ma={TECHNOLOGY}"
    assert page in (await principal.get(grade)).text
    assert page not in (await music.get(grade)).text
    assert (await music.get(page)).status_code == 403
    form = {"so_tiet": "70", "day": "1", "tinh": "1", "lop": str(class_id), "phien_ban": "0"}
    await principal.get(page)
    shown = await principal.post(page, form)
    assert "Số tiết cả năm đổi từ 35 thành 70." in shown.text
    assert "2 (TT22 Đ.6.2.b)" in shown.text
    async with small_school.session(read_only=True) as session:
        assert (await service.subject_plan(session, small_school.year_id, 6, TECHNOLOGY)).revision == 0
    saved = await principal.post(page, form | {"buoc": "ghi"})
    assert saved.headers["location"] == grade
    again = await principal.post(page, form | {"buoc": "ghi", "so_tiet": "60"})
    assert (again.status_code, "vừa được người khác sửa" in again.text) == (409, True)
    told = (await music.get(grade)).text
    assert "chương trình: 35" in told
    assert "Số tiết cả năm trước khi sửa: 35" in told
    for wrong in (f"/truong/nam-hoc/{small_school.year_id}/ke-hoach-mon/13", f"{grade}/mon?ma=KHONG"):
        assert (await principal.get(wrong)).status_code == 404


async def test_a_subject_of_the_schools_own_from_plan_to_transcript(small_school: SmallSchool) -> None:
    """Its sheet is kept, handed in and locked like the others; results and học bạ know nothing of it."""
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        homeroom = await small_school.actor(session, "homeroom")
        class_id = await small_school.open_class(session, "6A", 6)
        await enroll(session, "6A", ["Lò Thị An"])
        await fill(session, await small_school.actor(session, "it"), class_id)
        asked = Wanted(
            lessons="70", name="Toán tiếng Anh", assessed_by="score", classes=frozenset({str(class_id)})
        )
        year = small_school.year_id
        await service.change(session, principal, year, 6, "moi", asked)
        [pupil] = (await student_ids(session, class_id)).values()
        sheet = await sheet_of(session, class_id, "R1", 1)
        assert sheet.subject_name == "Toán tiếng Anh"
        mark = NewMark(sheet_id=sheet.id, student_id=pupil, cell=Cell(MarkKind.FINAL), value="2")
        await editing.set_mark(session, homeroom, mark, revision=0)
        gone = Wanted(lessons="70", name="Toán tiếng Anh", assessed_by="score", revision=1)
        with pytest.raises(Conflict, match="đã có điểm"):
            await service.change(session, principal, year, 6, "R1", gone)
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
        [result] = await assessment_queries.results_of(session, class_id)
        assert "R1" not in result.output["subjects"]
        assert result.output["learning"]["year"]["level"] == "T", "a 2 in it changes nothing"
        await assessment.confirm_class(session, homeroom, class_id)
        report = await transcripts.freeze_class(session, principal, class_id)
        assert (report.frozen, report.left_out) == (1, ())
        [snapshot] = list(await session.scalars(text("select snapshot from transcript_version")))
        assert "Toán tiếng Anh" not in str(snapshot)
        with pytest.raises(Conflict, match="đã khóa"):
            await service.preview(session, year, 6, TECHNOLOGY, Wanted(lessons="70"))


async def test_a_plan_and_a_freeze_at_the_same_time_take_their_turns(
    small_school: SmallSchool,
) -> None:
    """Whoever freezes holds the class first and its sheets second, and so does whoever gives it a new subject."""
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        class_id = await small_school.open_class(session, "6A", 6)

    async def later() -> None:
        asked = Wanted(
            lessons="70", name="Toán tiếng Anh", assessed_by="score", classes=frozenset({str(class_id)})
        )
        async with small_school.session() as session:
            await service.change(session, principal, small_school.year_id, 6, "moi", asked)

    async with small_school.session() as session:
        await transcript_queries.hold_class(session, class_id)
        changing = asyncio.create_task(later())
        await somebody_waits(session)
        sheets = await gradebook_queries.sheet_ids_of_class(session, class_id)
        await gradebook_queries.hold_sheets(session, sheets, to_write=False)
    await changing
    async with small_school.session() as session:
        assert (await sheet_of(session, class_id, "R1", 1)).subject_name == "Toán tiếng Anh"


async def test_each_transcript_has_the_electives_of_its_pupil(small_school: SmallSchool) -> None:
    """From the choice through the results to the học bạ; five electives are nobody's, and hold the year open."""
    async with small_school.session() as session:
        principal, homeroom = [await small_school.actor(session, who) for who in ("principal", "homeroom")]
        class_id = await small_school.open_class(session, "10A", 10)
        await enroll(session, "10A", ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"])
        everywhere = Wanted(lessons="70", classes=frozenset({str(class_id)}))
        await service.change(session, principal, small_school.year_id, 10, "TIN", everywhere)
        an, binh, chi = [(await student_ids(session, class_id))[name] for name in (AN, BINH, CHI)]
        five = frozenset({"DIA", "KTPL", "LY", "HOA", "TIN"})
        of_class, of_binh = Choice(five - {"TIN"}), Choice(five - {"HOA"})
        await plans.choose(session, class_id, {None: of_class, binh: of_binh, chi: Choice(five)})
        await fill(session, await small_school.actor(session, "it"), class_id)
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
        results = {one.student_id: one.result for one in await assessment.class_results(session, class_id)}
        assert [results[one].missing for one in (an, binh, chi)] == [(), (), ("electives",)]
        await assessment.confirm_class(session, homeroom, class_id)
        report = await transcripts.freeze_class(session, principal, class_id)
        assert (report.frozen, [name for name, _ in report.left_out]) == (2, [CHI])
        rows = await session.execute(text("select student_id, snapshot from transcript_version"))
        frozen = {row.student_id: msgspec.json.decode(row.snapshot) for row in rows}
        electives = {
            pupil: {one["code"] for one in frozen[pupil]["year"]["results"]["subjects"]} & five
            for pupil in (an, binh)
        }
    assert electives == {an: five - {"TIN"}, binh: five - {"HOA"}}


async def test_a_class_chooses_with_as_many_statements_as_one_pupil(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        class_id = await small_school.open_class(session, "10A", 10)
        await enroll(session, "10A", [AN, BINH, CHI])
        everywhere = Wanted(lessons="70", classes=frozenset({str(class_id)}))
        await service.change(session, principal, small_school.year_id, 10, "TIN", everywhere)
        pupils = [str(one) for one in (await student_ids(session, class_id)).values()]
        usual, other = [Choice(frozenset({"DIA", "KTPL", "LY", one}), frozenset()) for one in ("HOA", "TIN")]

        async def choose(*apart: str) -> list[str]:
            found = await service.class_electives(session, principal, class_id)
            wanted = dict.fromkeys(pupils, usual) | dict.fromkeys(apart, other)
            seen = service.as_seen(found.choices)
            with statements() as asked:
                await service.choose(session, principal, class_id, usual, wanted, seen)
            return [one for one in asked if "elective_choice" in one]

        counts = [len(await choose(*apart)) for apart in (pupils[:1], pupils, pupils[:1])]
        assert counts == [3, 2, 3], "what was chosen before, what is taken, and who goes with the class"
        choices = (await service.class_electives(session, principal, class_id)).choices
        assert {str(one): choice for one, choice in choices.pupils.items()} == {pupils[0]: other}


async def test_a_pupil_takes_another_elective(site: Litestar, small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "10A", 10)
        await enroll(session, "10A", ["Lò Thị An", "Cầm Văn Bình"])
        pupils = await student_ids(session, class_id)
        principal = await small_school.actor(session, "principal")
        everywhere = Wanted(lessons="70", classes=frozenset({str(class_id)}))
        await service.change(session, principal, small_school.year_id, 10, "TIN", everywhere)
    browser = await small_school.browser(site, "homeroom")
    page = f"/lop/{class_id}/mon-lua-chon"
    shown = (await browser.get(page)).text
    assert "đang có 5 môn lựa chọn" in shown
    assert "table-stack" in shown, "a telephone shows each pupil as a card"
    assert shown.count('data-label="Tin học"') == 3
    seen = re.search(r'name="cu" value="(\w+)"', shown)
    assert seen
    binh = pupils["Cầm Văn Bình"]
    four = ["m.DIA", "m.KTPL", "m.LY", "m.HOA"]
    form = {"cu": seen[1], "lop": four, f"co.{binh}": "1", f"hs.{binh}": ["m.DIA", "m.KTPL", "m.LY", "m.TIN"]}
    three = await browser.post(page, form | {f"hs.{binh}": four[:3]})
    assert (three.status_code, "Cầm Văn Bình đang có 3 môn" in three.text) == (422, True)
    assert (await browser.post(page, form)).status_code == 303
    assert (await browser.post(page, form)).status_code == 409, "the page was of before"
    async with small_school.session(read_only=True) as session:
        homeroom = await small_school.actor(session, "homeroom")
        takers = {}
        for code in ("TIN", "HOA", "TOAN"):
            sheet = await sheet_of(session, class_id, code, 1)
            view = await editing.get_sheet(session, homeroom, sheet.id)
            takers[code] = [row.full_name for row in view.rows]
    assert takers == {
        "TIN": ["Cầm Văn Bình"],
        "HOA": ["Lò Thị An"],
        "TOAN": ["Lò Thị An", "Cầm Văn Bình"],
    }
    stranger = await small_school.browser(site, "stranger")
    assert (await stranger.get(page)).status_code == 403
    clerk = await small_school.browser(site, "music")
    assert (await clerk.get(page)).status_code == 403
