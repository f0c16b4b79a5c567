"""Who did what to what, and how it ended: written in the transaction of the deed, append-only for the application.

Events enter the chain of their school afterwards (`audit_chain.py`), so that nobody waits for anybody to write one.
"""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Index, UniqueConstraint, Uuid, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession, TenantTable
from backend.core.ids import new_id
from backend.core.personal_data import Ground, Keep, holding
from backend.core.questions import Question


class Action(StrEnum):
    """The closed list of what is recorded: `area.subject.deed`."""

    SIGN_IN = "access.session.sign_in"
    SIGN_IN_REFUSED = "access.session.sign_in_refused"
    SIGN_OUT = "access.session.sign_out"
    VERIFIED = "access.session.verify"
    SESSION_ENDED = "access.session.end"
    PASSWORD_CHANGED = "access.password.change"
    FACTOR_ADDED = "access.factor.add"
    FACTOR_REMOVED = "access.factor.remove"
    RECOVERY_CODE_USED = "access.factor.recovery_code_used"
    RECOVERY_CODES_MADE = "access.factor.recovery_codes"
    RESET_ISSUED = "access.account.reset_link"
    ACCOUNT_LOCKED = "access.account.lock"
    ACCOUNT_RESET = "access.account.reset"
    PROVIDER_ADDED = "federation.provider.add"
    PROVIDER_REMOVED = "federation.provider.remove"
    IDENTITY_LINKED = "federation.identity.link"
    IDENTITY_UNLINKED = "federation.identity.unlink"
    STAFF_ADDED = "people.staff.add"
    STAFF_CHANGED = "people.staff.change"
    STAFF_LEFT = "people.staff.leave"
    STAFF_RETURNED = "people.staff.return"
    INVITATION_SENT = "staffing.invitation.send"
    INVITATION_WITHDRAWN = "staffing.invitation.withdraw"
    INVITATION_ACCEPTED = "staffing.invitation.accept"
    DELEGATION_MADE = "people.delegation.make"
    DELEGATION_ENDED = "people.delegation.end"
    SCHOOL_CHANGED = "schools.school.change"
    POLICIES_CHANGED = "schools.policies.change"
    YEAR_OPENED = "roster.year.open"
    DUTY_CHANGED = "roster.duty.change"
    CALENDAR_CHANGED = "roster.calendar.change"
    SEASON_NUDGED = "season.person.nudge"
    PLAN_CHANGED = "roster.plan.change"
    ELECTIVES_CHOSEN = "roster.electives.choose"
    LANGUAGES_CHOSEN = "roster.languages.choose"
    NEXT_CLASS_CHOSEN = "roster.pupil.choose_next_class"
    YEAR_ROLLED = "roster.year.roll"
    YEAR_ROLL_UNDONE = "roster.year.undo_roll"
    EXPORT_ASKED = "handover.export.ask"
    EXPORT_DOWNLOADED = "handover.export.download"
    APPROVAL_ASKED = "approvals.request.ask"
    APPROVAL_GIVEN = "approvals.request.approve"
    APPROVAL_REFUSED = "approvals.request.refuse"
    APPROVAL_WITHDRAWN = "approvals.request.withdraw"
    CLOSING_PLANNED = "handover.school.plan_closing"
    CLOSING_CANCELLED = "handover.school.cancel_closing"
    PLACE_CHANGED = "access.session.change_place"
    SEATS_CHANGED = "subscriptions.seats.change"
    AUTHORITY_BOUND = "deliveries.authority.bind"
    API_CLIENT_ADDED = "api.client.add"
    API_CLIENT_ENDED = "api.client.end"
    API_TOKEN_ISSUED = "api.token.issue"
    API_SECRET_REFUSED = "api.client.refuse"
    API_READ = "api.record.read"
    API_WRITTEN = "api.record.write"
    WEBHOOK_ADDED = "api.webhook.add"
    WEBHOOK_KEY_CHANGED = "api.webhook.key"
    WEBHOOK_STOPPED = "api.webhook.stop"
    WEBHOOK_RESUMED = "api.webhook.resume"
    WEBHOOK_REPLAYED = "api.webhook.replay"
    WEBHOOK_ENDED = "api.webhook.end"
    DATA_REQUEST_RECORDED = "privacy.request.record"
    DATA_REQUEST_READ = "privacy.request.read"
    DATA_REQUEST_ACKNOWLEDGED = "privacy.request.acknowledge"
    DATA_REQUEST_EXTENDED = "privacy.request.extend"
    DATA_REQUEST_ANSWERED = "privacy.request.answer"
    PUPIL_DATA_EXPORTED = "privacy.pupil.export"
    DATA_PURGED = "privacy.data.purge"
    PERSONAL_ID_SHOWN = "transcripts.personal_id.show"
    ACCESS_REFUSED = "access.permission.refuse"
    IMPORT_PREVIEWED = "imports.run.preview"
    IMPORT_READ = "imports.run.read"
    IMPORT_APPLIED = "imports.run.apply"
    IMPORT_UNDONE = "imports.run.undo"
    WORKBOOK_FILLED = "imports.run.download"
    WORKBOOK_TAKEN = "imports.workbook.download"
    BLANK_TAKEN = "imports.workbook.blank"
    CLASS_READ = "roster.class.read"
    CLASS_OPENED = "roster.class.open"
    CLASS_CHANGED = "roster.class.change"
    CLASS_CLOSED = "roster.class.close"
    PUPILS_LISTED = "roster.pupils.read"
    PUPIL_READ = "roster.pupil.read"
    PUPIL_ADDED = "roster.pupil.add"
    PUPIL_CHANGED = "roster.pupil.change"
    PUPIL_PLACED = "roster.pupil.place"
    PUPIL_MOVED = "roster.pupil.move"
    PUPIL_LEFT = "roster.pupil.leave"
    EARLIER_YEAR_ENTERED = "roster.earlier_year.enter"
    EARLIER_YEAR_WITHDRAWN = "roster.earlier_year.withdraw"
    PUPIL_MATCHED = "roster.pupil.match"
    DEPARTMENT_CHANGED = "departments.department.change"
    DEPARTMENT_ENDED = "departments.department.end"
    PHRASE_ADDED = "phrases.phrase.add"
    PHRASE_REMOVED = "phrases.phrase.remove"
    SHEET_READ = "gradebook.sheet.read"
    MARK_CHANGED = "gradebook.mark.change"
    SHEET_SUBMITTED = "gradebook.sheet.submit"
    SHEET_WITHDRAWN = "gradebook.sheet.withdraw"
    SHEET_CHECKED = "gradebook.sheet.check"
    SHEET_SENT_BACK = "gradebook.sheet.send_back"
    SHEET_LOCKED = "gradebook.sheet.lock"
    SHEET_REOPENED = "gradebook.sheet.reopen"
    SHEET_FINISHED = "gradebook.sheet.finish"
    SHEET_RELEASED = "gradebook.sheet.release"
    EXEMPTIONS_READ = "gradebook.exemption.read"
    EXEMPTION_MADE = "gradebook.exemption.make"
    EXEMPTION_ENDED = "gradebook.exemption.end"
    MARKS_PUBLISHED = "publishing.sheet.publish"
    MARKS_WITHDRAWN = "publishing.sheet.withdraw"
    SLIP_READ = "publishing.slip.read"
    FINDING_ANSWERED = "gradebook.finding.answer"
    RESULTS_READ = "assessment.result.read"
    REGULATIONS_CHANGED = "assessment.regulation.change"
    SIGNING_ORDER_CHANGED = "transcripts.signing_order.change"
    DECISION_RECORDED = "assessment.decision.record"
    DECISION_WITHDRAWN = "assessment.decision.withdraw"
    RESULT_EXPLAINED = "assessment.explanation.read"
    RESULTS_COMPUTED = "assessment.result.compute"
    RESULTS_CONFIRMED = "assessment.result.confirm"
    RESULTS_UNCONFIRMED = "assessment.result.unconfirm"
    REPORT_TAKEN = "reports.report.download"
    TRANSCRIPTS_LISTED = "transcripts.class.read"
    TRANSCRIPT_READ = "transcripts.version.read"
    TRANSCRIPT_DOWNLOADED = "transcripts.version.download"
    TRANSCRIPT_FROZEN = "transcripts.version.freeze"
    TRANSCRIPTS_FROZEN_TOGETHER = "transcripts.run.freeze"
    TRANSCRIPT_RENDERED = "transcripts.version.render"
    TRANSCRIPT_ISSUED = "transcripts.version.issue"
    TRANSCRIPT_SHOWN = "verification.content.read"
    TRANSCRIPT_TAKEN = "verification.content.download"
    SHARE_ASKED = "shares.request.ask"
    SHARE_DENIED = "shares.request.deny"
    SHARE_REQUESTS_READ = "shares.request.read"
    SHARE_MADE = "shares.share.make"
    SHARE_REVOKED = "shares.share.revoke"
    SHARE_READ = "shares.share.read"
    SHARE_TAKEN = "shares.share.download"
    SHARE_REFUSED = "shares.share.refuse"
    TRANSFERS_READ = "transfers.pupil.read"
    TRANSFER_DRAFTED = "transfers.package.draft"
    TRANSFER_SEALED = "transfers.package.seal"
    TRANSFER_DOWNLOADED = "transfers.package.download"
    TRANSFER_OFFERED = "transfers.package.offer"
    TRANSFER_HANDED_OVER = "transfers.package.hand_over"
    TRANSFER_REFUSED = "transfers.package.refuse"
    TRANSFER_CANCELLED = "transfers.package.cancel"
    TRANSFER_CHECKED = "transfers.received.check"
    TRANSFER_ACCEPTED = "transfers.received.accept"
    TRANSFER_DISCARDED = "transfers.received.discard"
    TRANSFER_OFFER_READ = "transfers.offer.read"
    TRANSFER_OFFER_REFUSED = "transfers.offer.refuse"
    TRANSCRIPT_CANCELLED = "transcripts.version.cancel"
    TRANSCRIPT_SUBMITTED = "transcripts.version.submit"
    TRANSCRIPT_ACCEPTED = "transcripts.version.accept"
    TRANSCRIPT_REJECTED = "transcripts.version.reject"
    TRANSCRIPT_RECALL_ASKED = "transcripts.version.recall"
    TRANSCRIPT_RECALLED = "transcripts.version.confirm_recall"
    TRANSCRIPT_RECALL_RETURNED = "transcripts.version.return_recall"
    TRANSCRIPT_RECALL_REFUSED = "transcripts.version.refuse_recall"
    TRANSCRIPT_LOCKED = "transcripts.version.lock"
    TRANSCRIPT_HANDED_OVER = "transcripts.version.hand_over"
    TRANSCRIPT_GIVEN_BACK = "transcripts.version.give_back"
    TRANSCRIPT_REPLACED = "transcripts.version.replace"
    COPY_ISSUED = "transcripts.copy.issue"
    COPY_PRINTED = "transcripts.copy.print"
    COPY_DOWNLOADED = "transcripts.copy.download"
    EVIDENCE_TAKEN = "transcripts.evidence.download"
    COPIES_LISTED = "transcripts.register.read"
    COPIES_TAKEN = "transcripts.register.download"
    TRANSCRIPT_RESTORED = "transcripts.version.restore"
    CREDENTIAL_SOUGHT = "signing.credential.seek"
    CREDENTIAL_TRIED = "signing.credential.try"
    CREDENTIAL_ENROLLED = "signing.credential.enrol"
    CREDENTIAL_REPLACED = "signing.credential.replace"
    CREDENTIAL_RETIRED = "signing.credential.retire"
    SEAL_MANDATE_GIVEN = "signing.mandate.give"
    SEAL_MANDATE_ENDED = "signing.mandate.end"
    CREDENTIAL_SUSPENDED = "signing.credential.suspend"
    CREDENTIAL_RESUMED = "signing.credential.resume"
    CREDENTIAL_REVOKED = "signing.credential.revoke"
    PROVIDER_ACCOUNT_CHANGED = "signing.account.change"
    PROVIDER_ACCESS_GIVEN = "signing.access.give"
    PROVIDER_ACCESS_ENDED = "signing.access.end"
    SECRET_KEY_ROTATED = "signing.key.rotate"
    TOKEN_HELPER_OFFERED = "signing.token_helper.offer"
    TOKEN_HELPER_SHOWN = "signing.token_helper.show"
    TOKEN_HELPER_PAIRED = "signing.token_helper.pair"
    TOKEN_HELPER_SIGNED = "signing.token_helper.sign"
    TOKEN_HELPER_ENDED = "signing.token_helper.end"
    SIGNING_LIST_READ = "signing.list.read"
    SIGNING_REQUESTED = "signing.request.open"
    SIGNING_CANCELLED = "signing.request.cancel"
    SIGNING_CONSENTED = "signing.batch.consent"
    SIGNING_ANSWERED = "signing.batch.answer"
    SIGNING_STEP_SIGNED = "signing.step.sign"
    DOCUMENT_ARCHIVED = "signing.document.archive"
    SIGNING_BATCH_ENDED = "signing.batch.end"
    SIGNING_DOCUMENT_READ = "signing.document.read"
    SIGNING_STEP_DECLINED = "signing.step.decline"
    SIGNING_STEP_OFFERED_AGAIN = "signing.step.offer_again"
    SIGNING_BATCH_STOPPED = "signing.batch.stop"
    SIGNING_HELD_ASKED = "signing.held.ask"
    SIGNING_HELD_GIVEN_BACK = "signing.held.give_back"
    STOPPED_WORK_READ = "work.job.read"
    WORK_RESUMED = "work.job.resume"
    DELIVERY_QUEUED = "deliveries.delivery.queue"
    RECONCILIATION_ASKED = "deliveries.reconciliation.ask"
    RECONCILED = "deliveries.reconciliation.compare"
    RECONCILIATION_ALARM = "deliveries.reconciliation.alarm"
    DELIVERY_RESTORED = "deliveries.delivery.restore"
    COPY_RESTORED = "transcripts.copy.restore"
    DELIVERY_READ = "deliveries.delivery.read"
    DELIVERY_HANDED = "deliveries.delivery.hand"
    DELIVERY_TAKEN_BACK = "deliveries.delivery.take_back"
    DELIVERY_RECEIPT = "deliveries.delivery.receipt"
    DELIVERY_CANCELLED = "deliveries.delivery.cancel"
    DELIVERY_ANSWERED = "deliveries.delivery.answer"
    AUDIT_READ = "audit.trail.read"


class Outcome(StrEnum):
    """How a deed ended."""

    DONE = "done"
    REFUSED = "refused"


class AuditEvent(TenantTable):
    """One recorded deed; `actor_name` and `subject_label` stay as they were then.

    `about` are further things that it concerns: pupils, a document, a class. The last four columns are the event's
    place in the chain of its school; PostgreSQL alone writes them.
    """

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "n"),
        Index("ix_audit_event_outside", "tenant_id", "at", "id", postgresql_where=text("n is null")),
        Index("ix_audit_event_time", "tenant_id", "at", "id"),
        Index("ix_audit_event_person", "tenant_id", "actor_id", "at"),
        {
            "info": holding(
                internal="at action outcome about n prev_hash hash settled_at",
                personal="actor_name subject_label details",
                title="Nhật ký",
                purpose="Biết ai đã làm gì, đọc gì, khi nào",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.TRACE,
            )
        },
    )

    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    subject_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    subject_label: Mapped[str]
    outcome: Mapped[str]
    about: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)
    n: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[str | None]
    hash: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class Deed(msgspec.Struct, frozen=True):
    """What was done to one subject, and what else that is `about`: the pupil of a document, the pupils of a class.

    `label` names the subject for people; details hold ids, counts and digests.
    """

    subject_id: uuid.UUID | None
    label: str = ""
    details: dict[str, str | int | None] = {}
    about: tuple[uuid.UUID, ...] = ()


async def record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    subject_id: uuid.UUID | None,
    label: str = "",
    outcome: Outcome = Outcome.DONE,
    about: Iterable[uuid.UUID] = (),
    **details: str | int | None,
) -> None:
    """Record one deed of `actor`."""
    await record_many(session, actor, action, [Deed(subject_id, label, details, tuple(about))], outcome)


async def record_many(
    session: TenantSession,
    actor: Actor,
    action: Action,
    deeds: Iterable[Deed],
    outcome: Outcome = Outcome.DONE,
) -> None:
    """Record the same action on many subjects."""
    at = clock.now()
    rows = [
        {
            "id": new_id(),
            "at": at,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "action": action.value,
            "subject_id": deed.subject_id,
            "subject_label": deed.label,
            "about": list(deed.about),
            "outcome": outcome.value,
            "details": msgspec.json.encode(deed.details).decode(),
        }
        for deed in deeds
    ]
    if rows:
        await session.tell(_ADD, rows)


#: Every deed writes one. The driver takes JSON as text.
_ADD = Question(
    text(
        "insert into audit_event (tenant_id, id, at, actor_id, actor_name, action, subject_id, subject_label, about, "
        "outcome, details) values (:tenant, :id, :at, :actor_id, :actor_name, :action, :subject_id, :subject_label, "
        ":about, :outcome, :details)"
    )
)


async def history(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> Sequence[AuditEvent]:
    """What was done to some subjects, newest first."""
    found = await session.scalars(
        select(AuditEvent)
        .where(AuditEvent.tenant_id == session.tenant_id, AuditEvent.subject_id.in_(subject_ids))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
    return found.all()


async def labels(session: TenantSession, subject_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What people call these subjects, by the newest deed that named them; without those that none did."""
    found = await session.execute(
        select(AuditEvent.subject_id, AuditEvent.subject_label)
        .where(
            AuditEvent.tenant_id == session.tenant_id,
            AuditEvent.subject_id.in_(subject_ids),
            AuditEvent.subject_label != "",
        )
        .order_by(AuditEvent.at, AuditEvent.id)
    )
    return {row.subject_id: row.subject_label for row in found if row.subject_id}
