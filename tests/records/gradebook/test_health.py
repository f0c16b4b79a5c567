"""How pupils' bodies are, in the homeroom teacher's sheet: who writes it, who sees it, and where it is not told."""

from datetime import UTC, datetime

import pytest
from litestar import Litestar

from backend.core.errors import Forbidden
from backend.records.gradebook import editing, life, service
from backend.records.gradebook.schemas import ABOUT_HEALTH, Cell, Deed, MarkKind, SheetView
from backend.records.publishing import rules as publishing
from backend.records.roster import service as roster
from backend.records.roster.schemas import HOMEROOM
from tests.records.gradebook.conftest import ClassBook
from tests.records.gradebook.test_save_cells import save

AN, BINH = "Lò Thị An", "Cầm Văn Bình"
HEIGHT, WEIGHT = Cell(MarkKind.MEASURE, "height"), Cell(MarkKind.MEASURE, "weight")
HEALTH = Cell(MarkKind.HEALTH)
#: Before anything was written.
EVER = datetime(2020, 1, 1, tzinfo=UTC)
BODY = {HEIGHT: "128.5", WEIGHT: "27", HEALTH: "Cận thị nhẹ"}


async def written(book: ClassBook) -> None:
    for cell, typed in ((HEIGHT, "128,5"), (WEIGHT, "27,0"), (HEALTH, "Cận thị nhẹ")):
        assert (await book.write("homeroom", HOMEROOM, AN, cell, typed)).value == BODY[cell]


async def seen(book: ClassBook, who: str) -> SheetView:
    async with book.school.session(read_only=True) as session:
        return await editing.get_sheet(session, book.actors[who], book.sheets[HOMEROOM])


def told(sheet: SheetView) -> dict[Cell, str]:
    [row] = [one for one in sheet.rows if one.full_name == AN]
    return {cell: mark.value for cell, mark in row.marks.items() if cell.kind in ABOUT_HEALTH}


async def test_the_homeroom_teacher_writes_it_and_the_management_reads_it(book: ClassBook) -> None:
    await written(book)
    assert await book.value(HOMEROOM, AN, HEIGHT) == "128.5"
    for who, expected in (("homeroom", BODY), ("principal", BODY), ("music", {}), ("it", {})):
        sheet = await seen(book, who)
        assert told(sheet) == expected, who
        named = {one.cell for one in sheet.columns} & set(BODY)
        assert named == (set(BODY) if expected else set()), who
        async with book.school.session(read_only=True) as session:
            new = await editing.new_in_sheet(session, book.actors[who], sheet.summary.id, EVER)
        assert {one.cell for one in new.marks} == set(expected), who
    with pytest.raises(Forbidden):
        await book.write("music", HOMEROOM, AN, HEIGHT, "130", 1)


async def test_a_late_change_of_it_is_told_to_those_who_read_it(book: ClassBook) -> None:
    await written(book)
    await book.lock(HOMEROOM)
    async with book.school.session() as session:
        await life.reopen(session, book.actors["principal"], book.sheets[HOMEROOM], "Đo lại chiều cao", "1")
    await book.write("homeroom", HOMEROOM, AN, HEIGHT, "129", 1)
    changes = [(one.column, one.old, one.new) for one in (await seen(book, "principal")).changes]
    assert changes == [("Chiều cao (cm)", "128.5", "129")]
    assert (await seen(book, "music")).changes == ()
    assert Deed.LOCK_AGAIN in (await seen(book, "homeroom")).deeds


async def test_who_is_not_measured_yet_is_named_once_somebody_is(book: ClassBook) -> None:
    sheet = await seen(book, "homeroom")
    before = [int(one.split()[0]) for one in sheet.warnings if "còn trống" in one]
    await book.write("homeroom", HOMEROOM, AN, HEIGHT, "128")
    [after] = [one for one in (await seen(book, "homeroom")).warnings if "còn trống" in one]
    assert int(after.split()[0]) == before[0] + 1, "Bình's height"


async def test_families_are_told_by_the_hoc_ba_alone(book: ClassBook) -> None:
    await written(book)
    async with book.school.session(read_only=True) as session:
        columns = service.columns_of(None, 1)
        assert set(BODY) <= {one.cell for one in columns}
        published = {one.cell for one in publishing.published_columns(columns, "year_end")}
        contents = await service.contents(session, await roster.get_class(session, book.class_id))
    assert HEIGHT in contents[book.sheets[HOMEROOM]].cells[book.pupils[AN]]
    assert published
    assert not published & set(BODY)


async def test_a_bad_height_is_answered_in_the_cell(site: Litestar, book: ClassBook) -> None:
    browser = await book.school.browser(site, "homeroom")
    page = await browser.get(f"/so-diem/{book.sheets[HOMEROOM]}")
    assert "Chiều cao (cm)" in page.text
    assert "Chỉ giáo viên chủ nhiệm và ban giám hiệu" in page.text
    typed = {"student": str(book.pupils[AN]), "column": "measure:height", "value": "1,28", "version": 0}
    answer = await save(browser, f"/so-diem/{book.sheets[HOMEROOM]}/o", [typed])
    [cell] = answer.json()["cells"]
    assert cell["state"] == "invalid"
    assert "chiều cao “1,28” phải từ 60 đến 220, tính bằng xăng-ti-mét" in cell["message"]
    assert AN in cell["message"]
