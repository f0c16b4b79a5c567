"""Rolling a year over: what was chosen before, and what was done."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class YearRollover(TenantTable):
    """One year that is, or is about to be, rolled over into the next. `opened` are classes that this has opened."""

    __tablename__ = "year_rollover"
    __table_args__ = (
        UniqueConstraint("tenant_id", "academic_year_id"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("applied_by", "staff_member"),
        {"info": holding(internal="applied_at opened")},
    )

    academic_year_id: Mapped[uuid.UUID]
    applied_by: Mapped[uuid.UUID | None]
    applied_at: Mapped[datetime | None]
    opened: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))


class RolloverMove(TenantTable):
    """The class of the next year that was chosen for a pupil, by name; `class_id` once they have their place there."""

    __tablename__ = "rollover_move"
    __table_args__ = (
        UniqueConstraint("tenant_id", "rollover_id", "student_id"),
        tenant_key("rollover_id", "year_rollover"),
        tenant_key("student_id", "student"),
        tenant_key("class_id", "school_class"),
        {
            "info": holding(
                personal="target",
                title="Xếp lớp năm học sau",
                purpose="Kết chuyển học sinh sang năm học sau và hoàn tác được",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    rollover_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    target: Mapped[str]
    class_id: Mapped[uuid.UUID | None]
