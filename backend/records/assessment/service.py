"""From locked sheets to results: computed by the rules, confirmed by the homeroom teacher."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, outbox
from backend.core.actor import Actor, machine
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.assessment import basis, queries, rules
from backend.records.assessment.basis import Basis, policy_of
from backend.records.assessment.events import ResultsComputed, ResultsConfirmed
from backend.records.assessment.explaining import explanation, missing_in_sheets
from backend.records.assessment.inputs import pupil_year, with_decisions
from backend.records.assessment.rules.not_assessed import without_assessment
from backend.records.assessment.schemas import (
    AFTER_SUMMER,
    ClassProgress,
    ClassView,
    Explanation,
    PrimaryYear,
    PrincipalDecision,
    Promotion,
    PupilResult,
    PupilYear,
    Result,
    ResultState,
)
from backend.records.calendar import service as calendar
from backend.records.decisions import service as decisions
from backend.records.decisions.schemas import DecisionKey, DecisionKind, Decisions
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, SheetSummary
from backend.records.plans import service as plans
from backend.records.regulations import service as regulations
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subject_name
from backend.records.roster.schemas import ClassId, ClassSummary, EnrollmentStatus, StudentId, StudentRecord
from backend.tenants.permissions import Permission


async def assess_class_of_sheet(session: TenantSession, sheet_id: uuid.UUID) -> int:
    """A sheet was locked: assess its class, unless that was done since the last of its sheets was locked.

    All sheets of a class are often locked together: the first call does it, the others wait for it and find it done.
    """
    class_id = await gradebook.class_of_sheet(session, sheet_id)
    await queries.hold_class(session, class_id)
    locked_at = await gradebook.class_locked_at(session, class_id)
    computed_at = await queries.oldest(session, class_id)
    if locked_at and computed_at and computed_at > locked_at:
        return 0
    return await assess_class(session, class_id)


async def assess_class_of_pupil(session: TenantSession, student_id: uuid.UUID) -> int:
    """Assess the newest class in which a pupil studies; counts the results that are new or differ. Safe to repeat.

    Raises NotFound.
    """
    await roster.get_student(session, student_id)
    places = await roster.places_of(session, student_id)
    here = next((one for one in places if one.status is EnrollmentStatus.STUDYING), None)
    return await assess_class(session, here.class_id) if here else 0


async def assess_class(session: TenantSession, class_id: uuid.UUID) -> int:
    """Assess every pupil of a class whose sheets are all locked; counts the results that are new or differ.

    Does nothing while a sheet is open. Safe to repeat: a result that says the same stays confirmed, unless a sheet was
    opened again since. Raises NotFound.
    """
    await queries.hold_class(session, class_id)
    school_class = await roster.get_class(session, class_id)
    read_at = clock.now()
    locked_at = await gradebook.class_locked_at(session, class_id)
    if locked_at is None:
        return 0
    await _withdraw_confirmation(session, class_id)
    bases = await basis.of_class(session, school_class)
    assigned = {one.subject_code for one in await roster.list_assignments(session, class_id)}
    subjects = (await plans.plan_of(session, school_class)).chosen(assigned)
    choices = await plans.choices_of_class(session, school_class)
    decided = _standing(await decisions.of_class(session, class_id))
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
                with_decisions(marks.get(student.id, {}), decided.get(student.id, {})),
                choices.of(student.id).topics,
                decided.get(student.id, {}),
                exempt.get(student.id, ()),
            ),
            bases.get(student.id, bases[None]),
            _principal(decided.get(student.id, {})),
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
    if reopened_at is None:
        return
    frozen = await gradebook.frozen_pupils(session, class_id)
    pupils = await queries.withdraw_confirmation(session, class_id, reopened_at, list(frozen))
    if pupils:
        name = (await roster.get_class(session, class_id)).name
        actor = machine(session.tenant_id)
        await audit.record(
            session, actor, Action.RESULTS_UNCONFIRMED, class_id, name, about=pupils, count=len(pupils)
        )


async def require_settled(session: TenantSession, class_id: uuid.UUID) -> None:
    """Nobody writes into the sheets of the class or computes its results until the transaction ends.

    Raises Conflict while a sheet is not locked, while the results are older than the last lock, and while some that
    nobody has confirmed were made by readings of the school that hold no longer. Raises NotFound.
    """
    # The class before its sheets, as whoever freezes or assesses it holds them: nobody waits for the other in a circle.
    await queries.hold_class(session, class_id)
    await gradebook.hold_class(session, class_id)
    locked_at = await gradebook.class_locked_at(session, class_id)
    computed_at = await queries.oldest(session, class_id)
    is_old = locked_at is not None and computed_at is not None and computed_at < locked_at
    if is_old or await basis.is_overtaken(session, await roster.get_class(session, class_id)):
        raise Conflict("Hệ thống đang tính lại kết quả của lớp này; xin đợi một phút rồi làm lại.")


def _computed(
    session: TenantSession,
    class_id: uuid.UUID,
    student: StudentRecord,
    asked: PupilYear,
    by: Basis,
    principal: PrincipalDecision | None,
    read_at: datetime,
) -> dict[str, Any]:
    result = rules.assess(asked, by.policy)
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "class_id": class_id,
        "student_id": student.id,
        "state": ResultState.COMPUTED,
        "input": msgspec.to_builtins(asked),
        "output": msgspec.to_builtins(
            without_assessment(result, principal) if student.not_assessed else result
        ),
        "rule_set": by.rule_set.name,
        "policy": msgspec.to_builtins(by.policy),
        "computed_at": read_at,
        "confirmed_by": None,
        "confirmed_at": None,
        "settled_at": None,
    }


def _principal(decided: Mapping[DecisionKey, str]) -> PrincipalDecision | None:
    """What the principal has decided about a pupil."""
    said = decided.get(DecisionKey(DecisionKind.PROMOTION))
    return PrincipalDecision(said) if said else None


def _standing(decided: dict[StudentId, Decisions]) -> dict[StudentId, dict[DecisionKey, str]]:
    """What was decided and not taken back."""
    return {
        student_id: {key: one.value for key, one in words.items() if one.value}
        for student_id, words in decided.items()
    }


async def class_cells(
    session: TenantSession, class_id: uuid.UUID
) -> dict[StudentId, Mapping[tuple[str, int], Mapping[Cell, str]]]:
    """All filled cells of a class with what was decided after the summer: student → sheet → cell → value."""
    marks = await gradebook.class_marks(session, class_id)
    decided = _standing(await decisions.of_class(session, class_id))
    return {
        student_id: with_decisions(marks.get(student_id, {}), decided.get(student_id, {}))
        for student_id in {*marks, *decided}
    }


async def class_results(session: TenantSession, class_id: uuid.UUID) -> list[PupilResult]:
    """Results of a class, pupils in the order of names; empty before the class is assessed."""
    return [_result(row) for row in await queries.results_of(session, class_id)]


async def results_to_list(
    session: TenantSession,
    class_ids: Sequence[uuid.UUID],
    whole: Sequence[uuid.UUID],
    students: Sequence[uuid.UUID],
) -> list[tuple[ClassId, PupilResult]]:
    """(class, result) of the pupils of some classes who are not plainly promoted, of whole classes, of some pupils."""
    rows = await queries.results_to_list(session, class_ids, whole, students)
    return [(ClassId(row.class_id), _result(row)) for row in rows]


def _result(row: Any) -> PupilResult:
    return PupilResult(
        id=row.id,
        student_id=StudentId(row.student_id),
        student_code=row.student_code,
        full_name=row.full_name,
        state=ResultState(row.state),
        result=msgspec.convert(row.output, Result),
        asked=msgspec.convert(row.input, PupilYear),
        rule_set=row.rule_set,
        policy=policy_of(row.policy),
        settled=row.settled_at is not None,
    )


def due_for_supplement(pupil: PupilResult) -> tuple[str, ...]:
    """What additional assessment of a pupil in primary is about (TT27 Đ.11.1.b), as paths."""
    if not isinstance(pupil.asked, PrimaryYear):
        return ()
    return rules.due_for_supplement(pupil.asked, pupil.policy)


def read_result(asked: PupilYear, subject_code: str, typed: str) -> str:
    """A typed result of a subject after the year as it is kept: "4,5" → "4.5". Raises InvalidPupilYear."""
    name = subject_name(asked.grade, subject_code)
    if isinstance(asked, PrimaryYear):
        return str(rules.read_test(typed, "", name))
    return rules.write_mark(rules.read_mark(typed.strip(), "", name)).removesuffix(".0")


async def open_results(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassView:
    """A class and its results for a person who looks at them. Raises NotFound, Forbidden without a duty in the class."""
    school_class, only = await _opened(session, actor, class_id)
    results = await class_results(session, class_id)
    pupils = (one.student_id for one in results)
    label = f"Lớp {school_class.name}"
    audit_reads.record_read(session, actor, Action.RESULTS_READ, class_id, label, pupils)
    return ClassView(
        school_class=school_class,
        results=tuple(results),
        only=only,
        missing=() if only else missing_in_sheets(results, await _sheets(session, class_id)),
    )


async def explain(
    session: TenantSession, actor: Actor, result_id: uuid.UUID
) -> tuple[ClassSummary, Explanation]:
    """Why the result of a pupil is what it is: with all conclusions, or with a teacher's own subjects.

    Raises NotFound, Forbidden without a duty in the class.
    """
    class_id = await queries.class_of_result(session, result_id)
    pupil = None
    if class_id:
        pupil = next((one for one in await class_results(session, class_id) if one.id == result_id), None)
    if class_id is None or pupil is None:
        raise NotFound("Không tìm thấy kết quả này; học sinh có thể đã rời lớp.")
    school_class, only = await _opened(session, actor, class_id)
    label = f"{pupil.full_name} ({pupil.student_code}), lớp {school_class.name}"
    audit_reads.record_read(
        session, actor, Action.RESULT_EXPLAINED, pupil.student_id, label, [pupil.student_id]
    )
    return school_class, explanation(
        pupil, await _sheets(session, class_id), only, regulations.readings(pupil.policy)
    )


async def _opened(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, tuple[str, ...] | None]:
    """The class, and the subjects to which somebody is limited: None for its homeroom teacher and the management."""
    school_class = await roster.get_class(session, class_id)
    if sees_conclusions(actor, school_class):
        return school_class, None
    taught = tuple(
        one.subject_code
        for one in await roster.list_assignments(session, class_id)
        if actor.staff_id is not None and one.teacher_id == actor.staff_id
    )
    if not taught:
        raise Forbidden("Bạn chỉ xem được kết quả của lớp mà bạn chủ nhiệm hoặc giảng dạy.")
    return school_class, taught


def sees_conclusions(actor: Actor, school_class: ClassSummary) -> bool:
    """Whether somebody sees what follows for the pupils of a class: its homeroom teacher and the management do."""
    leads = actor.staff_id is not None and actor.staff_id == school_class.homeroom_teacher_id
    return leads or actor.may(Permission.TRANSCRIPT_READ_ANY)


async def _sheets(session: TenantSession, class_id: uuid.UUID) -> dict[tuple[str, int], SheetSummary]:
    return {
        (sheet.subject_code, sheet.term): sheet for sheet in await gradebook.list_sheets(session, class_id)
    }


def awaiting_confirmation(results: Sequence[PupilResult]) -> list[PupilResult]:
    """Those that the homeroom teacher may confirm: computed, of a year that is complete."""
    return [
        one
        for one in results
        if one.state is ResultState.COMPUTED and one.result.promotion is not Promotion.PENDING
    ]


def digest_of(results: Sequence[PupilResult]) -> str:
    """What a page showed of these results, in a few letters, to compare with what is there when somebody confirms."""
    return sha256_hex(msgspec.json.encode([(one.id, one.result) for one in results]))


async def confirm_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, seen: str | None = None
) -> int:
    """The homeroom teacher confirms the results of the class (TT22 Đ.20, TT27 Đ.9); counts those confirmed.

    A pupil whose year is not complete stays computed and is named on the page; the others go on. Safe to repeat.
    `seen` is the `digest_of` what the teacher has looked at. Raises Forbidden for another teacher, Conflict while a sheet
    is not locked, when there is nothing to confirm and nothing was confirmed, and when the results have changed since.
    """
    school_class = await roster.get_class(session, class_id)
    if actor.staff_id is None or actor.staff_id != school_class.homeroom_teacher_id:
        raise Forbidden(f"Chỉ giáo viên chủ nhiệm lớp {school_class.name} được xác nhận kết quả của lớp.")
    await require_settled(session, class_id)
    results = await class_results(session, class_id)
    ready = awaiting_confirmation(results)
    if not ready and any(one.state is ResultState.CONFIRMED for one in results):
        return 0
    if not ready:
        raise Conflict(
            f"Lớp {school_class.name} chưa có kết quả nào chờ xác nhận; hãy khóa đủ sổ điểm trước."
        )
    if seen is not None and seen != digest_of(ready):
        raise Conflict(
            f"Kết quả của lớp {school_class.name} đã được tính lại sau khi bạn mở trang; xin xem lại rồi xác nhận."
        )
    values = {"state": ResultState.CONFIRMED, "confirmed_by": actor.staff_id, "confirmed_at": clock.now()}
    await queries.confirm(session, [one.id for one in ready], values)
    await audit.record(
        session,
        actor,
        Action.RESULTS_CONFIRMED,
        class_id,
        school_class.name,
        about=[one.student_id for one in ready],
        count=len(ready),
    )
    await outbox.emit(session, ResultsConfirmed(class_id))
    return len(ready)


def waits_for_summer(promotion: Promotion, year_name: str) -> bool:
    """Whether a year is not to be frozen yet: a result after the summer may change it, and the summer is not over."""
    return promotion in AFTER_SUMMER and clock.today() < calendar.summer_ends(year_name)


async def progress(session: TenantSession) -> dict[ClassId, ClassProgress]:
    """How many results of each class are computed and confirmed, and how many of these wait for the summer."""
    found: dict[ClassId, ClassProgress] = {}
    for row in await queries.progress(session):
        known = found.get(ClassId(row.class_id), ClassProgress())
        is_confirmed = row.state == ResultState.CONFIRMED
        waits = is_confirmed and waits_for_summer(Promotion(row.promotion), row.academic_year)
        found[ClassId(row.class_id)] = ClassProgress(
            assessed=known.assessed + row.number,
            confirmed=known.confirmed + row.number * is_confirmed,
            later=known.later + row.number * waits,
        )
    return found
