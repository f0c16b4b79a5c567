"""What the demo says and some of its workbooks, and what a school has after an import."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from backend.integrations.imports.schemas import Preview
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.models import Mark
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.roster import service as roster
from backend.records.roster.models import Enrollment, Student
from infra.demo.truth import Truth, tell
from infra.demo.workbooks import write_workbooks
from tests.factories.demo_school import ImportingSchool, Workbook, workbook

SCALE = 0.1


class Books(NamedTuple):
    """What the demo says, and some of its workbooks."""

    truth: Truth
    register: Workbook
    results: Workbook
    comments: Workbook
    secondary_register: Workbook
    marks: Workbook
    homeroom: Workbook


def write_books(folder: Path) -> Books:
    """The demo at a tenth of its size."""
    write_workbooks(folder, scale=SCALE)
    paths = (
        "hoaban/01-danh-sach-hoc-sinh.xlsx",
        "hoaban/ket-qua-khoi-1.xlsx",
        "hoaban/nhan-xet-khoi-1.xlsx",
        "songtrang/01-danh-sach-hoc-sinh.xlsx",
        "songtrang/diem-6A1-hk1.xlsx",
        "songtrang/chu-nhiem-6A1.xlsx",
    )
    return Books(tell(scale=SCALE), *(workbook(folder, path) for path in paths))


def counts(found: Preview) -> tuple[int, int, int, int, int]:
    """New, changed, unchanged, moved, bad."""
    return found.new, found.changed, found.unchanged, found.moved, found.bad


async def rows(school: ImportingSchool) -> tuple[int, int, int]:
    """How many pupils, places and marks the school has."""
    async with school.session() as session:
        found = [
            await session.scalar(select(func.count()).select_from(t)) for t in (Student, Enrollment, Mark)
        ]
    students, places, marks = (int(number or 0) for number in found)
    return students, places, marks


async def cells(
    school: ImportingSchool, class_code: str
) -> dict[str, dict[tuple[str, int], dict[Cell, str]]]:
    """pupil's code → (subject, term) → cell → value."""
    async with school.session() as session:
        class_id = school.classes[class_code]
        codes = {one.id: one.student_code for one in await roster.list_students(session, class_id)}
        return {
            codes[id_]: dict(found) for id_, found in (await gradebook.class_marks(session, class_id)).items()
        }


async def mark_of(school: ImportingSchool, name: str, value: str) -> NewMark:
    """A midterm mark of the first term in mathematics."""
    async with school.session() as session:
        sheets = await gradebook.list_sheets(session, school.classes["6A1"])
        students = await roster.list_students(session, school.classes["6A1"])
    return NewMark(
        sheet_id=next(one.id for one in sheets if (one.subject_code, one.term) == ("TOAN", 1)),
        student_id=next(one.id for one in students if one.full_name == name),
        cell=Cell(MarkKind.MIDTERM),
        value=value,
    )
