"""What the circular makes of a pupil's year."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class YearResult(TenantTable):
    """The result of one pupil in one class: computed by the machine, confirmed by the homeroom teacher.

    `input` is what the rules were given and `output` what they answered, both in the form of `hocba assess`, by the
    edition `rule_set` and the readings `policy`, which is empty where none were kept. `settled_at` is when the year was
    confirmed first: edition and readings stay from then on, whatever the school decides later.
    """

    __tablename__ = "year_result"
    __table_args__ = (
        UniqueConstraint("tenant_id", "class_id", "student_id"),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        tenant_key("confirmed_by", "staff_member"),
        {
            "info": holding(
                internal="state rule_set policy computed_at confirmed_at settled_at",
                personal="input output",
                title="Kết quả năm học",
                purpose="Xét kết quả, lên lớp, khen thưởng",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    state: Mapped[str]
    input: Mapped[dict[str, Any]] = mapped_column(JSONB)
    output: Mapped[dict[str, Any]] = mapped_column(JSONB)
    rule_set: Mapped[str]
    policy: Mapped[dict[str, Any]] = mapped_column(JSONB)
    computed_at: Mapped[datetime]
    confirmed_by: Mapped[uuid.UUID | None]
    confirmed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
