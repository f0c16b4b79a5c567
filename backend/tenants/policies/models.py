"""What a school has decided, one row per decision."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class SchoolPolicy(TenantTable):
    """All policies as they are from `set_at` on; the newest row holds. None is changed or removed."""

    __tablename__ = "school_policy"
    __table_args__ = (
        tenant_key("set_by", "staff_member"),
        Index("ix_school_policy_time", "tenant_id", "set_at"),
        {"info": holding(internal="set_at second_factor_roles password_alone idle_minutes trial_password")},
    )

    set_at: Mapped[datetime]
    set_by: Mapped[uuid.UUID]
    second_factor_roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    password_alone: Mapped[bool]
    idle_minutes: Mapped[int]
    trial_password: Mapped[bool]
