"""The life of a transcript: frozen from confirmed results, rendered once, signed, issued."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, outbox, settings
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id, new_lookup_code
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import PROMOTION_NAMES, PupilResult, Result, ResultState
from backend.records.calendar import service as calendar
from backend.records.duties import service as duties
from backend.records.gradebook import service as gradebook
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary, StudentRecord
from backend.records.transcripts import canonical, queries, rules
from backend.records.transcripts.composition import ClassFacts, PupilFacts, compose
from backend.records.transcripts.events import TranscriptFrozen
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import (
    FreezeReport,
    Signer,
    SignerRole,
    Snapshot,
    StudyPeriod,
    TranscriptId,
    VersionId,
    VersionState,
    VersionSummary,
)
from backend.remote_signing.requests import service as signing
from backend.tenants.delegations import service as delegations
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import level_of

#: Whose turn comes when; also the names of the PDF's signature fields.
SIGNING_ORDER = (SignerRole.HOMEROOM_TEACHER, SignerRole.PRINCIPAL, SignerRole.SCHOOL_SEAL)


async def freeze_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> FreezeReport:
    """Fix the content of every confirmed year of a class (PL1 §2.1 "chốt dữ liệu"). Safe to repeat.

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
    known = await queries.frozen_students(
        session, school_class.academic_year_id, [record.id for record in records]
    )
    students = [record for record in records if record.id not in known]
    transcripts = await _transcripts(session, students, school_class.grade_level)
    history = await _history(session, class_id, facts.school.name)
    marks = await assessment.class_cells(session, class_id)
    exempt = await gradebook.exemptions(session, class_id)
    choices = await plans.choices_of_class(session, school_class)
    rows, deeds, left_out = [], [], []
    for student in students:
        try:
            pupil = PupilFacts(
                student=student,
                history=tuple(history[student.id]),
                cells=marks.get(student.id, {}),
                result=_settled(results.get(student.id), student, school_class),
                exempt=exempt.get(student.id, frozenset()),
                lookup_code=transcripts[student.id].lookup_code,
                version=1,
                verify_url=verify_url(transcripts[student.id].lookup_code),
                not_taken=choices.not_taken(student.id, facts.subject_codes, school_class.grade_level),
            )
            snapshot = canonical.clean_snapshot(compose(facts, pupil))
        except (Invalid, Conflict) as error:
            left_out.append((student.full_name, error.message))
            continue
        row = _row(session, snapshot, transcripts[student.id], school_class)
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


async def list_versions(session: TenantSession, class_id: uuid.UUID) -> list[VersionSummary]:
    """Versions of a class, pupils in the order of names."""
    return [_summary(row) for row in await queries.list_versions(session, class_id)]


async def versions_after(
    session: TenantSession,
    after: uuid.UUID | None,
    limit: int,
    *,
    class_id: uuid.UUID | None = None,
    state: VersionState | None = None,
) -> list[VersionSummary]:
    """The next versions after one, oldest first, for systems that read all of them part by part."""
    rows = await queries.versions_after(session, after, limit, class_id, state)
    return [_summary(row) for row in rows]


async def open_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[VersionSummary]]:
    """A class and its versions for a person who looks at them. Raises NotFound; Forbidden without a duty in the class."""
    school_class = await roster.get_class(session, class_id)
    await require_duty(session, actor, class_id)
    versions = await list_versions(session, class_id)
    pupils = (one.student_id for one in versions)
    label = f"Lớp {school_class.name}"
    audit_reads.record_read(session, actor, Action.TRANSCRIPTS_LISTED, class_id, label, pupils)
    return school_class, versions


async def get_version(session: TenantSession, version_id: uuid.UUID) -> VersionSummary:
    """One version. Raises NotFound."""
    return (await get_versions(session, [version_id]))[0]


async def get_versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> list[VersionSummary]:
    """Some versions, in the order of their ids. Raises NotFound when one is missing."""
    rows = rules.all_of(version_ids, await queries.summaries(session, version_ids))
    found = {row.id: _summary(row) for row in rows}
    return [found[version_id] for version_id in version_ids]


async def open_version(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, file: str | None = None
) -> VersionSummary:
    """One version for a person who looks into it, or takes its `file` away: "pdf" or "xml".

    Raises NotFound; Forbidden without a duty in its class.
    """
    version = await get_version(session, version_id)
    await require_duty(session, actor, version.class_id)
    pupil = [version.student_id]
    if file:
        action = Action.TRANSCRIPT_DOWNLOADED
        audit_reads.record_taken(session, actor, action, version_id, version.label, pupil, file=file)
    else:
        audit_reads.record_read(session, actor, Action.TRANSCRIPT_READ, version_id, version.label, pupil)
    return version


async def require_duty(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> None:
    """The personal page of a pupil is for the school's management and for the teachers of the class. Raises Forbidden."""
    await roster.require_duty(session, actor, class_id, "học bạ", Permission.TRANSCRIPT_READ_ANY)


async def get_snapshot(session: TenantSession, version_id: uuid.UUID) -> Snapshot:
    """The frozen content of a version. Raises NotFound."""
    return msgspec.json.decode((await _version(session, version_id)).snapshot, type=Snapshot)


async def show_personal_id(session: TenantSession, actor: Actor, version_id: uuid.UUID) -> str:
    """The pupil's personal number in full; that somebody asked is recorded.

    Raises NotFound; Forbidden but for whoever leads the class or keeps the school's records of pupils.
    """
    version = await open_version(session, actor, version_id)
    if not may_show_personal_id(actor, await roster.get_class(session, version.class_id)):
        raise Forbidden(
            f"Số định danh cá nhân của {version.full_name} chỉ hiện đủ cho giáo viên chủ nhiệm lớp {version.class_name} "
            "và người giữ hồ sơ học sinh; hãy hỏi một trong những người đó."
        )
    number = (await get_snapshot(session, version_id)).student.personal_id
    if number is None:
        raise NotFound(f"Học bạ của {version.full_name} không có số định danh cá nhân.")
    label = f"{version.full_name} ({version.student_code})"
    await audit.record(session, actor, Action.PERSONAL_ID_SHOWN, version.student_id, label)
    return number


def may_show_personal_id(actor: Actor, school_class: ClassSummary) -> bool:
    """Whether a person may have the personal numbers of the pupils of a class in full."""
    leads = actor.staff_id is not None and actor.staff_id == school_class.homeroom_teacher_id
    return leads or actor.may(Permission.PUPILS_WRITE)


async def digest_of_file(session: TenantSession, version_id: uuid.UUID, kind: str) -> str:
    """SHA-256 of a version's newest PDF (`pdf`) or of its XML (`xml`). Raises NotFound before it exists."""
    return (await digests_of_files(session, [version_id], kind))[version_id]


async def digests_of_files(
    session: TenantSession, version_ids: Sequence[uuid.UUID], kind: str
) -> dict[uuid.UUID, str]:
    """`digest_of_file` for several versions. Raises NotFound when one has no such file."""
    rows = rules.all_of(version_ids, await queries.versions(session, version_ids))
    signing_ids = [row.id for row in rows if kind == "pdf" and row.state == VersionState.SIGNING]
    under_way = await signing.signed_documents(session, signing_ids)
    found: dict[uuid.UUID, str] = {}
    for row in rows:
        newest = under_way.get(row.id) or row.signed_sha256 or row.pdf_sha256
        digest = newest if kind == "pdf" else row.xml_sha256
        if digest is None:
            raise NotFound("Học bạ này chưa được kết xuất; xin thử lại sau ít phút.")
        found[row.id] = digest
    return found


async def documents_of(session: TenantSession, student_id: uuid.UUID) -> list[VersionId]:
    """The versions of a pupil's transcripts, oldest first."""
    return [VersionId(found) for found in await queries.versions_of_student(session, student_id)]


async def versions_of_transcript(session: TenantSession, transcript_id: uuid.UUID) -> list[VersionSummary]:
    """All versions of one transcript, newest first."""
    return [_summary(row) for row in await queries.versions_of_transcript(session, transcript_id)]


async def find_by_code(lookup_code: str) -> tuple[uuid.UUID, TranscriptId] | None:
    """(tenant, transcript) behind a published code, or None. Who asks has no school, so it is asked outside of any."""
    found = await queries.find_code(code_digest(lookup_code))
    return (found[0], TranscriptId(found[1])) if found else None


async def classes_of(session: TenantSession, state: VersionState) -> dict[uuid.UUID, uuid.UUID]:
    """version → class, of the versions in a state."""
    return {row.id: row.class_id for row in await queries.classes_in_state(session, state)}


async def counts(session: TenantSession, *, present: bool = False) -> dict[uuid.UUID, dict[str, int]]:
    """class → state → number of versions; `present`: without pupils who are not in the class any more."""
    found: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    for row in await queries.counts(session, present=present):
        found[row.class_id][row.state] = row.number
    return found


def code_digest(lookup_code: str) -> str:
    """How a lookup code is kept in the directory: a leak of that table reveals no code."""
    return sha256_hex(lookup_code.encode())


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
    return ClassFacts(
        school=school,
        academic_year=school_class.academic_year,
        class_name=school_class.name,
        grade_level=school_class.grade_level,
        subject_codes=tuple(one.code for one in plan.chosen(assigned) if not one.own),
        teachers={code: name for code, name in taught.items() if name},
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


def _row(
    session: TenantSession,
    snapshot: Snapshot,
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
        "frozen_at": clock.now(),
    }


async def _version(session: TenantSession, version_id: uuid.UUID) -> TranscriptVersion:
    return rules.all_of([version_id], await queries.versions(session, [version_id]))[0]


def _summary(row: Any) -> VersionSummary:
    fields = {name: getattr(row, name) for name in VersionSummary.__struct_fields__}
    return VersionSummary(**fields)
