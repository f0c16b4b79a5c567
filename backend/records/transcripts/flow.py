"""What the machine does with frozen versions: rendered once, signed in order, issued."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from backend.core import audit, audit_chain, clock, outbox, storage, store_promise
from backend.core.actor import StaffId, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.events import Event
from backend.records.roster import service as roster
from backend.records.transcripts import canonical, handing_over, manifests, queries, rules, service
from backend.records.transcripts.events import (
    TranscriptIssued,
    TranscriptLocked,
    TranscriptRecalled,
    TranscriptRendered,
    TranscriptReplaced,
)
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import (
    IN_FORCE,
    PDF_TYPE,
    XML_TYPE,
    Deed,
    Forms,
    SignerRole,
    VersionId,
    VersionState,
)
from backend.remote_signing.formats.schemas import SUBJECT_TEACHER, XML_TARGETS, subject_target
from backend.remote_signing.requests import service as signing
from backend.remote_signing.requests.schemas import NewRequest, NewSigner
from backend.tenants.delegations import service as delegations
from backend.tenants.delegations.schemas import HeadSigner
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff


async def due_for_rendering(
    session: TenantSession, version_ids: Sequence[uuid.UUID]
) -> dict[VersionId, bytes]:
    """The canonical snapshots that are to be rendered; without those of which that has been done. Raises NotFound."""
    rows = rules.all_of(version_ids, await queries.versions(session, version_ids))
    return {VersionId(row.id): row.snapshot.encode() for row in _due(rows, Deed.RENDER)}


async def record_renderings(session: TenantSession, forms: Sequence[Forms]) -> None:
    """The forms are in the store: remember their digests and announce it."""
    made: dict[uuid.UUID, Forms] = {one.version_id: one for one in forms}
    rows = _due(await _hold(session, list(made)), Deed.RENDER)
    files = {
        row.id: (storage.file_of(made[row.id].pdf, PDF_TYPE), storage.file_of(made[row.id].xml, XML_TYPE))
        for row in rows
    }
    await storage.register(session, *(file for pair in files.values() for file in pair))
    values = {
        version_id: {"state": VersionState.RENDERED, "pdf_sha256": pdf.sha256, "xml_sha256": xml.sha256}
        for version_id, (pdf, xml) in files.items()
    }
    await queries.update_versions(session, values)
    deeds = [
        audit.Deed(one.id, one.label, {"pdf_sha256": files[one.id][0].sha256}, (one.student_id,))
        for one in await service.get_versions(session, list(files))
    ]
    await audit.record_many(session, machine(session.tenant_id), Action.TRANSCRIPT_RENDERED, deeds)
    await outbox.emit_all(session, [TranscriptRendered(version_id) for version_id in files])


async def ask_for_signatures(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Open the signing requests: homeroom teacher, principal, school seal, in this order, each over PDF and XML.

    Before them, side by side, the subject teachers whom the content names, each over the own subject of the XML.
    Raises NotFound; Conflict where nobody signs under the name that the frozen content says.
    """
    rows = _due(await _hold(session, version_ids), Deed.ASK_FOR_SIGNATURES)
    if not rows:
        return
    places = {place.id: place for place in await queries.summaries(session, [row.id for row in rows])}
    heads = await delegations.head_signers(session)
    staff = await people.list_staff(session)
    taught = {
        class_id: {
            one.subject_code: one.teacher_id for one in await roster.list_assignments(session, class_id)
        }
        for class_id in {row.class_id for row in rows}
    }
    requests = [_request(row, places[row.id], heads, staff, taught[row.class_id]) for row in rows]
    await signing.open_requests(session, requests)
    await queries.update_versions(session, {row.id: {"state": VersionState.SIGNING} for row in rows})


async def note_signed(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """All have signed. Safe to repeat. Raises NotFound."""
    rows = _due(await _hold(session, version_ids), Deed.COMPLETE)
    await queries.update_versions(session, {row.id: {"state": VersionState.SIGNED} for row in rows})


async def issue(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Signed versions are issued, and their lookup codes answer from now on.

    Raises NotFound; Unavailable while the audit, in which every issue must stand, cannot be sealed, and while the store
    has not shown that it keeps what is locked.
    """
    rows = _due(await _hold(session, version_ids), Deed.ISSUE)
    if not rows:
        return
    await audit_chain.require_recent(session)
    await store_promise.require_kept(session)
    signed = await signing.signed_documents(session, [row.id for row in rows])
    xml = await signing.signed_xml(session, [row.id for row in rows])
    issued_at = clock.now()
    values = {
        row.id: {
            "state": VersionState.ISSUED,
            "signed_sha256": signed[row.id],
            "signed_xml_sha256": xml[row.id],
            "issued_at": issued_at,
        }
        for row in rows
    }
    await queries.update_versions(session, values)
    await manifests.keep(session, rows, signed, xml, issued_at)
    issued = await service.get_versions(session, list(values))
    codes: dict[uuid.UUID, str] = {one.transcript_id: service.code_digest(one.lookup_code) for one in issued}
    await queries.publish_codes(session, codes)
    former = await queries.former_versions(session, list(values), VersionState.RECALLED)
    await advance(session, [one for found in former.values() for one in found], Deed.REPLACE)
    deeds = [
        audit.Deed(one.id, one.label, {"signed_sha256": signed[one.id]}, (one.student_id,)) for one in issued
    ]
    await audit.record_many(session, machine(session.tenant_id), Action.TRANSCRIPT_ISSUED, deeds)
    await outbox.emit_all(session, [TranscriptIssued(version_id) for version_id in values])


async def note_packaged(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """The packages of issued versions wait for the Authority. Safe to repeat. Raises NotFound."""
    rows = _due(await _hold(session, version_ids), Deed.PACKAGE)
    await queries.update_versions(session, {row.id: {"state": VersionState.PACKAGED} for row in rows})


async def versions_among(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """Of what was signed, the versions of transcripts; other documents are signed as well."""
    return [row.id for row in await queries.versions(session, subject_ids)]


#: What the audit calls a deed of the machine to an issued version.
_ACTIONS = {
    Deed.SUBMIT: Action.TRANSCRIPT_SUBMITTED,
    Deed.ACCEPT: Action.TRANSCRIPT_ACCEPTED,
    Deed.REJECT: Action.TRANSCRIPT_REJECTED,
    Deed.CONFIRM_RECALL: Action.TRANSCRIPT_RECALLED,
    Deed.REFUSE_RECALL: Action.TRANSCRIPT_RECALL_REFUSED,
    Deed.RETURN_RECALL: Action.TRANSCRIPT_RECALL_RETURNED,
    Deed.LOCK: Action.TRANSCRIPT_LOCKED,
    Deed.REPLACE: Action.TRANSCRIPT_REPLACED,
    Deed.GIVE_BACK: Action.TRANSCRIPT_GIVEN_BACK,
}


async def advance(session: TenantSession, version_ids: Sequence[uuid.UUID], *deeds: Deed) -> None:
    """What has become of issued versions: each deed in turn, to those whose turn it is. Safe to repeat.

    Raises NotFound; Conflict for a version that has not come so far.
    """
    for deed in deeds:
        held = rules.all_of(version_ids, await queries.hold_states(session, version_ids))
        due, stays = _due(held, deed), rules.edge_of(deed).stays
        if deed is Deed.GIVE_BACK:  # what the Authority had accepted it refuses no more
            due = [row for row in due if row.effective_on is None]
        rows = [row for row in due if row.state not in stays]
        news = await handing_over.note(session, deed, [row for row in due if row.state in stays])
        values: dict[str, Any] = {"state": rules.edge_of(deed).target}
        if values["state"] == VersionState.LOCKED:
            values["effective_on"] = clock.today()
            files = [(row.signed_sha256, row.xml_sha256, row.signed_xml_sha256) for row in rows]
            await storage.lock_for_good(session, [digest for named in files for digest in named if digest])
            await manifests.keep_locks(session, [row.id for row in rows], values["effective_on"])
        if deed is Deed.RETURN_RECALL:
            values |= dict.fromkeys(("withdrawn_by", "withdrawn_at", "withdrawn_reason"))
        await queries.update_versions(session, {row.id: values for row in rows})
        if values["state"] == VersionState.RECALLED:
            await queries.hide_codes(session, await _without_a_version(session, rows))
        versions = await service.get_versions(session, [row.id for row in [*rows, *news]])
        told = [audit.Deed(one.id, one.label, {}, (one.student_id,)) for one in versions]
        await audit.record_many(session, machine(session.tenant_id), _ACTIONS[deed], told)
        await outbox.emit_all(session, [one for row in rows for one in _announced(row.id, values["state"])])


async def _without_a_version(session: TenantSession, rows: Sequence[TranscriptVersion]) -> set[uuid.UUID]:
    """The transcripts of these versions of which no year stands any more."""
    ids = {row.transcript_id for row in rows}
    return {one for one in ids if not await queries.in_state(session, one, IN_FORCE)}


def _announced(version_id: uuid.UUID, state: VersionState) -> list[Event]:
    match state:
        case VersionState.LOCKED:
            return [TranscriptLocked(version_id)]
        case VersionState.RECALLED:
            return [TranscriptRecalled(version_id)]
        case VersionState.REPLACED:
            return [TranscriptReplaced(version_id)]
        case _:
            return []


async def lock_due(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Lock those of the versions whose last day is over. Safe to repeat. Raises NotFound."""
    versions = await service.get_versions(session, version_ids)
    due = [one for one in versions if (await service.closing_of(session, one)).last_day < clock.today()]
    await advance(session, [one.id for one in due], Deed.LOCK)


async def confirm_recall(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """The Authority has recalled versions: the marks of their pupils may be corrected. Safe to repeat."""
    versions = await service.get_versions(session, version_ids)
    # The classes before their versions and sheets, as whoever freezes holds them.
    for class_id in sorted({one.class_id for one in versions}):
        await queries.hold_class(session, class_id)
    due = {row.id for row in _due(await _hold(session, version_ids), Deed.CONFIRM_RECALL)}
    await advance(session, list(due), Deed.CONFIRM_RECALL)
    for version in versions:
        if version.id in due:
            await service.release_marks(session, machine(session.tenant_id), version)


async def _hold(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[TranscriptVersion]:
    return rules.all_of(version_ids, await queries.hold_versions(session, version_ids))


def _due(rows: Sequence[TranscriptVersion], deed: Deed) -> list[TranscriptVersion]:
    return [row for row in rows if rules.is_due(row.state, deed)]


def _request(
    row: TranscriptVersion,
    place: Any,
    heads: Sequence[HeadSigner],
    staff: Sequence[Staff],
    taught: Mapping[str, StaffId | None],
) -> NewRequest:
    if row.pdf_sha256 is None:
        raise RuntimeError(f"version {row.id} is rendered and has no file")
    snapshot = canonical.decode_snapshot(row.snapshot.encode())
    label = f"{place.full_name} ({place.student_code})"
    people_of = {
        SignerRole.HOMEROOM_TEACHER: rules.homeroom_of(snapshot, staff, place.homeroom_teacher_id, label),
        SignerRole.PRINCIPAL: rules.head_of(snapshot, heads, label).staff_id,
        SignerRole.SCHOOL_SEAL: None,
    }
    return NewRequest(
        subject_id=row.id,
        label=label,
        group=f"Lớp {place.class_name}",
        sort_key=place.sort_key,
        document_sha256=row.pdf_sha256,
        note=f"Phiên bản {row.number}, thay phiên bản trước" if row.number > 1 else None,
        xml_sha256=row.xml_sha256,
        signers=(
            *(
                NewSigner(
                    role=SUBJECT_TEACHER,
                    staff_id=rules.teacher_of(
                        subject, staff, taught.get(subject.code) or place.homeroom_teacher_id, label
                    ),
                    name=subject.teacher_name or "",
                    part=subject.name,
                    signs_pdf=False,
                    xml=(subject_target(subject.code),),
                )
                for subject in rules.signed_by_teachers(snapshot)
            ),
            *(
                NewSigner(
                    role=signer.role.value,
                    staff_id=people_of[signer.role],
                    name=signer.name,
                    xml=(XML_TARGETS[signer.role.value],),
                )
                for signer in snapshot.signers
            ),
        ),
    )
