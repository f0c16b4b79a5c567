"""People who work at a school and what they are there."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base, TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class StaffMember(TenantTable):
    """A person's place in a school. `title` is printed under signatures ("HIỆU TRƯỞNG").

    Who has left keeps the row, whose name stands on what they signed; `left_at` is empty while they work here.
    """

    __tablename__ = "staff_member"
    __table_args__ = (
        UniqueConstraint("tenant_id", "email"),
        {
            "info": holding(
                personal="full_name email title joined_at left_at",
                title="Nhân sự của trường",
                purpose="Đăng nhập, phân công, ký học bạ",
                ground=Ground.EMPLOYMENT,
                keep=Keep.EMPLOYMENT,
            )
        },
    )

    full_name: Mapped[str]
    email: Mapped[str]
    title: Mapped[str]
    joined_at: Mapped[datetime]
    left_at: Mapped[datetime | None]


class StaffRole(Base):
    """One role of one person, who has had it since `given_at`; a person may hold several."""

    __tablename__ = "staff_role"
    __table_args__ = (
        tenant_key("staff_id", "staff_member", ondelete="CASCADE"),
        {
            "info": holding(
                personal="role given_at",
                title="Vai trò của nhân sự",
                purpose="Phân quyền",
                ground=Ground.EMPLOYMENT,
                keep=Keep.EMPLOYMENT,
            )
        },
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    given_at: Mapped[datetime] = mapped_column(server_default=func.now())
