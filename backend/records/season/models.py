"""Reminders that people send to people. What somebody has left is in the sheets and results themselves."""

import uuid
from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class SeasonNudge(TenantTable):
    """Somebody was reminded of a stage of a year's season. It is shown to them until nothing of theirs is left there."""

    __tablename__ = "season_nudge"
    __table_args__ = (
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("staff_id", "staff_member"),
        tenant_key("sent_by", "staff_member"),
        Index("ix_season_nudge_staff", "tenant_id", "staff_id", "sent_at"),
        {
            "info": holding(
                internal="stage sent_at",
                personal="words",
                title="Lời nhắc việc trong mùa học bạ",
                purpose="Nhắc giáo viên việc còn phải làm trước hạn",
                ground=Ground.EMPLOYMENT,
                keep=Keep.EMPLOYMENT,
            )
        },
    )

    academic_year_id: Mapped[uuid.UUID]
    staff_id: Mapped[uuid.UUID]
    stage: Mapped[str]
    words: Mapped[str]
    sent_by: Mapped[uuid.UUID]
    sent_at: Mapped[datetime]
