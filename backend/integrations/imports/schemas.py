"""Words of the imports slice: what a workbook turned out to be, its rows in our terms, what is wrong.

Levels are the Ministry's own codes, subject and trait codes those of `records/roster/curriculum.py`.
Every row carries the sheet and the row number as Excel shows it, so that a later refusal (an unknown pupil, a
locked sheet) can still name the place.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal, NewType, Self

import msgspec

from backend.records.roster.schemas import Difference, StudentStatus

#: TT27/2020 Đ.7.1.a: Hoàn thành tốt, Hoàn thành, Chưa hoàn thành.
SubjectLevel = Literal["T", "H", "C"]
#: TT27/2020 Đ.7.2: Tốt, Đạt, Cần cố gắng.
TraitLevel = Literal["T", "Đ", "C"]
#: TT27/2020 Đ.9.2.a.
YearLevel = Literal["HTXS", "HTT", "HT", "CHT"]
#: TT22/2021 Đ.5: a subject assessed by comment is Đạt or Chưa đạt.
CommentLevel = Literal["Đ", "CĐ"]
#: TT22/2021 Đ.8 (kết quả rèn luyện).
ConductLevel = Literal["T", "K", "Đ", "CĐ"]
#: TT27/2020: the four points of the year at which primary pupils are assessed.
Period = Literal["MID_S1", "END_S1", "MID_S2", "YEAR_END"]
TermNumber = Literal[1, 2]
Gender = Literal["male", "female"]


#: When in a year somebody came or left, as keys of texts: CSDL ngành writes "kỳ 1", schools also "kì I" and with "học".
_IN_TERM = ("ki 1", "ki 2", "ki i", "ki ii", "hoc ki 1", "hoc ki 2", "hoc ki i", "hoc ki ii")
_IN_SUMMER = "trong he"
#: The words of CSDL ngành that it divides by time.
_TIMED = {
    "chuyen den": StudentStatus.TRANSFERRED_IN,
    "nghi hoc xin hoc lai": StudentStatus.RETURNED,
    "chuyen di": StudentStatus.TRANSFERRED_OUT,
    "thoi hoc": StudentStatus.DROPPED_OUT,
}
#: Trạng thái of pupils as CSDL ngành (DM_TrangThai) and schools write them, as keys of texts.
#:
#: DM_TrangThai has twelve: đang học; chuyển đến, nghỉ học xin học lại, chuyển đi, thôi học in the first and in the second
#: term; chuyển đến, chuyển đi, thôi học in the summer. The term is not kept: "Ngày nhập trạng thái" says the day. What a
#: pupil is who came or left in a term is the same in both: a place and sheets from then on, or none, and marks that stay;
#: TT27 and TT22 do not say how a term without marks counts, so results wait for them. Who left in the summer is in
#: `LEFT_IN_SUMMER` instead.
PUPIL_STATES = {
    **{f"{word} {term}": status for word, status in _TIMED.items() for term in _IN_TERM},
    f"chuyen den {_IN_SUMMER}": StudentStatus.TRANSFERRED_IN,
    "dang hoc": StudentStatus.STUDYING,
    "chuyen den": StudentStatus.TRANSFERRED_IN,
    "chuyen den tu truong khac": StudentStatus.TRANSFERRED_IN,
    "nghi hoc xin hoc lai": StudentStatus.RETURNED,
    "hoc lai": StudentStatus.RETURNED,
    "chuyen di": StudentStatus.TRANSFERRED_OUT,
    "chuyen truong": StudentStatus.TRANSFERRED_OUT,
    "thoi hoc": StudentStatus.DROPPED_OUT,
    "bo hoc": StudentStatus.DROPPED_OUT,
    "nghi hoc": StudentStatus.DROPPED_OUT,
    "bao luu": StudentStatus.SUSPENDED,
    "tam nghi": StudentStatus.SUSPENDED,
    "qua doi": StudentStatus.DECEASED,
    "tu vong": StudentStatus.DECEASED,
    "tot nghiep": StudentStatus.COMPLETED,
    "da tot nghiep": StudentStatus.COMPLETED,
}
#: Whoever leaves between two years keeps the place and the results of the year that has ended. The list does not say
#: which summer it means, so a person decides.
LEFT_IN_SUMMER = frozenset({f"chuyen di {_IN_SUMMER}", f"thoi hoc {_IN_SUMMER}"})


class Layout(StrEnum):
    """The kinds of workbook that we recognise by their content."""

    PUPILS = "pupils"
    PRIMARY_RESULTS = "primary_results"
    PRIMARY_COMMENTS = "primary_comments"
    SECONDARY_MARKS = "secondary_marks"
    HOMEROOM = "homeroom"
    ONEROSTER = "oneroster"


class MarkKind(StrEnum):
    """TT22/2021 Đ.6, Đ.7: ĐĐGtx, chuyên đề, ĐĐGgk, ĐĐGck."""

    REGULAR = "regular"
    TOPIC = "topic"
    MIDTERM = "midterm"
    FINAL = "final"


class _Value(msgspec.Struct, frozen=True, kw_only=True):
    """A value object of this slice."""


class RowProblem(_Value, frozen=True, kw_only=True):
    """One thing that is wrong, at one place. `row` is Excel's row number; None: the whole sheet or file."""

    sheet: str
    row: int | None
    column: str
    value: str
    message: str


class SheetInfo(_Value, frozen=True, kw_only=True):
    """What one sheet was read as; `rows` counts the pupils read from it."""

    name: str
    class_code: str | None
    subject_code: str | None
    term: TermNumber | None
    rows: int


class _Row(_Value, frozen=True, kw_only=True):
    """`student_id` comes from the hidden column of our own workbooks alone."""

    sheet: str
    row: int
    class_code: str
    student_code: str
    full_name: str
    student_id: uuid.UUID | None = None


class PupilRow(_Row, frozen=True, kw_only=True):
    """One line of the pupils' register (CSDL ngành, C1-HocSinh)."""

    date_of_birth: date
    gender: Gender | None
    status: str
    personal_id: str | None
    ethnicity: str | None
    nationality: str | None
    birth_place: str | None
    hometown: str | None
    address: str | None
    father_name: str | None
    mother_name: str | None
    guardian_name: str | None
    status_on: date | None = None
    lifelong_code: str | None = None
    passport_number: str | None = None
    permanent_address: str | None = None
    father_job: str | None = None
    mother_job: str | None = None
    guardian_job: str | None = None
    policy_group: str | None = None
    disability: str | None = None
    registry_no: str | None = None


class PrimaryResultRow(_Row, frozen=True, kw_only=True):
    """One pupil's results at one point of the year. Empty cells are absent from the mappings."""

    date_of_birth: date | None
    levels: dict[str, SubjectLevel]
    tests: dict[str, int]
    traits: dict[str, TraitLevel]
    class_completed: bool
    promoted: bool
    year_level: YearLevel | None


class PrimaryCommentRow(_Row, frozen=True, kw_only=True):
    """One pupil's comments. `first_tests` holds the marks of tests that were taken again (TT27/2020 Đ.7.1.b);
    the mark of the retest is in the results workbook. Height (cm) and weight (kg) are decimals as people write them."""

    comments: dict[str, str]
    qualities_comment: str | None
    general_competences_comment: str | None
    specific_competences_comment: str | None
    first_tests: dict[str, int]
    absences_excused: int | None
    absences_unexcused: int | None
    homeroom_comment: str | None
    award: str | None = None
    height: str | None = None
    weight: str | None = None
    health: str | None = None


class MarkEntry(_Value, frozen=True, kw_only=True):
    """One recorded mark: either `score` (0–10, one decimal) or `level` is set. `slot` counts from 1."""

    kind: MarkKind
    slot: int
    score: Decimal | None = None
    level: CommentLevel | None = None


class SecondaryMarkRow(_Row, frozen=True, kw_only=True):
    """One pupil's marks in one subject and term. `average_given` is the ĐTBmhk that the file itself shows."""

    subject_code: str
    term: TermNumber
    date_of_birth: date | None
    marks: tuple[MarkEntry, ...]
    average_given: Decimal | None
    comment: str | None


class Reassessment(_Value, frozen=True, kw_only=True):
    """The year result of one subject after re-assessment in summer (TT22/2021 Đ.14)."""

    subject_code: str
    score: Decimal | None = None
    level: CommentLevel | None = None


class HomeroomRow(_Row, frozen=True, kw_only=True):
    """What the homeroom teacher of a secondary class records for one pupil."""

    date_of_birth: date | None
    conduct_term1: ConductLevel | None
    conduct_term2: ConductLevel | None
    conduct_after_summer: ConductLevel | None
    reassessments: tuple[Reassessment, ...]
    absences_excused: int | None
    absences_unexcused: int | None
    homeroom_comment: str | None
    certificate: str | None = None
    competition: str | None = None
    award: str | None = None


class _File(_Value, tag_field="layout", frozen=True, kw_only=True):
    """`academic_year` is "2025-2026", from the title rows; `problems` is empty for a faultless workbook.

    `notices` are sentences about what was left out and does not stand in the way of the rest.
    """

    school_name: str | None
    academic_year: str | None
    sheets: tuple[SheetInfo, ...]
    problems: tuple[RowProblem, ...]
    notices: tuple[str, ...] = ()


class PupilsFile(_File, tag=Layout.PUPILS.value, frozen=True, kw_only=True):
    rows: tuple[PupilRow, ...]


class OneRosterFile(PupilsFile, tag=Layout.ONEROSTER.value, frozen=True, kw_only=True):
    """A register that came as a OneRoster package; its "sheets" are CSV files."""


class PrimaryResultsFile(_File, tag=Layout.PRIMARY_RESULTS.value, frozen=True, kw_only=True):
    period: Period
    rows: tuple[PrimaryResultRow, ...]


class PrimaryCommentsFile(_File, tag=Layout.PRIMARY_COMMENTS.value, frozen=True, kw_only=True):
    rows: tuple[PrimaryCommentRow, ...]


class SecondaryMarksFile(_File, tag=Layout.SECONDARY_MARKS.value, frozen=True, kw_only=True):
    rows: tuple[SecondaryMarkRow, ...]


class HomeroomFile(_File, tag=Layout.HOMEROOM.value, frozen=True, kw_only=True):
    rows: tuple[HomeroomRow, ...]


class UnreadableFile(_File, tag="unreadable", frozen=True, kw_only=True):
    """No layout that we know, or an unusable file: `problems` says why in one sentence."""

    @classmethod
    def because(cls, message: str) -> Self:
        """A file from which nothing could be read, with that sentence."""
        problem = RowProblem(sheet="", row=None, column="", value="", message=message)
        return cls(school_name=None, academic_year=None, sheets=(), problems=(problem,))


ParsedFile = (
    PupilsFile
    | OneRosterFile
    | PrimaryResultsFile
    | PrimaryCommentsFile
    | SecondaryMarksFile
    | HomeroomFile
    | UnreadableFile
)


#: What the school knows, for the cells of a workbook: `place_key` → field of the layout → value, empty to clear.
Contents = dict[str, dict[str, str]]


def place_key(student_code: str, subject_code: str = "", term: int = 0) -> str:
    """Whose line, and in a workbook of marks in the sheet of which subject and term."""
    return f"{student_code}|{subject_code}|{term}"


class Form(StrEnum):
    """Workbooks that we make: our own, and those of other systems that a school works with."""

    MARKS = "diem"
    VNEDU = "diem-vnedu"
    SMAS = "diem-smas"
    HOMEROOM = "chu-nhiem"
    RESULTS = "ket-qua-csdl"
    COMMENTS = "nhan-xet"
    PUPILS = "hoc-sinh-csdl"


#: As which layout each of them is read.
LAYOUT_OF = {
    Form.MARKS: Layout.SECONDARY_MARKS,
    Form.VNEDU: Layout.SECONDARY_MARKS,
    Form.SMAS: Layout.SECONDARY_MARKS,
    Form.HOMEROOM: Layout.HOMEROOM,
    Form.RESULTS: Layout.PRIMARY_RESULTS,
    Form.COMMENTS: Layout.PRIMARY_COMMENTS,
    Form.PUPILS: Layout.PUPILS,
}


class FormSubject(_Value, frozen=True, kw_only=True):
    """A subject of a workbook: how it is assessed says what its cells take. `regular`: number of ĐĐGtx;
    `topics`: it has chuyên đề."""

    code: str
    name: str
    by_comment: bool
    regular: int
    year_end_test: bool
    topics: bool


class FormPupil(_Value, frozen=True, kw_only=True):
    """A line of a workbook."""

    id: uuid.UUID
    student_code: str
    full_name: str
    date_of_birth: date


class Blank(_Value, frozen=True, kw_only=True):
    """A workbook without anything but its pupils. `academic_year` is "2025-2026"; `term` 0 is the whole year."""

    form: Form
    school_name: str
    academic_year: str
    class_name: str
    grade: int
    term: int
    subjects: tuple[FormSubject, ...]
    pupils: tuple[FormPupil, ...]


class ToFill(_Value, frozen=True, kw_only=True):
    """What belongs into a workbook of some layout, and the pupils who may stand in its lines."""

    layout: Layout
    contents: Contents
    pupils: tuple[FormPupil, ...]


class Filling(_Value, frozen=True, kw_only=True):
    """A workbook that is to be filled: its bytes, and what belongs into it."""

    data: bytes
    wanted: ToFill


ImportRunId = NewType("ImportRunId", uuid.UUID)


class ImportState(StrEnum):
    """Shown; taken; taken back."""

    PREVIEWED = "previewed"
    APPLIED = "applied"
    UNDONE = "undone"


class Preview(_Value, frozen=True, kw_only=True):
    """What taking a workbook would do, in pupils (a register) or marks (everything else).

    `pupils` are those of the school that it names. `differences` are the first of each kind of `differing`; `basis` is
    another as soon as anything that was compared has changed.
    """

    layout: str
    new: int
    changed: int
    unchanged: int
    moved: int
    bad: int
    problems: tuple[RowProblem, ...]
    notices: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    differing: int = 0
    basis: str = ""
    pupils: tuple[uuid.UUID, ...] = ()


class ImportView(_Value, frozen=True, kw_only=True):
    """One run."""

    id: ImportRunId
    file_name: str
    file_sha256: str
    parsed_sha256: str
    state: ImportState
    preview: Preview
    uploaded_at: datetime
    applied_at: datetime | None
    undone_at: datetime | None
