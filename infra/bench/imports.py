"""Importing marks: a whole school's year into the tenant tables, workbook by workbook, as the import page does it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
from sqlalchemy import insert

from backend.core import settings
from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.models import Mark
from backend.records.gradebook.schemas import NewMark, SheetId
from backend.records.roster import service as roster
from backend.records.roster.schemas import StudentId
from infra.bench import samples, servers
from infra.bench.harness import Bench, one_core
from infra.bench.servers import OpenSchool
from infra.demo.marks import SecondaryTruth

#: Rows of one `insert().values([...])`: PostgreSQL takes 32,767 parameters, a mark has ten.
_ROWS_AT_ONCE: Final = 1000
_QUICK_CLASSES: Final = 4

#: The marks of one workbook.
Book = Sequence[NewMark]


def run(bench: Bench) -> None:
    """import.marks: this process and the database on one core."""
    with one_core():
        asyncio.run(_measure(bench))


async def _measure(bench: Bench) -> None:
    told = samples.truth()
    async with servers.embedded():
        school = await servers.open_school(told.secondary, told.secondary_pupils)
        books = (await _books(school))[: bench.size(len(told.secondary.classes), _QUICK_CLASSES)]
        few = books[: max(1, len(books) // 4)]
        ours, theirs = await bench.compare_async(
            "import.marks", [(_ours(school, books), 1), (_theirs(school, few), 1)], before_each=_empty
        )
    marks = sum(map(len, books))
    rate, yardstick = marks / ours.seconds, sum(map(len, few)) / theirs.seconds
    bench.report(
        "import.marks",
        rate,
        n=marks * ours.items,
        ratio=rate / yardstick,
        note=(
            f"{len(books)} workbooks of {marks // len(books)} marks, one transaction each, checked mark by mark; "
            f"database on the same core; by processor time {marks / ours.cpu_seconds:.0f}/s; "
            f"the yardstick checks nothing: {yardstick:.0f}/s"
        ),
    )


def _ours(school: OpenSchool, books: Sequence[Book]) -> Callable[[int], Awaitable[None]]:
    async def work(number: int) -> None:
        for book in books:
            async with tenant_session(school.tenant_id) as session:
                await gradebook.record_marks(session, school.actor, book)

    return work


def _theirs(school: OpenSchool, books: Sequence[Book]) -> Callable[[int], Awaitable[None]]:
    async def work(number: int) -> None:
        for book in books:
            async with tenant_session(school.tenant_id) as session:
                for start in range(0, len(book), _ROWS_AT_ONCE):
                    rows = [_row(school, mark) for mark in book[start : start + _ROWS_AT_ONCE]]
                    await session.execute(insert(Mark).values(rows))

    return work


def _row(school: OpenSchool, mark: NewMark) -> dict[str, Any]:
    return {
        "tenant_id": school.tenant_id,
        "id": new_id(),
        "sheet_id": mark.sheet_id,
        "student_id": mark.student_id,
        "kind": mark.cell.kind.value,
        "slot": mark.cell.slot,
        "value": mark.value,
        "revision": 1,
        "changed_by": None,
        "changed_at": datetime.now(UTC),
    }


async def _empty() -> None:
    """Every turn begins with an empty table; only the owner of the tables may empty one."""
    connection = await asyncpg.connect(settings.get().database_migrator_url)
    try:
        await connection.execute("truncate mark")
    finally:
        await connection.close()


async def _books(school: OpenSchool) -> list[Book]:
    """A workbook per class: all marks of the year."""
    told = samples.truth()
    async with tenant_session(school.tenant_id, read_only=True) as session:
        places = await roster.places_by_code(session)
        sheets = {
            (one.class_name, one.subject_code, one.term): one.id
            for one in await gradebook.list_sheets(session)
        }
    found: list[Book] = []
    for class_name, pupils in told.secondary_pupils.items():
        own = {(subject, term): one for (name, subject, term), one in sheets.items() if name == class_name}
        years = [(told.secondary_years[p.student_code], places[p.student_code].id) for p in pupils]
        found.append([mark for year, student in years for mark in _marks_of(year, own, student)])
    return found


def _marks_of(
    year: SecondaryTruth, sheets: dict[tuple[str, int], SheetId], student: StudentId
) -> list[NewMark]:
    return [
        NewMark(sheet_id=sheets[place], student_id=student, cell=cell, value=value)
        for place, sheet in samples.secondary_cells(year).items()
        for cell, value in sheet.items()
    ]
