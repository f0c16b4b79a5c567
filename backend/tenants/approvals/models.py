"""Requests for what two people decide together."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding

#: What PostgreSQL itself refuses: an approval by nobody, by whoever asked, or by the same account.
TWO_PEOPLE = (
    "state <> 'approved' or (decided_by is not null and decided_by <> asked_by"
    " and decided_account is not null and decided_account <> asked_account)"
)


class ApprovalRequestRow(TenantTable):
    """One request. What was asked for never changes; the last four columns say how it ended."""

    __tablename__ = "approval_request"
    __table_args__ = (
        tenant_key("asked_by", "staff_member"),
        tenant_key("decided_by", "staff_member"),
        CheckConstraint(TWO_PEOPLE, name="two_people"),
        Index("ix_approval_request_time", "tenant_id", "asked_at"),
        {
            "info": holding(
                internal="kind facts asked_at ends_at state decided_at",
                personal="told reason answer",
                title="Đề nghị cần hai người duyệt",
                purpose="Biết ai đề nghị, ai duyệt việc hệ trọng của trường, vì sao",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.TRACE,
            )
        },
    )

    kind: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    told: Mapped[str]
    reason: Mapped[str]
    asked_by: Mapped[uuid.UUID]
    asked_account: Mapped[uuid.UUID]
    asked_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    state: Mapped[str]
    decided_by: Mapped[uuid.UUID | None]
    decided_account: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
    answer: Mapped[str | None]
