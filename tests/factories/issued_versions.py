"""Issued transcript versions without the season before them: what a delivery finds in tables and store."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime

from backend.core import outbox, storage
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id, new_lookup_code
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent
from backend.records.transcripts.canonical import canonical_json
from backend.records.transcripts.events import TranscriptIssued
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import Snapshot, VersionState
from backend.records.transcripts.xml_form import build_xml
from backend.tenants.schools import service as schools
from tests.factories.signing_school import profile_of
from tests.factories.snapshots import primary_snapshot

#: Before the last day of every plan for the year.
FROZEN_AT = datetime(2026, 5, 28, 8, tzinfo=UTC)


async def open_delivering_school(name: str = "Trường Gửi Thử") -> TenantId:
    """A new tenant with a year and a class 4A."""
    tenant_id = TenantId(new_id())
    await schools.open_school(tenant_id, profile_of(tenant_id, name))
    async with tenant_session(tenant_id) as session:
        year_id = await roster.open_year(session, "2025-2026", date(2025, 9, 5), date(2026, 5, 31))
        await roster.open_class(session, year_id, "4A", 4, None)
    return tenant_id


#: The content of a version: by lookup code, number and the pupil's code.
Content = Callable[[str, int, str], Snapshot]


def usual(lookup_code: str, number: int, student_code: str) -> Snapshot:
    """One pupil of grade 4, whoever is asked for."""
    return primary_snapshot(lookup_code=lookup_code, version=number)


async def issue(
    tenant_id: TenantId, count: int = 1, frozen_at: datetime = FROZEN_AT, content: Content = usual
) -> list[uuid.UUID]:
    """So many pupils with an issued version each, announced to the machine; returns the versions."""
    codes = [f"HS{number:05}{uuid.uuid4().hex[:6]}" for number in range(count)]
    pupils = [
        NewStudent(
            student_code=code, full_name="Lường Thị Ngọc Ánh", date_of_birth=date(2016, 9, 3), class_name="4A"
        )
        for code in codes
    ]
    async with tenant_session(tenant_id) as session:
        await roster.take_register(session, pupils)
    return [await _issue(tenant_id, code, frozen_at, content) for code in codes]


async def issue_next(
    tenant_id: TenantId, former_id: uuid.UUID, content: Content = usual, student_code: str = ""
) -> uuid.UUID:
    """The next version of the same pupil's year, issued and announced."""
    async with tenant_session(tenant_id) as session:
        former = await session.get(TranscriptVersion, (tenant_id, former_id))
        transcript = await session.get(Transcript, (tenant_id, former.transcript_id)) if former else None
    assert former is not None
    assert transcript is not None
    values = {name: getattr(former, name) for name in ("transcript_id", "student_id", "class_id")}
    number = former.number + 1
    snapshot = content(transcript.lookup_code, number, student_code)
    return await _version(tenant_id, snapshot, number, former.academic_year_id, values)


async def _issue(tenant_id: TenantId, student_code: str, frozen_at: datetime, content: Content) -> uuid.UUID:
    lookup_code, transcript_id = new_lookup_code(), new_id()
    async with tenant_session(tenant_id) as session:
        student_id = (await roster.places_by_code(session))[student_code].id
        [school_class] = await roster.list_classes(session)
        session.add(
            Transcript(
                tenant_id=tenant_id,
                id=transcript_id,
                student_id=student_id,
                level="primary",
                lookup_code=lookup_code,
                created_at=datetime.now(UTC),
            )
        )
        await session.flush()
    values = {"transcript_id": transcript_id, "student_id": student_id, "class_id": school_class.id}
    snapshot = content(lookup_code, 1, student_code)
    return await _version(tenant_id, snapshot, 1, school_class.academic_year_id, values, frozen_at)


async def _version(
    tenant_id: TenantId,
    snapshot: Snapshot,
    number: int,
    year_id: uuid.UUID,
    values: dict[str, uuid.UUID],
    frozen_at: datetime = FROZEN_AT,
) -> uuid.UUID:
    version_id = new_id()
    files = [build_xml(snapshot), f"%PDF-1.7 {snapshot.lookup_code} {number}".encode()]
    xml, pdf = [await store(tenant_id, data) for data in files]
    async with tenant_session(tenant_id) as session:
        session.add(
            TranscriptVersion(
                tenant_id=tenant_id,
                id=version_id,
                academic_year_id=year_id,
                number=number,
                state=VersionState.ISSUED,
                snapshot=canonical_json(snapshot).decode(),
                content_sha256="0" * 64,
                pdf_sha256=pdf,
                xml_sha256=xml,
                signed_sha256=pdf,
                corrections=[],
                frozen_at=frozen_at,
                issued_at=frozen_at,
                **values,
            )
        )
        await outbox.emit(session, TranscriptIssued(version_id))
    return version_id


async def store(tenant_id: TenantId, data: bytes) -> str:
    """A file that the school has; returns its digest."""
    sha256 = await storage.put(tenant_id, data)
    async with tenant_session(tenant_id) as session:
        await storage.register(session, storage.File(sha256, len(data), "application/octet-stream"))
    return sha256
