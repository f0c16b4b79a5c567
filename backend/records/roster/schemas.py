"""The words of the roster."""

import uuid
from datetime import date
from enum import StrEnum
from typing import NewType

import msgspec

from backend.core.actor import StaffId

AcademicYearId = NewType("AcademicYearId", uuid.UUID)
ClassId = NewType("ClassId", uuid.UUID)
StudentId = NewType("StudentId", uuid.UUID)

#: The "subject" of the sheet that the homeroom teacher keeps: conduct, absences, traits, comments.
HOMEROOM = "GVCN"


class EnrollmentStatus(StrEnum):
    """Where a pupil stands in a class."""

    STUDYING = "studying"
    MOVED = "moved"
    LEFT = "left"


class NewStudent(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil as a register lists them; `class_name` is the class of the year that is being filled.

    Registers keep those who `left` the school in the list: they give up their place, or never get one.
    """

    student_code: str
    full_name: str
    date_of_birth: date
    class_name: str
    personal_id: str | None = None
    gender: str | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    birth_place: str | None = None
    hometown: str | None = None
    current_address: str | None = None
    father_name: str | None = None
    mother_name: str | None = None
    guardian_name: str | None = None
    left: bool = False


class YearSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One school year, "2025-2026"."""

    id: AcademicYearId
    name: str
    starts_on: date
    ends_on: date


class ClassSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One class in a list."""

    id: ClassId
    name: str
    grade_level: int
    academic_year: str
    academic_year_id: AcademicYearId
    homeroom_teacher_id: StaffId | None
    homeroom_teacher: str | None
    students: int


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
    """All that the personal page of the học bạ needs."""

    id: StudentId
    student_code: str
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
    mother_name: str | None
    guardian_name: str | None
    registry_no: str | None
    joined_on: date | None


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
    """What a register changed of one pupil: fields before and after, and the class of the year before and after.

    `place_id` is the enrollment that was made for it; without one, `left_as` is how the pupil had left the class
    into which they came back. Of a new pupil there is no `old`.
    """

    student_id: StudentId
    full_name: str
    is_new: bool = False
    old: dict[str, str | None] = {}
    new: dict[str, str | None] = {}
    old_class: ClassId | None = None
    new_class: ClassId | None = None
    place_id: uuid.UUID | None = None
    left_as: EnrollmentStatus | None = None


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
