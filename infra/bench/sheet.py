"""A big mark sheet that is full, before the teacher who writes it: so it is opened towards the end of a term."""

from datetime import date
from typing import Final

from backend.core.database import tenant_session
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetId
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent
from infra.bench.servers import OpenSchool, hire

#: Seventy-five rows of six marks: as many cells as 45 × 10.
PUPILS: Final = 75
_COLUMNS: Final = (
    *(Cell(MarkKind.REGULAR, str(slot)) for slot in range(1, 5)),
    Cell(MarkKind.MIDTERM),
    Cell(MarkKind.FINAL),
)
CELLS: Final = PUPILS * len(_COLUMNS)
_SUBJECT, _GRADE, _CLASS = "TOAN", 9, "9 đo"


async def fill_one(school: OpenSchool, login: str) -> SheetId:
    """Open a class with a full sheet of mathematics in the first term, written by whoever gets that login."""
    async with tenant_session(school.tenant_id) as session:
        teacher = await hire(session, school.actor, login)
        year = await roster.current_year(session)
        class_id = await roster.open_class(session, year.id, _CLASS, _GRADE, None)
        await roster.assign_teachers(session, class_id, {_SUBJECT: teacher})
        await gradebook.open_sheets(session, class_id)
        await roster.take_register(session, [_pupil(number) for number in range(PUPILS)])
        sheets = await gradebook.list_sheets(session, class_id)
        [sheet] = [one.id for one in sheets if (one.subject_code, one.term) == (_SUBJECT, 1)]
        pupils = [one.id for one in await roster.list_students(session, class_id)]
        marks = [
            NewMark(sheet_id=sheet, student_id=pupil, cell=cell, value="7,5")
            for pupil in pupils
            for cell in _COLUMNS
        ]
        await gradebook.record_marks(session, school.actor, marks)
    return sheet


def _pupil(number: int) -> NewStudent:
    return NewStudent(
        student_code=f"DO{number:04}",
        full_name=f"Lò Văn Đo {number}",
        date_of_birth=date(2011, 1, 1),
        class_name=_CLASS,
        gender="male",
    )
