"""What lies beside an issued version in the store, and how its rows are rebuilt from that in an older database."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from backend.core import at_once, audit, manifests, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId, TenantSession
from backend.core.errors import NotFound
from backend.records.transcripts import canonical, queries
from backend.records.transcripts.events import TranscriptIssued
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import (
    JSON_TYPE,
    SIGNING_ORDER,
    IssuedManifest,
    Restored,
    Restoring,
)
from backend.remote_signing.formats.schemas import Unreadable
from backend.remote_signing.requests import service as signing
from backend.remote_signing.validation import service as signatures
from backend.tenants.schools import service as schools

#: Versions of one job whose content and manifest are written at the same time.
AT_ONCE = 8


async def keep(
    session: TenantSession,
    rows: Sequence[TranscriptVersion],
    signed: Mapping[uuid.UUID, str],
    issued_at: datetime,
) -> None:
    """Write content and manifest of versions that this transaction issues. Raises Unavailable without the store."""
    school = await schools.get_school(session)
    transcripts = await queries.transcripts(session, {row.transcript_id for row in rows})
    requests = await signing.request_ids_of(session, [row.id for row in rows])
    corrections = {row.id: msgspec.json.encode(row.corrections) for row in rows if row.corrections}
    noted = {version_id: sha256_hex(content) for version_id, content in corrections.items()}
    contents = [*(row.snapshot.encode() for row in rows), *corrections.values()]
    await at_once.each(
        contents, lambda content: storage.put(session.tenant_id, content, lock=True), limit=AT_ONCE
    )
    await storage.register(session, *(storage.file_of(content, JSON_TYPE) for content in contents))
    named = {row.id: _files(row, signed[row.id], noted.get(row.id)) for row in rows}
    files = {one.sha256: one for one in await storage.files_of(session, set().union(*named.values()))}
    made: list[IssuedManifest] = []
    for row in rows:
        transcript = transcripts[row.transcript_id]
        made.append(
            IssuedManifest(
                tenant_id=session.tenant_id,
                school_code=school.code,
                version_id=row.id,
                transcript_id=transcript.id,
                level=transcript.level,
                code_sha256=sha256_hex(transcript.lookup_code.encode()),
                number=row.number,
                student_id=row.student_id,
                class_id=row.class_id,
                academic_year_id=row.academic_year_id,
                content_sha256=row.content_sha256,
                pdf_sha256=row.pdf_sha256,
                xml_sha256=row.xml_sha256,
                signed_sha256=signed[row.id],
                corrections_sha256=noted.get(row.id),
                signing_request_id=requests[row.id],
                transcript_created_at=transcript.created_at,
                frozen_at=row.frozen_at,
                issued_at=issued_at,
                files=tuple(files[digest] for digest in sorted(named[row.id])),
            )
        )
    await at_once.each(
        made, lambda one: manifests.keep(session.tenant_id, one.version_id, one), limit=AT_ONCE
    )


def _files(row: TranscriptVersion, signed_sha256: str, noted: str | None) -> set[str]:
    found = {sha256_hex(row.snapshot.encode()), row.pdf_sha256, row.xml_sha256, signed_sha256, noted}
    return {digest for digest in found if digest}


async def issued_manifests(tenant_id: TenantId) -> list[IssuedManifest]:
    """One manifest for each version that was issued: the newest, where a crash left several."""
    found = await manifests.of_school(tenant_id, IssuedManifest)
    newest = {one.version_id: one for one in sorted(found, key=lambda one: one.issued_at)}
    return [newest[version_id] for version_id in sorted(newest)]


async def restore_issued(session: TenantSession, manifest: IssuedManifest, operator: str) -> Restored:
    """Bring a version of an older database to what it was when it was issued; says what there was to do.

    A manifest alone proves nothing: the signed document must be there, valid, and say the same. Raises Unavailable.
    """
    row = next(iter(await queries.hold_versions(session, [manifest.version_id])), None)
    if row is not None and row.signed_sha256 is not None:
        if row.signed_sha256 == manifest.signed_sha256:
            return Restored(Restoring.KNOWN)
        return Restored(Restoring.CONFLICT, "cơ sở dữ liệu ghi một tệp đã ký khác cho cùng phiên bản")
    content = await _content(session.tenant_id, manifest)
    if isinstance(content, Restored):
        return content
    if row is not None and row.content_sha256 != manifest.content_sha256:
        return Restored(Restoring.CONFLICT, "nội dung đã chốt trong cơ sở dữ liệu khác nội dung đã phát hành")
    snapshot = canonical.read_snapshot(content)
    problem = await queries.why_not_restorable(session, manifest)
    said = (sha256_hex(snapshot.lookup_code.encode()), snapshot.version)
    if problem or said != (manifest.code_sha256, manifest.number):
        return Restored(
            Restoring.CONFLICT, problem or "mã tra cứu hoặc số phiên bản trong nội dung khác bản kê"
        )
    await storage.record_again(session, manifest.files)
    digest = manifest.corrections_sha256
    corrections = msgspec.json.decode(await storage.get(session.tenant_id, digest)) if digest else []
    await queries.end_versions_before(session, manifest)
    await queries.restore_version(session, manifest, content.decode(), snapshot.lookup_code, corrections)
    await queries.publish_codes(session, {manifest.transcript_id: manifest.code_sha256})
    await signing.close_signed(session, manifest.version_id, manifest.signed_sha256)
    await audit.record(
        session,
        machine(session.tenant_id),
        Action.TRANSCRIPT_RESTORED,
        manifest.version_id,
        "",
        about=(manifest.student_id,),
        operator=operator,
        signed_sha256=manifest.signed_sha256,
    )
    await outbox.emit_all(session, [TranscriptIssued(manifest.version_id)])
    return Restored(Restoring.ADVANCED if row is not None else Restoring.REBUILT)


async def _content(tenant_id: TenantId, manifest: IssuedManifest) -> bytes | Restored:
    """The frozen content, when the signed document is valid and has that content inside; about a second."""
    try:
        content = await storage.get(tenant_id, manifest.content_sha256)
        document = await storage.get(tenant_id, manifest.signed_sha256)
    except NotFound:
        return Restored(Restoring.CONFLICT, "kho lưu trữ không còn tệp mà bản kê nêu")
    try:
        report = await signatures.check_foreign(document, SIGNING_ORDER)
    except Unreadable as error:
        return Restored(Restoring.CONFLICT, f"tệp đã ký không đọc được: {error.message}")
    if report.verdict != "valid" or report.content_sha256 != manifest.content_sha256:
        return Restored(Restoring.CONFLICT, "tệp đã ký không hợp lệ, hoặc không chứa nội dung mà bản kê nêu")
    return content
