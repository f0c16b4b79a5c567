"""The words of the roster."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId

AcademicYearId = NewType("AcademicYearId", uuid.UUID)
ClassId = NewType("ClassId", uuid.UUID)
StudentId = NewType("StudentId", uuid.UUID)

#: The "subject" of the sheet that the homeroom teacher keeps: conduct, absences, traits, comments.
HOMEROOM = "GVCN"


#: What is held while somebody gives out codes or personal numbers: before any record.
CODES = "pupil codes"
#: What is held while somebody opens, renames or closes classes: before any class.
CLASS_NAMES = "classes"


class EnrollmentStatus(StrEnum):
    """Where a pupil stands in a class."""

    STUDYING = "studying"
    MOVED = "moved"
    LEFT = "left"


class StudentStatus(StrEnum):
    """Trạng thái học sinh, as far as the words of CSDL ngành are known; `LEFT` where a list does not say how."""

    STUDYING = "studying"
    TRANSFERRED_IN = "transferred_in"
    RETURNED = "returned"
    TRANSFERRED_OUT = "transferred_out"
    DROPPED_OUT = "dropped_out"
    SUSPENDED = "suspended"
    DECEASED = "deceased"
    COMPLETED = "completed"
    LEFT = "left"


STATUS_NAMES = {
    StudentStatus.STUDYING: "Đang học",
    StudentStatus.TRANSFERRED_IN: "Chuyển đến",
    StudentStatus.RETURNED: "Nghỉ học xin học lại",
    StudentStatus.TRANSFERRED_OUT: "Chuyển đi",
    StudentStatus.DROPPED_OUT: "Thôi học",
    StudentStatus.SUSPENDED: "Tạm nghỉ (bảo lưu)",
    StudentStatus.DECEASED: "Qua đời",
    StudentStatus.COMPLETED: "Đã học xong cấp học",
    StudentStatus.LEFT: "Không còn học",
}
#: Of those who are at the school; with any other status a pupil has no place in a class.
PRESENT = frozenset({StudentStatus.STUDYING, StudentStatus.TRANSFERRED_IN, StudentStatus.RETURNED})
#: How somebody leaves by a person's hand; the rest comes with the end of a year, or from lists that say no more.
LEAVING = (
    StudentStatus.TRANSFERRED_OUT,
    StudentStatus.DROPPED_OUT,
    StudentStatus.SUSPENDED,
    StudentStatus.DECEASED,
)


class NewStudent(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil as a register lists them; `class_name` is the class of the year that is being filled.

    None is "the list does not say". Registers keep those who `left` the school in the list: they give up their place,
    or never get one; `status` says how, and on which day. `not_assessed`: disabled, and not assessed (TT22 Đ.11).
    """

    student_code: str
    full_name: str
    date_of_birth: date
    class_name: str
    personal_id: str | None = None
    lifelong_code: str | None = None
    gender: str | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    passport_kind: str | None = None
    passport_number: str | None = None
    birth_place: str | None = None
    hometown: str | None = None
    permanent_address: str | None = None
    current_address: str | None = None
    father_name: str | None = None
    father_job: str | None = None
    mother_name: str | None = None
    mother_job: str | None = None
    guardian_name: str | None = None
    guardian_job: str | None = None
    policy_group: str | None = None
    disability: str | None = None
    not_assessed: bool | None = None
    individual_plan: bool | None = None
    registry_no: str | None = None
    left: bool = False
    status: StudentStatus | None = None
    status_on: date | None = None


class YearSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One school year, "2025-2026"."""

    id: AcademicYearId
    name: str
    starts_on: date
    ends_on: date


class ClassSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One class in a list; `closed_on`: nobody is taken in any more."""

    id: ClassId
    name: str
    grade_level: int
    academic_year: str
    academic_year_id: AcademicYearId
    homeroom_teacher_id: StaffId | None
    homeroom_teacher: str | None
    students: int
    closed_on: date | None = None


class StudentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil in a class list."""

    id: StudentId
    student_code: str
    full_name: str
    date_of_birth: date
    gender: str | None


class StudentPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Who a pupil is in the register, and the class where they study now."""

    id: StudentId
    full_name: str
    date_of_birth: date
    class_name: str


class StudentRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that the personal page of the học bạ needs, how the pupil came to the class, and whether they are assessed."""

    id: StudentId
    student_code: str
    status: StudentStatus
    personal_id: str | None
    full_name: str
    date_of_birth: date
    gender: str | None
    ethnicity: str | None
    nationality: str | None
    birth_place: str | None
    hometown: str | None
    current_address: str | None
    father_name: str | None
    father_job: str | None
    mother_name: str | None
    mother_job: str | None
    guardian_name: str | None
    guardian_job: str | None
    policy_group: str | None
    not_assessed: bool
    registry_no: str | None
    joined_on: date | None


class StudyYear(msgspec.Struct, frozen=True, kw_only=True):
    """One year of a pupil's QUÁ TRÌNH HỌC TẬP; `school_name` is None where it is this school."""

    student_id: StudentId
    academic_year: str
    class_name: str
    school_name: str | None
    registry_no: str | None
    joined_on: date | None


class PupilRow(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil in the list of a search; `class_name` is where they study in the newest year, "" nowhere."""

    id: StudentId
    student_code: str
    code_is_temporary: bool
    full_name: str
    date_of_birth: date
    personal_id: str | None
    status: StudentStatus
    class_name: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a search asks for; "" and None are "any". `page` counts from 1."""

    words: str = ""
    class_id: ClassId | None = None
    status: StudentStatus | None = None
    page: int = 1


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One page of a search, and how many pupils there are in all."""

    rows: tuple[PupilRow, ...]
    total: int
    pages: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil's place in a class: one line of where they have studied here."""

    class_id: ClassId
    class_name: str
    grade_level: int
    academic_year_id: AcademicYearId
    academic_year: str
    registry_no: str | None
    joined_on: date | None
    came_from: str | None
    left_on: date | None
    reason: str | None
    status: EnrollmentStatus


class EarlierYearView(msgspec.Struct, frozen=True, kw_only=True):
    """A year at another school as it was entered; `reason` says why it was withdrawn."""

    id: uuid.UUID
    academic_year: str
    grade_level: int
    class_name: str
    school_name: str
    registry_no: str | None
    joined_on: date | None
    results: str
    withdrawn_at: datetime | None
    reason: str | None


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a record's history: which field, in words, from what to what, by whom, when."""

    field: str
    old: str
    new: str
    who: str
    at: datetime


class PupilRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that the school keeps about who a pupil is. `revision` counts the corrections that a writer has seen."""

    id: StudentId
    student_code: str
    code_is_temporary: bool
    personal_id: str | None
    identity_verified_on: date | None
    lifelong_code: str | None
    full_name: str
    date_of_birth: date
    gender: str | None
    ethnicity: str | None
    nationality: str | None
    passport_kind: str | None
    passport_number: str | None
    birth_place: str | None
    hometown: str | None
    permanent_address: str | None
    current_address: str | None
    father_name: str | None
    father_job: str | None
    mother_name: str | None
    mother_job: str | None
    guardian_name: str | None
    guardian_job: str | None
    policy_group: str | None
    disability: str | None
    not_assessed: bool
    individual_plan: bool
    status: StudentStatus
    status_on: date | None
    merged_into_id: uuid.UUID | None
    revision: int

    @property
    def label(self) -> str:
        """What the audit calls the pupil."""
        return f"{self.full_name} ({self.student_code})"


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Who teaches a subject in a class."""

    class_id: ClassId
    subject_code: str
    teacher_id: StaffId | None
    teacher: str | None


class DifferenceKind(StrEnum):
    """Something that was not there; something that becomes another; a pupil who changes classes or leaves."""

    NEW = "new"
    CHANGED = "changed"
    MOVED = "moved"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would change, in words for people; `old` is empty where nothing was there."""

    pupil: str
    place: str
    old: str
    new: str
    kind: DifferenceKind = DifferenceKind.CHANGED


#: As many differences of each kind as a person reads; the counts tell of the rest.
DIFFERENCES_SHOWN = 200


class OverwrittenPupil(msgspec.Struct, frozen=True, kw_only=True):
    """What a register changed of one pupil: the fields that it wrote, before and after; of a new one, all of them.

    `places` holds the enrollments that were touched, by class, as they were; `place_id` is one that was made.
    """

    student_id: StudentId
    full_name: str
    is_new: bool
    old: dict[str, str | bool | None]
    new: dict[str, str | bool | None]
    old_class: ClassId | None
    new_class: ClassId | None
    places: dict[str, dict[str, str | bool | None]]
    place_id: uuid.UUID | None


class RosterChange(msgspec.Struct, frozen=True, kw_only=True):
    """What taking a register in would do, in pupils; `problems` are (student code, Vietnamese sentence).

    Who leaves a class for another or for good is `moved`; who left before they were ever here is `unchanged`.
    `differences` are the first of each kind of `differing`, what is new at their end; `basis` is another when anything
    that was compared has changed. `overwritten` is everybody who was changed, once that is done.
    """

    new: int
    changed: int
    unchanged: int
    moved: int
    problems: tuple[tuple[str, str], ...] = ()
    differences: tuple[Difference, ...] = ()
    differing: int = 0
    basis: str = ""
    overwritten: tuple[OverwrittenPupil, ...] = ()
