"""What the school decided about its subjects, who takes which elective and learns which language."""

import uuid
from datetime import datetime

from sqlalchemy import ARRAY, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class SubjectPlan(TenantTable):
    """A subject of a grade in a year as the school has it, where that is not, or was not, the programme's own.

    What was decided before is in the audit.
    """

    __tablename__ = "subject_plan"
    __table_args__ = (
        UniqueConstraint(
            "tenant_id", "academic_year_id", "grade_level", "subject_code", name="uq_subject_plan_place"
        ),
        tenant_key("academic_year_id", "academic_year"),
        {
            "info": holding(
                internal="grade_level subject_code taught name lessons_per_year assessed_by counts topics revision"
            )
        },
    )

    academic_year_id: Mapped[uuid.UUID]
    grade_level: Mapped[int]
    subject_code: Mapped[str]
    taught: Mapped[bool]
    name: Mapped[str | None]
    lessons_per_year: Mapped[int]
    assessed_by: Mapped[str | None]
    counts: Mapped[bool]
    topics: Mapped[bool]
    revision: Mapped[int]


class ElectiveChoice(TenantTable):
    """Electives and chuyên đề clusters of a class (`student_id` NULL), or of a pupil who differs from it."""

    __tablename__ = "elective_choice"
    __table_args__ = (
        Index(
            "uq_elective_choice_whose",
            "tenant_id",
            "class_id",
            "student_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        {
            "info": holding(
                internal="changed_at",
                personal="electives topics",
                title="Môn lựa chọn và chuyên đề học tập",
                purpose="Biết học sinh lớp 10 đến 12 học môn lựa chọn và cụm chuyên đề nào",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID | None]
    electives: Mapped[list[str]] = mapped_column(ARRAY(String))
    topics: Mapped[list[str]] = mapped_column(ARRAY(String))
    changed_at: Mapped[datetime]


class LanguageChoice(TenantTable):
    """Which language a class learns as Ngoại ngữ 1 or 2 (`student_id` NULL), or a pupil who learns another."""

    __tablename__ = "language_choice"
    __table_args__ = (
        Index(
            "uq_language_choice_whose",
            "tenant_id",
            "class_id",
            "student_id",
            "subject_code",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        tenant_key("class_id", "school_class"),
        tenant_key("student_id", "student"),
        {
            "info": holding(
                internal="subject_code changed_at",
                personal="language",
                title="Thứ tiếng của môn ngoại ngữ",
                purpose="Học bạ ghi đúng thứ tiếng mà học sinh học ở môn Ngoại ngữ 1, Ngoại ngữ 2",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    class_id: Mapped[uuid.UUID]
    student_id: Mapped[uuid.UUID | None]
    subject_code: Mapped[str]
    language: Mapped[str]
    changed_at: Mapped[datetime]
