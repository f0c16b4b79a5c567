"""What people paste into a workbook: kept so that it prints, or the one cell is named and the rest goes on."""

import pytest

from backend.records.assessment import service as assessment
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.roster import service as roster
from tests.factories.demo_school import ImportingSchool
from tests.factories.strange_texts import STRANGE, Strange
from tests.integrations.imports.books import Books

#: A workbook is XML, which cannot hold it at all.
IN_WORKBOOKS = {name: one for name, one in STRANGE.items() if name != "NUL"}
CODE = "9910100003"


@pytest.mark.parametrize("text", IN_WORKBOOKS.values(), ids=IN_WORKBOOKS)
async def test_a_register(hoaban: ImportingSchool, books: Books, text: Strange) -> None:
    book = books.register.edited("Sheet1", D6=text.typed)
    run_id, found = await hoaban.preview(book)
    if text.stored is None:
        [problem] = found.problems
        assert (problem.row, "Họ" in problem.message) == (6, True), problem
        return
    assert found.problems == ()
    await hoaban.apply(run_id, book)
    async with hoaban.session() as session:
        records = await roster.student_records(session, hoaban.classes["1A"])
    assert {one.student_code: one.full_name for one in records}[CODE] == text.stored


@pytest.mark.parametrize("text", IN_WORKBOOKS.values(), ids=IN_WORKBOOKS)
async def test_comments(hoaban: ImportingSchool, books: Books, text: Strange) -> None:
    await hoaban.take(books.register)
    book = books.comments.edited("1A", F6=text.typed)
    run_id, found = await hoaban.preview(book)
    if text.stored is None:
        [problem] = found.problems
        assert (problem.row, "Toán" in problem.message) == (6, True), problem
        return
    assert found.problems == ()
    await hoaban.apply(run_id, book)
    async with hoaban.session() as session:
        pupils = {
            one.student_code: one.id for one in await roster.student_records(session, hoaban.classes["1A"])
        }
        cells = await assessment.class_cells(session, hoaban.classes["1A"])
    assert cells[pupils[CODE]]["TOAN", 0][Cell(MarkKind.COMMENT)] == text.stored
