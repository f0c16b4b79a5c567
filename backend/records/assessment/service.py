"""From locked sheets to results: computed by the rules, confirmed by the homeroom teacher."""

import uuid
from collections import Counter
from datetime import datetime
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, outbox
from backend.core.actor import Actor, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.core.ids import new_id
from backend.records.assessment import queries, rules
from backend.records.assessment.events import ResultsComputed, ResultsConfirmed
from backend.records.assessment.inputs import pupil_year
from backend.records.assessment.rules.not_assessed import without_assessment
from backend.records.assessment.schemas import (
    ClassProgress,
    Policy,
    Promotion,
    PupilResult,
    PupilYear,
    Result,
    ResultState,
)
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId, ClassSummary, EnrollmentStatus, StudentId, StudentRecord
from backend.tenants.permissions import Permission

#: A compulsory subject that no teacher was assigned to is missing, not "not taught": the year stays open.
POLICY = Policy(complete_curriculum=True)


async def assess_class_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> int:
    """A sheet was locked: assess its class, unless that was done since the last of its sheets was locked.

    All sheets of a class are often locked together: the first call does it, the others find it done.
    """
    class_id = await gradebook.class_of_sheet(session, sheet_id)
    locked_at = await gradebook.class_locked_at(session, class_id)
    computed_at = await queries.oldest(session, class_id)
    if locked_at and computed_at and computed_at > locked_at:
        return 0
    return await assess_class(session, class_id)


async def assess_class_of_pupil(session: TenantSession, student_id: uuid.UUID) -> int:
    """Assess the newest class in which a pupil studies; counts the results that are new or differ. Safe to repeat."""
    places = await roster.places_of(session, student_id)
    here = next((one for one in places if one.status is EnrollmentStatus.STUDYING), None)
    return await assess_class(session, here.class_id) if here else 0


async def assess_class(session: TenantSession, class_id: uuid.UUID) -> int:
    """Assess every pupil of a class whose sheets are all locked; counts the results that are new or differ.

    Does nothing while a sheet is open. Safe to repeat: a result that says the same stays confirmed, unless a sheet was
    opened again since.
    """
    await queries.hold_class(session, class_id)
    read_at = clock.now()
    locked_at = await gradebook.class_locked_at(session, class_id)
    if locked_at is None:
        return 0
    await _withdraw_confirmation(session, class_id)
    school_class = await roster.get_class(session, class_id)
    assigned = {one.subject_code for one in await roster.list_assignments(session, class_id)}
    subjects = (await plans.plan_of(session, school_class)).chosen(assigned)
    choices = await plans.choices_of_class(session, school_class)
    marks = await gradebook.class_marks(session, class_id)
    exempt = await gradebook.exemptions(session, class_id)
    rows = [
        _computed(
            session,
            class_id,
            student,
            pupil_year(
                school_class.grade_level,
                [one for one in subjects if choices.takes(student.id, one)],
                marks.get(student.id, {}),
                choices.of(student.id).topics,
                exempt.get(student.id, ()),
            ),
            read_at,
        )
        for student in await roster.student_records(session, class_id)
    ]
    changed = await queries.upsert_results(session, rows)
    # Of the time at which the marks were read: a sheet that was reopened and locked since is newer than the results. Not
    # before the lock that was seen, whatever the clocks of two machines say: `require_settled` compares them.
    await queries.stamp(session, class_id, max(read_at, locked_at))
    if changed:
        actor = machine(session.tenant_id)
        await audit.record(
            session, actor, Action.RESULTS_COMPUTED, class_id, school_class.name, count=changed
        )
        await outbox.emit(session, ResultsComputed(class_id))
    return changed


async def withdraw_confirmation_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> None:
    """A sheet was opened again: results of its class that were confirmed before are so no longer. Safe to repeat."""
    await _withdraw_confirmation(session, await gradebook.class_of_sheet(session, sheet_id))


async def _withdraw_confirmation(session: TenantSession, class_id: uuid.UUID) -> None:
    reopened_at = await gradebook.reopened_at(session, class_id)
    pupils = await queries.withdraw_confirmation(session, class_id, reopened_at) if reopened_at else []
    if pupils:
        name = (await roster.get_class(session, class_id)).name
        actor = machine(session.tenant_id)
        await audit.record(
            session, actor, Action.RESULTS_UNCONFIRMED, class_id, name, about=pupils, count=len(pupils)
        )


async def require_settled(session: TenantSession, class_id: uuid.UUID) -> None:
    """Nobody writes into the sheets of the class until the transaction ends, and its results say what they say.

    Raises Conflict while a sheet is not locked, or while the results are older than the last lock.
    """
    await gradebook.hold_class(session, class_id)
    locked_at = await gradebook.class_locked_at(session, class_id)
    computed_at = await queries.oldest(session, class_id)
    if locked_at and computed_at and computed_at < locked_at:
        raise Conflict("Hệ thống đang tính lại kết quả của lớp này; xin đợi một phút rồi làm lại.")


def _computed(
    session: TenantSession, class_id: uuid.UUID, student: StudentRecord, asked: PupilYear, read_at: datetime
) -> dict[str, Any]:
    result = rules.assess(asked, POLICY)
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "class_id": class_id,
        "student_id": student.id,
        "state": ResultState.COMPUTED,
        "input": msgspec.to_builtins(asked),
        "output": msgspec.to_builtins(without_assessment(result) if student.not_assessed else result),
        "computed_at": read_at,
        "confirmed_by": None,
        "confirmed_at": None,
    }


async def class_results(session: TenantSession, class_id: uuid.UUID) -> list[PupilResult]:
    """Results of a class, pupils in the order of names; empty before the class is assessed."""
    return [
        PupilResult(
            student_id=StudentId(row.student_id),
            student_code=row.student_code,
            full_name=row.full_name,
            state=ResultState(row.state),
            result=msgspec.convert(row.output, Result),
        )
        for row in await queries.results_of(session, class_id)
    ]


async def open_results(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[PupilResult]]:
    """A class and its results for a person who looks at them. Raises NotFound, Forbidden without a duty in the class."""
    school_class = await roster.get_class(session, class_id)
    await roster.require_duty(session, actor, class_id, "kết quả", Permission.TRANSCRIPT_READ_ANY)
    results = await class_results(session, class_id)
    pupils = (one.student_id for one in results)
    label = f"Lớp {school_class.name}"
    audit_reads.record_read(session, actor, Action.RESULTS_READ, class_id, label, pupils)
    return school_class, results


async def confirm_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> int:
    """The homeroom teacher confirms the results of the class (TT22 Đ.20, TT27 Đ.9); counts those confirmed.

    A pupil whose year is not complete stays computed and is named on the page; the others go on. Safe to repeat.
    Raises Forbidden for another teacher, Conflict while a sheet is not locked and when there is nothing to confirm and
    nothing was confirmed.
    """
    school_class = await roster.get_class(session, class_id)
    if actor.staff_id is None or actor.staff_id != school_class.homeroom_teacher_id:
        raise Forbidden(f"Chỉ giáo viên chủ nhiệm lớp {school_class.name} được xác nhận kết quả của lớp.")
    await require_settled(session, class_id)
    results = await queries.results_of(session, class_id)
    ready = [
        row.id
        for row in results
        if row.state == ResultState.COMPUTED and row.output["promotion"] != Promotion.PENDING
    ]
    if not ready and any(row.state == ResultState.CONFIRMED for row in results):
        return 0
    if not ready:
        raise Conflict(
            f"Lớp {school_class.name} chưa có kết quả nào chờ xác nhận; hãy khóa đủ sổ điểm trước."
        )
    values = {"state": ResultState.CONFIRMED, "confirmed_by": actor.staff_id, "confirmed_at": clock.now()}
    await queries.confirm(session, ready, values)
    await audit.record(
        session,
        actor,
        Action.RESULTS_CONFIRMED,
        class_id,
        school_class.name,
        about=[row.student_id for row in results if row.id in ready],
        count=len(ready),
    )
    await outbox.emit(session, ResultsConfirmed(class_id))
    return len(ready)


async def progress(session: TenantSession) -> dict[ClassId, ClassProgress]:
    """How many results of each class are computed and confirmed."""
    counts: dict[uuid.UUID, Counter[str]] = {}
    for row in await queries.progress(session):
        counts.setdefault(row.class_id, Counter())[row.state] = row.number
    return {
        ClassId(class_id): ClassProgress(
            assessed=sum(states.values()), confirmed=states[ResultState.CONFIRMED]
        )
        for class_id, states in counts.items()
    }
