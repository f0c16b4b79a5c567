"""What goes to an Authority, each attempt, and what came back."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Delivery(TenantTable):
    """One version on its way to one Authority. `message_id` is fixed at birth and the same on every resend.

    `refers_to` is the id of the accepted message that this one recalls or replaces.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("tenant_id", "message_id"),
        tenant_key("version_id", "transcript_version"),
        Index("ix_delivery_state", "tenant_id", "state"),
        Index("ix_delivery_version", "tenant_id", "version_id"),
        {
            "info": holding(
                internal="authority action message_id refers_to state package_sha256 authority_reference queued_at "
                "answered_at",
                personal="label errors reason",
                title="Lần gửi cho cơ quan tiếp nhận",
                purpose="Nộp học bạ số về cơ sở dữ liệu của Sở",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    version_id: Mapped[uuid.UUID]
    authority: Mapped[str]
    action: Mapped[str]
    label: Mapped[str]
    message_id: Mapped[str]
    refers_to: Mapped[str | None]
    state: Mapped[str]
    package_sha256: Mapped[str]
    authority_reference: Mapped[str | None]
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    reason: Mapped[str | None]
    queued_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class DeliveryAttempt(TenantTable):
    """One try, committed before the first byte leaves; the digests name the evidence in S3."""

    __tablename__ = "delivery_attempt"
    __table_args__ = (
        UniqueConstraint("tenant_id", "delivery_id", "number"),
        tenant_key("delivery_id", "delivery"),
        Index("ix_delivery_attempt_started", "tenant_id", "started_at"),
        {"info": holding(internal="number started_at ended_at outcome sent_sha256 answer_sha256")},
    )

    delivery_id: Mapped[uuid.UUID]
    number: Mapped[int]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    sent_sha256: Mapped[str | None]
    answer_sha256: Mapped[str | None]
