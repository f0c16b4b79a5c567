"""What was said about oddities in sheets, one row per word, never changed."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class FindingWord(TenantTable):
    """Somebody looked at an oddity and said so; `finding` is its key, which is another when the marks change."""

    __tablename__ = "finding_word"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sheet_id", "finding"),
        tenant_key("sheet_id", "grade_sheet"),
        tenant_key("student_id", "student"),
        tenant_key("said_by", "staff_member"),
        {
            "info": holding(
                internal="finding kind said_at",
                personal="word",
                title="Giải thích chỗ cần xem lại",
                purpose="Cho tổ trưởng và ban giám hiệu biết chỗ khác thường đã được ai xem, vì sao giữ nguyên",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    sheet_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID | None]
    finding: Mapped[str]
    kind: Mapped[str]
    word: Mapped[str]
    said_by: Mapped[uuid.UUID]
    said_at: Mapped[datetime]
