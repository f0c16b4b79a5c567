"""Subjects, activities and traits of the national programme as data: codes, names, lessons, modes, tests.

Chương trình GDPT 2018 (TT32/2018; TT13/2022 for upper secondary): lessons per school year, by grade. A
school's own plan may differ; these are the defaults. Periodic tests: TT27/2020 Đ.7.1.b. Modes: TT22/2021 Đ.5.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cache

import msgspec

from backend.tenants.schools.schemas import SchoolLevel, level_of


class AssessedBy(StrEnum):
    """TT22/2021 Đ.5: by comments alone (Đạt / Chưa đạt), or by comments and marks."""

    SCORE = "score"
    COMMENT = "comment"


class Kind(StrEnum):
    """Bắt buộc; lựa chọn (upper secondary, four of them); tự chọn."""

    COMPULSORY = "compulsory"
    ELECTIVE = "elective"
    OPTIONAL = "optional"


class TraitGroup(StrEnum):
    """Phẩm chất chủ yếu; năng lực chung; năng lực đặc thù."""

    QUALITY = "quality"
    GENERAL = "general"
    SPECIFIC = "specific"


class GradeSubject(msgspec.Struct, frozen=True, kw_only=True):
    """A subject or educational activity in one grade.

    `group` is the môn of which it is a part, where forms print one môn in two lines. Primary subjects have
    `assessed_by` COMMENT: their levels are T/H/C, and marks exist only for periodic tests. What a school decides about
    its subjects (`records/plans`) stands in the last four.
    """

    code: str
    name: str
    grade: int
    lessons_per_year: int
    kind: Kind
    assessed_by: AssessedBy
    group: str | None = None
    #: has tests at the end of each term (END_S1 and YEAR_END)
    year_end_test: bool = False
    #: has tests in the middle of each term (MID_S1 and MID_S2)
    mid_term_test: bool = False
    #: the school teaches it in this grade, or may
    taught: bool = True
    #: False for an optional subject that the school's plan leaves out of the results
    counts: bool = True
    #: the school offers its chuyên đề cluster (upper secondary)
    topics: bool = False
    #: of the school's own programme: sheets and marks, never in the results of the circulars nor in the học bạ
    own: bool = False

    @property
    def regular_marks(self) -> int:
        """Number of ĐĐGtx in a term (TT22 Đ.6.2.b); 0 in primary."""
        return 0 if self.grade <= 5 else regular_marks(self.assessed_by, self.lessons_per_year)


class Trait(msgspec.Struct, frozen=True, kw_only=True):
    """A quality (phẩm chất) or competence (năng lực)."""

    code: str
    name: str
    group: TraitGroup


def regular_marks(assessed_by: AssessedBy, lessons_per_year: int) -> int:
    """ĐĐGtx in a term (Đ.6.2.b): 2 up to 35 lessons a year, 3 up to 70, else 4; comment subjects 2."""
    if assessed_by is AssessedBy.COMMENT or lessons_per_year <= 35:
        return 2
    return 3 if lessons_per_year <= 70 else 4


_NO: tuple[int, ...] = ()

# code, name, group, lessons of grades 1–5 (0: not taught), grades with year-end and with mid-term tests
_PRIMARY = (
    ("TV", "Tiếng Việt", None, (420, 350, 245, 245, 245), (1, 2, 3, 4, 5), (4, 5)),
    ("TOAN", "Toán", None, (105, 175, 175, 175, 175), (1, 2, 3, 4, 5), (4, 5)),
    ("NN1", "Ngoại ngữ 1", None, (70, 70, 140, 140, 140), (3, 4, 5), _NO),
    ("DD", "Đạo đức", None, (35, 35, 35, 35, 35), _NO, _NO),
    ("TNXH", "Tự nhiên và Xã hội", None, (70, 70, 70, 0, 0), _NO, _NO),
    ("LSDL", "Lịch sử và Địa lí", None, (0, 0, 0, 70, 70), (4, 5), _NO),
    ("KH", "Khoa học", None, (0, 0, 0, 70, 70), (4, 5), _NO),
    ("TH", "Tin học", "Tin học và Công nghệ", (0, 0, 35, 35, 35), (3, 4, 5), _NO),
    ("CN", "Công nghệ", "Tin học và Công nghệ", (0, 0, 35, 35, 35), (3, 4, 5), _NO),
    ("GDTC", "Giáo dục thể chất", None, (70, 70, 70, 70, 70), _NO, _NO),
    ("AN", "Âm nhạc", "Nghệ thuật", (35, 35, 35, 35, 35), _NO, _NO),
    ("MT", "Mĩ thuật", "Nghệ thuật", (35, 35, 35, 35, 35), _NO, _NO),
    ("HDTN", "Hoạt động trải nghiệm", None, (105, 105, 105, 105, 105), _NO, _NO),
    ("TDTTS", "Tiếng dân tộc thiểu số", None, (70, 70, 70, 70, 70), _NO, _NO),
)

# code, name, lessons of grades 6–9, mode, kind
_LOWER = (
    ("VAN", "Ngữ văn", (140, 140, 140, 140), AssessedBy.SCORE, Kind.COMPULSORY),
    ("TOAN", "Toán", (140, 140, 140, 140), AssessedBy.SCORE, Kind.COMPULSORY),
    ("NN1", "Ngoại ngữ 1", (105, 105, 105, 105), AssessedBy.SCORE, Kind.COMPULSORY),
    ("KHTN", "Khoa học tự nhiên", (140, 140, 140, 140), AssessedBy.SCORE, Kind.COMPULSORY),
    ("LSDL", "Lịch sử và Địa lí", (105, 105, 105, 105), AssessedBy.SCORE, Kind.COMPULSORY),
    ("GDCD", "Giáo dục công dân", (35, 35, 35, 35), AssessedBy.SCORE, Kind.COMPULSORY),
    ("TIN", "Tin học", (35, 35, 35, 35), AssessedBy.SCORE, Kind.COMPULSORY),
    ("CN", "Công nghệ", (35, 35, 52, 52), AssessedBy.SCORE, Kind.COMPULSORY),
    ("GDTC", "Giáo dục thể chất", (70, 70, 70, 70), AssessedBy.COMMENT, Kind.COMPULSORY),
    ("NT", "Nghệ thuật", (70, 70, 70, 70), AssessedBy.COMMENT, Kind.COMPULSORY),
    ("HDTNHN", "Hoạt động trải nghiệm, hướng nghiệp", (105,) * 4, AssessedBy.COMMENT, Kind.COMPULSORY),
    ("GDDP", "Nội dung giáo dục của địa phương", (35, 35, 35, 35), AssessedBy.COMMENT, Kind.COMPULSORY),
    ("NN2", "Ngoại ngữ 2", (105, 105, 105, 105), AssessedBy.SCORE, Kind.OPTIONAL),
    ("TDTTS", "Tiếng dân tộc thiểu số", (105, 105, 105, 105), AssessedBy.SCORE, Kind.OPTIONAL),
)

# code, name, lessons of each of grades 10–12, mode, kind
_UPPER = (
    ("VAN", "Ngữ văn", 105, AssessedBy.SCORE, Kind.COMPULSORY),
    ("TOAN", "Toán", 105, AssessedBy.SCORE, Kind.COMPULSORY),
    ("NN1", "Ngoại ngữ 1", 105, AssessedBy.SCORE, Kind.COMPULSORY),
    ("LICHSU", "Lịch sử", 52, AssessedBy.SCORE, Kind.COMPULSORY),
    ("QPAN", "Giáo dục quốc phòng và an ninh", 35, AssessedBy.SCORE, Kind.COMPULSORY),
    ("GDTC", "Giáo dục thể chất", 70, AssessedBy.COMMENT, Kind.COMPULSORY),
    ("HDTNHN", "Hoạt động trải nghiệm, hướng nghiệp", 105, AssessedBy.COMMENT, Kind.COMPULSORY),
    ("GDDP", "Nội dung giáo dục của địa phương", 35, AssessedBy.COMMENT, Kind.COMPULSORY),
    ("DIA", "Địa lí", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("KTPL", "Giáo dục kinh tế và pháp luật", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("LY", "Vật lí", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("HOA", "Hóa học", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("SINH", "Sinh học", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("CN", "Công nghệ", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("TIN", "Tin học", 70, AssessedBy.SCORE, Kind.ELECTIVE),
    ("AN", "Âm nhạc", 70, AssessedBy.COMMENT, Kind.ELECTIVE),
    ("MT", "Mĩ thuật", 70, AssessedBy.COMMENT, Kind.ELECTIVE),
    ("NN2", "Ngoại ngữ 2", 105, AssessedBy.SCORE, Kind.OPTIONAL),
    ("TDTTS", "Tiếng dân tộc thiểu số", 105, AssessedBy.SCORE, Kind.OPTIONAL),
)

#: Upper secondary pupils choose this many elective subjects (TT13/2022) …
ELECTIVES_CHOSEN = 4
#: … and three chuyên đề clusters of 35 lessons, of subjects that have them.
TOPICS_CHOSEN = 3
TOPIC_LESSONS = 35
TOPIC_SUBJECTS = frozenset(
    ("VAN", "TOAN", "LICHSU", "DIA", "KTPL", "LY", "HOA", "SINH", "CN", "TIN", "AN", "MT")
)

#: 5 phẩm chất chủ yếu, 3 năng lực chung, 7 năng lực đặc thù, in the order of the forms.
TRAITS: tuple[Trait, ...] = (
    Trait(code="YEU_NUOC", name="Yêu nước", group=TraitGroup.QUALITY),
    Trait(code="NHAN_AI", name="Nhân ái", group=TraitGroup.QUALITY),
    Trait(code="CHAM_CHI", name="Chăm chỉ", group=TraitGroup.QUALITY),
    Trait(code="TRUNG_THUC", name="Trung thực", group=TraitGroup.QUALITY),
    Trait(code="TRACH_NHIEM", name="Trách nhiệm", group=TraitGroup.QUALITY),
    Trait(code="TU_CHU", name="Tự chủ và tự học", group=TraitGroup.GENERAL),
    Trait(code="GIAO_TIEP", name="Giao tiếp và hợp tác", group=TraitGroup.GENERAL),
    Trait(code="GIAI_QUYET", name="Giải quyết vấn đề và sáng tạo", group=TraitGroup.GENERAL),
    Trait(code="NGON_NGU", name="Ngôn ngữ", group=TraitGroup.SPECIFIC),
    Trait(code="TINH_TOAN", name="Tính toán", group=TraitGroup.SPECIFIC),
    Trait(code="KHOA_HOC", name="Khoa học", group=TraitGroup.SPECIFIC),
    Trait(code="CONG_NGHE", name="Công nghệ", group=TraitGroup.SPECIFIC),
    Trait(code="TIN_HOC", name="Tin học", group=TraitGroup.SPECIFIC),
    Trait(code="THAM_MI", name="Thẩm mĩ", group=TraitGroup.SPECIFIC),
    Trait(code="THE_CHAT", name="Thể chất", group=TraitGroup.SPECIFIC),
)
TRAIT_NAMES: dict[str, str] = {trait.code: trait.name for trait in TRAITS}
_FROM_GRADE_3 = {"CONG_NGHE", "TIN_HOC"}


def traits_of(grade: int) -> tuple[Trait, ...]:
    """Qualities and competences assessed in a primary grade; Công nghệ and Tin học begin in grade 3."""
    return tuple(trait for trait in TRAITS if grade >= 3 or trait.code not in _FROM_GRADE_3)


@cache
def subjects_of(grade: int) -> tuple[GradeSubject, ...]:
    """All subjects and activities of a grade (1–12), electives and optional ones too, in the forms' order."""
    level = level_of(grade)
    if level is SchoolLevel.PRIMARY:
        return tuple(_primary(grade))
    if level is SchoolLevel.LOWER_SECONDARY:
        rows: Iterable[tuple[str, str, int, AssessedBy, Kind]] = (
            (code, name, lessons[grade - 6], mode, kind) for code, name, lessons, mode, kind in _LOWER
        )
    else:
        rows = _UPPER
    return tuple(
        GradeSubject(code=code, name=name, grade=grade, lessons_per_year=lessons, assessed_by=mode, kind=kind)
        for code, name, lessons, mode, kind in rows
    )


def _primary(grade: int) -> Iterable[GradeSubject]:
    for code, name, group, lessons, year_end, mid_term in _PRIMARY:
        if lessons[grade - 1]:
            optional = code == "TDTTS" or (code == "NN1" and grade <= 2)
            yield GradeSubject(
                code=code,
                name=name,
                group=group,
                grade=grade,
                lessons_per_year=lessons[grade - 1],
                kind=Kind.OPTIONAL if optional else Kind.COMPULSORY,
                assessed_by=AssessedBy.COMMENT,
                year_end_test=grade in year_end,
                mid_term_test=grade in mid_term,
            )


@cache
def subjects_by_code(grade: int) -> dict[str, GradeSubject]:
    """The subjects of a grade (1–12), keyed by code."""
    return {subject.code: subject for subject in subjects_of(grade)}


def all_subjects() -> list[tuple[str, str]]:
    """(code, name) of every subject of any grade, each once, primary first."""
    names: dict[str, str] = {}
    for grade in range(1, 13):
        for subject in subjects_of(grade):
            names.setdefault(subject.code, subject.name)
    return list(names.items())


def find_subject(grade: int, code: str) -> GradeSubject | None:
    """The programme's subject with this code in this grade, or None (a subject of the school's own)."""
    return subjects_by_code(grade).get(code)


def subject_name(grade: int, code: str) -> str:
    """Vietnamese name for people; the code itself where the programme does not know it."""
    subject = subjects_by_code(grade).get(code)
    return subject.name if subject else code
