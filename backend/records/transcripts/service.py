"""The life of a transcript: frozen from confirmed results, rendered once, signed, issued."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, jobs, parked_jobs
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Closing
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary
from backend.records.transcripts import (
    again,
    book,
    canonical,
    corrections,
    freezing,
    handing_over,
    printed,
    queries,
    rendering,
    rules,
    xml_form,
)
from backend.records.transcripts.book import Book, YearRecord
from backend.records.transcripts.closings import closing_of as closing_of
from backend.records.transcripts.corrections import Pair
from backend.records.transcripts.freezing import verify_url as verify_url
from backend.records.transcripts.manifests import issued_manifests as issued_manifests
from backend.records.transcripts.manifests import restore as restore
from backend.records.transcripts.manifests import since_issued as since_issued
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.recalling import begin_recalls as begin_recalls
from backend.records.transcripts.recalling import hold_deliverable as hold_deliverable
from backend.records.transcripts.recalling import hold_recalled as hold_recalled
from backend.records.transcripts.recalling import recalled_among as recalled_among
from backend.records.transcripts.schemas import (
    ENDED,
    IN_FORCE,
    CopyMark,
    Correction,
    Deed,
    FreezeReport,
    IssuedVersion,
    Overdue,
    OverduePage,
    SchoolLevel,
    Snapshot,
    TranscriptId,
    VersionId,
    VersionState,
    VersionSummary,
)
from backend.records.transcripts.schemas import SIGNING_ORDER as SIGNING_ORDER
from backend.records.transcripts.signers import missing_signers as missing_signers
from backend.remote_signing.requests import service as signing
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools

#: Name of the task that locks versions (tasks.py).
LOCK = "transcripts.lock"
#: The newest signed revision of its PDF is with the signing request.
_UNDER_WAY = {VersionState.SIGNING, VersionState.SIGNED}
#: What its last day should not find a version in.
_FINISHED = {VersionState.ACCEPTED, VersionState.LOCKED, VersionState.TRANSFERRED_OUT}
#: Overdue versions on one page.
OVERDUE_SHOWN = 50
UNFINISHED = frozenset(VersionState) - ENDED - _FINISHED


async def freeze_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> FreezeReport:
    """Fix the content of every confirmed year of a class (`freezing.freeze_class`). Safe to repeat. Raises Conflict."""
    return await freezing.freeze_class(session, actor, class_id)


async def list_versions(session: TenantSession, class_id: uuid.UUID) -> list[VersionSummary]:
    """Versions of a class, pupils in the order of names."""
    return [rules.summary_of(row) for row in await queries.list_versions(session, class_id)]


async def versions_after(
    session: TenantSession,
    after: uuid.UUID | None,
    limit: int,
    *,
    class_id: uuid.UUID | None = None,
    states: Collection[VersionState] | None = None,
) -> list[VersionSummary]:
    """The next versions after one, oldest first, for systems that read all of them part by part."""
    rows = await queries.versions_after(session, after, limit, class_id, states)
    return [rules.summary_of(row) for row in rows]


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
    found = {row.id: rules.summary_of(row) for row in rows}
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


async def require_versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Raises NotFound when one of these is no version of the school."""
    rules.all_of(version_ids, await queries.files_of_versions(session, version_ids))


async def require_duty(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> None:
    """The personal page of a pupil is for the school's management and for the teachers of the class. Raises Forbidden."""
    await roster.require_duty(session, actor, class_id, "học bạ", Permission.TRANSCRIPT_READ_ANY)


async def canonical_content(session: TenantSession, version_id: uuid.UUID) -> bytes:
    """The frozen content of a version, the very bytes of `content_sha256`. Raises NotFound."""
    return (await _version(session, version_id)).snapshot.encode()


async def get_snapshot(session: TenantSession, version_id: uuid.UUID) -> Snapshot:
    """The frozen content of a version. Raises NotFound; Invalid for content of another schema."""
    return canonical.decode_snapshot((await _version(session, version_id)).snapshot.encode())


async def is_signed_by_teachers(session: TenantSession, version_id: uuid.UUID) -> bool:
    """Whether subject teachers sign parts of a version. Raises NotFound."""
    return bool(rules.signed_by_teachers(await get_snapshot(session, version_id)))


async def contents_of(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[str, Any]]:
    """The frozen contents of some versions as they are written in their snapshots. Raises NotFound."""
    rows = rules.all_of(version_ids, await queries.versions(session, version_ids))
    return {row.id: msgspec.json.decode(row.snapshot) for row in rows}


def person_fields() -> Mapping[str, str]:
    """Elements of the XML that say something of the pupil → fields of the pupil's record."""
    return xml_form.PERSON


async def corrections_of(session: TenantSession, version_id: uuid.UUID) -> list[Correction]:
    """In what a version differs from those before it, the oldest first. Raises NotFound."""
    return msgspec.convert((await _version(session, version_id)).corrections, list[Correction])


async def release_marks(session: TenantSession, actor: Actor, version: VersionSummary) -> None:
    """The marks behind a version that does not stand may be corrected. The caller holds its class."""
    words = f"{version.full_name}, học bạ phiên bản {version.number}"
    await gradebook.release_pupil(session, actor, version.class_id, version.student_id, words)


async def queue_locks(session: TenantSession) -> None:
    """Have every accepted version locked whose last day is over. Safe to repeat."""
    accepted = await after_closing(session, {VersionState.ACCEPTED})
    await jobs.enqueue(session, LOCK, *(one.version.id for one in accepted))


async def after_closing(session: TenantSession, states: Collection[VersionState]) -> list[Overdue]:
    """Versions in some states whose last day is over, with the plan's words, by class and name."""
    closings: dict[tuple[str, int, date], Closing] = {}
    found = []
    for row in await queries.versions_in_states(session, states):
        frozen_on = row.frozen_at.astimezone(clock.VIETNAM).date()
        key = (row.academic_year, row.grade_level, frozen_on)
        if key not in closings:
            closings[key] = await calendar.closing(session, *key)
        if closings[key].last_day < clock.today():
            found.append(Overdue(version=rules.summary_of(row), closing=closings[key]))
    return found


async def open_overdue(session: TenantSession, actor: Actor, page: int) -> OverduePage:
    """Versions of which the last day is over and which the Authority has not accepted, for a person who looks at a page
    of them; one that there is not is the last."""
    found = await after_closing(session, UNFINISHED)
    pages = max(1, -(-len(found) // OVERDUE_SHOWN))
    number = min(max(1, page), pages)
    shown = found[(number - 1) * OVERDUE_SHOWN : number * OVERDUE_SHOWN]
    if shown:
        pupils = [one.version.student_id for one in shown]
        label = "Học bạ quá hạn chốt"
        audit_reads.record_read(session, actor, Action.TRANSCRIPTS_LISTED, None, label, pupils)
    return OverduePage(rows=tuple(shown), total=len(found), number=number, pages=pages)


async def former_versions(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """version → the versions of the same pupil's year before it, the newest first."""
    return await queries.former_versions(session, version_ids)


async def preceding_versions(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """version → the versions of the same pupil of earlier years, and of its own year those with a lower number."""
    return await queries.preceding_versions(session, version_ids)


async def other_versions(session: TenantSession, version: VersionSummary) -> list[VersionSummary]:
    """The other versions of the same pupil's year, newest first."""
    return [
        one
        for one in await versions_of_transcript(session, version.transcript_id)
        if one.academic_year == version.academic_year and one.id != version.id
    ]


async def compare(
    session: TenantSession, actor: Actor, one_id: uuid.UUID, other_id: uuid.UUID
) -> tuple[VersionSummary, VersionSummary, list[Pair]]:
    """Two versions of one pupil's year, the older first, and every place of them side by side; one with itself, too.

    Raises NotFound, also for versions of two pupils or years; Forbidden without a duty in the class.
    """
    one = await open_version(session, actor, one_id)
    if other_id not in {one.id, *(found.id for found in await other_versions(session, one))}:
        raise NotFound("Hai học bạ này không phải hai phiên bản của cùng một học sinh và năm học.")
    other = await open_version(session, actor, other_id)
    older, newer = sorted((one, other), key=lambda version: version.number)
    pairs = corrections.side_by_side(
        await get_snapshot(session, older.id), await get_snapshot(session, newer.id)
    )
    return older, newer, pairs


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
    """SHA-256 of a version's newest PDF (`pdf`) or XML (`xml`). Raises NotFound before it exists."""
    return (await digests_of_files(session, [version_id], kind))[version_id]


async def digests_of_files(
    session: TenantSession, version_ids: Sequence[uuid.UUID], kind: str
) -> dict[uuid.UUID, str]:
    """`digest_of_file` for several versions. Raises NotFound when one has no such file."""
    rows = rules.all_of(version_ids, await queries.files_of_versions(session, version_ids))
    signing_ids = [row.id for row in rows if kind == "pdf" and row.state in _UNDER_WAY]
    under_way = await signing.signed_documents(session, signing_ids) if signing_ids else {}
    found: dict[uuid.UUID, str] = {}
    for row in rows:
        newest = under_way.get(row.id) or row.signed_sha256 or row.pdf_sha256
        digest = newest if kind == "pdf" else row.signed_xml_sha256 or row.xml_sha256
        if digest is None:
            raise NotFound("Học bạ này chưa được kết xuất; xin thử lại sau ít phút.")
        found[row.id] = digest
    return found


async def documents_of(session: TenantSession, student_id: uuid.UUID) -> list[VersionId]:
    """The versions of a pupil's transcripts, oldest first."""
    return [VersionId(found) for found in await queries.versions_of_student(session, student_id)]


async def versions_of_transcript(session: TenantSession, transcript_id: uuid.UUID) -> list[VersionSummary]:
    """All versions of one transcript, newest first."""
    return [rules.summary_of(row) for row in await queries.versions_of_transcript(session, transcript_id)]


async def find_by_code(lookup_code: str, *, held: bool = False) -> tuple[uuid.UUID, TranscriptId] | None:
    """(tenant, transcript) behind a code that is shown, or None. Who asks has no school, so it is asked outside of any.

    `held`: whoever asks has the document itself, so one of which every version was recalled is found, too.
    """
    found = await queries.find_code(code_digest(lookup_code), held=held)
    return (found[0], TranscriptId(found[1])) if found else None


async def issued_of(session: TenantSession, transcript_id: uuid.UUID) -> list[IssuedVersion]:
    """What was ever issued of a transcript, newest first, without the pupil."""
    found = await queries.issued_versions(session, transcript_id)
    return [
        IssuedVersion(**{name: getattr(row, name) for name in IssuedVersion.__struct_fields__})
        for row in found
    ]


async def shown_content(session: TenantSession, version_id: uuid.UUID) -> tuple[Snapshot, printed.View]:
    """The frozen content of a version, and the words in which its form prints it. Raises NotFound."""
    snapshot = await get_snapshot(session, version_id)
    return snapshot, printed.printed(snapshot)


async def classes_of(session: TenantSession, states: Collection[VersionState]) -> dict[uuid.UUID, uuid.UUID]:
    """version → class, of the versions in some states."""
    return {row.id: row.class_id for row in await queries.classes_in_states(session, states)}


async def press_on(session: TenantSession, deed: Deed, version_ids: Sequence[uuid.UUID]) -> int:
    """Have the machine do a deed that stopped, or never began, to versions that stand before it; counts those that go.

    `version_ids` are those that wait for it; of those that are signed, what is ready to be issued is. Safe to repeat.
    """
    match deed:
        case Deed.RENDER:
            return await again.render(session, version_ids)
        case Deed.ASK_FOR_SIGNATURES:
            return await again.ask_for_signatures(session, version_ids)
        case Deed.ISSUE:
            return await again.issue(session, await signing.fully_signed(session, version_ids))
    raise ValueError(f"nobody sets {deed} going")


async def told_of(session: TenantSession, deed: Deed, subject_ids: Collection[uuid.UUID]) -> list[str]:
    """Why the machine gave a deed up, once per version; of ISSUE the subjects are signing requests."""
    kinds = {
        Deed.RENDER: [again.RENDER],
        Deed.ASK_FOR_SIGNATURES: [again.ASK],
        Deed.ISSUE: [signing.COMPLETE, again.ISSUE],
    }
    return list((await parked_jobs.told_of(session, kinds[deed], subject_ids)).values())


async def standing_in(
    session: TenantSession, class_ids: Collection[uuid.UUID]
) -> dict[VersionState, list[uuid.UUID]]:
    """state → versions of some classes, of those that stand."""
    found = defaultdict(list)
    for row in await queries.standing_in(session, class_ids):
        found[VersionState(row.state)].append(row.id)
    return found


async def counts(session: TenantSession, *, present: bool = False) -> dict[uuid.UUID, dict[str, int]]:
    """class → state → number of versions that stand; `present`: without pupils who are not in the class any more."""
    found: dict[uuid.UUID, dict[str, int]] = defaultdict(dict)
    for row in await queries.counts(session, present=present):
        found[row.class_id][row.state] = row.number
    return found


def code_digest(lookup_code: str) -> str:
    """How a lookup code is kept in the directory: a leak of that table reveals no code."""
    return sha256_hex(lookup_code.encode())


async def _version(session: TenantSession, version_id: uuid.UUID) -> TranscriptVersion:
    return rules.all_of([version_id], await queries.versions(session, [version_id]))[0]


async def book_of(session: TenantSession, transcript_id: uuid.UUID, mark: CopyMark) -> Book:
    """What the pupil's book says today, as the print that `mark` names; an extract has its one year.

    Raises NotFound; Conflict before a year of it is issued.
    """
    transcript = await queries.transcript(session, transcript_id)
    if transcript is None:
        raise NotFound("Không tìm thấy học bạ này.")
    issued = await queries.in_state(session, transcript_id, IN_FORCE)
    newest = {row.academic_year_id: row for row in issued}
    records = [await _year_record(session, row) for row in newest.values()]
    level = SchoolLevel(transcript.level)
    here = await roster.places_of(session, transcript.student_id)
    elsewhere = await roster.earlier_years(session, transcript.student_id)
    school = await schools.get_school(session)
    return book.bind(
        level=level,
        records=records,
        places=book.places_of(level, school.name, here, elsewhere),
        mark=mark,
    )


async def open_book(
    session: TenantSession, actor: Actor, version_id: uuid.UUID
) -> tuple[VersionSummary, Book]:
    """A version, and the book of its transcript as it stands today, for a person who reads it on a screen.

    Raises NotFound; Forbidden without a duty in its class; Conflict before a year of it is issued.
    """
    version = await open_version(session, actor, version_id)
    unmarked = CopyMark(
        title="", number="", on=clock.today(), recipient="", purpose="", year="", confirmed=False
    )
    return version, await book_of(session, version.transcript_id, unmarked)


async def set_leaving(session: TenantSession, student_id: uuid.UUID, *, leaving: bool) -> None:
    """Whether a package with a pupil's transcripts is on its way to another school: none is recalled meanwhile."""
    await queries.set_leaving(session, student_id, clock.now() if leaving else None)


async def is_leaving(session: TenantSession, version: VersionSummary) -> bool:
    """Whether a package with a version is on its way to another school."""
    transcript = await queries.transcript(session, version.transcript_id)
    return transcript is not None and transcript.leaving_since is not None


async def hand_over(
    session: TenantSession, actor: Actor, deed: Deed, student_id: uuid.UUID, reason: str
) -> None:
    """Another school manages the pupil's issued versions from now on (`handing_over.hand_over`). Safe to repeat."""
    await handing_over.hand_over(session, actor, deed, student_id, reason)


async def handed_over_at(session: TenantSession, version: VersionSummary) -> datetime | None:
    """Since when another school manages a version; None where this one does."""
    if version.state != VersionState.TRANSFERRED_OUT:
        return None
    transcript = await queries.transcript(session, version.transcript_id)
    return transcript.handed_over_at if transcript else None


async def print_book(content: Book) -> bytes:
    """The PDF of a book; made between transactions, as the forms of a version are."""
    return await asyncio.to_thread(rendering.render_book, content)


async def _year_record(session: TenantSession, row: TranscriptVersion) -> YearRecord:
    if row.signed_sha256 is None or row.issued_at is None:
        raise RuntimeError(f"version {row.id} is issued and has no signed file")
    steps = await signing.steps_of(session, row.id)
    return YearRecord(
        snapshot=canonical.read_snapshot(row.snapshot.encode()),
        content=row.snapshot,
        signed_sha256=row.signed_sha256,
        issued_at=row.issued_at.astimezone(clock.VIETNAM),
        effective_on=row.effective_on,
        signed_at={step.role: step.signed_at.astimezone(clock.VIETNAM) for step in steps if step.signed_at},
    )
