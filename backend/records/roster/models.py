"""Years, classes, pupils, and who teaches what."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import Ground, Keep, holding


class AcademicYear(TenantTable):
    """A school year, "2025-2026"."""

    __tablename__ = "academic_year"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        {"info": holding(internal="name starts_on ends_on")},
    )

    name: Mapped[str]
    starts_on: Mapped[date]
    ends_on: Mapped[date]


class SchoolClass(TenantTable):
    """A homeroom class of one year. `name_key` sorts 2A before 10A."""

    __tablename__ = "school_class"
    __table_args__ = (
        UniqueConstraint("tenant_id", "academic_year_id", "name"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("homeroom_teacher_id", "staff_member"),
        {"info": holding(internal="name name_key grade_level")},
    )

    academic_year_id: Mapped[uuid.UUID]
    name: Mapped[str]
    name_key: Mapped[str]
    grade_level: Mapped[int]
    homeroom_teacher_id: Mapped[uuid.UUID | None]


class Student(TenantTable):
    """A pupil as the personal page of the học bạ knows them. `name_key` sorts by given name first."""

    __tablename__ = "student"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_code"),
        Index("uq_student_tenant_id_personal_id", "tenant_id", "personal_id", unique=True),
        {
            "info": holding(
                personal="student_code personal_id full_name name_key date_of_birth gender nationality birth_place"
                " hometown current_address father_name mother_name guardian_name",
                sensitive="ethnicity",
                title="Sổ danh bạ học sinh",
                purpose="Lập trang lý lịch của học bạ",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_code: Mapped[str]
    personal_id: Mapped[str | None]
    full_name: Mapped[str]
    name_key: Mapped[str]
    date_of_birth: Mapped[date]
    gender: Mapped[str | None]
    ethnicity: Mapped[str | None]
    nationality: Mapped[str | None]
    birth_place: Mapped[str | None]
    hometown: Mapped[str | None]
    current_address: Mapped[str | None]
    father_name: Mapped[str | None]
    mother_name: Mapped[str | None]
    guardian_name: Mapped[str | None]


class Enrollment(TenantTable):
    """A pupil's place in a class of a year."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_id", "class_id"),
        tenant_key("student_id", "student"),
        tenant_key("class_id", "school_class"),
        Index("ix_enrollment_class", "tenant_id", "class_id"),
        {
            "info": holding(
                personal="registry_no joined_on status",
                title="Xếp lớp",
                purpose="Ghi quá trình học tập của học sinh",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    class_id: Mapped[uuid.UUID]
    registry_no: Mapped[str | None]
    joined_on: Mapped[date | None]
    status: Mapped[str]


class TeachingAssignment(TenantTable):
    """Who teaches a subject to a class; it also says that the class has the subject."""

    __tablename__ = "teaching_assignment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "class_id", "subject_code"),
        tenant_key("class_id", "school_class"),
        tenant_key("teacher_id", "staff_member"),
        {"info": holding(internal="subject_code created_at")},
    )

    class_id: Mapped[uuid.UUID]
    subject_code: Mapped[str]
    teacher_id: Mapped[uuid.UUID | None]
    created_at: Mapped[datetime]
