"""Answers of the public check that somebody wanted on paper."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class VerificationSlip(TenantTable):
    """One answer as it was given, under a reference by which it is found again; nothing about the pupil is in it."""

    __tablename__ = "verification_slip"
    __table_args__ = (
        UniqueConstraint("tenant_id", "reference"),
        tenant_key("version_id", "transcript_version"),
        {
            "info": holding(
                internal="reference made_at",
                personal="answer",
                title="Phiếu kết quả tra cứu học bạ",
                purpose="Cho người nhận phiếu xem lại kết quả tra cứu đã in",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    version_id: Mapped[uuid.UUID]
    reference: Mapped[str]
    made_at: Mapped[datetime]
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
