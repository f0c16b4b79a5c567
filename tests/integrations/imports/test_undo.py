"""An import is taken back whole, exactly, and never at the price of something that came later."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict, NotFound
from backend.integrations.imports import service, undoing
from backend.integrations.imports.schemas import ImportRunId, ImportState
from backend.records.gradebook import editing, life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import MarkView, SheetId
from backend.records.roster import service as roster
from backend.records.roster.schemas import HOMEROOM
from tests.factories.demo_school import ImportingSchool, Workbook
from tests.integrations.imports.books import Books, cells, mark_of, rows

#: Everything about pupils and their places, as text that can be compared.
_REGISTER = "select md5(string_agg((to_jsonb(t) - 'revision')::text, '|' order by t::text)) from {} t"


async def taken(school: ImportingSchool, book: Workbook) -> ImportRunId:
    run_id, _ = await school.preview(book)
    await school.apply(run_id, book)
    return run_id


async def undo(school: ImportingSchool, run_id: ImportRunId) -> None:
    async with school.session() as session:
        await undoing.undo(session, school.importer, run_id)


async def why_not(school: ImportingSchool, run_id: ImportRunId) -> str | None:
    async with school.session() as session:
        return await undoing.why_not(session, run_id)


async def refused(school: ImportingSchool, run_id: ImportRunId, *words: str) -> None:
    """The button is not offered, pressing it all the same changes nothing, and both say why."""
    said = await why_not(school, run_id)
    before = await cells(school, "6A1")
    with pytest.raises(Conflict) as error:
        await undo(school, run_id)
    for word in words:
        assert word in (said or "")
        assert word in error.value.message
    assert await cells(school, "6A1") == before
    async with school.session() as session:
        assert (await service.get_run(session, run_id)).state is ImportState.APPLIED


async def register(school: ImportingSchool) -> list[Any]:
    async with school.session() as session:
        return [await session.scalar(text(_REGISTER.format(one))) for one in ("student", "enrollment")]


async def type_mark(school: ImportingSchool, books: Books, value: str) -> MarkView:
    """A midterm mark of the first pupil in mathematics, typed over what stands there."""
    new = await mark_of(school, books.truth.secondary_pupils["6A1"][0].full_name, value)
    async with school.session() as session:
        sheet = await gradebook.get_sheet(session, school.importer, new.sheet_id)
        there = next(row for row in sheet.rows if row.student_id == new.student_id).marks.get(new.cell)
        return await editing.set_mark(session, school.teacher, new, revision=there.revision if there else 0)


async def test_marks_are_what_they_were_and_can_be_imported_again(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    await lead(songtrang)
    typed = await type_mark(songtrang, books, "3.5")
    before = await cells(songtrang, "6A1")
    run_id = await taken(songtrang, books.marks)
    assert await why_not(songtrang, run_id) is None
    full = await cells(songtrang, "6A1")
    assert full != before
    await undo(songtrang, run_id)
    assert await cells(songtrang, "6A1") == before
    again = await type_mark(songtrang, books, "3.6")
    assert again.revision == typed.revision + 3, "imported, put back, typed: nobody overwrites a step unseen"
    await undo(songtrang, run_id)
    async with songtrang.session() as session:
        run = await service.get_run(session, run_id)
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert run.state is ImportState.UNDONE
    assert run.undone_at is not None
    assert deeds == [Action.IMPORT_UNDONE, Action.IMPORT_APPLIED, Action.IMPORT_PREVIEWED]
    with pytest.raises(Conflict, match="đã được hoàn tác; hãy tải tệp lên lại"):
        await songtrang.apply(run_id, books.marks)
    await songtrang.take(books.marks)
    assert await cells(songtrang, "6A1") == full


async def lead(school: ImportingSchool) -> None:
    """The teacher of the school teaches mathematics in 6A1, too."""
    async with school.session() as session:
        await session.execute(
            text("update teaching_assignment set teacher_id = :teacher where class_id = :class"),
            {"teacher": school.teacher.staff_id, "class": school.classes["6A1"]},
        )


async def test_a_mark_typed_since_is_not_lost(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    await lead(songtrang)
    run_id = await taken(songtrang, books.marks)
    await type_mark(songtrang, books, "3.5")
    name = books.truth.secondary_pupils["6A1"][0].full_name
    await refused(
        songtrang, run_id, f"{name}, lớp 6A1, Toán học kì I, cột ĐĐGgk đã được sửa sau lúc nhập; điểm sửa sau"
    )
    other = await taken(songtrang, books.marks.edited("Toán", K8=1.5, K9=2.5))
    await refused(songtrang, run_id, " và 2 ô khác đã được sửa sau lúc nhập")
    await undo(songtrang, other)


async def test_who_takes_back_waits_for_who_is_typing(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    run_id = await taken(songtrang, books.marks)
    new = await mark_of(songtrang, books.truth.secondary_pupils["6A1"][0].full_name, "9.5")
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [new])
        undoing_task = asyncio.create_task(undo(songtrang, run_id))
        done, _ = await asyncio.wait([undoing_task], timeout=0.3)
        assert not done, "the other writer was not waited for"
    with pytest.raises(Conflict, match="đã được sửa sau lúc nhập"):
        await undoing_task


async def test_two_who_take_back_at_once(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    run_id = await taken(songtrang, books.marks)
    await asyncio.gather(*(undo(songtrang, run_id) for _ in range(3)))
    assert await cells(songtrang, "6A1") == {}
    async with songtrang.session() as session:
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert deeds.count(Action.IMPORT_UNDONE) == 1


async def test_a_sheet_that_went_on(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    run_id = await taken(songtrang, books.homeroom)
    sheet_id = await homeroom_sheet(songtrang)
    async with songtrang.session() as session:
        await life.submit(session, songtrang.teacher, sheet_id)
    await refused(
        songtrang, run_id, "Sổ của lớp 6A1, Sổ chủ nhiệm đã nộp; nếu điểm cần sửa, giáo viên rút sổ về"
    )
    async with songtrang.session() as session:
        await life.withdraw(session, songtrang.teacher, sheet_id)
    assert await why_not(songtrang, run_id) is None
    async with songtrang.session() as session:
        await life.submit(session, songtrang.teacher, sheet_id)
        await life.lock(session, songtrang.principal, sheet_id)
    await refused(songtrang, run_id, "đã khóa")
    async with songtrang.session() as session:
        await life.reopen(session, songtrang.principal, sheet_id, "Nhập nhầm tệp", "2")
    await refused(songtrang, run_id, "Sổ của lớp 6A1, Sổ chủ nhiệm đã được khóa sau lúc nhập")


async def homeroom_sheet(school: ImportingSchool) -> SheetId:
    async with school.session() as session:
        sheets = await gradebook.list_sheets(session, school.classes["6A1"])
    return next(one.id for one in sheets if one.subject_code == HOMEROOM)


async def test_in_a_reopened_sheet_both_changes_leave_their_trace(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    sheet_id = await homeroom_sheet(songtrang)
    async with songtrang.session() as session:
        await life.submit(session, songtrang.teacher, sheet_id)
        await life.lock(session, songtrang.principal, sheet_id)
        await life.reopen(session, songtrang.principal, sheet_id, "Chưa có dữ liệu", "2")
    run_id = await taken(songtrang, books.homeroom)
    await undo(songtrang, run_id)
    async with songtrang.session() as session:
        sheet = await gradebook.get_sheet(session, songtrang.importer, sheet_id)
    half = len(sheet.changes) // 2
    back, there = sheet.changes[:half], sheet.changes[half:]
    assert half > 10
    assert sorted((one.pupil, one.column, one.new, one.old) for one in back) == sorted(
        (one.pupil, one.column, one.old, one.new) for one in there
    )


async def test_a_register_is_as_it_was(hoaban: ImportingSchool, books: Books) -> None:
    await hoaban.take(books.register)
    edits = {"B6": "2A", "D7": "Nguyễn Thùy Hương Mới", "E7": "01/02/2019", "G8": "Chuyển đi"}
    code = books.truth.primary_pupils["1A"][3].student_code
    edited = books.register.edited("Sheet1", **edits).renamed(code, "9999999999")
    book = edited.edited("Sheet1", L9=None)
    before = await register(hoaban)
    run_id = await taken(hoaban, book)
    assert await register(hoaban) != before
    await undo(hoaban, run_id)
    assert await register(hoaban) == before
    again = await taken(hoaban, book)
    back = await taken(hoaban, books.register.edited("Sheet1", B6="1A"))
    await refused_register(hoaban, again, "sau lúc nhập")
    await undo(hoaban, back)
    await undo(hoaban, again)
    assert await register(hoaban) == before


async def refused_register(school: ImportingSchool, run_id: ImportRunId, *words: str) -> None:
    before = await register(school)
    with pytest.raises(Conflict) as error:
        await undo(school, run_id)
    for word in words:
        assert word in error.value.message
    assert await register(school) == before


async def test_new_pupils_go_unless_something_is_known_of_them(
    songtrang: ImportingSchool, books: Books
) -> None:
    register_id = await taken(songtrang, books.secondary_register)
    marks_id = await taken(songtrang, books.marks)
    await refused_register(
        songtrang, register_id, "là học sinh mới của tệp và đã có điểm, kết quả hoặc yêu cầu về dữ liệu"
    )
    await undo(songtrang, marks_id)
    await undo(songtrang, register_id)
    assert await rows(songtrang) == (0, 0, 0)
    await songtrang.take(books.secondary_register, books.marks)


async def test_an_import_that_changed_nothing_and_one_of_another_school(
    hoaban: ImportingSchool, songtrang: ImportingSchool, books: Books
) -> None:
    first = await taken(hoaban, books.register)
    same = await taken(hoaban, books.register)
    shown, _ = await hoaban.preview(books.register)
    await refused_register(hoaban, same, "không làm thay đổi dữ liệu nào")
    await refused_register(hoaban, shown, "Tệp này chưa được ghi")
    for stranger in (undo, why_not):
        with pytest.raises(NotFound):
            await stranger(songtrang, first)
    async with hoaban.session() as session:
        kept = await session.scalar(text("select count(*) from import_change"))
        pupils = len(await roster.places_by_code(session))
    assert kept == pupils
    assert await why_not(hoaban, first) is None


async def test_pupils_of_another_school_are_not_taken_away(
    hoaban: ImportingSchool, songtrang: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    async with hoaban.session() as session:
        pupils = [place.id for place in (await roster.places_by_code(session)).values()]
        places = (await session.scalars(text("select id from enrollment"))).all()
    before = await register(hoaban)
    async with songtrang.session() as session:
        taking = text("select directory.take_away_pupils(:pupils, :places)")
        await session.execute(taking, {"pupils": pupils, "places": list(places)})
    assert await register(hoaban) == before
