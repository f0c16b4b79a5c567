"""What people decide about a pupil's year: one row per word, never changed."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class YearDecision(TenantTable):
    """One decision; the highest revision of its kind and slot holds, and says nothing where its value is empty."""

    __tablename__ = "year_decision"
    __table_args__ = (
        UniqueConstraint("tenant_id", "class_id", "student_id", "kind", "slot", "revision"),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        tenant_key("decided_by", "staff_member"),
        {
            "info": holding(
                internal="kind slot revision decided_at",
                personal="value reason",
                title="Quyết định về kết quả năm học",
                purpose="Đánh giá lại, rèn luyện trong hè, đánh giá bổ sung, quyết định lên lớp, công nhận danh hiệu",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    slot: Mapped[str]
    revision: Mapped[int]
    value: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[uuid.UUID]
    decided_at: Mapped[datetime]
