"""The evidence pack of an issued học bạ: all proof of it in one file, for a court, an inspector or another archive."""

import asyncio
import uuid
from collections.abc import Sequence

import msgspec

from backend.core import audit, audit_chain, clock, storage
from backend.core.actor import Actor
from backend.core.audit import Action, AuditEvent
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.core.text import check_text
from backend.records.evidence.schemas import Gathered
from backend.records.transcripts import service as transcripts
from backend.records.transparency import service as transparency
from backend.remote_signing.archiving import service as archiving
from backend.remote_signing.formats.schemas import (
    EvidenceConsent,
    EvidenceFile,
    EvidenceLeaf,
    EvidenceManifest,
    xml_token_name,
)
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import ConsentProof
from backend.remote_signing.validation import service as validation
from backend.tenants.permissions import Permission

_MOST_LETTERS = 200


async def gather(session: TenantSession, actor: Actor, version_id: uuid.UUID, purpose: str) -> Gathered:
    """Write down who takes a pack and what for, and say what it is made of.

    Raises NotFound; Forbidden but for whoever keeps the school's transcripts; Invalid without a purpose; Conflict
    before the version is issued.
    """
    version = await transcripts.get_version(session, version_id)
    if not actor.may(Permission.TRANSCRIPT_READ_ANY):
        raise Forbidden(
            f"Gói bằng chứng của {version.full_name} do ban giám hiệu hoặc văn thư lập; hãy báo một trong những người đó."
        )
    said = check_text(purpose, field="Lý do lập gói", person=version.full_name, limit=_MOST_LETTERS)
    if not said:
        raise Invalid("Hãy ghi “Lý do lập gói”; nội dung này được ghi vào nhật ký.")
    if version.signed_sha256 is None:
        raise Conflict(f"Học bạ của {version.full_name} chưa phát hành nên chưa có bằng chứng chữ ký.")
    archived = await archiving.archived(session, version_id)
    consents = await signing.consents_of(session, version_id)
    stored = {
        EvidenceFile.PDF: version.signed_sha256,
        EvidenceFile.XML: version.signed_xml_sha256,
        EvidenceFile.ARCHIVED: archived.document_sha256 if archived else None,
    }
    tokens = archived.tokens if archived else ()
    rows = await audit.history(
        session, [version_id, *(one.batch_id for one in consents), *(one.step_id for one in consents)]
    )
    newest = await audit_chain.newest(session)
    files = {xml_token_name(number): token for number, token in enumerate(tokens, 1)}
    files[EvidenceFile.AUDIT] = events_of([row for row in rows if not row.action.endswith(_LOOKS)])
    await audit.record(
        session,
        actor,
        Action.EVIDENCE_TAKEN,
        version_id,
        version.label,
        about=[version.student_id],
        evidence_purpose=said,
    )
    return Gathered(
        name=f"bang-chung-hoc-ba-{version.academic_year}-{version.id}.zip",
        manifest=EvidenceManifest(
            subject_id=str(version_id),
            made_at=clock.now(),
            consents=tuple(consent_of(one) for one in consents),
        ),
        files=files,
        stored={name: sha256 for name, sha256 in stored.items() if sha256},
        checkpoint=(newest.number, newest.document_sha256) if newest.number else None,
        logged=tuple(await transparency.openings_of(session, version_id)),
    )


async def pack(tenant_id: uuid.UUID, gathered: Gathered) -> bytes:
    """The ZIP; made between transactions. Raises Unavailable without the store."""
    files = dict(gathered.files)
    for name, sha256 in gathered.stored.items():
        files[name] = await storage.get(tenant_id, sha256)
    if gathered.checkpoint is not None:
        document, token = await storage.get_checkpoint(*gathered.checkpoint)
        files |= {EvidenceFile.CHECKPOINT: document, EvidenceFile.CHECKPOINT_TOKEN: token}
    for proven in await transparency.prove(gathered.logged):
        if proof := proven.written():
            files[validation.log_proof_name(proven.opening.event)] = proof.encode()
    return await asyncio.to_thread(validation.evidence_pack, gathered.manifest, files)


def consent_of(one: ConsentProof) -> EvidenceConsent:
    """A consent as it stands in a pack."""
    return EvidenceConsent(
        role=one.role,
        batch_id=str(one.batch_id),
        consented_at=one.consented_at,
        merkle_root=one.merkle_root,
        proved_by=one.proved_by,
        proved_at=one.proved_at,
        evidence=one.evidence,
        leaves=tuple(
            EvidenceLeaf(
                request_id=leaf.request_id.hex,
                sha256=leaf.sha256,
                part=leaf.part,
                index=leaf.index,
                count=leaf.count,
                proof=leaf.proof,
            )
            for leaf in one.leaves
        ),
    )


#: Who has looked at a document and taken it away proves nothing about it, and is nobody's business outside.
_LOOKS = (".read", ".download")


def events_of(rows: Sequence[AuditEvent]) -> bytes:
    """Events as they stand in the chain, oldest first, as JSON."""
    names = (
        *("n", "at", "actor_id", "actor_name", "action", "subject_id", "subject_label", "outcome"),
        *("about", "details", "prev_hash", "hash", "settled_at"),
    )
    events = [{"id": row.id, **{name: getattr(row, name) for name in names}} for row in reversed(rows)]
    return msgspec.json.format(msgspec.json.encode(events))
