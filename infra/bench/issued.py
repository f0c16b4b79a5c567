"""Schools with issued versions as deliveries find them in tables and store, without the season before them."""

import asyncio
import base64
import os
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec

from backend.core import at_once, bucket, clock, storage
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id, new_lookup_code
from backend.records.roster import service as roster
from backend.records.roster.schemas import NewStudent
from backend.records.transcripts import queries
from backend.records.transcripts.schemas import VersionState
from backend.tenants.schools import service as schools
from infra.bench import samples
from infra.bench.samples import Document
from infra.demo.schools import ACADEMIC_YEAR

_CLASS: Final = "4A"
_TOGETHER: Final = 500
_REGISTERED: Final = 5000
_FILES_AT_ONCE: Final = 8
#: In place of three signatures with their certificates and answers about them (bytes of base64).
_SIGNATURES: Final = 24 * 1024


class IssuedSchool(NamedTuple):
    """A school and its issued versions, of which nobody has told the machine."""

    tenant_id: TenantId
    version_ids: list[uuid.UUID]


async def open_empty() -> TenantId:
    """A school with nothing in it, under a code of its own."""
    tenant_id = TenantId(uuid.uuid4())
    code = f"{int.from_bytes(os.urandom(3), 'big'):08}"
    profile = msgspec.structs.replace(samples.profile(samples.truth().primary), code=code)
    await schools.open_school(tenant_id, profile)
    return tenant_id


async def open_school(count: int) -> IssuedSchool:
    """So many pupils of one class, each with a version; as large as signed ones, each with bytes of its own."""
    tenant_id = await open_empty()
    async with tenant_session(tenant_id) as session:
        year_id = await roster.open_year(session, ACADEMIC_YEAR, date(2025, 9, 5), date(2026, 5, 31))
        await roster.open_class(session, year_id, _CLASS, 4, None)
    [document] = samples.year_records(1)
    students = await _registered(tenant_id, count)
    made: list[uuid.UUID] = []
    for start in range(0, count, _TOGETHER):
        made += await _issue(tenant_id, document, students[start : start + _TOGETHER])
    return IssuedSchool(tenant_id, made)


async def _registered(tenant_id: TenantId, count: int) -> list[uuid.UUID]:
    """So many pupils of the class."""
    codes = [f"DO{number:07}" for number in range(count)]
    for start in range(0, count, _REGISTERED):
        pupils = [
            NewStudent(
                student_code=code,
                full_name="Lường Thị Ngọc Ánh",
                date_of_birth=date(2016, 9, 3),
                class_name=_CLASS,
            )
            for code in codes[start : start + _REGISTERED]
        ]
        async with tenant_session(tenant_id) as session:
            await roster.take_register(session, pupils)
    async with tenant_session(tenant_id) as session:
        places = await roster.places_by_code(session)
    return [places[code].id for code in codes]


async def _issue(tenant_id: TenantId, document: Document, students: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    async with tenant_session(tenant_id) as session:
        [school_class] = await roster.list_classes(session)
    codes = [new_lookup_code() for _ in students]

    async def one(code: str) -> storage.File:
        # Written without being looked for first: nobody else writes here.
        file = storage.file_of(xml := _xml(document, code), "application/xml")
        await asyncio.to_thread(bucket.replace, storage.object_key(tenant_id, file.sha256), xml)
        return file

    files = await at_once.each(codes, one, limit=_FILES_AT_ONCE)
    transcripts: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    for student_id, code, file in zip(students, codes, files, strict=True):
        transcript = {
            "tenant_id": tenant_id,
            "id": new_id(),
            "student_id": student_id,
            "level": document.snapshot.level.value,
            "lookup_code": code,
            "created_at": clock.now(),
        }
        transcripts.append(transcript)
        versions.append(
            {
                "tenant_id": tenant_id,
                "id": new_id(),
                "transcript_id": transcript["id"],
                "academic_year_id": school_class.academic_year_id,
                "class_id": school_class.id,
                "student_id": transcript["student_id"],
                "number": 1,
                "state": VersionState.ISSUED,
                "snapshot": document.content.decode(),
                "content_sha256": "0" * 64,
                "xml_sha256": file.sha256,
                "signed_xml_sha256": file.sha256,
                "pdf_sha256": file.sha256,
                "signed_sha256": file.sha256,
                "frozen_at": clock.now(),
                "issued_at": clock.now(),
                "corrections": [],
            }
        )
    async with tenant_session(tenant_id) as session:
        await storage.register(session, *files)
        await queries.insert_transcripts(session, transcripts)
        await queries.insert_versions(session, versions)
    return [uuid.UUID(str(version["id"])) for version in versions]


def _xml(document: Document, code: str) -> bytes:
    """The document under another code, and as long as if it were signed."""
    filler = base64.b64encode(os.urandom(_SIGNATURES * 3 // 4))
    head, end, name = document.xml.rpartition(b"</")
    renamed = head.replace(document.snapshot.lookup_code.encode(), code.encode())
    return b"".join((renamed, b"<!--", filler, b"-->", end, name))
