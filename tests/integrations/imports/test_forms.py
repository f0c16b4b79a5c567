"""The workbooks of a class by its plan, and what the audit says of an empty one."""

import pytest

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict
from backend.integrations.imports import exporting
from backend.integrations.imports.schemas import Form
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.plans.schemas import Decision
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy
from backend.records.roster.schemas import HOMEROOM
from tests.factories.demo_school import ImportingSchool
from tests.integrations.imports.books import Books
from tests.integrations.imports.test_export import grid, looked_at, made

OWN = Decision(
    taught=True,
    lessons_per_year=70,
    counts=False,
    topics=False,
    name="Toán tiếng Anh",
    assessed_by=AssessedBy.SCORE,
)


async def decide(school: ImportingSchool, code: str, decision: Decision) -> None:
    """What the school decides about a subject of grade 6."""
    async with school.session() as session:
        year = await roster.current_year(session)
        assert await plans.decide(session, year.id, 6, code, decision)


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
