"""What other systems write: the roster and marks, through the doors that people's own files come in by. No door.

The same rules refuse; what is wrong is named by the JSON pointer of its row, and nothing of the request is written.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from backend.core import audit
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, RowsInvalid
from backend.integrations.partner_api.schemas import (
    ClassesIn,
    ClassesTaken,
    ClassTaken,
    MarksIn,
    MarksTaken,
    NewMarkItem,
    NewStudentItem,
    StudentsIn,
    StudentsTaken,
)
from backend.records.classes import service as classes
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, NewMark, SheetId
from backend.records.roster import service as roster
from backend.records.roster.schemas import PRESENT, NewStudent, StudentPlace

Places = list[tuple[str, str]]
#: Sheets of the working year by the names of class and subject, and the term.
Sheets = Mapping[tuple[str, str, int], SheetId]


async def open_classes(session: TenantSession, actor: Actor, data: ClassesIn) -> ClassesTaken:
    """Open those that the working year does not have. Raises RowsInvalid, Conflict while there is no year."""
    year = await roster.current_year(session)
    known = {
        one.name: one.id for one in await roster.list_classes(session) if one.academic_year_id == year.id
    }
    taken, refused = [], Places()
    for index, one in enumerate(data.classes):
        if one.name in known:
            taken.append(ClassTaken(id=known[one.name], name=one.name, opened=False))
            continue
        try:
            known[one.name] = await classes.open_class(
                session, actor, one.name, one.grade_level, one.electives
            )
        except (Invalid, Conflict) as error:
            refused.append((f"/classes/{index}", error.message))
            continue
        taken.append(ClassTaken(id=known[one.name], name=one.name, opened=True))
    _refuse(refused, len(data.classes), "lớp")
    return ClassesTaken(classes=tuple(taken))


async def take_students(session: TenantSession, actor: Actor, data: StudentsIn) -> StudentsTaken:
    """Compare, and take over. Raises RowsInvalid, Conflict while there is no year."""
    students = [_student(one) for one in data.students]
    problems = (await roster.compare_register(session, students)).problems
    rows = {one.student_code: index for index, one in reversed([*enumerate(data.students)])}
    refused = [(f"/students/{rows[code]}", sentence) for code, sentence in problems]
    _refuse(refused, len(students), "học sinh")
    change = await roster.take_register(session, students)
    about = [one.student_id for one in change.overwritten]
    changed = change.changed + change.moved
    await audit.record(
        session,
        actor,
        Action.API_WRITTEN,
        None,
        about=about,
        what="students",
        new=change.new,
        changed=changed,
    )
    return StudentsTaken(
        new=change.new, changed=change.changed, moved=change.moved, unchanged=change.unchanged
    )


async def take_marks(session: TenantSession, actor: Actor, data: MarksIn) -> MarksTaken:
    """Compare, and write. Raises RowsInvalid, Conflict while there is no year."""
    sheets, pupils = await _sheets(session), await roster.places_by_code(session)
    marks, rows, refused = [], [], Places()
    for index, one in enumerate(data.marks):
        try:
            marks.append(_mark(one, sheets, pupils))
            rows.append(index)
        except Invalid as error:
            refused.append((f"/marks/{index}", error.message))
    found = await gradebook.compare_marks(session, actor, marks)
    refused += [(f"/marks/{rows[at]}", sentence) for at, sentence in found.problems]
    _refuse(refused, len(data.marks), "điểm")
    change = await gradebook.record_marks(session, actor, marks)
    about = sorted({one.student_id for one in marks})
    await audit.record(
        session,
        actor,
        Action.API_WRITTEN,
        None,
        about=about,
        what="marks",
        new=change.new,
        changed=change.changed,
    )
    return MarksTaken(new=change.new, changed=change.changed, unchanged=change.unchanged)


def _refuse(refused: Sequence[tuple[str, str]], rows: int, what: str) -> None:
    if refused:
        raise RowsInvalid(
            f"Có {len(refused)} chỗ sai trong {rows} {what} gửi lên nên chưa có gì được ghi; "
            "hãy sửa các chỗ nêu trong errors rồi gửi lại cả yêu cầu.",
            refused,
        )


def _student(one: NewStudentItem) -> NewStudent:
    same = {*NewStudent.__struct_fields__} & {*NewStudentItem.__struct_fields__}
    return NewStudent(left=one.status not in PRESENT, **{name: getattr(one, name) for name in same})


async def _sheets(session: TenantSession) -> Sheets:
    year = await roster.current_year(session)
    ids = {one.id for one in await roster.list_classes(session) if one.academic_year_id == year.id}
    found = (one for one in await gradebook.list_sheets(session) if one.class_id in ids)
    return {(one.class_name, one.subject_code, one.term): one.id for one in found}


def _mark(one: NewMarkItem, sheets: Sheets, pupils: Mapping[str, StudentPlace]) -> NewMark:
    sheet_id = sheets.get((one.class_name, one.subject_code, one.term))
    if sheet_id is None:
        raise Invalid(
            f"Năm học này lớp {one.class_name} không có sổ môn {one.subject_code} cho kì {one.term} "
            "(0 là cả năm); hãy sửa theo danh sách sổ của lớp."
        )
    pupil = pupils.get(one.student_code)
    if pupil is None:
        raise Invalid(
            f"Trường không có học sinh đang học mang mã {one.student_code}; hãy gửi danh sách học sinh trước."
        )
    # Whose code it is, is not said: that is another scope's to read.
    if not _same_name(one.full_name, pupil.full_name):
        raise Invalid(
            f"Mã {one.student_code} trong danh sách của trường không phải của {one.full_name}; "
            "hãy xem lại mã và họ tên."
        )
    cell = Cell(one.kind, one.slot)
    return NewMark(sheet_id=sheet_id, student_id=pupil.id, cell=cell, value=one.value)


def _same_name(sent: str, known: str) -> bool:
    return _words(sent) == _words(known)


def _words(name: str) -> Iterable[str]:
    return unicodedata.normalize("NFC", name).casefold().split()
