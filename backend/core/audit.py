"""Who did what to what, and how it ended: written in the transaction of the deed, append-only for the application."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession, TenantTable
from backend.core.ids import new_id


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
    RECOVERY_CODES_MADE = "access.factor.recovery_codes"
    RESET_ISSUED = "access.account.reset_link"
    ACCOUNT_RESET = "access.account.reset"
    PROVIDER_ADDED = "federation.provider.add"
    PROVIDER_REMOVED = "federation.provider.remove"
    IDENTITY_LINKED = "federation.identity.link"
    IDENTITY_UNLINKED = "federation.identity.unlink"
    IMPORT_PREVIEWED = "imports.run.preview"
    IMPORT_APPLIED = "imports.run.apply"
    MARK_CHANGED = "gradebook.mark.change"
    SHEET_LOCKED = "gradebook.sheet.lock"
    RESULTS_COMPUTED = "assessment.result.compute"
    RESULTS_CONFIRMED = "assessment.result.confirm"
    TRANSCRIPT_FROZEN = "transcripts.version.freeze"
    TRANSCRIPT_RENDERED = "transcripts.version.render"
    TRANSCRIPT_ISSUED = "transcripts.version.issue"
    CREDENTIAL_ENROLLED = "signing.credential.enrol"
    SIGNING_REQUESTED = "signing.request.open"
    SIGNING_CONSENTED = "signing.batch.consent"
    SIGNING_STEP_SIGNED = "signing.step.sign"
    SIGNING_BATCH_ENDED = "signing.batch.end"
    WORK_RESUMED = "work.job.resume"
    DELIVERY_QUEUED = "deliveries.delivery.queue"
    DELIVERY_ANSWERED = "deliveries.delivery.answer"


class Outcome(StrEnum):
    """How a deed ended."""

    DONE = "done"
    REFUSED = "refused"


class AuditEvent(TenantTable):
    """One recorded deed; `actor_name` and `subject_label` stay as they were then."""

    __tablename__ = "audit_event"

    at: Mapped[datetime]
    actor_id: Mapped[uuid.UUID | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    subject_id: Mapped[uuid.UUID | None] = mapped_column(index=True)
    subject_label: Mapped[str]
    outcome: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Deed(msgspec.Struct, frozen=True):
    """What was done to one subject. `label` names it for people; details hold ids, counts and digests."""

    subject_id: uuid.UUID | None
    label: str = ""
    details: dict[str, str | int | None] = {}


async def record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    subject_id: uuid.UUID | None,
    label: str = "",
    outcome: Outcome = Outcome.DONE,
    **details: str | int | None,
) -> None:
    """Record one deed of `actor`."""
    await record_many(session, actor, action, [Deed(subject_id, label, details)], outcome)


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
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "at": at,
            "actor_id": actor.staff_id,
            "actor_name": actor.name,
            "action": action.value,
            "subject_id": deed.subject_id,
            "subject_label": deed.label,
            "outcome": outcome.value,
            "details": deed.details,
        }
        for deed in deeds
    ]
    if rows:
        await session.execute(_ADD, rows)


_ADD = insert(AuditEvent)


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
