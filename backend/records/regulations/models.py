"""What a school has decided about assessment, one row per decision."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class AssessmentRegulation(TenantTable):
    """All readings of a school year as they are from `set_at` on; the highest revision holds. None is changed."""

    __tablename__ = "assessment_regulation"
    __table_args__ = (
        UniqueConstraint("tenant_id", "academic_year_id", "revision"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("set_by", "staff_member"),
        {
            "info": holding(
                internal="revision policy set_at",
                personal="ground",
                title="Quy định đánh giá của trường",
                purpose="Cho biết trường đọc thông tư thế nào, từ khi nào, theo căn cứ nào",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    academic_year_id: Mapped[uuid.UUID]
    revision: Mapped[int]
    policy: Mapped[dict[str, Any]] = mapped_column(JSONB)
    ground: Mapped[str]
    set_by: Mapped[uuid.UUID]
    set_at: Mapped[datetime]
