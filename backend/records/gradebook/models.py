"""All marks: a sheet per class, subject and term, its life, one row per mark, each change after a lock; exemptions."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, UniqueConstraint, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class GradeSheet(TenantTable):
    """The marks of a class in a subject and term. The homeroom teacher's own sheet has subject `GVCN`.

    `remark` says why the sheet was sent back, as long as it is open; `open_until` is when a reopened one closes;
    `final_pupils` have a frozen transcript, so that their marks stay.
    """

    __tablename__ = "grade_sheet"
    __table_args__ = (
        UniqueConstraint("tenant_id", "class_id", "subject_code", "term"),
        tenant_key("class_id", "school_class"),
        tenant_key("locked_by", "staff_member"),
        {
            "info": holding(
                internal="subject_code term state submitted_at locked_at open_until final_pupils",
                personal="remark",
                title="Sổ điểm",
                purpose="Cho giáo viên biết vì sao sổ bị trả lại",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    subject_code: Mapped[str]
    term: Mapped[int]
    state: Mapped[str]
    remark: Mapped[str]
    submitted_at: Mapped[datetime | None]
    locked_by: Mapped[uuid.UUID | None]
    locked_at: Mapped[datetime | None]
    open_until: Mapped[datetime | None]
    final_pupils: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid))


class SheetStep(TenantTable):
    """One step in the life of a sheet: who did what and when, with the reason or remark. Never changed."""

    __tablename__ = "sheet_step"
    __table_args__ = (
        tenant_key("sheet_id", "grade_sheet"),
        tenant_key("done_by", "staff_member"),
        Index("ix_sheet_step_sheet", "tenant_id", "sheet_id"),
        {
            "info": holding(
                internal="deed at open_until",
                personal="words",
                title="Lịch sử sổ điểm",
                purpose="Ai xem sổ cũng biết ai đã nộp, kiểm tra, khóa, mở lại, khi nào và vì sao",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    sheet_id: Mapped[uuid.UUID]
    deed: Mapped[str]
    words: Mapped[str]
    done_by: Mapped[uuid.UUID | None]
    at: Mapped[datetime]
    open_until: Mapped[datetime | None]


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
                sensitive="value",
                title="Điểm, mức, nhận xét; chiều cao, cân nặng và sức khỏe của học sinh tiểu học",
                purpose="Đánh giá học sinh và ghi đủ các mục của mẫu học bạ (TT27/2020, Phụ lục 1)",
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


class LateChange(TenantTable):
    """A mark that was changed after its sheet had been locked; `step_id` is the reopening. Never changed."""

    __tablename__ = "mark_change"
    __table_args__ = (
        tenant_key("sheet_id", "grade_sheet"),
        tenant_key("student_id", "student"),
        tenant_key("step_id", "sheet_step"),
        tenant_key("changed_by", "staff_member"),
        Index("ix_mark_change_sheet", "tenant_id", "sheet_id"),
        {
            "info": holding(
                internal="kind slot changed_at",
                sensitive="old_value new_value",
                title="Điểm sửa sau khi khóa sổ",
                purpose="Giữ điểm cũ, điểm mới, ai sửa, khi nào và vì sao",
                ground=Ground.ACCOUNTABILITY,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    sheet_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    slot: Mapped[str]
    old_value: Mapped[str]
    new_value: Mapped[str]
    step_id: Mapped[uuid.UUID]
    changed_by: Mapped[uuid.UUID | None]
    changed_at: Mapped[datetime]


class Exemption(TenantTable):
    """A pupil who is not assessed in a subject of their class, from a decision of the school until `ended_at`."""

    __tablename__ = "exemption"
    __table_args__ = (
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        tenant_key("decided_by", "staff_member"),
        tenant_key("ended_by", "staff_member"),
        Index(
            "uq_exemption_in_force",
            "tenant_id",
            "class_id",
            "subject_code",
            "student_id",
            unique=True,
            postgresql_where=text("ended_at is null"),
        ),
        {
            "info": holding(
                internal="subject_code decided_at ended_at",
                sensitive="ground reason",
                title="Miễn học môn",
                purpose="Biết học sinh không được đánh giá môn nào, theo quyết định nào",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID]
    subject_code: Mapped[str]
    ground: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime]
    ended_by: Mapped[uuid.UUID | None]
    ended_at: Mapped[datetime | None]
