"""One sheet as the other use cases know it: its row, its name for people, whose it is."""

import uuid
from datetime import datetime
from typing import Any

from backend.core.actor import Actor, StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.text import term_words
from backend.records.gradebook import layout, queries, rules
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetId, SheetState, SheetSummary
from backend.records.plans.schemas import ClassChoices, decided, decision_in
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import HOMEROOM, ClassId, ClassSummary
from backend.tenants.permissions import Permission


async def load(session: TenantSession, sheet_id: uuid.UUID) -> Any:
    """One sheet with class and teacher. Raises NotFound."""
    found = await queries.sheets_by_id(session, [sheet_id])
    if not found:
        raise NotFound("Không tìm thấy sổ điểm này.")
    return found[sheet_id]


def summary(row: Any, filled: int | None = None) -> SheetSummary:
    """A row of `queries` as others know it."""
    teacher = row.teacher_id or row.homeroom_teacher_id
    return SheetSummary(
        id=SheetId(row.id),
        class_id=ClassId(row.class_id),
        class_name=row.class_name,
        subject_code=row.subject_code,
        subject_name=subject_name(row),
        term=row.term,
        state=SheetState(row.state),
        teacher_id=StaffId(teacher) if teacher else None,
        filled=filled,
        remark=row.remark,
        submitted_at=row.submitted_at,
        open_until=row.open_until,
    )


def subject_of(row: Any) -> GradeSubject | None:
    """The subject of a sheet; None for the homeroom teacher's own."""
    if layout.is_homeroom(row.subject_code):
        return None
    return decided(row.grade_level, row.subject_code, decision_in(row))


def subject_name(row: Any) -> str:
    """What people call a sheet in its class."""
    subject = subject_of(row)
    return subject.name if subject else "Sổ chủ nhiệm"


def place(row: Any) -> str:
    """What people call the sheet of a row in the school."""
    return called(summary(row))


def called(sheet: SheetSummary) -> str:
    """What people call a sheet in the school."""
    return f"lớp {sheet.class_name}, {sheet.subject_name}{_after_name(sheet.term)}"


def _after_name(term: int) -> str:
    """The term of a sheet, after its name."""
    return f" {term_words(term)}" if term else ""


async def teachers(session: TenantSession, school_class: ClassSummary) -> dict[str, str | None]:
    """Subject code → name of who writes its sheets; the homeroom teacher where nobody is assigned."""
    assigned = await roster.list_assignments(session, school_class.id)
    homeroom = school_class.homeroom_teacher
    return {one.subject_code: one.teacher or homeroom for one in assigned} | {HOMEROOM: homeroom}


def in_charge(actor: Actor, teacher_id: StaffId | None) -> bool:
    """Whether the actor writes the sheets of this teacher: they are the teacher."""
    return teacher_id is not None and actor.staff_id == teacher_id and actor.may(Permission.SHEET_WRITE)


def label(row: Any, cell: Cell) -> str:
    """What people call a column of a sheet in the school."""
    return f"{place(row)}, cột {layout.label(cell, subject_of(row), row.grade_level)}"


def inside(row: Any, cell: Cell) -> str:
    """What people call a column of a sheet in its class."""
    column = layout.label(cell, subject_of(row), row.grade_level)
    return f"{subject_name(row)}{_after_name(row.term)}, {column}"


def mark_row(
    session: TenantSession, actor: Actor, mark: NewMark, value: str, changed_at: datetime
) -> dict[str, Any]:
    """An accepted mark as it is stored the first time."""
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "sheet_id": mark.sheet_id,
        "student_id": mark.student_id,
        "kind": mark.cell.kind.value,
        "slot": mark.cell.slot,
        "value": value,
        "changed_by": actor.staff_id,
        "changed_at": changed_at,
    }


def accepted(mark: NewMark, row: Any, name: str | None, column: str) -> str:
    """The value as it is stored. Raises Invalid with the pupil and the place."""
    where = f"{name or 'Học sinh'}, {column}"
    if name is None:
        raise Invalid(f"{where}: học sinh này không học lớp {row.class_name}; hãy kiểm tra lại mã học sinh.")
    return rules.accept(mark.value, mark.cell, subject_of(row), row.grade_level, where)


def refuse_not_taken(choices: ClassChoices, row: Any, new: NewMark, name: str | None) -> None:
    """Raises Invalid for a mark in an elective, or of a chuyên đề cluster, that the pupil does not take."""
    if not choices.takes(new.student_id, subject_of(row)):
        raise Invalid(
            f"{name or 'Học sinh'}, {place(row)}: em không học môn lựa chọn này; "
            f"hãy kiểm tra ở trang “Môn lựa chọn” của lớp {row.class_name}."
        )
    if new.cell.kind is MarkKind.TOPIC and row.subject_code not in choices.of(new.student_id).topics:
        raise Invalid(
            f"{name or 'Học sinh'}, {place(row)}: em không học cụm chuyên đề của môn này; "
            f"hãy kiểm tra ở trang “Môn lựa chọn” của lớp {row.class_name}."
        )


def refuse_settled(held: Any, row: Any, is_exempt: bool, mark: NewMark, name: str | None) -> None:
    """Raises Conflict where a pupil's marks stay: their transcript is frozen, or they are exempt from the subject."""
    where = f"{name or 'Học sinh'}, {place(row)}"
    if mark.student_id in held.final_pupils:
        raise Conflict(
            f"{where}: học bạ của học sinh này đã chốt nên điểm giữ nguyên; nếu điểm sai, xin hỏi hiệu trưởng."
        )
    if is_exempt and mark.value.strip():
        raise Conflict(
            f"{where}: học sinh này được miễn học môn này nên không ghi điểm; "
            "nếu không còn miễn, xin ban giám hiệu bỏ miễn trước."
        )
