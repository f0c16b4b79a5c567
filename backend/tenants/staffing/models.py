"""People whom a school has asked to join."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class InvitationRow(TenantTable):
    """An invitation. Its token is kept nowhere, its digest in the directory, which leads here. `staff_id`: who came."""

    __tablename__ = "invitation"
    __table_args__ = (
        tenant_key("invited_by", "staff_member"),
        tenant_key("staff_id", "staff_member"),
        {
            "info": holding(
                internal="invited_at expires_at accepted_at withdrawn_at",
                personal="full_name email title roles",
                title="Lời mời nhân sự",
                purpose="Mời người vào làm việc ở trường",
                ground=Ground.EMPLOYMENT,
                keep=Keep.WORK,
                ends="expires_at",
            )
        },
    )

    email: Mapped[str]
    full_name: Mapped[str]
    title: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    invited_by: Mapped[uuid.UUID | None]
    invited_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    staff_id: Mapped[uuid.UUID | None]
