"""Years, classes, pupils, and who teaches what."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, and_
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
    """A homeroom class of one year. `name_key` sorts 2A before 10A; a closed one keeps its sheets and takes nobody in."""

    __tablename__ = "school_class"
    __table_args__ = (
        UniqueConstraint("tenant_id", "academic_year_id", "name"),
        tenant_key("academic_year_id", "academic_year"),
        tenant_key("homeroom_teacher_id", "staff_member"),
        {"info": holding(internal="name name_key grade_level closed_on")},
    )

    academic_year_id: Mapped[uuid.UUID]
    name: Mapped[str]
    name_key: Mapped[str]
    grade_level: Mapped[int]
    homeroom_teacher_id: Mapped[uuid.UUID | None]
    closed_on: Mapped[date | None]


class Student(TenantTable):
    """A pupil as the forms and the Ministry's data dictionary know them.

    `name_key` sorts by given name first, `search_key` is what a search looks into (`names.search_key`). A record that
    was entered twice says in which other one it lives on (`merged_into_id`), and is found there.
    """

    __tablename__ = "student"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_code"),
        Index("uq_student_tenant_id_personal_id", "tenant_id", "personal_id", unique=True),
        Index(
            "ix_student_search", "tenant_id", "name_key", "id", postgresql_include=["search_key", "status"]
        ),
        tenant_key("merged_into_id", "student"),
        {
            "info": holding(
                internal="code_is_temporary revision",
                personal="student_code personal_id identity_verified_on lifelong_code full_name name_key search_key"
                " date_of_birth gender nationality passport_kind passport_number birth_place hometown"
                " permanent_address current_address father_name father_job mother_name mother_job guardian_name"
                " guardian_job status status_on",
                sensitive="ethnicity policy_group disability not_assessed individual_plan",
                title="Sổ danh bạ học sinh",
                purpose="Lập trang lý lịch của học bạ và báo cáo theo từ điển dữ liệu của Bộ",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_code: Mapped[str]
    code_is_temporary: Mapped[bool]
    personal_id: Mapped[str | None]
    identity_verified_on: Mapped[date | None]
    lifelong_code: Mapped[str | None]
    full_name: Mapped[str]
    name_key: Mapped[str]
    search_key: Mapped[str]
    date_of_birth: Mapped[date]
    gender: Mapped[str | None]
    ethnicity: Mapped[str | None]
    nationality: Mapped[str | None]
    passport_kind: Mapped[str | None]
    passport_number: Mapped[str | None]
    birth_place: Mapped[str | None]
    hometown: Mapped[str | None]
    permanent_address: Mapped[str | None]
    current_address: Mapped[str | None]
    father_name: Mapped[str | None]
    father_job: Mapped[str | None]
    mother_name: Mapped[str | None]
    mother_job: Mapped[str | None]
    guardian_name: Mapped[str | None]
    guardian_job: Mapped[str | None]
    policy_group: Mapped[str | None]
    disability: Mapped[str | None]
    not_assessed: Mapped[bool]
    individual_plan: Mapped[bool]
    status: Mapped[str]
    status_on: Mapped[date | None]
    merged_into_id: Mapped[uuid.UUID | None]
    revision: Mapped[int]


class StudentChange(TenantTable):
    """What was corrected in a pupil's record: old and new, by whom, when. Written only, never altered."""

    __tablename__ = "student_change"
    __table_args__ = (
        tenant_key("student_id", "student"),
        tenant_key("changed_by", "staff_member"),
        Index("ix_student_change_student", "tenant_id", "student_id"),
        {
            "info": holding(
                internal="field changed_at",
                sensitive="old_value new_value",
                title="Lịch sử sửa hồ sơ học sinh",
                purpose="Biết ai đã sửa gì trong hồ sơ làm căn cứ của học bạ",
                ground=Ground.EDUCATION,
                keep=Keep.WITH_RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    field: Mapped[str]
    old_value: Mapped[str]
    new_value: Mapped[str]
    changed_by: Mapped[uuid.UUID | None]
    changed_at: Mapped[datetime]


class Enrollment(TenantTable):
    """A pupil's place in a class of a year: since when and until when, from which school, and why it ended."""

    __tablename__ = "enrollment"
    __table_args__ = (
        UniqueConstraint("tenant_id", "student_id", "class_id"),
        tenant_key("student_id", "student"),
        tenant_key("class_id", "school_class"),
        Index("ix_enrollment_class", "tenant_id", "class_id"),
        {
            "info": holding(
                personal="registry_no joined_on came_from left_on reason status",
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
    came_from: Mapped[str | None]
    left_on: Mapped[date | None]
    reason: Mapped[str | None]
    status: Mapped[str]


class EarlierYear(TenantTable):
    """A school year that a pupil spent at another school, as the học bạ says that they brought.

    It is never altered: one that was copied wrongly is withdrawn with a reason, and entered again. `results` has one
    line per result, as it stands there.
    """

    __tablename__ = "earlier_year"
    __table_args__ = (
        tenant_key("student_id", "student"),
        tenant_key("entered_by", "staff_member"),
        tenant_key("withdrawn_by", "staff_member"),
        Index("ix_earlier_year_student", "tenant_id", "student_id"),
        {
            "info": holding(
                personal="academic_year grade_level class_name school_name registry_no joined_on results entered_at"
                " withdrawn_at reason",
                title="Năm học ở trường khác",
                purpose="Ghi quá trình học tập trước khi chuyển đến, theo học bạ đã nhận",
                ground=Ground.EDUCATION,
                keep=Keep.RECORD,
            )
        },
    )

    student_id: Mapped[uuid.UUID]
    academic_year: Mapped[str]
    grade_level: Mapped[int]
    class_name: Mapped[str]
    school_name: Mapped[str]
    registry_no: Mapped[str | None]
    joined_on: Mapped[date | None]
    results: Mapped[str]
    entered_by: Mapped[uuid.UUID | None]
    entered_at: Mapped[datetime]
    withdrawn_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None]
    reason: Mapped[str | None]


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


#: How a pupil's place, its class and the class's year hang together, for joins.
CLASS_OF_ENROLLMENT = and_(
    SchoolClass.tenant_id == Enrollment.tenant_id, SchoolClass.id == Enrollment.class_id
)
YEAR_OF_CLASS = and_(
    AcademicYear.tenant_id == SchoolClass.tenant_id, AcademicYear.id == SchoolClass.academic_year_id
)
