"""What was published of a sheet, as it was then."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class Publication(TenantTable):
    """A sheet in one period, published until `withdrawn_at`: pupil → "kind:slot" → text, null for one exempt.

    What stands in `cells` never changes; publishing again withdraws the old one.
    """

    __tablename__ = "publication"
    __table_args__ = (
        tenant_key("sheet_id", "grade_sheet"),
        tenant_key("published_by", "staff_member"),
        tenant_key("withdrawn_by", "staff_member"),
        Index(
            "uq_publication_in_force",
            "tenant_id",
            "sheet_id",
            "period",
            unique=True,
            postgresql_where=text("withdrawn_at is null"),
        ),
        {
            "info": holding(
                internal="period published_at withdrawn_at",
                personal="cells",
                title="Điểm đã công bố cho gia đình",
                purpose="Báo kết quả học tập, rèn luyện cho gia đình học sinh",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    sheet_id: Mapped[uuid.UUID]
    period: Mapped[str]
    cells: Mapped[dict[str, Any]] = mapped_column(JSONB)
    published_by: Mapped[uuid.UUID | None]
    published_at: Mapped[datetime]
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None]
