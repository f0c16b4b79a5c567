"""The workbooks of a class by its plan, and what the audit says of an empty one."""

import pytest
from openpyxl.utils import get_column_letter

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict
from backend.integrations.imports import exporting
from backend.integrations.imports.schemas import Form
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.plans import service as plans
from backend.records.plans.schemas import Choice, Decision
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy
from backend.records.roster.schemas import HOMEROOM
from tests.factories.demo_school import ImportingSchool, Workbook
from tests.integrations.imports.books import Books, cells
from tests.integrations.imports.test_export import grid, looked_at, made

#: pupil's code → (subject, term) → cell → value.
Said = dict[str, dict[tuple[str, int], dict[Cell, str]]]
OWN = Decision(
    taught=True,
    lessons_per_year=70,
    counts=False,
    topics=False,
    name="Toán tiếng Anh",
    assessed_by=AssessedBy.SCORE,
)


async def decide(school: ImportingSchool, code: str, decision: Decision, grade: int = 6) -> None:
    """What the school decides about a subject of a grade."""
    async with school.session() as session:
        year = await roster.current_year(session)
        assert await plans.decide(session, year.id, grade, code, decision)


async def open_own(school: ImportingSchool) -> None:
    """6A1 has a subject of the school's own."""
    await decide(school, "R1", OWN)
    async with school.session() as session:
        await roster.assign_teachers(session, school.classes["6A1"], {"R1": None}, own=["R1"])
        await gradebook.open_sheets(session, school.classes["6A1"])


async def test_columns_follow_the_plan_of_the_class(songtrang: ImportingSchool, books: Books) -> None:
    """35 lessons a year take two ĐĐGtx, 105 take four (TT22 Đ.6.2.b)."""
    more = Decision(taught=True, lessons_per_year=105, counts=True, topics=False)
    await songtrang.take(books.secondary_register)

    async def regular() -> int:
        sheet = grid(await made(songtrang, Form.MARKS, "6A1", 1, subject="TIN"))["Tin học"]
        return sum(row.index("ĐĐGgk") - row.index("ĐĐGtx") for row in sheet if "ĐĐGtx" in row)

    assert await regular() == 2
    await decide(songtrang, "TIN", more)
    assert await regular() == 4


@pytest.mark.parametrize("form", [Form.MARKS, Form.VNEDU, Form.SMAS])
async def test_a_subject_of_the_schools_own_stands_in_no_workbook(
    form: Form, songtrang: ImportingSchool, books: Books
) -> None:
    """No layout could bring it back in; asked for by itself it is a sentence."""
    await songtrang.take(books.secondary_register)
    await open_own(songtrang)
    book = await made(songtrang, form, "6A1", 1)
    assert OWN.name not in grid(book)
    await looked_at(songtrang, book)
    for subject in ("R1", HOMEROOM):
        with pytest.raises(Conflict, match="môn riêng của trường xin ghi thẳng vào sổ điểm"):
            await made(songtrang, form, "6A1", 1, subject=subject)


async def test_an_empty_one_asks_for_no_mark_and_is_recorded_as_what_it_is(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    class_id = songtrang.classes["6A1"]
    async with songtrang.session() as session:
        _, contents = await exporting.prepare(
            session, songtrang.importer, class_id, Form.MARKS, term=1, empty=True
        )
    assert contents == {}
    async with songtrang.session() as session:
        [latest, *_] = await audit.history(session, [class_id])
    assert (latest.action, latest.details["kind"]) == (Action.BLANK_TAKEN, Form.MARKS)


def written(book: Workbook, sheet: str, values: dict[str, str]) -> Workbook:
    """The workbook with these values below their headers, for the first pupil."""
    rows = grid(book)[sheet]
    first = next(n for n, row in enumerate(rows, 1) if row[0] == 1)
    edits = {}
    for title, value in values.items():
        [at] = {at for row in rows[:first] for at, cell in enumerate(row, 1) if cell == title}
        edits[f"{get_column_letter(at)}{first}"] = value
    return book.edited(sheet, **edits)


WORDS = {
    "Chứng chỉ": "Tin học cơ bản",
    "Kết quả các cuộc thi": "Giải nhì cờ vua",
    "Khen thưởng khác": "Giấy khen của phường",
}


async def goes_in_and_out(
    school: ImportingSchool, form: Form, code: str, filled: Workbook, term: int = 0
) -> Said:
    """The workbook is taken, and the one that is made then brings nothing new; what the class has now."""
    await school.take(filled)
    found = await looked_at(school, await made(school, form, code, term))
    assert (found.new, found.changed) == (0, 0)
    return await cells(school, code)


async def test_certificates_competitions_and_awards_go_in_and_out(
    songtrang: ImportingSchool, hoaban: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register)
    book = written(await made(songtrang, Form.HOMEROOM, "6A1"), "Chủ nhiệm", WORDS)
    [told] = (await goes_in_and_out(songtrang, Form.HOMEROOM, "6A1", book)).values()
    assert told[HOMEROOM, 0] == {
        Cell(MarkKind.CERTIFICATE): WORDS["Chứng chỉ"],
        Cell(MarkKind.COMPETITION): WORDS["Kết quả các cuộc thi"],
        Cell(MarkKind.AWARD): WORDS["Khen thưởng khác"],
    }
    await hoaban.take(books.register)
    award = {"Khen thưởng khác": WORDS["Khen thưởng khác"]}
    book = written(await made(hoaban, Form.COMMENTS, "1A"), "1A", award)
    [told] = (await goes_in_and_out(hoaban, Form.COMMENTS, "1A", book)).values()
    assert told[HOMEROOM, 0] == {Cell(MarkKind.AWARD): WORDS["Khen thưởng khác"]}


async def test_a_subject_with_topics_has_a_column_for_them(songtrang: ImportingSchool, books: Books) -> None:
    """Which goes in for whoever takes the cluster; a subject without topics has none."""
    await songtrang.take(books.secondary_register)
    await decide(songtrang, "LY", Decision(taught=True, lessons_per_year=70, counts=True, topics=True), 10)
    async with songtrang.session() as session:
        takes = Choice(frozenset({"LY", "HOA", "SINH", "TIN"}), frozenset({"LY"}))
        await plans.choose(session, songtrang.classes["10A1"], {None: takes})
    book = await made(songtrang, Form.MARKS, "10A1", 1)
    titles = {sheet: {cell for row in rows for cell in row} for sheet, rows in grid(book).items()}
    assert [sheet for sheet, found in titles.items() if "Chuyên đề" in found] == ["Vật lí"]
    [told] = (
        await goes_in_and_out(songtrang, Form.MARKS, "10A1", written(book, "Vật lí", {"Chuyên đề": "8,5"}), 1)
    ).values()
    assert told == {("LY", 1): {Cell(MarkKind.TOPIC): "8.5"}}
