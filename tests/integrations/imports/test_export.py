"""What came in goes out again in the same layout, and what we make ourselves comes back in without a change."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from sqlalchemy import text

from backend.core.errors import Conflict, Forbidden, NotFound
from backend.integrations.imports import exporting, service
from backend.integrations.imports.limited import child
from backend.integrations.imports.schemas import (
    LAYOUT_OF,
    Filling,
    Form,
    HomeroomFile,
    HomeroomRow,
    Preview,
    PrimaryResultRow,
    PrimaryResultsFile,
    Reassessment,
    ToFill,
)
from backend.integrations.imports.writers import forms
from backend.records.decisions import service as decisions
from backend.records.decisions.schemas import DecisionKey, DecisionKind
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import ABOUT_HEALTH, Cell, MarkKind, NewMark
from backend.records.roster import service as roster
from infra.demo.people import Pupil
from tests.factories.demo_school import ImportingSchool, Workbook
from tests.integrations.imports.books import Books, cells, counts, mark_of

#: Columns that say how a pupil's body is.
ABOUT_BODY = ("Chiều cao", "Cân nặng", "Sức khỏe")
Chosen = Callable[[Books], Workbook]


async def filled(school: ImportingSchool, book: Workbook) -> Workbook:
    """Upload, and take the file away as it is filled today."""
    run_id, _ = await school.preview(book)
    async with school.session() as session:
        run = await service.get_run(session, run_id)
        wanted = await exporting.filling_of_run(session, school.importer, run, book.parsed)
    return Workbook(book.name, child.filled(Filling(data=book.data, wanted=wanted)))


def grid(book: Workbook) -> dict[str, list[tuple[Any, ...]]]:
    """Every cell of every sheet as openpyxl sees it, formulas as such."""
    found = openpyxl.load_workbook(io.BytesIO(book.data))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in found}


def emptied(book: Workbook, first: int) -> Workbook:
    """The same without anything to the right of a column, below the header."""
    found = openpyxl.load_workbook(io.BytesIO(book.data))
    for sheet in found:
        for number, row in enumerate(sheet.iter_rows(), 1):
            if isinstance(row[0].value, int) and row[2].value:
                for column in range(first, len(row) + 1):
                    sheet.cell(number, column).value = None
    out = io.BytesIO()
    found.save(out)
    return Workbook(book.name, out.getvalue())


@pytest.mark.parametrize(
    ("register", "chosen", "first"),
    [
        (lambda books: books.register, lambda books: books.results, 6),
        (lambda books: books.register, lambda books: books.comments, 5),
        (lambda books: books.secondary_register, lambda books: books.marks, 6),
        (lambda books: books.secondary_register, lambda books: books.homeroom, 5),
    ],
    ids=["primary results", "primary comments", "secondary marks", "homeroom"],
)
async def test_a_file_that_came_in_comes_out_the_same(
    hoaban: ImportingSchool,
    songtrang: ImportingSchool,
    books: Books,
    register: Chosen,
    chosen: Chosen,
    first: int,
) -> None:
    book = chosen(books)
    school = songtrang if register(books) is books.secondary_register else hoaban
    await school.take(register(books), book)
    assert grid(await filled(school, book)) == grid(book), "whatever says the same stays as it is written"
    again = await filled(school, emptied(book, first))
    told, all_of_it = [(await school.preview(one))[1] for one in (again, book)]
    hidden = len(ABOUT_BODY) * len(books.truth.primary_pupils["1A"]) if book is books.comments else 0
    new, changed, unchanged, moved, bad = counts(all_of_it)
    assert counts(told) == (new, changed, unchanged - hidden, moved, bad)


async def test_lines_without_a_code_are_filled_by_their_names(
    songtrang: ImportingSchool, books: Books
) -> None:
    """As in a template of another system that does not know our codes."""
    await songtrang.take(books.secondary_register, books.marks)
    found = openpyxl.load_workbook(io.BytesIO(emptied(books.marks, 6).data))
    for sheet in found:
        for row in sheet.iter_rows(min_row=7, min_col=3, max_col=3):
            row[0].value = None
    out = io.BytesIO()
    found.save(out)
    now = await filled(songtrang, Workbook(books.marks.name, out.getvalue()))
    with_codes, without = (
        [[str(cell).replace(",", ".") for cell in row] for row in grid(book)["Toán"]]
        for book in (books.marks, now)
    )
    names = [row[3] for row in with_codes[6:]]
    assert len({*names}) == len(names) > 1
    # Column L has the average, which the school does not keep.
    assert [row[5:11] + row[12:] for row in without] == [row[5:11] + row[12:] for row in with_codes]


async def test_a_register_comes_out_the_same_and_says_what_has_changed(
    hoaban: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    assert grid(await filled(hoaban, books.register)) == grid(books.register)
    await hoaban.take(books.register.edited("Sheet1", B7="2A"))
    code = books.truth.primary_pupils["1A"][0].student_code
    async with hoaban.session() as session:
        await session.execute(
            text("update student set full_name = '=Nguyễn Thị +Mới' where student_code = :code"),
            {"code": code},
        )
    now = await filled(hoaban, books.register)
    sheet = openpyxl.load_workbook(io.BytesIO(now.data))["Sheet1"]
    assert (sheet["D6"].value, sheet["D6"].data_type) == ("=Nguyễn Thị +Mới", "s"), "no formula"
    assert sheet["D6"].quotePrefix
    assert sheet["B7"].value == "2A"
    assert counts((await hoaban.preview(now))[1])[:2] == (0, 0)
    assert parts(now).keys() == parts(books.register).keys()
    assert {name for name, data in parts(now).items() if data != parts(books.register)[name]} == {
        "xl/worksheets/sheet1.xml",
        "xl/styles.xml",
    }


async def test_a_register_says_how_each_pupil_came(hoaban: ImportingSchool, books: Books) -> None:
    """By the record; what says the same in other words stays as it is written."""
    came = books.register.edited("Sheet1", G6="Chuyển đến từ trường khác", G7="Học lại")
    await hoaban.take(came)
    assert grid(await filled(hoaban, came)) == grid(came)
    sheet = openpyxl.load_workbook(io.BytesIO((await filled(hoaban, books.register)).data))["Sheet1"]
    assert [sheet[f"G{row}"].value for row in (6, 7, 8)] == ["Chuyển đến", "Nghỉ học xin học lại", "Đang học"]


def parts(book: Workbook) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book.data)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


async def test_a_mark_of_today_stands_in_the_file_of_yesterday(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    new = await mark_of(songtrang, name, "3.5")
    cleared = [
        new.__class__(sheet_id=new.sheet_id, student_id=new.student_id, cell=Cell(MarkKind.FINAL), value="")
    ]
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [new, *cleared])
    before, now = grid(books.marks), grid(await filled(songtrang, books.marks))
    differing = [
        (sheet, n + 1, column, old, new)
        for sheet, rows in before.items()
        for n, row in enumerate(rows)
        for column, (old, new) in enumerate(zip(row, now[sheet][n], strict=True))
        if old != new
    ]
    assert [(one[0], one[1], one[4]) for one in differing] == [("Toán", 7, 3.5), ("Toán", 7, None)]


async def test_a_test_that_was_taken_again_goes_out_as_it_counts_and_changes_nothing_when_it_comes_back(
    hoaban: ImportingSchool, books: Books
) -> None:
    """A mark of the middle of the year is none of its end; the first mark of a retaken test stays what it was."""
    await hoaban.take(books.register, books.results)
    pupil = books.truth.primary_pupils["1A"][0]
    async with hoaban.session() as session:
        sheets = await gradebook.list_sheets(session, hoaban.classes["1A"])
        places = await roster.places_by_code(session)
        new = {"1": "0", "2": "1", "end_s1": "4"}
        marks = [
            NewMark(
                sheet_id=next(one.id for one in sheets if one.subject_code == "TOAN"),
                student_id=places[pupil.student_code].id,
                cell=Cell(MarkKind.TEST, slot),
                value=value,
            )
            for slot, value in new.items()
        ]
        await gradebook.record_marks(session, hoaban.importer, marks)
    now = await filled(hoaban, books.results)
    row = next(row for row in results_of(now) if row.student_code == pupil.student_code)
    assert row.tests["TOAN"] == 1
    assert counts((await hoaban.preview(now))[1])[:2] == (0, 0)
    _, earlier = await hoaban.preview(books.results)
    assert [(one.old, one.new) for one in earlier.differences] == [("0", str(truth_of(books, pupil)))]


def results_of(book: Workbook) -> tuple[PrimaryResultRow, ...]:
    assert isinstance(book.parsed, PrimaryResultsFile)
    return book.parsed.rows


def truth_of(books: Books, pupil: Pupil) -> int:
    """The pupil's mark in mathematics as the demo says it."""
    return books.truth.primary_years[pupil.student_code].tests["TOAN"]


async def made(
    school: ImportingSchool,
    form: Form,
    class_code: str,
    term: int = 0,
    *,
    blank: bool = False,
    subject: str = "",
) -> Workbook:
    async with school.session() as session:
        empty, contents = await exporting.prepare(
            session, school.importer, school.classes[class_code], form, term=term, subject=subject
        )
    data = forms.make(empty)
    if not blank:
        wanted = ToFill(layout=LAYOUT_OF[form], contents=contents, pupils=empty.pupils)
        data = child.filled(Filling(data=data, wanted=wanted))
    return Workbook(f"{form}.xlsx", data)


async def looked_at(school: ImportingSchool, book: Workbook) -> Preview:
    _, found = await school.preview(book)
    assert found.problems == ()
    return found


@pytest.mark.parametrize("form", [Form.MARKS, Form.VNEDU, Form.SMAS])
async def test_marks_go_out_and_come_back_in(songtrang: ImportingSchool, books: Books, form: Form) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    stored = await cells(songtrang, "6A1")
    filled_in = await looked_at(songtrang, await made(songtrang, form, "6A1", 1))
    assert counts(filled_in) == (
        0,
        0,
        sum(len(cells) for own in stored.values() for cells in own.values()),
        0,
        0,
    )
    empty = await looked_at(songtrang, await made(songtrang, form, "6A1", 1, blank=True))
    assert counts(empty) == (0, 0, 0, 0, 0)
    one = openpyxl.load_workbook(io.BytesIO((await made(songtrang, form, "6A1", 1, subject="TOAN")).data))
    assert [name for name in one.sheetnames if name != "Hướng dẫn"] == ["Toán"]


async def test_the_other_forms_go_out_and_come_back_in(
    hoaban: ImportingSchool, songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.homeroom)
    await hoaban.take(books.register, books.results, books.comments)
    found = {
        form: counts(await looked_at(school, await made(school, form, code)))
        for school, form, code in (
            (songtrang, Form.HOMEROOM, "6A1"),
            (songtrang, Form.PUPILS, "6A1"),
            (hoaban, Form.RESULTS, "1A"),
            (hoaban, Form.COMMENTS, "1A"),
            (hoaban, Form.PUPILS, "1A"),
        )
    }
    assert {form: (new, changed, moved, bad) for form, (new, changed, _, moved, bad) in found.items()} == (
        dict.fromkeys(found, (0, 0, 0, 0))
    )
    own = [
        cell for by_sheet in (await cells(hoaban, "1A")).values() for one in by_sheet.values() for cell in one
    ]
    body = [cell for cell in own if cell.kind in ABOUT_HEALTH]
    assert len(body) == len(ABOUT_BODY) * len(books.truth.primary_pupils["1A"])
    both = found[Form.RESULTS][2] + found[Form.COMMENTS][2]
    assert both == len(own) - len(body), "whoever sees to the computers is not told how pupils' bodies are"
    whole = await looked_at(
        hoaban, await made(replace(hoaban, importer=hoaban.principal), Form.COMMENTS, "1A")
    )
    assert found[Form.RESULTS][2] + counts(whole)[2] == len(own)


async def test_what_was_decided_after_the_summer_goes_out_and_is_not_written_down_a_second_time(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.homeroom)
    code = books.truth.secondary_pupils["6A1"][0].student_code
    assert songtrang.teacher.staff_id
    async with songtrang.session() as session:
        pupil = (await roster.places_by_code(session))[code].id
        for key, value in (
            (DecisionKey(DecisionKind.REASSESSED, "TOAN"), "5"),
            (DecisionKey(DecisionKind.CONDUCT, "summer"), "Đ"),
        ):
            await decisions.add(
                session,
                songtrang.classes["6A1"],
                pupil,
                key,
                value,
                reason="Kết quả sau hè",
                decided_by=songtrang.teacher.staff_id,
                before=None,
                seen=0,
            )
    book = await made(songtrang, Form.HOMEROOM, "6A1")
    row = next(row for row in homeroom_of(book) if row.student_code == code)
    assert row.reassessments == (Reassessment(subject_code="TOAN", score=Decimal("5.0")),)
    assert row.conduct_after_summer == "Đ"
    assert counts(await looked_at(songtrang, book))[:2] == (0, 0)


async def test_a_zero_after_the_summer_is_a_zero(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register)
    book = await made(songtrang, Form.HOMEROOM, "6A1")
    [first, *_] = homeroom_of(book)
    await songtrang.take(book.edited(first.sheet, **{f"L{first.row}": "Toán: 0; Giáo dục thể chất: CĐ"}))
    own = (await cells(songtrang, "6A1"))[first.student_code]["GVCN", 0]
    assert {cell.slot: value for cell, value in own.items() if cell.kind is MarkKind.REASSESSED} == {
        "TOAN": "0",
        "GDTC": "CĐ",
    }


def homeroom_of(book: Workbook) -> tuple[HomeroomRow, ...]:
    assert isinstance(book.parsed, HomeroomFile)
    return book.parsed.rows


async def test_our_own_workbook_knows_a_pupil_who_was_renamed(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    book = await made(songtrang, Form.MARKS, "6A1", 1, subject="TOAN")
    first, second = books.truth.secondary_pupils["6A1"][:2]
    async with songtrang.session() as session:
        await session.execute(
            text(
                "update student set full_name = 'Tên Mới', student_code = 'MOI1' where student_code = :code"
            ),
            {"code": first.student_code},
        )
    assert (await looked_at(songtrang, book)).changed == 0
    row = next(n for n, row in enumerate(grid(book)["Toán"], 1) if row[2] == first.student_code)
    mixed = book.edited("Toán", **{f"D{row}": second.full_name})
    _, found = await songtrang.preview(mixed)
    assert found.bad == 1, "the hidden column counts only as long as its line is whole"


async def test_who_may_take_which_workbook(hoaban: ImportingSchool, songtrang: ImportingSchool) -> None:
    class_id = songtrang.classes["6A1"]
    async with songtrang.session() as session:
        for form, term in ((Form.MARKS, 0), (Form.RESULTS, 0), (Form.HOMEROOM, 1)):
            with pytest.raises(NotFound):
                await exporting.prepare(session, songtrang.importer, class_id, form, term=term)
        with pytest.raises(NotFound):
            await exporting.prepare(session, songtrang.teacher, class_id, Form.PUPILS)
        await session.execute(text("update school_class set homeroom_teacher_id = null"))
        with pytest.raises(Forbidden):
            await exporting.prepare(session, songtrang.teacher, class_id, Form.MARKS, term=1)
        await session.rollback()
    async with hoaban.session() as session:
        with pytest.raises(NotFound):
            await exporting.prepare(session, hoaban.importer, class_id, Form.MARKS, term=1)


async def test_what_could_not_be_read_is_not_filled(hoaban: ImportingSchool) -> None:
    with pytest.raises(Conflict, match="không đọc được nên không có chỗ để điền"):
        await filled(hoaban, Workbook("x.xlsx", b"PK\x03\x04 no workbook at all"))


async def test_the_real_way_keeps_what_came_in_and_fills_it_apart(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    parsed = await service.read_workbook(songtrang.tenant_id, books.homeroom.data)
    run_id, _ = await songtrang.preview(books.homeroom)
    await songtrang.apply(run_id, books.homeroom)
    async with songtrang.session() as session:
        run = await service.get_run(session, run_id)
        wanted = await exporting.filling_of_run(session, songtrang.importer, run, parsed)
    data = await exporting.filled(songtrang.tenant_id, run.file_sha256, wanted)
    assert grid(Workbook("x", data)) == grid(books.homeroom)
