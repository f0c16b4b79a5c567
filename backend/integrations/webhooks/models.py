"""What happened in a school, in order; who is told; and what became of telling them."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class WebhookEndpoint(TenantTable):
    """An address of another system. Private keys are sealed; it is ended, never removed."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        tenant_key("created_by", "staff_member"),
        {
            "info": holding(
                internal="url events created_at ended_at stopped_at failing_since key public_key old_key "
                "old_public_key old_until"
            )
        },
    )

    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    key: Mapped[bytes]
    public_key: Mapped[str]
    old_key: Mapped[bytes | None]
    old_public_key: Mapped[str | None]
    old_until: Mapped[datetime | None]
    created_by: Mapped[uuid.UUID]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]


class PartnerEvent(TenantTable):
    """Something that other systems may be told. `sequence` has no gap and grows in the order of commits."""

    __tablename__ = "partner_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sequence"),
        {"info": holding(internal="sequence kind happened_at")},
    )

    sequence: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    happened_at: Mapped[datetime]


class WebhookMessage(TenantTable):
    """One event for one endpoint: what came of the last try, and how many there were since somebody wanted it sent."""

    __tablename__ = "webhook_message"
    __table_args__ = (
        UniqueConstraint("tenant_id", "endpoint_id", "event_id"),
        tenant_key("endpoint_id", "webhook_endpoint"),
        tenant_key("event_id", "partner_event"),
        Index("ix_webhook_message_state", "tenant_id", "endpoint_id", "state"),
        {"info": holding(internal="state attempts status problem tried_at")},
    )

    endpoint_id: Mapped[uuid.UUID]
    event_id: Mapped[uuid.UUID]
    state: Mapped[str]
    attempts: Mapped[int]
    status: Mapped[int | None]
    problem: Mapped[str | None]
    tried_at: Mapped[datetime | None]
