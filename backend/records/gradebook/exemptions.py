"""Pupils who are not assessed in a subject: decided and ended by the management; no door."""

import uuid

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import exemption_rows, layout, life_rules, one_sheet, queries
from backend.records.gradebook.schemas import ExemptionId, ExemptionView, Ground, SheetState
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subject_name
from backend.records.roster.schemas import StudentId, StudentSummary
from backend.tenants.people import service as people


async def open_exemptions(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[list[StudentSummary], list[ExemptionView]]:
    """The pupils of a class and all its exemptions, those in force first, for a person who looks at them.

    Raises NotFound.
    """
    school_class = await roster.get_class(session, class_id)
    rows = await exemption_rows.exemptions_of(session, class_id)
    names = await people.names(session) if rows else {}
    label = f"Miễn học của lớp {school_class.name}"
    students = await roster.list_students(session, class_id)
    pupils = {one.id for one in students} | {row.Exemption.student_id for row in rows}
    audit_reads.record_read(session, actor, Action.EXEMPTIONS_READ, class_id, label, [class_id, *pupils])
    return students, [
        ExemptionView(
            id=ExemptionId(row.Exemption.id),
            pupil=row.full_name,
            student_code=row.student_code,
            subject_name=subject_name(school_class.grade_level, row.Exemption.subject_code),
            ground=Ground(row.Exemption.ground),
            reason=row.Exemption.reason,
            decided_by=names.get(row.Exemption.decided_by, ""),
            decided_at=row.Exemption.decided_at,
            ended_at=row.Exemption.ended_at,
        )
        for row in rows
    ]


async def exempt(
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    student_id: StudentId,
    subject_code: str,
    ground: str,
    reason: str,
) -> str:
    """Take a pupil out of the assessment of a subject; the sentence that says so. What stands in the sheet stays.

    Raises NotFound, Invalid for a pupil or subject that the class does not have and for the reason, Conflict where
    they are exempt already or the marks of the subject stay.
    """
    school_class = await roster.get_class(session, class_id)
    name = (await roster.members_of(session, [class_id]))[class_id].get(student_id)
    if name is None:
        raise Invalid(f"Học sinh được chọn không học lớp {school_class.name}; hãy chọn lại.")
    place = await _hold_subject(session, class_id, subject_code, student_id, name)
    words = life_rules.checked_reason(reason, f"{name}, môn {place}", "Lý do miễn")
    exemption_id = new_id()
    values = {
        "tenant_id": session.tenant_id,
        "id": exemption_id,
        "class_id": class_id,
        "student_id": student_id,
        "subject_code": subject_code,
        "ground": life_rules.checked_ground(ground),
        "reason": words,
        "decided_by": actor.staff_id,
        "decided_at": clock.now(),
        "ended_by": None,
        "ended_at": None,
    }
    if not await exemption_rows.insert_exemption(session, values):
        raise Conflict(f"{name} đã được miễn môn {place}; không cần ghi lại.")
    label = f"{school_class.name} {subject_code}"
    await audit.record(
        session, actor, Action.EXEMPTION_MADE, exemption_id, label, about=(student_id, class_id)
    )
    return f"Đã miễn môn {place} cho {name}."


async def end(session: TenantSession, actor: Actor, class_id: uuid.UUID, exemption_id: uuid.UUID) -> str:
    """Assess a pupil in the subject again; the sentence that says so. Raises NotFound, Conflict as `exempt` does."""
    rows = [
        one
        for one in await exemption_rows.exemptions_of(session, class_id)
        if one.Exemption.id == exemption_id
    ]
    if not rows:
        raise NotFound("Không tìm thấy quyết định miễn học này trong lớp.")
    [row] = rows
    found = row.Exemption
    place = await _hold_subject(session, class_id, found.subject_code, found.student_id, row.full_name)
    ended = await exemption_rows.end_exemption(
        session, exemption_id, {"ended_by": actor.staff_id, "ended_at": clock.now()}
    )
    if not ended:
        raise Conflict(f"{row.full_name} không còn được miễn môn {place}; hãy tải lại trang.")
    label = f"{(await roster.get_class(session, class_id)).name} {found.subject_code}"
    about = (found.student_id, class_id)
    await audit.record(session, actor, Action.EXEMPTION_ENDED, exemption_id, label, about=about)
    return f"Đã bỏ miễn môn {place} của {row.full_name}."


async def _hold_subject(
    session: TenantSession, class_id: uuid.UUID, subject_code: str, student_id: uuid.UUID, name: str
) -> str:
    """Nobody moves or writes the sheets of a subject until the transaction ends; its name.

    Raises Invalid where the class does not have it, Conflict where marks stay: what they make was read from them.
    """
    sheet_ids = await queries.sheet_ids_of_subject(session, class_id, subject_code)
    rows = await queries.sheets_by_id(session, sheet_ids)
    if not rows or layout.is_homeroom(subject_code):
        raise Invalid("Môn được chọn không có trong lớp; hãy chọn lại.")
    held = await queries.hold_sheets(session, sheet_ids, to_write=False)
    for sheet_id, one in held.items():
        life_rules.require_unsettled(
            SheetState(one.state), student_id in one.final_pupils, name, one_sheet.place(rows[sheet_id])
        )
    return one_sheet.subject_name(next(iter(rows.values())))
