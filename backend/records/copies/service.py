"""Copies of a học bạ: asked for, numbered, printed, taken away; and the register that says of each to whom and why."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from backend.core import audit, audit_reads, clock, outbox, storage
from backend.core.actor import Actor, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.records.copies import manifests, queries, rules
from backend.records.copies.events import CopyIssued
from backend.records.copies.manifests import copy_manifests as copy_manifests
from backend.records.copies.manifests import restore_copy as restore_copy
from backend.records.copies.schemas import CopyId, CopyKind, IssuedCopyView, NewCopy, Register
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import (
    IN_FORCE,
    PDF_TYPE,
    CopyMark,
    TranscriptId,
    VersionSummary,
)
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: Lines of the register on one page.
PAGE = 50
#: Lines that a workbook of the register takes at most.
MOST_LINES = 20_000
_REGISTER = "Sổ cấp bản sao học bạ"


async def open_copies(
    session: TenantSession, actor: Actor, version_id: uuid.UUID
) -> tuple[VersionSummary, list[str], list[IssuedCopyView]]:
    """A version, the years of its transcript that are in force, and the copies of it so far.

    Raises NotFound; Forbidden without a duty in its class.
    """
    version = await transcripts.open_version(session, actor, version_id)
    versions = await transcripts.versions_of_transcript(session, version.transcript_id)
    years = {one.academic_year for one in versions if one.state in IN_FORCE}
    copies = await _views(session, await queries.of_transcript(session, version.transcript_id))
    return version, sorted(years, reverse=True), copies


async def issue(
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    copy_id: uuid.UUID,
    typed: tuple[str, str, str, str],
) -> str:
    """Write a copy into the register, with the next number of the year, and have it printed; returns number and symbol.

    `copy_id` was given out with the form: sent twice it is one copy. `typed` is kind, school year of an extract, who for,
    purpose. Raises NotFound; Forbidden but for whoever keeps the school's transcripts; Invalid; Conflict while nothing of
    what is to be copied is issued, and once another school manages it; Unavailable without the store.
    """
    version = await transcripts.get_version(session, version_id)
    if not actor.may(Permission.TRANSCRIPT_READ_ANY):
        raise Forbidden(
            f"Bản sao học bạ của {version.full_name} do ban giám hiệu hoặc văn thư cấp; hãy báo một trong những người đó."
        )
    if await transcripts.handed_over_at(session, version):
        raise Conflict(
            f"Học bạ của {version.full_name} đã chuyển giao quyền quản lý cho trường khác nên bản sao do trường ấy cấp "
            "(Phụ lục 1, mục 2.2)."
        )
    wanted = rules.read(*typed, version.full_name)
    today = clock.today()
    await session.hold(f"register of copies {today.year}")
    known = await queries.one(session, copy_id)
    if known is not None:
        [view] = await _views(session, [known])
        if view.transcript_id != version.transcript_id:
            raise Conflict("Biểu mẫu này đã dùng cho một học bạ khác; xin tải lại trang.")
        return view.label
    number = await queries.last_number(session, today.year) + 1
    label = rules.label(wanted.kind, number, today.year)
    await transcripts.book_of(session, version.transcript_id, _mark(wanted, label, today))
    row = {
        "id": copy_id,
        "register_year": today.year,
        "number": number,
        "kind": wanted.kind,
        "transcript_id": version.transcript_id,
        "academic_year": wanted.academic_year or None,
        "recipient": wanted.recipient,
        "purpose": wanted.purpose,
        "issued_by": actor.staff_id,
        "issued_at": clock.now(),
    }
    await manifests.keep(session, await queries.insert_copy(session, row))
    await audit.record(
        session,
        actor,
        Action.COPY_ISSUED,
        copy_id,
        f"{version.full_name} ({version.student_code}), số {label}",
        about=[version.student_id],
        copy_kind=wanted.kind,
        recipient=wanted.recipient,
        copy_purpose=wanted.purpose,
    )
    await outbox.emit_all(session, [CopyIssued(copy_id)])
    return label


async def print_due(session: TenantSession, copy_id: uuid.UUID) -> tuple[TranscriptId, CopyMark] | None:
    """Which book is to be printed for a copy, and how it is marked; None when that has been done. Raises NotFound."""
    row = await _line(session, copy_id)
    found = row.IssuedCopy
    if found.sha256 is not None:
        return None
    wanted = NewCopy(
        kind=CopyKind(found.kind),
        academic_year=found.academic_year or "",
        recipient=found.recipient,
        purpose=found.purpose,
    )
    label = rules.label(wanted.kind, found.number, found.register_year)
    on = found.issued_at.astimezone(clock.VIETNAM).date()
    return TranscriptId(found.transcript_id), _mark(wanted, label, on)


async def record_print(session: TenantSession, copy_id: uuid.UUID, pdf: bytes) -> None:
    """The print is in the store: remember its digest. A repetition changes nothing."""
    file = storage.file_of(pdf, PDF_TYPE)
    done = await queries.record_print(session, copy_id, file.sha256)
    if done is not None:
        await storage.register(session, file)
        await manifests.keep(session, done)
        view = (await _views(session, [await _line(session, copy_id)]))[0]
        await audit.record(
            session,
            machine(session.tenant_id),
            Action.COPY_PRINTED,
            copy_id,
            _label(view),
            about=[view.student_id],
            pdf_sha256=file.sha256,
        )


async def take(session: TenantSession, actor: Actor, copy_id: uuid.UUID) -> tuple[IssuedCopyView, str]:
    """A copy that is taken away, and the digest of its file.

    Raises NotFound; Forbidden without a duty in the class of the newest year; Conflict before it is printed.
    """
    [view] = await _views(session, [await _line(session, copy_id)])
    [newest, *_] = await transcripts.versions_of_transcript(session, view.transcript_id)
    await transcripts.require_duty(session, actor, newest.class_id)
    if view.sha256 is None:
        raise Conflict(f"Bản số {view.label} đang được kết xuất; xin thử lại sau ít phút.")
    audit_reads.record_taken(session, actor, Action.COPY_DOWNLOADED, copy_id, _label(view), [view.student_id])
    return view, view.sha256


async def register(session: TenantSession, actor: Actor, typed: str, page: int) -> Register:
    """One page of the register, of the copies that are meant, for a person who looks at it, which is recorded."""
    rows, total = await _search(session, typed, (page - 1) * PAGE, PAGE)
    if rows:
        about = {one.student_id for one in rows}
        audit_reads.record_read(session, actor, Action.COPIES_LISTED, None, _REGISTER, about)
    return Register(rows=tuple(rows), total=total, pages=max(1, -(-total // PAGE)))


async def whole_register(session: TenantSession, actor: Actor, typed: str) -> list[IssuedCopyView]:
    """All lines that are meant, to be taken away. Raises Conflict where they are more than a workbook takes."""
    rows, total = await _search(session, typed, 0, MOST_LINES)
    if total > MOST_LINES:
        raise Conflict(f"Sổ có {total} dòng, quá {MOST_LINES} dòng của một tệp; hãy tìm hẹp hơn rồi tải lại.")
    about = {one.student_id for one in rows}
    audit_reads.record_taken(session, actor, Action.COPIES_TAKEN, None, _REGISTER, about, count=total)
    return rows


async def _search(
    session: TenantSession, typed: str, first: int, size: int
) -> tuple[list[IssuedCopyView], int]:
    rows, total = await queries.search(session, typed.strip(), roster.search_words(typed), first, size)
    return await _views(session, rows), total


def _mark(wanted: NewCopy, label: str, on: date) -> CopyMark:
    return CopyMark(
        title=rules.TITLES[wanted.kind],
        number=label,
        on=on,
        recipient=wanted.recipient,
        purpose=wanted.purpose,
        year=wanted.academic_year,
        confirmed=wanted.kind in rules.CONFIRMED,
    )


async def _line(session: TenantSession, copy_id: uuid.UUID) -> Any:
    row = await queries.one(session, copy_id)
    if row is None:
        raise NotFound("Không tìm thấy bản sao này.")
    return row


async def _views(session: TenantSession, rows: Sequence[Any]) -> list[IssuedCopyView]:
    names = await people.names(session) if rows else {}
    return [_view(row, names.get(row.IssuedCopy.issued_by, "")) for row in rows]


def _view(row: Any, issued_by: str) -> IssuedCopyView:
    found = row.IssuedCopy
    kind = CopyKind(found.kind)
    return IssuedCopyView(
        id=CopyId(found.id),
        transcript_id=TranscriptId(found.transcript_id),
        kind=kind,
        label=rules.label(kind, found.number, found.register_year),
        academic_year=found.academic_year or "",
        full_name=row.full_name,
        student_code=row.student_code,
        student_id=row.student_id,
        recipient=found.recipient,
        purpose=found.purpose,
        issued_by=issued_by,
        issued_at=found.issued_at,
        sha256=found.sha256,
    )


def _label(view: IssuedCopyView) -> str:
    return f"{view.full_name} ({view.student_code}), số {view.label}"
