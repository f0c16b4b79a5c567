"""Which columns a sheet has, and what people call them. No I/O."""

from collections.abc import Iterable
from functools import lru_cache

from backend.records.gradebook.schemas import ABOUT_HEALTH, TEST_ATTEMPTS, Cell, Column, MarkKind, Point
from backend.records.roster.curriculum import AssessedBy, GradeSubject, TraitGroup, traits_of
from backend.records.roster.schemas import HOMEROOM

PRIMARY_LAST_GRADE = 5
#: What is written in sentences.
COMMENTS = frozenset(
    {
        MarkKind.COMMENT,
        MarkKind.HOMEROOM_COMMENT,
        MarkKind.TRAIT_COMMENT,
        MarkKind.AWARD,
        MarkKind.CERTIFICATE,
        MarkKind.COMPETITION,
        MarkKind.PRINCIPAL_COMMENT,
        MarkKind.HEALTH,
    }
)
#: What the principal writes into the sheet of the homeroom teacher (form of TT22: "Nhận xét và phê duyệt").
PRINCIPALS_WORDS = frozenset({MarkKind.PRINCIPAL_COMMENT})
#: Each point in words that follow what was assessed then.
POINT_NAMES = {
    Point.MID_TERM_1: "giữa HKI",
    Point.END_TERM_1: "cuối HKI",
    Point.MID_TERM_2: "giữa HKII",
    Point.YEAR_END: "cuối năm",
}
_FOR_SOME = frozenset(
    {
        MarkKind.TOPIC,
        MarkKind.AWARD,
        MarkKind.CERTIFICATE,
        MarkKind.COMPETITION,
        MarkKind.PRINCIPAL_COMMENT,
        *ABOUT_HEALTH,
    }
)
_RETAKES = frozenset(TEST_ATTEMPTS[1:])
_EARLIER = (Point.MID_TERM_1, Point.END_TERM_1, Point.MID_TERM_2)
_MIDDLE = frozenset({Point.MID_TERM_1, Point.MID_TERM_2})
_TRAIT_GROUPS = {
    TraitGroup.QUALITY: "Nhận xét phẩm chất",
    TraitGroup.GENERAL: "Nhận xét năng lực chung",
    TraitGroup.SPECIFIC: "Nhận xét năng lực đặc thù",
}
_KIND_NAMES = {
    MarkKind.REGULAR: "ĐĐGtx",
    MarkKind.MIDTERM: "ĐĐGgk",
    MarkKind.FINAL: "ĐĐGck",
    MarkKind.TOPIC: "Chuyên đề",
    MarkKind.LEVEL: "Mức đạt được",
    MarkKind.TEST: "KTĐK",
    MarkKind.COMMENT: "Nhận xét",
    MarkKind.TRAIT: "Phẩm chất, năng lực",
    MarkKind.TRAIT_COMMENT: "Nhận xét phẩm chất, năng lực",
    MarkKind.CONDUCT: "Rèn luyện",
    MarkKind.ABSENCE: "Số buổi nghỉ",
    MarkKind.HOMEROOM_COMMENT: "Nhận xét của GVCN",
    MarkKind.REASSESSED: "Đánh giá lại",
    MarkKind.AWARD: "Khen thưởng khác",
    MarkKind.CERTIFICATE: "Chứng chỉ",
    MarkKind.COMPETITION: "Kết quả các cuộc thi",
    MarkKind.PRINCIPAL_COMMENT: "Nhận xét của hiệu trưởng",
    MarkKind.MEASURE: "Chiều cao, cân nặng",
    MarkKind.HEALTH: "Sức khỏe",
}


@lru_cache(maxsize=2048)
def columns_of(subject: GradeSubject | None, grade_level: int) -> tuple[Column, ...]:
    """The columns of a subject's sheet, or of the homeroom sheet when `subject` is None."""
    if subject is None:
        return tuple(_homeroom(grade_level))
    if grade_level <= PRIMARY_LAST_GRADE:
        return tuple(_primary(subject))
    letters = subject.assessed_by is AssessedBy.COMMENT
    topic = (Column(cell=Cell(MarkKind.TOPIC), label="Chuyên đề", letters=letters),) if subject.topics else ()
    regular = tuple(
        Column(cell=Cell(MarkKind.REGULAR, str(slot)), label=f"ĐĐGtx {slot}", letters=letters)
        for slot in range(1, subject.regular_marks + 1)
    )
    return (
        *regular,
        *topic,
        Column(cell=Cell(MarkKind.MIDTERM), label="ĐĐGgk", letters=letters),
        Column(cell=Cell(MarkKind.FINAL), label="ĐĐGck", letters=letters),
        _sentences(MarkKind.COMMENT),
    )


@lru_cache(maxsize=2048)
def cells_of(subject: GradeSubject | None, grade_level: int) -> frozenset[Cell]:
    """The cells of one pupil in a sheet."""
    return frozenset(column.cell for column in columns_of(subject, grade_level))


def label(cell: Cell, subject: GradeSubject | None, grade_level: int) -> str:
    """What people call a column; a column that the sheet does not have is called by its kind."""
    found = (column.label for column in columns_of(subject, grade_level) if column.cell == cell)
    return next(found, _KIND_NAMES[cell.kind])


def chosen_point(columns: Iterable[Column], wanted: str) -> Point | None:
    """The point of the year that a page shows: the one that is asked for, else the year's end; None without points."""
    points = {column.point for column in columns if column.point}
    return next((point for point in points if point == wanted), Point.YEAR_END) if points else None


def is_optional(column: Column) -> bool:
    """Whether most pupils have nothing there, or only who was assessed at an earlier point of the year."""
    kind, slot = column.cell.kind, column.cell.slot
    again = kind is MarkKind.TEST and slot in _RETAKES
    after_summer = kind is MarkKind.CONDUCT and slot == "summer"
    return column.is_earlier or kind in _FOR_SOME or again or after_summer


def is_homeroom(subject_code: str) -> bool:
    """Whether a sheet is the homeroom teacher's own."""
    return subject_code == HOMEROOM


def required(columns: Iterable[Column]) -> list[Cell]:
    """The cells that every pupil needs."""
    return [column.cell for column in columns if not is_optional(column)]


def has_principals_words(subject_code: str, grade_level: int) -> bool:
    """Whether the principal writes into a sheet: the form of primary school has no place for it."""
    return is_homeroom(subject_code) and grade_level > PRIMARY_LAST_GRADE


def _sentences(kind: MarkKind, slot: str = "", label: str = "", point: Point | None = None) -> Column:
    return Column(cell=Cell(kind, slot), label=label or _KIND_NAMES[kind], wide=True, point=point)


def _primary(subject: GradeSubject) -> Iterable[Column]:
    for point in _EARLIER:
        name = POINT_NAMES[point]
        yield Column(cell=Cell(MarkKind.LEVEL, point), label=f"Mức {name}", letters=True, point=point)
        if subject.mid_term_test if point in _MIDDLE else subject.year_end_test:
            yield Column(cell=Cell(MarkKind.TEST, point), label=f"KTĐK {name}", point=point)
        yield _sentences(MarkKind.COMMENT, point, f"Nhận xét {name}", point)
    end = Point.YEAR_END
    yield Column(cell=Cell(MarkKind.LEVEL), label=_KIND_NAMES[MarkKind.LEVEL], letters=True, point=end)
    for attempt in TEST_ATTEMPTS if subject.year_end_test else ():
        words = "KT lại" if attempt in _RETAKES else _KIND_NAMES[MarkKind.TEST]
        yield Column(cell=Cell(MarkKind.TEST, attempt), label=words, point=end)
    yield _sentences(MarkKind.COMMENT, point=end)


def _homeroom(grade_level: int) -> Iterable[Column]:
    primary = grade_level <= PRIMARY_LAST_GRADE
    end = Point.YEAR_END if primary else None
    yield from _traits(grade_level) if primary else _conduct()
    yield Column(cell=Cell(MarkKind.ABSENCE, "excused"), label="Nghỉ có phép", point=end)
    yield Column(cell=Cell(MarkKind.ABSENCE, "unexcused"), label="Nghỉ không phép", point=end)
    if primary:
        yield Column(cell=Cell(MarkKind.MEASURE, "height"), label="Chiều cao (cm)", point=end)
        yield Column(cell=Cell(MarkKind.MEASURE, "weight"), label="Cân nặng (kg)", point=end)
        yield _sentences(MarkKind.HEALTH, point=end)
    yield _sentences(MarkKind.HOMEROOM_COMMENT, point=end)
    if not primary:
        yield _sentences(MarkKind.CERTIFICATE)
        yield _sentences(MarkKind.COMPETITION)
    yield _sentences(MarkKind.AWARD, point=end)
    if not primary:
        yield _sentences(MarkKind.PRINCIPAL_COMMENT)


def _traits(grade_level: int) -> Iterable[Column]:
    for point in _EARLIER:
        for trait in traits_of(grade_level):
            words = f"{trait.name}, {POINT_NAMES[point]}"
            cell = Cell(MarkKind.TRAIT, f"{point}:{trait.code}")
            yield Column(cell=cell, label=words, letters=True, point=point)
    end = Point.YEAR_END
    for trait in traits_of(grade_level):
        yield Column(cell=Cell(MarkKind.TRAIT, trait.code), label=trait.name, letters=True, point=end)
    for group, words in _TRAIT_GROUPS.items():
        yield _sentences(MarkKind.TRAIT_COMMENT, group.value, words, end)


def _conduct() -> Iterable[Column]:
    terms = (("1", "Rèn luyện HKI"), ("2", "Rèn luyện HKII"), ("summer", "Rèn luyện sau hè"))
    for slot, words in terms:
        yield Column(cell=Cell(MarkKind.CONDUCT, slot), label=words, letters=True)
