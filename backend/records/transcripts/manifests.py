"""What lies beside an issued version in the store, and how its rows are rebuilt from that in an older database."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from backend.core import at_once, audit, manifests, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId, TenantSession
from backend.core.errors import NotFound
from backend.records.transcripts import canonical, queries, rules
from backend.records.transcripts.events import TranscriptIssued, TranscriptRecallAsked
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import (
    ENDED,
    JSON_TYPE,
    SIGNING_ORDER,
    BegunRecallManifest,
    Deed,
    HandOverManifest,
    IssuedManifest,
    LockManifest,
    RecallManifest,
    Restored,
    Restoring,
    Since,
    VersionState,
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
    xml: Mapping[uuid.UUID, str | None],
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
    named = {row.id: _files(row, signed[row.id], xml[row.id], noted.get(row.id)) for row in rows}
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
                signed_xml_sha256=xml[row.id],
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


async def keep_recall(session: TenantSession, version_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Write that this transaction takes an issued version back. Raises Unavailable without the store."""
    reason = msgspec.json.encode(values["withdrawn_reason"])
    await storage.put(session.tenant_id, reason, lock=True)
    await storage.register(session, storage.file_of(reason, JSON_TYPE))
    [file] = await storage.files_of(session, [sha256_hex(reason)])
    made = RecallManifest(
        version_id=version_id,
        withdrawn_at=values["withdrawn_at"],
        withdrawn_by=values["withdrawn_by"],
        reason=file,
    )
    await manifests.keep(session.tenant_id, version_id, made)


async def keep_begun_recalls(session: TenantSession, version_ids: Iterable[uuid.UUID]) -> None:
    """Write that recalls stand in the database, which a transaction before this one has committed. Raises Unavailable."""
    for one in version_ids:
        await manifests.keep(session.tenant_id, one, BegunRecallManifest(version_id=one))


async def keep_locks(session: TenantSession, version_ids: Iterable[uuid.UUID], effective_on: date) -> None:
    """Write that this transaction locks versions. Raises Unavailable without the store."""
    made = [LockManifest(version_id=one, effective_on=effective_on) for one in version_ids]
    await at_once.each(
        made, lambda one: manifests.keep(session.tenant_id, one.version_id, one), limit=AT_ONCE
    )


async def keep_handovers(session: TenantSession, transcript_ids: Iterable[uuid.UUID], at: datetime) -> None:
    """Write that this transaction hands transcripts over. Raises Unavailable without the store."""
    for one in transcript_ids:
        made = HandOverManifest(transcript_id=one, handed_over_at=at)
        await manifests.keep(session.tenant_id, one, made)


def _files(row: TranscriptVersion, signed_sha256: str, xml: str | None, noted: str | None) -> set[str]:
    found = {sha256_hex(row.snapshot.encode()), row.pdf_sha256, row.xml_sha256, signed_sha256, xml, noted}
    return {digest for digest in found if digest}


async def issued_manifests(tenant_id: TenantId) -> list[IssuedManifest]:
    """One manifest for each version that was issued: the newest, where a crash left several."""
    found = await manifests.of_school(tenant_id, IssuedManifest)
    newest = {one.version_id: one for one in sorted(found, key=lambda one: one.issued_at)}
    return [newest[version_id] for version_id in sorted(newest)]


async def since_issued(tenant_id: TenantId) -> Since:
    """What the store knows of versions after they were issued: the newest of each, where there are several.

    Of days of effect it is the first: once known, the Authority makes it earlier by locking, and nobody later.
    """
    recalls = await manifests.of_school(tenant_id, RecallManifest)
    locks = await manifests.of_school(tenant_id, LockManifest)
    locks.sort(key=lambda one: one.effective_on, reverse=True)
    handovers = await manifests.of_school(tenant_id, HandOverManifest)
    begun = await manifests.of_school(tenant_id, BegunRecallManifest)
    return Since(
        recalls={one.version_id: one for one in sorted(recalls, key=lambda one: one.withdrawn_at)},
        begun_recalls=frozenset(one.version_id for one in begun),
        locks={one.version_id: one for one in locks},
        handovers={one.transcript_id: one for one in sorted(handovers, key=lambda one: one.handed_over_at)},
    )


async def restore(
    session: TenantSession, manifest: IssuedManifest, since: Since, operator: str, *, recall_sent: bool
) -> Restored:
    """Bring a version of an older database to where the store says that it was; says what there was to do.

    Raises Unavailable, CorruptObject.
    """
    restored = await _restore_issued(session, manifest, operator)
    if restored.found is Restoring.CONFLICT:
        return restored
    stands = recall_sent or manifest.version_id in since.begun_recalls
    further = [
        await _restore_recall(session, since.recalls.get(manifest.version_id) if stands else None),
        await _restore_lock(session, since.locks.get(manifest.version_id)),
        await _restore_handover(session, manifest.version_id, since.handovers.get(manifest.transcript_id)),
    ]
    if any(further) and restored.found is Restoring.KNOWN:
        await _record(session, manifest, operator)
        return Restored(Restoring.ADVANCED)
    return restored


async def _restore_recall(session: TenantSession, made: RecallManifest | None) -> bool:
    """Whether the version is recalled follows from its deliveries: the Authority's answer, or that it never had it."""
    if made is None:
        return False
    [row] = await queries.hold_versions(session, [made.version_id])
    if row.withdrawn_at is not None or row.state in ENDED:
        return False
    await storage.record_again(session, [made.reason])
    reason = await storage.get_recorded(session.tenant_id, made.reason)
    values = {
        "state": VersionState.RECALL_REQUESTED,
        "withdrawn_at": made.withdrawn_at,
        "withdrawn_by": made.withdrawn_by,
        "withdrawn_reason": msgspec.json.decode(reason, type=str),
    }
    await queries.update_versions(session, {made.version_id: values})
    await outbox.emit(session, TranscriptRecallAsked(made.version_id))
    return True


async def _restore_lock(session: TenantSession, made: LockManifest | None) -> bool:
    if made is None:
        return False
    [row] = await queries.hold_versions(session, [made.version_id])
    known = row.effective_on is not None and row.effective_on <= made.effective_on
    if known or row.state in {VersionState.LOCKED, *ENDED}:
        return False
    values: dict[str, Any] = {"effective_on": made.effective_on}
    if row.state != VersionState.TRANSFERRED_OUT:
        values["state"] = VersionState.LOCKED
    await queries.update_versions(session, {made.version_id: values})
    return True


async def _restore_handover(
    session: TenantSession, version_id: uuid.UUID, made: HandOverManifest | None
) -> bool:
    """The transcript is handed over as of then, and with it each version that was issued by then."""
    transcript = await queries.transcript(session, made.transcript_id) if made else None
    if made is None or transcript is None:
        return False
    if transcript.handed_over_at is None or transcript.handed_over_at < made.handed_over_at:
        await queries.hand_over(session, transcript.student_id, made.handed_over_at)
    [row] = await queries.hold_versions(session, [version_id])
    edge = rules.edge_of(Deed.TAKE_OVER)
    if row.state not in edge.sources or row.issued_at is None or row.issued_at > made.handed_over_at:
        return False
    await queries.update_versions(session, {version_id: {"state": edge.target}})
    return True


async def _restore_issued(session: TenantSession, manifest: IssuedManifest, operator: str) -> Restored:
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
    noted = await _named(session.tenant_id, manifest, digest) if digest else b"[]"
    corrections = msgspec.json.decode(noted)
    await queries.end_versions_before(session, manifest)
    await queries.restore_version(session, manifest, content.decode(), snapshot.lookup_code, corrections)
    await queries.publish_codes(session, {manifest.transcript_id: manifest.code_sha256})
    await signing.close_signed(
        session, manifest.version_id, manifest.signed_sha256, manifest.signed_xml_sha256
    )
    await _record(session, manifest, operator)
    await outbox.emit_all(session, [TranscriptIssued(manifest.version_id)])
    return Restored(Restoring.ADVANCED if row is not None else Restoring.REBUILT)


async def _record(session: TenantSession, manifest: IssuedManifest, operator: str) -> None:
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


async def _content(tenant_id: TenantId, manifest: IssuedManifest) -> bytes | Restored:
    """The frozen content, when the signed document is valid and has that content inside, and its XML is valid, too."""
    try:
        content = await _named(tenant_id, manifest, manifest.content_sha256)
        document = await _named(tenant_id, manifest, manifest.signed_sha256)
        digest = manifest.signed_xml_sha256
        xml = await _named(tenant_id, manifest, digest) if digest else None
    except NotFound:
        return Restored(Restoring.CONFLICT, "kho lưu trữ không còn tệp mà bản kê nêu")
    try:
        report = await signatures.check_foreign(document, SIGNING_ORDER)
        beside = await signatures.check_foreign(xml, SIGNING_ORDER) if xml else None
    except Unreadable as error:
        return Restored(Restoring.CONFLICT, f"tệp đã ký không đọc được: {error.message}")
    if report.verdict != "valid" or report.content_sha256 != manifest.content_sha256:
        return Restored(Restoring.CONFLICT, "tệp đã ký không hợp lệ, hoặc không chứa nội dung mà bản kê nêu")
    if beside is not None and (beside.verdict, beside.lookup_code) != ("valid", report.lookup_code):
        return Restored(Restoring.CONFLICT, "bản XML đã ký không hợp lệ, hoặc là của học bạ khác")
    return content


async def _named(tenant_id: TenantId, manifest: IssuedManifest, sha256: str) -> bytes:
    """A file of the manifest, in the version that it names: the database may know of none, others may lie over it."""
    recorded = next((one for one in manifest.files if one.sha256 == sha256), None)
    return await (storage.get_recorded(tenant_id, recorded) if recorded else storage.get(tenant_id, sha256))
