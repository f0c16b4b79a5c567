"""What lies in the store of a copy that left the school, and how its line of the register is rebuilt from that."""

import uuid
from datetime import datetime
from typing import Literal

import msgspec

from backend.core import audit, manifests, outbox, storage
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId, TenantSession
from backend.core.errors import Conflict
from backend.core.files import Recorded
from backend.records.copies import queries, rules
from backend.records.copies.events import CopyIssued
from backend.records.copies.models import IssuedCopy
from backend.records.copies.schemas import CopyKind
from backend.records.transcripts.schemas import JSON_TYPE
from backend.tenants.people import service as people


class _Words(msgspec.Struct, frozen=True):
    recipient: str
    purpose: str


class CopyManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="copy"):
    """A line of the register; the file `words` says to whom and what for, `printed` is what was handed out, once it was
    printed."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    copy_id: uuid.UUID
    register_year: int
    number: int
    copy_kind: str
    transcript_id: uuid.UUID
    academic_year: str | None
    words: Recorded
    issued_by: uuid.UUID | None
    issued_at: datetime
    printed: Recorded | None

    @property
    def label(self) -> str:
        """Number and symbol, as on the copy."""
        return rules.label(CopyKind(self.copy_kind), self.number, self.register_year)


async def keep(session: TenantSession, row: IssuedCopy) -> None:
    """Write the manifest of a copy as this transaction leaves it. Raises Unavailable without the store."""
    words = msgspec.json.encode(_Words(row.recipient, row.purpose))
    await storage.put(session.tenant_id, words, lock=True)
    await storage.register(session, storage.file_of(words, JSON_TYPE))
    digests = [sha256_hex(words), *([row.sha256] if row.sha256 else [])]
    files = {one.sha256: one for one in await storage.files_of(session, digests)}
    made = CopyManifest(
        copy_id=row.id,
        register_year=row.register_year,
        number=row.number,
        copy_kind=row.kind,
        transcript_id=row.transcript_id,
        academic_year=row.academic_year,
        words=files[sha256_hex(words)],
        issued_by=row.issued_by,
        issued_at=row.issued_at,
        printed=files[row.sha256] if row.sha256 else None,
    )
    await manifests.keep(session.tenant_id, row.id, made)


async def copy_manifests(tenant_id: TenantId) -> list[CopyManifest]:
    """One manifest for each copy, in the order of the register: the one that knows the print, where there is one."""
    found = await manifests.of_school(tenant_id, CopyManifest)
    best = {one.copy_id: one for one in sorted(found, key=lambda one: one.printed is not None)}
    return sorted(best.values(), key=lambda one: (one.register_year, one.number))


async def restore_copy(session: TenantSession, manifest: CopyManifest, operator: str) -> bool:
    """Put a line of the register back; False where it is there. What was not printed yet is printed.

    Raises Conflict where its number or its transcript is another's, Unavailable, CorruptObject.
    """
    known = await queries.in_the_way(session, manifest.copy_id, manifest.register_year, manifest.number)
    if any(one.id != manifest.copy_id for one in known):
        raise Conflict("số này đã cấp cho một bản sao khác sau khi khôi phục; hãy ghi chú vào sổ cả hai bản")
    if any(one.sha256 or manifest.printed is None for one in known):
        return False
    if not known:
        await _insert(session, manifest)
    if manifest.printed is None:
        await outbox.emit_all(session, [CopyIssued(manifest.copy_id)])
    else:
        await storage.record_again(session, [manifest.printed])
        await queries.record_print(session, manifest.copy_id, manifest.printed.sha256)
    await audit.record(
        session,
        machine(session.tenant_id),
        Action.COPY_RESTORED,
        manifest.copy_id,
        f"số {manifest.label}",
        operator=operator,
    )
    return True


async def _insert(session: TenantSession, manifest: CopyManifest) -> None:
    if not await queries.has_transcript(session, manifest.transcript_id):
        raise Conflict("cơ sở dữ liệu chưa có học bạ của bản sao này; hãy dựng lại học bạ trước rồi chạy lại")
    await storage.record_again(session, [manifest.words])
    words = msgspec.json.decode(await storage.get_recorded(session.tenant_id, manifest.words), type=_Words)
    known = await people.names(session)
    row = {
        "id": manifest.copy_id,
        "register_year": manifest.register_year,
        "number": manifest.number,
        "kind": manifest.copy_kind,
        "transcript_id": manifest.transcript_id,
        "academic_year": manifest.academic_year,
        "recipient": words.recipient,
        "purpose": words.purpose,
        "issued_by": manifest.issued_by if manifest.issued_by in known else None,
        "issued_at": manifest.issued_at,
    }
    await queries.insert_copy(session, row)
