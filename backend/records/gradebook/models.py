"""All marks: a sheet per class, subject and term, and one row per mark."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class GradeSheet(TenantTable):
    """The marks of a class in a subject and term. The homeroom teacher's own sheet has subject `GVCN`."""

    __tablename__ = "grade_sheet"
    __table_args__ = (
        UniqueConstraint("tenant_id", "class_id", "subject_code", "term"),
        tenant_key("class_id", "school_class"),
        tenant_key("locked_by", "staff_member"),
        {"info": holding(internal="subject_code term state locked_at")},
    )

    class_id: Mapped[uuid.UUID]
    subject_code: Mapped[str]
    term: Mapped[int]
    state: Mapped[str]
    locked_by: Mapped[uuid.UUID | None]
    locked_at: Mapped[datetime | None]


class Mark(TenantTable):
    """One mark, level or comment of one pupil; `revision` counts its changes, so that nobody overwrites unseen."""

    __tablename__ = "mark"
    __table_args__ = (
        UniqueConstraint("tenant_id", "sheet_id", "student_id", "kind", "slot"),
        tenant_key("sheet_id", "grade_sheet"),
        tenant_key("student_id", "student"),
        {
            "info": holding(
                internal="kind slot revision changed_at",
                personal="value",
                title="Điểm, mức và nhận xét",
                purpose="Đánh giá học sinh",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    sheet_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    slot: Mapped[str]
    value: Mapped[str]
    revision: Mapped[int]
    changed_by: Mapped[uuid.UUID | None]
    changed_at: Mapped[datetime]
