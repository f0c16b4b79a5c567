"""Issued transcript versions without the season before them: what a delivery finds in tables and store."""

import uuid
from datetime import UTC, date, datetime

from backend.core import outbox, storage
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id, new_lookup_code
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent
from backend.records.transcripts.events import TranscriptIssued
from backend.records.transcripts.models import Transcript, TranscriptVersion
from backend.records.transcripts.schemas import VersionState
from backend.records.transcripts.xml_form import build_xml
from backend.tenants.schools import service as schools
from tests.factories.signing_school import profile_of
from tests.factories.snapshots import primary_snapshot


async def open_delivering_school(name: str = "Trường Gửi Thử") -> TenantId:
    """A new tenant with a year and a class 4A."""
    tenant_id = TenantId(new_id())
    await schools.open_school(tenant_id, profile_of(tenant_id, name))
    async with tenant_session(tenant_id) as session:
        year_id = await roster.open_year(session, "2025-2026", date(2025, 9, 5), date(2026, 5, 31))
        await roster.open_class(session, year_id, "4A", 4, None)
    return tenant_id


async def issue(tenant_id: TenantId, count: int = 1) -> list[uuid.UUID]:
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
    return [await _issue(tenant_id, code) for code in codes]


async def _issue(tenant_id: TenantId, student_code: str) -> uuid.UUID:
    lookup_code, version_id, transcript_id = new_lookup_code(), new_id(), new_id()
    files = [build_xml(primary_snapshot(lookup_code=lookup_code)), b"%PDF-1.7 " + lookup_code.encode()]
    xml, pdf = [await _store(tenant_id, data) for data in files]
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
        session.add(
            TranscriptVersion(
                tenant_id=tenant_id,
                id=version_id,
                transcript_id=transcript_id,
                academic_year_id=school_class.academic_year_id,
                class_id=school_class.id,
                student_id=student_id,
                number=1,
                state=VersionState.ISSUED,
                snapshot="{}",
                content_sha256="0" * 64,
                pdf_sha256=pdf,
                xml_sha256=xml,
                signed_sha256=pdf,
                frozen_at=datetime.now(UTC),
                issued_at=datetime.now(UTC),
            )
        )
        await outbox.emit(session, TranscriptIssued(version_id))
    return version_id


async def _store(tenant_id: TenantId, data: bytes) -> str:
    sha256 = await storage.put(tenant_id, data)
    async with tenant_session(tenant_id) as session:
        await storage.register(session, storage.File(sha256, len(data), "application/octet-stream"))
    return sha256
