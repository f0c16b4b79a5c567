"""The words of transcripts: the frozen content of one pupil-year (`Snapshot`), schema "hocba.snapshot/1".

A snapshot is all that a học bạ says and all that its two renderings (PDF and XML) may use. It is written once
as canonical JSON (`canonical.py`) and never changed; a correction is a new snapshot with the next `version`.
Marks and measures are decimal strings with a dot (no binary floats); unknown facts are None and print as a
dotted blank, as on the paper form.
"""

import uuid
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, NewType

import msgspec
from msgspec import Meta

from backend.core.files import Recorded
from backend.records.calendar.schemas import Closing
from backend.records.roster.schemas import ClassId, StudentId

#: Patterns end in `$(?!\n)` because `$` alone would let a trailing line feed in.
LookupCode = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
AcademicYear = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{4}$(?!\n)")]
#: Số định danh cá nhân: 12 digits.
PersonalId = Annotated[str, Meta(pattern=r"^[0-9]{12}$(?!\n)")]
#: A term or year result (TT22 Đ.5): 0–10 with at most one decimal, or Đ / CĐ.
Result = Annotated[str, Meta(pattern=r"^(?:10(?:\.0)?|[0-9](?:\.[0-9])?|Đ|CĐ)$(?!\n)")]
#: A primary test mark: a whole number 0–10 (TT27 Đ.7.1.b).
TestMark = Annotated[str, Meta(pattern=r"^(?:10|[0-9])$(?!\n)")]
#: Height in centimetres or weight in kilograms, at most one decimal.
Measure = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,2}(?:\.[0-9])?$(?!\n)")]
Count = Annotated[int, Meta(ge=0)]


class SchoolLevel(StrEnum):
    """Cấp học; the học bạ form follows from it."""

    PRIMARY = "primary"
    LOWER_SECONDARY = "lower_secondary"
    UPPER_SECONDARY = "upper_secondary"


#: Grades of each level, first to last.
GRADES = {
    SchoolLevel.PRIMARY: range(1, 6),
    SchoolLevel.LOWER_SECONDARY: range(6, 10),
    SchoolLevel.UPPER_SECONDARY: range(10, 13),
}


class Gender(StrEnum):
    """Giới tính (QCVN 109:2017/BTTTT: 1 male, 2 female; not known is None)."""

    MALE = "male"
    FEMALE = "female"


class SubjectLevel(StrEnum):
    """Mức đạt được of a primary subject (TT27 Đ.7.1)."""

    COMPLETED_WELL = "T"
    COMPLETED = "H"
    NOT_COMPLETED = "C"


class TraitLevel(StrEnum):
    """Mức đạt được of a phẩm chất or năng lực (TT27 Đ.7.2)."""

    GOOD = "T"
    ACHIEVED = "Đ"
    NEEDS_EFFORT = "C"


class TraitGroup(StrEnum):
    """Phẩm chất chủ yếu, năng lực chung, năng lực đặc thù."""

    QUALITY = "quality"
    GENERAL_COMPETENCE = "general_competence"
    SPECIFIC_COMPETENCE = "specific_competence"


class YearLevel(StrEnum):
    """Primary year-end level (TT27 Đ.9.2)."""

    EXCELLENT = "HTXS"
    GOOD = "HTT"
    COMPLETED = "HT"
    NOT_COMPLETED = "CHT"


class Level(StrEnum):
    """Secondary level of learning or conduct (TT22 Đ.8, Đ.9): the Ministry's codes T, K, Đ, CĐ."""

    GOOD = "T"
    FAIR = "K"
    ACHIEVED = "Đ"
    NOT_ACHIEVED = "CĐ"


class AssessedBy(StrEnum):
    """How a secondary subject is assessed (TT22 Đ.5)."""

    SCORE = "score"
    COMMENT = "comment"


class Promotion(StrEnum):
    """What follows the year. PENDING is missing on purpose: an unfinished year is not frozen.

    NOT_ASSESSED: the pupil is disabled and need not have results (cokhuyettatkhongdanhgia).
    """

    PROMOTED = "PROMOTED"
    RETAINED = "RETAINED"
    REASSESSMENT = "REASSESSMENT"
    SUMMER_TRAINING = "SUMMER_TRAINING"
    SUPPLEMENTARY = "SUPPLEMENTARY"
    NOT_ASSESSED = "NOT_ASSESSED"


class SignerRole(StrEnum):
    """Whose place it is, in signing order; also the names of the PDF signature fields."""

    HOMEROOM_TEACHER = "homeroom_teacher"
    PRINCIPAL = "principal"
    SCHOOL_SEAL = "school_seal"


#: Whose turn comes when; also the names of the PDF's signature fields.
SIGNING_ORDER = (SignerRole.HOMEROOM_TEACHER, SignerRole.PRINCIPAL, SignerRole.SCHOOL_SEAL)


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Immutable; an unknown field means a newer schema and is refused rather than dropped."""


class School(_Frozen, frozen=True, kw_only=True):
    """The issuing school (matruong, MST), with its province and ward as named on the issue date."""

    name: str
    code: str
    province: str
    ward: str
    tax_code: str | None = None


class Student(_Frozen, frozen=True, kw_only=True):
    """Facts of the personal page, by the birth certificate. Jobs are None unless the school keeps them."""

    student_code: str
    full_name: str
    date_of_birth: date
    personal_id: PersonalId | None = None
    gender: Gender | None = None
    ethnicity: str | None = None
    nationality: str | None = None
    birth_place: str | None = None
    hometown: str | None = None
    current_address: str | None = None
    policy_group: str | None = None
    father_name: str | None = None
    father_job: str | None = None
    mother_name: str | None = None
    mother_job: str | None = None
    guardian_name: str | None = None
    guardian_job: str | None = None


class StudyPeriod(_Frozen, frozen=True, kw_only=True):
    """One row of QUÁ TRÌNH HỌC TẬP; `registry_no` is số đăng bộ."""

    academic_year: AcademicYear
    class_name: str
    school_name: str
    registry_no: str | None = None
    joined_on: date | None = None


class PrimarySubject(_Frozen, frozen=True, kw_only=True):
    """One row of "Các môn học và hoạt động giáo dục"; `test_mark` is the last year-end test."""

    code: str
    name: str
    level: SubjectLevel | None = None
    test_mark: TestMark | None = None
    comment: str | None = None


class Trait(_Frozen, frozen=True, kw_only=True):
    """One phẩm chất or năng lực."""

    code: str
    name: str
    group: TraitGroup
    level: TraitLevel | None = None
    comment: str | None = None


class PrimaryResults(_Frozen, frozen=True, kw_only=True, tag_field="kind", tag="primary"):
    """A year by TT27/2020. `award` and `completion` are the sentences that the form shows."""

    subjects: tuple[PrimarySubject, ...]
    traits: tuple[Trait, ...]
    year_level: YearLevel | None
    promotion: Promotion
    class_completed: bool
    programme_completed: bool
    completion: str
    award: str | None = None


class SecondarySubject(_Frozen, frozen=True, kw_only=True):
    """One row of the mark table. `reassessed` is the result after re-assessment in summer (TT22 Đ.14).

    `teacher_signs`: the teacher signs this row of the data form; absent where the school's order of signing has no
    subject teachers.
    """

    code: str
    name: str
    assessed_by: AssessedBy
    term1: Result | None = None
    term2: Result | None = None
    year: Result | None = None
    reassessed: Result | None = None
    exempt: bool = False
    comment: str | None = None
    teacher_name: str | None = None
    teacher_signs: bool | msgspec.UnsetType = msgspec.UNSET


class Conduct(_Frozen, frozen=True, kw_only=True):
    """Kết quả rèn luyện; `after_summer` replaces the year level for promotion (TT22 Đ.13)."""

    term1: Level | None = None
    term2: Level | None = None
    year: Level | None = None
    after_summer: Level | None = None


class Learning(_Frozen, frozen=True, kw_only=True):
    """Kết quả học tập, after the adjustment of TT22 Đ.9.3."""

    term1: Level | None = None
    term2: Level | None = None
    year: Level | None = None
    after_reassessment: Level | None = None


class SecondaryResults(_Frozen, frozen=True, kw_only=True, tag_field="kind", tag="secondary"):
    """A year by TT22/2021. `programme_completed` is None unless the class is the last of its level.

    `summer_training` says how the tasks of a training in the summer were done (Đ.13); absent where there was none.
    """

    subjects: tuple[SecondarySubject, ...]
    conduct: Conduct
    learning: Learning
    promotion: Promotion
    completion: str
    programme_completed: bool | None = None
    award: str | None = None
    certificates: tuple[str, ...] = ()
    competitions: tuple[str, ...] = ()
    summer_training: str | msgspec.UnsetType = msgspec.UNSET


class Year(_Frozen, frozen=True, kw_only=True):
    """The signed unit: one pupil's school year. Absences are days (primary) or buổi (secondary)."""

    academic_year: AcademicYear
    grade_level: Annotated[int, Meta(ge=1, le=12)]
    class_name: str
    results: PrimaryResults | SecondaryResults
    height_cm: Measure | None = None
    weight_kg: Measure | None = None
    health: str | None = None
    absences_excused: Count | None = None
    absences_unexcused: Count | None = None
    homeroom_comment: str | None = None
    principal_comment: str | None = None


class Signer(_Frozen, frozen=True, kw_only=True):
    """Who is to sign at a place of the form; for the seal `name` is the school's. `title`: "HIỆU TRƯỞNG" …"""

    role: SignerRole
    name: str
    title: str


class Correction(_Frozen, frozen=True, kw_only=True):
    """One place in which a version differs from the one before it, and why there is a new one.

    `subject` names the subject where the place is in the table of marks. `by` decided at `at` that the former version
    does not stand, for the reason `why`; "" where that is not known.
    """

    what: str
    old: str
    new: str
    subject: str | None
    by: str
    at: datetime
    why: str


class Snapshot(_Frozen, frozen=True, kw_only=True):
    """The whole content of one transcript version, as it is hashed, signed, printed and delivered.

    `corrections` are all that was corrected since the first version, the newest last; `correction_count` counts them.
    The field is absent, not empty, where there is none: contents that were frozen without it keep their bytes.
    """

    level: SchoolLevel
    school: School
    student: Student
    study_history: tuple[StudyPeriod, ...]
    year: Year
    lookup_code: LookupCode
    version: Annotated[int, Meta(ge=1)]
    issue_place: str
    issue_date: date
    signers: tuple[Signer, ...]
    sandbox: bool
    verify_url: str
    effective_date: date | None = None
    correction_count: Count = 0
    corrected_subjects: tuple[str, ...] = ()
    corrections: tuple[Correction, ...] | msgspec.UnsetType = msgspec.UNSET
    schema: Literal["hocba.snapshot/1"] = "hocba.snapshot/1"

    def __post_init__(self) -> None:
        """Refuse results or a grade that do not belong to the level (ValueError, a Vietnamese sentence)."""
        grades = GRADES[self.level]
        if self.year.grade_level not in grades:
            raise ValueError(
                f"Lớp {self.year.grade_level} của {self.student.full_name} không thuộc cấp học của học bạ."
            )
        if isinstance(self.year.results, PrimaryResults) != (self.level is SchoolLevel.PRIMARY):
            raise ValueError(f"Kết quả năm học của {self.student.full_name} không đúng mẫu của cấp học.")


PDF_TYPE = "application/pdf"
JSON_TYPE = "application/json"
XML_TYPE = "application/xml"
TranscriptId = NewType("TranscriptId", uuid.UUID)
VersionId = NewType("VersionId", uuid.UUID)


class VersionState(StrEnum):
    """How far a version has come. `rules.EDGES` says what leads from one to the next; no other way is gone.

    What the plans call a draft is the pupil's confirmed result; a version begins with the freeze.
    """

    FROZEN = "frozen"
    RENDERED = "rendered"
    SIGNING = "signing"
    SIGNED = "signed"
    ISSUED = "issued"
    PACKAGED = "packaged"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RECALL_REQUESTED = "recall_requested"
    LOCKED = "locked"
    TRANSFERRED_OUT = "transferred_out"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    REPLACED = "replaced"


#: Issued and not taken back: the signed file may be fetched, the lookup code answers for it.
IN_FORCE = frozenset(
    {
        VersionState.ISSUED,
        VersionState.PACKAGED,
        VersionState.SUBMITTED,
        VersionState.ACCEPTED,
        VersionState.REJECTED,
        VersionState.RECALL_REQUESTED,
        VersionState.LOCKED,
        VersionState.TRANSFERRED_OUT,
    }
)
#: No longer the pupil's transcript of that year: the next version may be frozen. `TranscriptVersion` names them, too.
ENDED = frozenset({VersionState.CANCELLED, VersionState.RECALLED, VersionState.REPLACED})


class Deed(StrEnum):
    """What moves a version on."""

    RENDER = "render"
    ASK_FOR_SIGNATURES = "ask_for_signatures"
    COMPLETE = "complete"
    ISSUE = "issue"
    WITHDRAW = "withdraw"
    PACKAGE = "package"
    SUBMIT = "submit"
    ACCEPT = "accept"
    REJECT = "reject"
    RECALL = "recall"
    CONFIRM_RECALL = "confirm_recall"
    REFUSE_RECALL = "refuse_recall"
    RETURN_RECALL = "return_recall"
    LOCK = "lock"
    REPLACE = "replace"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    GIVE_BACK = "give_back"


class Restoring(StrEnum):
    """What restoring found: known already, taken on from an earlier state, built anew, or something in the way."""

    KNOWN = "known"
    ADVANCED = "advanced"
    REBUILT = "rebuilt"
    CONFLICT = "conflict"


class Restored(msgspec.Struct, frozen=True):
    """What became of one manifest; `problem` says what is in the way."""

    found: Restoring
    problem: str = ""


class IssuedManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="issued"):
    """What an issued version can be rebuilt from, with its files; it names the pupil by ids alone."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    tenant_id: uuid.UUID
    school_code: str
    version_id: uuid.UUID
    transcript_id: uuid.UUID
    level: str
    code_sha256: str
    number: int
    student_id: uuid.UUID
    class_id: uuid.UUID
    academic_year_id: uuid.UUID
    content_sha256: str
    pdf_sha256: str | None
    xml_sha256: str | None
    signed_sha256: str
    signed_xml_sha256: str | None = None
    corrections_sha256: str | None
    signing_request_id: uuid.UUID
    transcript_created_at: datetime
    frozen_at: datetime
    issued_at: datetime
    files: tuple[Recorded, ...]


class RecallManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="recall"):
    """Management takes an issued version back; the file says why, in their words.

    It counts once that was committed, which the message to the Authority says, or a `BegunRecallManifest`.
    """

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    version_id: uuid.UUID
    withdrawn_at: datetime
    withdrawn_by: uuid.UUID | None
    reason: Recorded


class BegunRecallManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="begun"):
    """The machine has taken up a recall that it found in the database."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    version_id: uuid.UUID


class LockManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="lock"):
    """A version was locked, with effect from a day."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    version_id: uuid.UUID
    effective_on: date


class HandOverManifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="state", tag="handover"):
    """Another school manages a transcript from then on."""

    kind: Literal["hocba manifest 1"] = "hocba manifest 1"
    transcript_id: uuid.UUID
    handed_over_at: datetime


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the versions and transcripts of a school after they were issued, by their ids."""

    recalls: Mapping[uuid.UUID, RecallManifest]
    begun_recalls: frozenset[uuid.UUID]
    locks: Mapping[uuid.UUID, LockManifest]
    handovers: Mapping[uuid.UUID, HandOverManifest]


class VersionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One version in a list; `state` is a `VersionState`.

    The three facts of a withdrawal are there from the day on which management withdrew it or asked for its recall.
    """

    id: VersionId
    transcript_id: TranscriptId
    student_id: StudentId
    class_id: ClassId
    full_name: str
    student_code: str
    class_name: str
    academic_year: str
    number: int
    state: str
    lookup_code: str
    content_sha256: str
    signed_sha256: str | None
    signed_xml_sha256: str | None
    frozen_at: datetime
    issued_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    effective_on: date | None

    @property
    def label(self) -> str:
        """What the audit calls it."""
        return f"{self.full_name} ({self.student_code}), lớp {self.class_name}"


class IssuedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version that was issued, as far as anyone may know of it; `state` is a `VersionState`."""

    id: VersionId
    student_id: StudentId
    academic_year: str
    number: int
    state: str
    lookup_code: str
    signed_sha256: str
    signed_xml_sha256: str | None
    issued_at: datetime
    withdrawn_at: datetime | None
    effective_on: date | None


class MissingSigner(msgspec.Struct, frozen=True, kw_only=True):
    """In which role somebody could not sign, what is missing, and the page on which that is mended."""

    who: str
    what: str
    path: str

    @property
    def words(self) -> str:
        """Both in a sentence."""
        return f"{self.who}: {self.what}"


class Overdue(msgspec.Struct, frozen=True, kw_only=True):
    """A version that its last day has found in this state."""

    version: VersionSummary
    closing: Closing


class OverduePage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of what is overdue; `number` counts from 1."""

    rows: tuple[Overdue, ...]
    total: int
    number: int
    pages: int


class Forms(msgspec.Struct, frozen=True, kw_only=True):
    """The two forms of a version, in the store: the page with its empty signature fields, and the XML."""

    version_id: VersionId
    pdf: bytes
    xml: bytes


class FreezeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What freezing a class did: pupils frozen, passed over because they were frozen before, left out with the reason."""

    frozen: int
    known: int
    left_out: tuple[tuple[str, str], ...]


class CopyMark(msgspec.Struct, frozen=True, kw_only=True):
    """What a print says of itself: "BẢN SAO", "12/2026/BS-HB", its day, for whom and for what.

    `year` is the one year of an extract, "" for the whole book; whoever issues a copy that is `confirmed` signs and
    stamps it on paper.
    """

    title: str
    number: str
    on: date
    recipient: str
    purpose: str
    year: str
    confirmed: bool
