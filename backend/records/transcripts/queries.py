"""All SQL of transcripts."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, Uuid, and_, any_, bindparam, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import aliased, defer

from backend.core import lookups
from backend.core.database import TenantSession
from backend.core.questions import Question
from backend.records.roster.models import AcademicYear, Enrollment, SchoolClass, Student
from backend.records.roster.schemas import EnrollmentStatus
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import ENDED, IssuedManifest, VersionState

#: How a version hangs together with what it is about, for joins; its place is that of a pupil who is in the class today.
_TRANSCRIPT_OF_VERSION = and_(
    Transcript.tenant_id == TranscriptVersion.tenant_id, Transcript.id == TranscriptVersion.transcript_id
)
_YEAR_OF_VERSION = and_(
    AcademicYear.tenant_id == TranscriptVersion.tenant_id,
    AcademicYear.id == TranscriptVersion.academic_year_id,
)
_CLASS_OF_VERSION = and_(
    SchoolClass.tenant_id == TranscriptVersion.tenant_id, SchoolClass.id == TranscriptVersion.class_id
)
_STUDENT_OF_VERSION = and_(
    Student.tenant_id == TranscriptVersion.tenant_id, Student.id == TranscriptVersion.student_id
)
_PLACE_OF_VERSION = and_(
    Enrollment.tenant_id == TranscriptVersion.tenant_id,
    Enrollment.class_id == TranscriptVersion.class_id,
    Enrollment.student_id == TranscriptVersion.student_id,
    Enrollment.status == EnrollmentStatus.STUDYING,
)


async def transcripts_of(
    session: TenantSession, student_ids: Sequence[uuid.UUID], level: str
) -> dict[uuid.UUID, Transcript]:
    """student → their transcript of the level."""
    found = await session.scalars(
        select(Transcript).where(
            Transcript.tenant_id == session.tenant_id,
            Transcript.student_id.in_(student_ids),
            Transcript.level == level,
        )
    )
    return {row.student_id: row for row in found}


async def transcripts(
    session: TenantSession, transcript_ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, Transcript]:
    found = await session.scalars(
        select(Transcript).where(
            Transcript.tenant_id == session.tenant_id, Transcript.id.in_(list(transcript_ids))
        )
    )
    return {row.id: row for row in found}


async def insert_transcripts(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(Transcript), rows)


async def insert_versions(session: TenantSession, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(TranscriptVersion), rows)


async def newest_versions(
    session: TenantSession, year_id: uuid.UUID, student_ids: Sequence[uuid.UUID]
) -> Sequence[TranscriptVersion]:
    """The newest version of that year of each pupil who has one, in whichever class it was frozen."""
    found = await session.scalars(
        select(TranscriptVersion)
        .where(
            TranscriptVersion.tenant_id == session.tenant_id,
            TranscriptVersion.academic_year_id == year_id,
            TranscriptVersion.student_id.in_(student_ids),
        )
        .ext(distinct_on(TranscriptVersion.student_id))
        .order_by(TranscriptVersion.student_id, TranscriptVersion.number.desc())
    )
    return found.all()


async def hold_class(session: TenantSession, class_id: uuid.UUID) -> None:
    """Two people who freeze the same class at once do it one after the other."""
    await session.execute(
        select(SchoolClass.id)
        .where(SchoolClass.tenant_id == session.tenant_id, SchoolClass.id == class_id)
        .with_for_update()
    )


async def hold_versions(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> Sequence[TranscriptVersion]:
    """Versions, held against change until the transaction ends."""
    return (await session.scalars(_HOLD_VERSIONS, _keys(session, version_ids))).all()


async def hold_states(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> Sequence[TranscriptVersion]:
    """`hold_versions` without what is large: their contents cannot be read off these."""
    return (await session.scalars(_HOLD_STATES, _keys(session, version_ids))).all()


async def files_of_versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """State and digests of files of some versions."""
    return (await session.execute(_FILES, _keys(session, version_ids))).all()


async def versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[TranscriptVersion]:
    return (await session.scalars(_THE_VERSIONS, _keys(session, version_ids))).all()


async def update_versions(session: TenantSession, values: dict[uuid.UUID, dict[str, Any]]) -> None:
    """Set the same columns of some versions, each to its own values."""
    if not values:
        return
    names, *others = values.values()
    if all(one == names for one in others):
        query = update(TranscriptVersion).where(_SOME_VERSIONS).values(names)
        await (await session.connection()).execute(query, _keys(session, list(values)))
    else:
        rows = [
            {"tenant": session.tenant_id, "version": version_id}
            | {f"new_{name}": value for name, value in new.items()}
            for version_id, new in values.items()
        ]
        query = update(TranscriptVersion).where(_THIS_VERSION)
        query = query.values({name: bindparam(f"new_{name}") for name in names})
        await (await session.connection()).execute(query, rows)


async def publish_codes(session: TenantSession, codes: dict[uuid.UUID, str]) -> None:
    """Let the codes' digests lead to their transcripts."""
    rows = [{"transcript": transcript_id, "digest": digest} for transcript_id, digest in codes.items()]
    if rows:
        query = text("select directory.publish_code(:digest, :transcript)")
        await (await session.connection()).execute(query, rows)


async def hide_codes(session: TenantSession, transcript_ids: Collection[uuid.UUID]) -> None:
    """Let the codes of these transcripts answer as codes that nobody has."""
    if transcript_ids:
        query = text("select directory.hide_code(:transcript)")
        rows = [{"transcript": transcript_id} for transcript_id in transcript_ids]
        await (await session.connection()).execute(query, rows)


_FIND_CODE = Question(text("select tenant_id, transcript_id from directory.find_code(:digest)"))
_FIND_HELD_CODE = Question(text("select tenant_id, transcript_id from directory.find_held_code(:digest)"))


async def find_code(code_digest: str, *, held: bool) -> tuple[uuid.UUID, uuid.UUID] | None:
    """(tenant, transcript) of a lookup code that is shown; for who has the document (`held`), of any that was issued."""
    rows = await lookups.ask(_FIND_HELD_CODE if held else _FIND_CODE, digest=code_digest)
    return (rows[0].tenant_id, rows[0].transcript_id) if rows else None


_PUBLIC = Question(
    select(
        TranscriptVersion.id,
        TranscriptVersion.student_id,
        AcademicYear.name.label("academic_year"),
        TranscriptVersion.number,
        TranscriptVersion.state,
        Transcript.lookup_code,
        TranscriptVersion.signed_sha256,
        TranscriptVersion.signed_xml_sha256,
        TranscriptVersion.issued_at,
        TranscriptVersion.withdrawn_at,
        TranscriptVersion.effective_on,
    )
    .join(Transcript, _TRANSCRIPT_OF_VERSION)
    .join(AcademicYear, _YEAR_OF_VERSION)
    .where(
        TranscriptVersion.tenant_id == bindparam("tenant", type_=Uuid()),
        TranscriptVersion.transcript_id == bindparam("transcript", type_=Uuid()),
        TranscriptVersion.issued_at.is_not(None),
    )
    .order_by(AcademicYear.starts_on.desc(), TranscriptVersion.number.desc())
)


async def issued_versions(session: TenantSession, transcript_id: uuid.UUID) -> list[Any]:
    """What was ever issued of a transcript, newest first, as far as the public check needs it."""
    return await session.ask(_PUBLIC, transcript=transcript_id)


def _versions() -> Any:
    return (
        select(
            TranscriptVersion.id,
            TranscriptVersion.transcript_id,
            TranscriptVersion.student_id,
            TranscriptVersion.class_id,
            TranscriptVersion.number,
            TranscriptVersion.state,
            TranscriptVersion.content_sha256,
            TranscriptVersion.signed_sha256,
            TranscriptVersion.signed_xml_sha256,
            TranscriptVersion.frozen_at,
            TranscriptVersion.issued_at,
            TranscriptVersion.withdrawn_at,
            TranscriptVersion.withdrawn_reason,
            TranscriptVersion.effective_on,
            Transcript.lookup_code,
            Student.full_name,
            Student.student_code,
            SchoolClass.name.label("class_name"),
            SchoolClass.homeroom_teacher_id,
            (SchoolClass.name_key + " " + Student.name_key).label("sort_key"),
            AcademicYear.name.label("academic_year"),
        )
        .join(Transcript, _TRANSCRIPT_OF_VERSION)
        .join(Student, _STUDENT_OF_VERSION)
        .join(SchoolClass, _CLASS_OF_VERSION)
        .join(AcademicYear, _YEAR_OF_VERSION)
    )


#: Built once: every step of every document asks these, and building them costs more than running them.
_THIS_VERSION = and_(
    TranscriptVersion.tenant_id == bindparam("tenant"), TranscriptVersion.id == bindparam("version")
)
_SOME_VERSIONS = and_(
    TranscriptVersion.tenant_id == bindparam("tenant"),
    # One list as one value: the statement is the same for any number of them, and prepared once.
    TranscriptVersion.id == any_(bindparam("versions", type_=ARRAY(Uuid))),
)
_THE_VERSIONS = select(TranscriptVersion).where(_SOME_VERSIONS)
#: In one order everywhere, so that two who hold several do not wait for each other; as they stand once they are held.
_HOLD_VERSIONS = (
    _THE_VERSIONS.order_by(TranscriptVersion.id).with_for_update().execution_options(populate_existing=True)
)
_HOLD_STATES = _HOLD_VERSIONS.options(
    defer(TranscriptVersion.snapshot, raiseload=True), defer(TranscriptVersion.corrections, raiseload=True)
)
_FILES = select(
    TranscriptVersion.id,
    TranscriptVersion.state,
    TranscriptVersion.pdf_sha256,
    TranscriptVersion.xml_sha256,
    TranscriptVersion.signed_sha256,
    TranscriptVersion.signed_xml_sha256,
).where(_SOME_VERSIONS)
_SUMMARIES = _versions().where(_SOME_VERSIONS)


async def list_versions(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    query = (
        _versions()
        .where(TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.class_id == class_id)
        .order_by(Student.name_key, Student.id, TranscriptVersion.number.desc())
    )
    return (await session.execute(query)).all()


async def versions_in_states(session: TenantSession, states: Collection[str]) -> Sequence[Any]:
    """Versions in some states with their grades, by class and name."""
    query = (
        _versions()
        .add_columns(SchoolClass.grade_level)
        .where(TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.state.in_(states))
        .order_by("sort_key", TranscriptVersion.id)
    )
    return (await session.execute(query)).all()


async def versions_after(
    session: TenantSession,
    after: uuid.UUID | None,
    limit: int,
    class_id: uuid.UUID | None,
    states: Collection[str] | None,
) -> Sequence[Any]:
    """The next versions in the order of their ids, of all classes or of one, of all states or of some."""
    query = _versions().where(TranscriptVersion.tenant_id == session.tenant_id)
    if after is not None:
        query = query.where(TranscriptVersion.id > after)
    if class_id is not None:
        query = query.where(TranscriptVersion.class_id == class_id)
    if states is not None:
        query = query.where(TranscriptVersion.state.in_(states))
    return (await session.execute(query.order_by(TranscriptVersion.id).limit(limit))).all()


async def summaries(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    return (await session.execute(_SUMMARIES, _keys(session, version_ids))).all()


def _keys(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> dict[str, Any]:
    return {"tenant": session.tenant_id, "versions": list(version_ids)}


async def versions_of_transcript(session: TenantSession, transcript_id: uuid.UUID) -> Sequence[Any]:
    """All versions of one transcript, newest first."""
    query = (
        _versions()
        .where(
            TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.transcript_id == transcript_id
        )
        .order_by(AcademicYear.starts_on.desc(), TranscriptVersion.number.desc())
    )
    return (await session.execute(query)).all()


async def former_versions(
    session: TenantSession, version_ids: Sequence[uuid.UUID], state: str | None = None
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """version → those of the same transcript and year with a lower number, the newest first; of all states or of one."""
    former = aliased(TranscriptVersion)
    query = (
        select(TranscriptVersion.id, former.id.label("former"))
        .join(
            former,
            and_(
                former.tenant_id == TranscriptVersion.tenant_id,
                former.transcript_id == TranscriptVersion.transcript_id,
                former.academic_year_id == TranscriptVersion.academic_year_id,
                former.number < TranscriptVersion.number,
            ),
        )
        .where(_SOME_VERSIONS)
        .order_by(TranscriptVersion.id, former.number.desc())
    )
    if state is not None:
        query = query.where(former.state == state)
    found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in await session.execute(query, _keys(session, version_ids)):
        found[row.id].append(row.former)
    return found


async def preceding_versions(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """version → the versions of the same pupil of earlier years, and of its own year those with a lower number."""
    found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for row in await session.execute(_PRECEDING, _keys(session, version_ids)):
        found[row.id].append(row.earlier)
    return found


_EARLIER, _EARLIER_YEAR = aliased(TranscriptVersion), aliased(AcademicYear)
_PRECEDING = (
    select(TranscriptVersion.id, _EARLIER.id.label("earlier"))
    .join(
        _EARLIER,
        and_(
            _EARLIER.tenant_id == TranscriptVersion.tenant_id,
            _EARLIER.student_id == TranscriptVersion.student_id,
            _EARLIER.id != TranscriptVersion.id,
        ),
    )
    .join(AcademicYear, _YEAR_OF_VERSION)
    .join(
        _EARLIER_YEAR,
        and_(
            _EARLIER_YEAR.tenant_id == _EARLIER.tenant_id,
            _EARLIER_YEAR.id == _EARLIER.academic_year_id,
        ),
    )
    .where(
        _SOME_VERSIONS,
        or_(
            _EARLIER_YEAR.starts_on < AcademicYear.starts_on,
            and_(
                _EARLIER.academic_year_id == TranscriptVersion.academic_year_id,
                _EARLIER.number < TranscriptVersion.number,
            ),
        ),
    )
)


async def versions_of_student(session: TenantSession, student_id: uuid.UUID) -> Sequence[uuid.UUID]:
    """Ids of all versions of a pupil, oldest first."""
    found = await session.scalars(
        select(TranscriptVersion.id)
        .where(TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.student_id == student_id)
        .order_by(TranscriptVersion.frozen_at, TranscriptVersion.id)
    )
    return found.all()


async def counts(session: TenantSession, *, present: bool) -> Sequence[Any]:
    """Number of versions that stand, per class and state; `present`: of pupils who are in the class today alone."""
    query = select(TranscriptVersion.class_id, TranscriptVersion.state, func.count().label("number"))
    query = query.join(Enrollment, _PLACE_OF_VERSION) if present else query
    query = query.where(
        TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.state.not_in(ENDED)
    ).group_by(TranscriptVersion.class_id, TranscriptVersion.state)
    return (await session.execute(query)).all()


async def classes_in_states(session: TenantSession, states: Collection[str]) -> Sequence[Any]:
    """Versions in some states and their classes."""
    query = select(TranscriptVersion.id, TranscriptVersion.class_id)
    query = query.where(TranscriptVersion.tenant_id == session.tenant_id, TranscriptVersion.state.in_(states))
    return (await session.execute(query)).all()


async def standing_in(session: TenantSession, class_ids: Collection[uuid.UUID]) -> Sequence[Any]:
    """Versions of some classes that have not ended, with their states."""
    query = select(TranscriptVersion.id, TranscriptVersion.state).where(
        TranscriptVersion.tenant_id == session.tenant_id,
        TranscriptVersion.class_id.in_(class_ids),
        TranscriptVersion.state.not_in(ENDED),
    )
    return (await session.execute(query.order_by(TranscriptVersion.id))).all()


async def transcript(session: TenantSession, transcript_id: uuid.UUID) -> Transcript | None:
    return await session.get(Transcript, (session.tenant_id, transcript_id))


async def hold_transcript(session: TenantSession, transcript_id: uuid.UUID) -> Transcript:
    """A transcript as it stands: it neither leaves nor comes back until the transaction ends."""
    query = select(Transcript).where(
        Transcript.tenant_id == session.tenant_id, Transcript.id == transcript_id
    )
    held = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(held)).one()


async def set_leaving(session: TenantSession, student_id: uuid.UUID, since: datetime | None) -> None:
    """A package with a pupil's transcripts is on its way to another school since then, or no longer."""
    await session.execute(
        update(Transcript)
        .where(Transcript.tenant_id == session.tenant_id, Transcript.student_id == student_id)
        .values(leaving_since=since)
    )


async def hand_over(session: TenantSession, student_id: uuid.UUID, at: datetime) -> Sequence[uuid.UUID]:
    """The right to manage a pupil's transcripts, which are returned, is another school's."""
    query = (
        update(Transcript)
        .where(Transcript.tenant_id == session.tenant_id, Transcript.student_id == student_id)
        .values(handed_over_at=at, leaving_since=None)
    )
    return (await session.scalars(query.returning(Transcript.id))).all()


async def in_state(
    session: TenantSession, transcript_id: uuid.UUID, states: Collection[str]
) -> Sequence[TranscriptVersion]:
    """The versions of a transcript that are in one of some states, oldest number first."""
    query = (
        select(TranscriptVersion)
        .where(
            TranscriptVersion.tenant_id == session.tenant_id,
            TranscriptVersion.transcript_id == transcript_id,
            TranscriptVersion.state.in_(states),
        )
        .order_by(TranscriptVersion.number)
    )
    return (await session.scalars(query)).all()


async def why_not_restorable(session: TenantSession, manifest: IssuedManifest) -> str:
    """What stands in the way of a version in this database; empty where nothing does."""
    wanted = {
        Student: ("học sinh", manifest.student_id),
        SchoolClass: ("lớp", manifest.class_id),
        AcademicYear: ("năm học", manifest.academic_year_id),
    }
    for table, (name, one_id) in wanted.items():
        if await session.get(table, (session.tenant_id, one_id)) is None:
            return f"cơ sở dữ liệu chưa có {name} {one_id}; hãy nhập lại rồi chạy lại"
    ours = Transcript.tenant_id == session.tenant_id
    other = await session.scalar(
        select(Transcript.id).where(
            ours,
            Transcript.student_id == manifest.student_id,
            Transcript.level == manifest.level,
            Transcript.id != manifest.transcript_id,
        )
    )
    if other is not None:
        return f"học sinh này đã có học bạ khác ({other}) cùng cấp học, lập sau khi khôi phục"
    other = await session.scalar(
        select(TranscriptVersion.id).where(
            TranscriptVersion.tenant_id == session.tenant_id,
            TranscriptVersion.transcript_id == manifest.transcript_id,
            TranscriptVersion.academic_year_id == manifest.academic_year_id,
            TranscriptVersion.number == manifest.number,
            TranscriptVersion.id != manifest.version_id,
        )
    )
    return f"phiên bản {manifest.number} của năm học ấy đã được chốt lại ({other})" if other else ""


async def end_versions_before(session: TenantSession, manifest: IssuedManifest) -> None:
    """A later version was issued: those before it do not stand any more, whatever this database knows of why."""
    before = and_(
        TranscriptVersion.tenant_id == session.tenant_id,
        TranscriptVersion.transcript_id == manifest.transcript_id,
        TranscriptVersion.academic_year_id == manifest.academic_year_id,
        TranscriptVersion.number < manifest.number,
        TranscriptVersion.state.not_in(ENDED),
    )
    was_issued = TranscriptVersion.signed_sha256.is_not(None)
    for condition, state in ((was_issued, VersionState.REPLACED), (~was_issued, VersionState.CANCELLED)):
        await session.execute(update(TranscriptVersion).where(before, condition).values(state=state))


async def restore_version(
    session: TenantSession,
    manifest: IssuedManifest,
    snapshot: str,
    lookup_code: str,
    corrections: list[dict[str, Any]],
) -> None:
    """Put transcript and version back as they were when the version was issued."""
    await session.execute(
        upsert(Transcript)
        .values(
            tenant_id=session.tenant_id,
            id=manifest.transcript_id,
            student_id=manifest.student_id,
            level=manifest.level,
            lookup_code=lookup_code,
            created_at=manifest.transcript_created_at,
        )
        .on_conflict_do_nothing()
    )
    issued = {
        "state": VersionState.ISSUED,
        "pdf_sha256": manifest.pdf_sha256,
        "xml_sha256": manifest.xml_sha256,
        "signed_sha256": manifest.signed_sha256,
        "signed_xml_sha256": manifest.signed_xml_sha256,
        "issued_at": manifest.issued_at,
    }
    query = upsert(TranscriptVersion).values(
        tenant_id=session.tenant_id,
        id=manifest.version_id,
        transcript_id=manifest.transcript_id,
        academic_year_id=manifest.academic_year_id,
        class_id=manifest.class_id,
        student_id=manifest.student_id,
        number=manifest.number,
        snapshot=snapshot,
        content_sha256=manifest.content_sha256,
        corrections=corrections,
        frozen_at=manifest.frozen_at,
        **issued,
    )
    await session.execute(query.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=issued))
