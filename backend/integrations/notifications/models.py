"""What a person has chosen, and every e-mail to them: what came of it, never what it said."""

import uuid
from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Keep, holding


class NoticeSetting(TenantTable):
    """How one person wants to be told; who has chosen nothing has no row."""

    __tablename__ = "notice_setting"
    __table_args__ = (
        UniqueConstraint("tenant_id", "staff_id"),
        tenant_key("staff_id", "staff_member"),
        {"info": holding(internal="rhythm hour quiet_from quiet_until urgent changed_at")},
    )

    staff_id: Mapped[uuid.UUID]
    rhythm: Mapped[str]
    hour: Mapped[int]
    quiet_from: Mapped[int]
    quiet_until: Mapped[int]
    urgent: Mapped[bool]
    changed_at: Mapped[datetime]


class NoticeMail(TenantTable):
    """One e-mail. `slot` is the day or hour that it is for: a person gets one of each, whoever asks for it how often."""

    __tablename__ = "notice_mail"
    __table_args__ = (
        UniqueConstraint("tenant_id", "staff_id", "slot"),
        tenant_key("staff_id", "staff_member"),
        Index("ix_notice_mail_created", "tenant_id", "created_at"),
        {
            "info": holding(
                internal="slot state attempts problem created_at tried_at",
                title="Thư báo việc",
                keep=Keep.WORK,
                ends="created_at",
            )
        },
    )

    staff_id: Mapped[uuid.UUID]
    slot: Mapped[str]
    state: Mapped[str]
    attempts: Mapped[int]
    problem: Mapped[str | None]
    created_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
