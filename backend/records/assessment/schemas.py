"""Words of the assessment slice: one pupil-year in, its results out. The structs are the contract's JSON.

Marks and averages are decimal strings ("7.5"; a comma is accepted on input, a dot is written). Levels are the
Ministry's own codes. A field that is None has not been entered: it is never taken as zero or as Chưa đạt.
"""

import uuid
from enum import StrEnum

import msgspec

from backend.core.errors import Invalid
from backend.records.gradebook.schemas import SheetId
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import AssessedBy
from backend.records.roster.schemas import ClassSummary, StudentId


class Circular(StrEnum):
    """The rule sets that we know."""

    PRIMARY = "27/2020"
    SECONDARY = "22/2021"


class Level(StrEnum):
    """Learning and conduct levels of TT22/2021 (Đ.8, Đ.9.2). A comment subject is PASS or FAIL only."""

    GOOD = "T"
    FAIR = "K"
    PASS = "Đ"
    FAIL = "CĐ"


LEVEL_NAMES = {Level.GOOD: "Tốt", Level.FAIR: "Khá", Level.PASS: "Đạt", Level.FAIL: "Chưa đạt"}


class SubjectLevel(StrEnum):
    """TT27/2020 Đ.7.1.a: Hoàn thành tốt, Hoàn thành, Chưa hoàn thành."""

    COMPLETED_WELL = "T"
    COMPLETED = "H"
    NOT_COMPLETED = "C"


SUBJECT_LEVEL_NAMES = {
    SubjectLevel.COMPLETED_WELL: "Hoàn thành tốt",
    SubjectLevel.COMPLETED: "Hoàn thành",
    SubjectLevel.NOT_COMPLETED: "Chưa hoàn thành",
}


class TraitLevel(StrEnum):
    """TT27/2020 Đ.7.2: Tốt, Đạt, Cần cố gắng."""

    GOOD = "T"
    ACHIEVED = "Đ"
    NEEDS_EFFORT = "C"


TRAIT_LEVEL_NAMES = {
    TraitLevel.GOOD: "Tốt",
    TraitLevel.ACHIEVED: "Đạt",
    TraitLevel.NEEDS_EFFORT: "Cần cố gắng",
}


class YearLevel(StrEnum):
    """TT27/2020 Đ.9.2.a: Hoàn thành xuất sắc, Hoàn thành tốt, Hoàn thành, Chưa hoàn thành."""

    EXCELLENT = "HTXS"
    GOOD = "HTT"
    COMPLETED = "HT"
    NOT_COMPLETED = "CHT"


YEAR_LEVEL_NAMES = {
    YearLevel.EXCELLENT: "Hoàn thành xuất sắc",
    YearLevel.GOOD: "Hoàn thành tốt",
    YearLevel.COMPLETED: "Hoàn thành",
    YearLevel.NOT_COMPLETED: "Chưa hoàn thành",
}


class Promotion(StrEnum):
    """What follows from the year. REASSESSMENT and SUMMER_TRAINING are TT22's, SUPPLEMENTARY is TT27's.

    NOT_ASSESSED is no conclusion of the circulars' figures: the pupil is disabled and need not have results.
    """

    PROMOTED = "PROMOTED"
    RETAINED = "RETAINED"
    REASSESSMENT = "REASSESSMENT"
    SUMMER_TRAINING = "SUMMER_TRAINING"
    SUPPLEMENTARY = "SUPPLEMENTARY"
    PENDING = "PENDING"
    NOT_ASSESSED = "NOT_ASSESSED"


#: A result after the summer is still to come (TT22 Đ.13, Đ.14; TT27 Đ.11.1): what follows is not the last word.
AFTER_SUMMER = frozenset({Promotion.REASSESSMENT, Promotion.SUMMER_TRAINING, Promotion.SUPPLEMENTARY})
#: For people: what follows from the year (TT22 Đ.12–14, TT27 Đ.11).
PROMOTION_NAMES = {
    Promotion.PROMOTED: "Được lên lớp",
    Promotion.RETAINED: "Không được lên lớp",
    Promotion.REASSESSMENT: "Đánh giá lại trong hè",
    Promotion.SUMMER_TRAINING: "Rèn luyện trong hè",
    Promotion.SUPPLEMENTARY: "Đánh giá bổ sung",
    Promotion.PENDING: "Chưa đủ dữ liệu",
    Promotion.NOT_ASSESSED: "Không đánh giá (khuyết tật)",
}


class Title(StrEnum):
    """Year-end titles: TT22 Đ.15 (Xuất sắc, Giỏi) and TT27 Đ.13 (Xuất sắc, Tiêu biểu)."""

    EXCELLENT = "XUAT_SAC"
    VERY_GOOD = "GIOI"
    EXEMPLARY = "TIEU_BIEU"


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value object of this slice. Those made by the hundred are `gc=False`: strings cannot form a cycle.

    Inputs below a pupil-year forbid fields that we do not know: a misspelt one would change a result unseen.
    """


class TermMarks(_Value, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One subject in one term: its marks, or the recorded `average` (score) / `result` (comment).

    `regular` are ĐĐGtx, `midterm` ĐĐGgk, `final` ĐĐGck: marks, or "Đ"/"CĐ" in a comment subject.
    """

    regular: tuple[str | None, ...] = ()
    midterm: str | None = None
    final: str | None = None
    average: str | msgspec.UnsetType | None = msgspec.UNSET
    result: str | msgspec.UnsetType | None = msgspec.UNSET


class SecondarySubject(_Value, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One subject of one pupil-year. `lessons_per_year` gives the number of regular marks (TT22 Đ.6.2.b)."""

    code: str
    assessed_by: AssessedBy
    lessons_per_year: int | None = None
    term1: TermMarks | None = None
    term2: TermMarks | None = None
    #: year result after re-assessment in summer (TT22 Đ.14)
    reassessed: str | None = None
    exempt: bool = False
    #: None: counted, unless it is optional and the policy leaves optional subjects out
    counts: bool | None = None
    #: result of the subject's chuyên đề cluster
    topic: str | None = None


class Conduct(_Value, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Kết quả rèn luyện of the two terms, and after training in the summer (TT22 Đ.8, Đ.13)."""

    term1: Level | None = None
    term2: Level | None = None
    after_summer: Level | None = None


class Absences(_Value, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Half-days (buổi) absent in the year, by the plan of one buổi a day."""

    excused: int | None = None
    unexcused: int | None = None


class SecondaryYear(_Value, frozen=True, kw_only=True, tag_field="circular", tag=Circular.SECONDARY.value):
    """One pupil-year of grades 6–12."""

    grade: int
    subjects: tuple[SecondarySubject, ...] = ()
    conduct: Conduct | None = None
    absences: Absences | None = None


class PrimarySubject(_Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One subject or educational activity at year end; `tests`: all attempts of each periodic test, in order.

    Keys of `tests`: `mid_s1`, `end_s1`, `mid_s2`, `year_end`. Marks are whole numbers as strings.
    """

    code: str
    level: SubjectLevel | None = None
    tests: dict[str, tuple[str | None, ...]] | None = None
    exempt: bool = False
    counts: bool | None = None


class TraitResult(_Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One quality (phẩm chất) or competence (năng lực) at year end."""

    code: str
    level: TraitLevel | None = None


class Recognition(_Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What TT27 Đ.13.1.a asks of people for the title Học sinh Tiêu biểu."""

    outstanding_subject: bool = False
    clear_progress: bool = False
    class_agrees: bool = False


class Supplement(_Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Additional assessment after guidance and help (TT27 Đ.11.1.b): code → what stands in the place of the year's."""

    levels: dict[str, SubjectLevel] = {}
    test_marks: dict[str, str] = {}
    trait_levels: dict[str, TraitLevel] = {}


class PrincipalDecision(StrEnum):
    """TT27 Đ.11.1.c: what the principal decides about a pupil who is still Chưa hoàn thành."""

    PROMOTED = "PROMOTED"
    RETAINED = "RETAINED"


class PrimaryYear(_Value, frozen=True, kw_only=True, tag_field="circular", tag=Circular.PRIMARY.value):
    """One pupil-year of grades 1–5."""

    grade: int
    subjects: tuple[PrimarySubject, ...] = ()
    traits: tuple[TraitResult, ...] = ()
    recognition: Recognition | None = None
    supplement: Supplement | None = None
    principal: PrincipalDecision | None = None


class Reason(_Value, frozen=True, kw_only=True, gc=False):
    """Why: the article ("TT22 Đ.9.2.b") and a Vietnamese explanation for a teacher."""

    rule: str
    text: str


class SubjectResult(_Value, frozen=True, kw_only=True, gc=False):
    """Averages with one decimal ("7.9") or "Đ"/"CĐ"; `final` is the year's result after any re-assessment."""

    term1: str | None
    term2: str | None
    year: str | None
    final: str | None


class LearningResult(_Value, frozen=True, kw_only=True, gc=False):
    """`base` by TT22 Đ.9.2; `level` after Đ.9.3; `adjusted_by` the subject that caused the adjustment."""

    base: Level | None
    level: Level | None
    adjusted_by: str | None


class Learning(_Value, frozen=True, kw_only=True, gc=False):
    """Kết quả học tập of each term and of the year."""

    term1: LearningResult
    term2: LearningResult
    year: LearningResult


class ConductResult(_Value, frozen=True, kw_only=True, gc=False):
    """Kết quả rèn luyện of the year (TT22 Đ.8.2.b) and after the summer."""

    year: Level | None
    after_summer: Level | None


class SecondaryResult(_Value, frozen=True, kw_only=True, tag_field="circular", tag=Circular.SECONDARY.value):
    """What TT22/2021 makes of a pupil-year."""

    subjects: dict[str, SubjectResult]
    learning: Learning
    learning_after_reassessment: LearningResult | None
    conduct: ConductResult
    promotion: Promotion
    reassess: tuple[str, ...]
    title: Title | None
    missing: tuple[str, ...]
    reasons: tuple[Reason, ...]


class PrimaryResult(_Value, frozen=True, kw_only=True, tag_field="circular", tag=Circular.PRIMARY.value):
    """What TT27/2020 makes of a pupil-year."""

    year_level: YearLevel | None
    class_completed: bool
    programme_completed: bool
    promotion: Promotion
    title: Title | None
    missing: tuple[str, ...]
    reasons: tuple[Reason, ...]
    #: The level with additional assessment; absent where there was none, or not yet of everything that is due.
    after_supplement: YearLevel | msgspec.UnsetType = msgspec.UNSET


class InvalidPupilYear(Invalid):
    """The input is not acceptable: `path` says where ("subjects.TOAN.term1.final"), `message` why."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


PupilYear = SecondaryYear | PrimaryYear
Result = SecondaryResult | PrimaryResult


class ResultState(StrEnum):
    """Computed by the machine; confirmed by the homeroom teacher."""

    COMPUTED = "computed"
    CONFIRMED = "confirmed"


class PupilResult(_Value, frozen=True, kw_only=True):
    """The stored result of one pupil. `settled`: the year was confirmed once, so whatever is new keeps the
    edition and readings of that day."""

    id: uuid.UUID
    student_id: StudentId
    student_code: str
    full_name: str
    state: ResultState
    result: Result
    asked: PupilYear
    rule_set: str
    policy: Policy
    settled: bool


class MissingItem(_Value, frozen=True, kw_only=True):
    """What a result waits for, in words, and the sheet in which it belongs; None: nobody was assigned to the subject.

    `is_choice`: which electives the pupil takes, which stands in no sheet.
    """

    words: str
    sheet_id: SheetId | None
    is_choice: bool


class MissingInSheet(_Value, frozen=True, kw_only=True):
    """What is missing in one sheet of a class: its name, and of whom. `is_choice` as with `MissingItem`."""

    sheet: str
    sheet_id: SheetId | None
    is_choice: bool
    pupils: tuple[str, ...]


class SubjectExplained(_Value, frozen=True, kw_only=True):
    """One subject of one pupil: results as people read them, with the arithmetic behind each; "" where there is none."""

    code: str
    name: str
    term1: str = ""
    term2: str = ""
    year: str = ""
    again: str = ""
    by_term1: str = ""
    by_term2: str = ""
    by_year: str = ""
    note: str = ""


class Part(_Value, frozen=True, kw_only=True):
    """One part of an explanation: a heading and its reasons."""

    heading: str
    reasons: tuple[Reason, ...]


class Explanation(_Value, frozen=True, kw_only=True):
    """Why the result of one pupil is what it is. `only`: whoever looks sees their own subjects, and no conclusions."""

    pupil: PupilResult
    circular: str
    readings: tuple[str, ...]
    subjects: tuple[SubjectExplained, ...]
    parts: tuple[Part, ...]
    missing: tuple[MissingItem, ...]
    only: bool


class ClassView(_Value, frozen=True, kw_only=True):
    """The results of a class as one person may see them. `only`: their own subjects, without conclusions."""

    school_class: ClassSummary
    results: tuple[PupilResult, ...]
    only: tuple[str, ...] | None
    missing: tuple[MissingInSheet, ...]


class ClassProgress(_Value, frozen=True, kw_only=True):
    """How far a class has come, in pupils. `later`: of the confirmed, those who wait for a result after the summer."""

    assessed: int = 0
    confirmed: int = 0
    later: int = 0
