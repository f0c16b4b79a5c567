"""The freeze: what is known about a class's pupils becomes the content of their transcripts, which never changes."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backend.core import audit, clock, outbox, settings
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid
from backend.core.ids import new_id, new_lookup_code
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import PROMOTION_NAMES, PupilResult, Result, ResultState
from backend.records.calendar import service as calendar
from backend.records.decisions import service as decisions
from backend.records.decisions.schemas import DecisionKey, DecisionKind, Decisions
from backend.records.duties import service as duties
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary, StudentRecord
from backend.records.signing_order import service as signing_order
from backend.records.transcripts import canonical, corrections, queries
from backend.records.transcripts.composition import ClassFacts, PupilFacts, compose
from backend.records.transcripts.events import TranscriptFrozen
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import (
    ENDED,
    Correction,
    FreezeReport,
    Signer,
    SignerRole,
    Snapshot,
    StudyPeriod,
    VersionState,
)
from backend.tenants.delegations import service as delegations
from backend.tenants.people import service as people
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import level_of

_TRAINED = DecisionKey(DecisionKind.CONDUCT, "summer")


async def freeze_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> FreezeReport:
    """Fix the content of every confirmed year of a class (PL1 §2.1 "chốt dữ liệu"). Safe to repeat.

    Whose version was withdrawn or recalled gets the next one, which knows in what it differs from those before.
    A pupil whose result is not confirmed, who waits for a result after the summer (until its last day), or whose texts
    cannot be printed, is left out and named; the rest go on.
    Raises Conflict while a sheet of the class is not locked, and when the class has no homeroom teacher or the school
    no principal.
    """
    await queries.hold_class(session, class_id)
    school_class = await roster.get_class(session, class_id)
    await assessment.require_settled(session, class_id)
    facts = await _class_facts(session, school_class)
    results = {result.student_id: result for result in await assessment.class_results(session, class_id)}
    records = await roster.student_records(session, class_id)
    newest = {
        row.student_id: row
        for row in await queries.newest_versions(
            session, school_class.academic_year_id, [record.id for record in records]
        )
    }
    known = [student_id for student_id, row in newest.items() if row.state not in ENDED]
    names = await people.names(session)
    students = [record for record in records if record.id not in known]
    transcripts = await _transcripts(session, students, school_class.grade_level)
    history = await _history(session, class_id, facts.school.name)
    marks = await assessment.class_cells(session, class_id)
    exempt = await gradebook.exemptions(session, class_id)
    choices = await plans.choices_of_class(session, school_class)
    languages = await plans.languages_of(session, class_id)
    decided = await decisions.of_class(session, class_id)
    rows, deeds, left_out = [], [], []
    for student in students:
        try:
            pupil = PupilFacts(
                student=student,
                history=tuple(history[student.id]),
                cells=marks.get(student.id, {}),
                result=_settled(results.get(student.id), student, school_class),
                exempt=exempt.get(student.id, frozenset()),
                languages=languages.of(student.id),
                summer_training=_trained(decided.get(student.id, {})),
                lookup_code=transcripts[student.id].lookup_code,
                version=newest[student.id].number + 1 if student.id in newest else 1,
                verify_url=verify_url(transcripts[student.id].lookup_code),
                not_taken=choices.not_taken(student.id, facts.subject_codes, school_class.grade_level),
            )
            snapshot = canonical.clean_snapshot(compose(facts, pupil))
            made = _corrections(newest.get(student.id), snapshot, names)
            snapshot = corrections.corrected(snapshot, made)
        except (Invalid, Conflict) as error:
            left_out.append((student.full_name, error.message))
            continue
        row = _row(session, snapshot, made, transcripts[student.id], school_class)
        rows.append(row)
        label = f"{student.full_name} ({student.student_code}), lớp {school_class.name}"
        deeds.append(
            audit.Deed(row["id"], label, {"content_sha256": row["content_sha256"]}, (student.id, class_id))
        )
    await queries.insert_versions(session, rows)
    frozen = [*known, *(row["student_id"] for row in rows)]
    await gradebook.finish_class(session, actor, class_id, frozen, complete=bool(frozen) and not left_out)
    await audit.record_many(session, actor, Action.TRANSCRIPT_FROZEN, deeds)
    await outbox.emit_all(session, [TranscriptFrozen(row["id"]) for row in rows])
    return FreezeReport(frozen=len(rows), known=len(known), left_out=tuple(left_out))


def verify_url(lookup_code: str) -> str:
    """The address in the QR code."""
    return f"{settings.get().public_url.rstrip('/')}/tra-cuu/{lookup_code}"


def _settled(found: PupilResult | None, student: StudentRecord, school_class: ClassSummary) -> Result:
    if found is None or found.state is not ResultState.CONFIRMED:
        raise Conflict(f"Kết quả năm học của {student.full_name} chưa được giáo viên chủ nhiệm xác nhận.")
    if assessment.waits_for_summer(found.result.promotion, school_class.academic_year):
        what = PROMOTION_NAMES[found.result.promotion].lower()
        last_day = calendar.summer_ends(school_class.academic_year)
        raise Conflict(
            f"{student.full_name} chờ kết quả sau hè ({what}); học bạ chốt khi có kết quả ấy, muộn nhất là từ ngày "
            f"{last_day:%d/%m/%Y}."
        )
    return found.result


def _trained(decided: Decisions) -> str | None:
    """What the homeroom teacher said of the tasks of the summer (TT22 Đ.13), unless it was taken back."""
    said = decided.get(_TRAINED)
    return said.reason if said and said.value else None


async def _class_facts(session: TenantSession, school_class: ClassSummary) -> ClassFacts:
    if school_class.homeroom_teacher is None:
        raise Conflict(
            f"Lớp {school_class.name} chưa có giáo viên chủ nhiệm; hãy phân công trước khi chốt học bạ."
        )
    head = await delegations.head_signer(session)
    school = await schools.get_school(session)
    assignments = await roster.list_assignments(session, school_class.id)
    # Whoever taught a subject when the year ended stands beside it, even if it is another's since.
    years = {one.id: one for one in await roster.list_years(session)}
    last_day = years[school_class.academic_year_id].ends_on
    taught: dict[str, str | None] = {a.subject_code: a.teacher for a in assignments}
    taught |= await duties.teachers_on(session, school_class.id, last_day)
    plan = await plans.plan_of(session, school_class)
    assigned = {one.subject_code for one in assignments}
    codes = tuple(one.code for one in plan.chosen(assigned) if not one.own)
    signed_levels = await signing_order.levels_signed(session, clock.today())
    teachers_sign = level_of(school_class.grade_level) in signed_levels
    if teachers_sign:
        # A subject that is assigned to nobody is the homeroom teacher's, who has its sheet, too, and signs for it.
        taught = {code: taught.get(code) or school_class.homeroom_teacher for code in codes}
    return ClassFacts(
        school=school,
        academic_year=school_class.academic_year,
        class_name=school_class.name,
        grade_level=school_class.grade_level,
        subject_codes=codes,
        teachers={code: name for code, name in taught.items() if name},
        teachers_sign=teachers_sign,
        signers=(
            Signer(
                role=SignerRole.HOMEROOM_TEACHER,
                name=school_class.homeroom_teacher,
                title="Giáo viên chủ nhiệm",
            ),
            Signer(role=SignerRole.PRINCIPAL, name=head.name, title=head.title),
            Signer(role=SignerRole.SCHOOL_SEAL, name=school.name, title="Con dấu số"),
        ),
        issue_date=clock.today(),
        sandbox=settings.get().is_sandbox,
    )


async def _transcripts(
    session: TenantSession, students: Sequence[StudentRecord], grade_level: int
) -> dict[uuid.UUID, Transcript]:
    """The pupils' transcripts of this level; who has none yet gets one, with a code of its own."""
    level = level_of(grade_level).value
    ids = [student.id for student in students]
    known = await queries.transcripts_of(session, ids, level)
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "student_id": student_id,
            "level": level,
            "lookup_code": new_lookup_code(),
            "created_at": clock.now(),
        }
        for student_id in ids
        if student_id not in known
    ]
    await queries.insert_transcripts(session, rows)
    return await queries.transcripts_of(session, ids, level)


async def _history(
    session: TenantSession, class_id: uuid.UUID, school_name: str
) -> dict[uuid.UUID, list[StudyPeriod]]:
    found: dict[uuid.UUID, list[StudyPeriod]] = defaultdict(list)
    for row in await roster.study_history(session, class_id):
        found[row.student_id].append(
            StudyPeriod(
                academic_year=row.academic_year,
                class_name=row.class_name,
                school_name=row.school_name or school_name,
                registry_no=row.registry_no,
                joined_on=row.joined_on,
            )
        )
    return found


def _corrections(
    former: TranscriptVersion | None, snapshot: Snapshot, names: Mapping[StaffId, str]
) -> list[Correction]:
    """All that was corrected in a pupil's year since its first version, the newest last."""
    if former is None:
        return []
    earlier = msgspec.convert(former.corrections, list[Correction])
    by = names.get(StaffId(former.withdrawn_by), "") if former.withdrawn_by else ""
    return earlier + [
        Correction(
            what=pair.what,
            old=pair.old,
            new=pair.new,
            subject=pair.subject,
            by=by,
            at=(former.withdrawn_at or clock.now()).replace(microsecond=0),
            why=former.withdrawn_reason or "",
        )
        for pair in corrections.differences(canonical.decode_snapshot(former.snapshot.encode()), snapshot)
    ]


def _row(
    session: TenantSession,
    snapshot: Snapshot,
    made: Sequence[Correction],
    transcript: Transcript,
    school_class: ClassSummary,
) -> dict[str, Any]:
    content = canonical.canonical_json(snapshot)
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "transcript_id": transcript.id,
        "academic_year_id": school_class.academic_year_id,
        "class_id": school_class.id,
        "student_id": transcript.student_id,
        "number": snapshot.version,
        "state": VersionState.FROZEN,
        "snapshot": content.decode(),
        "content_sha256": canonical.content_sha256(content),
        "corrections": msgspec.to_builtins(made),
        "frozen_at": clock.now(),
    }
