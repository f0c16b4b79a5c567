"""A school with class 1A and two pupils, the sheets of 1A open."""

from dataclasses import dataclass

import pytest_asyncio

from backend.core.actor import Actor
from backend.records.departments import service as departments
from backend.records.gradebook import editing, life, service
from backend.records.gradebook.schemas import Cell, MarkKind, MarkView, NewMark, SheetId
from backend.records.roster.schemas import ClassId, StudentId
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.small_school import MUSIC, SmallSchool, enroll, student_ids

LEVEL, COMMENT = Cell(MarkKind.LEVEL), Cell(MarkKind.COMMENT)


@dataclass
class ClassBook:
    """Class 1A: its sheets by subject, its pupils by name, its people."""

    school: SmallSchool
    class_id: ClassId
    sheets: dict[str, SheetId]
    pupils: dict[str, StudentId]
    actors: dict[str, Actor]

    async def write(
        self, who: str, subject: str, name: str, cell: Cell, value: str, revision: int = 0
    ) -> MarkView:
        """Write one cell in a transaction of its own."""
        new = NewMark(sheet_id=self.sheets[subject], student_id=self.pupils[name], cell=cell, value=value)
        async with self.school.session() as session:
            return await editing.set_mark(session, self.actors[who], new, revision=revision)

    async def lock(self, subject: str) -> None:
        """The teacher in charge hands a sheet in, the principal locks it."""
        teacher = self.actors["music" if subject == MUSIC else "homeroom"]
        async with self.school.session() as session:
            await life.submit(session, teacher, self.sheets[subject])
            await life.lock(session, self.actors["principal"], self.sheets[subject])

    async def value(self, subject: str, name: str, cell: Cell) -> str | None:
        """What stands in a cell."""
        async with self.school.session(read_only=True) as session:
            sheet = await editing.get_sheet(session, self.actors["homeroom"], self.sheets[subject])
        row = next(row for row in sheet.rows if row.full_name == name)
        mark = row.marks.get(cell)
        return mark.value if mark else None


@pytest_asyncio.fixture(loop_scope="session")
async def book(small_school: SmallSchool) -> ClassBook:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị An", "Cầm Văn Bình"])
        sheets = await service.list_sheets(session, class_id)
        assert len({one.subject_code for one in sheets}) == len(sheets)
        return ClassBook(
            school=small_school,
            class_id=class_id,
            sheets={one.subject_code: one.id for one in sheets},
            pupils=await student_ids(session, class_id),
            actors={who: await small_school.actor(session, who) for who in small_school.staff},
        )


@pytest_asyncio.fixture(loop_scope="session")
async def checked_book(book: ClassBook) -> ClassBook:
    """Class 1A, whose homeroom teacher belongs to a department that "stranger" heads."""
    school = book.school
    async with school.session() as session:
        principal = book.actors["principal"]
        await people.change_staff(
            session, principal, school.staff["stranger"], "Tạ Khánh Linh", "", [Role.DEPARTMENT_HEAD]
        )
        department_id = await departments.open_department(session, principal, "Tổ khối 1")
        await departments.change_department(
            session,
            principal,
            department_id,
            "Tổ khối 1",
            school.staff["stranger"],
            [school.staff["homeroom"]],
        )
        book.actors["head"] = await school.actor(session, "stranger")
    return book
