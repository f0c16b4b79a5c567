"""What is odd in a sheet, at, above and below each threshold."""

import pytest

from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.review import rules
from backend.records.review.schemas import FindingKind, PupilMarks, SheetMarks
from backend.records.roster.curriculum import find_subject
from backend.records.roster.schemas import StudentId

LEVEL, COMMENT = Cell(MarkKind.LEVEL), Cell(MarkKind.COMMENT)
MIDTERM, FINAL = Cell(MarkKind.MIDTERM), Cell(MarkKind.FINAL)
LONG = "Chăm chỉ, nắm vững kiến thức đã học."
#: Family names, so that no two pupils have the same comment unless a test wants it.
NAMES = "An Bình Chi Dung Em Giang Hà Khôi Lan Minh".split()


def regular(*marks: str) -> dict[Cell, str]:
    return {Cell(MarkKind.REGULAR, str(slot)): mark for slot, mark in enumerate(marks, 1)}


def term(*marks: str, midterm: str = "7", final: str = "7", comment: str = "Tốt lắm") -> dict[Cell, str]:
    return {**regular(*marks), MIDTERM: midterm, FINAL: final, COMMENT: comment}


def pupil(
    name: str, cells: dict[Cell, str], other: dict[Cell, str] | None = None, absent: int = 0
) -> PupilMarks:
    return PupilMarks(
        student_id=StudentId(new_id()), name=name, cells=cells, other_term=other or {}, absent=absent
    )


def kinds(*pupils: PupilMarks, grade: int = 8, code: str = "GDCD", number: int = 1) -> list[FindingKind]:
    subject = find_subject(grade, code)
    sheet = SheetMarks(
        subject=subject, term=number, columns=gradebook.columns_of(subject, grade), pupils=pupils
    )
    return [one.kind for one in rules.findings(sheet)]


@pytest.mark.parametrize(
    ("level", "test", "again", "odd"),
    [
        ("T", "4", "", True),
        ("T", "5", "", False),
        ("T", "4", "9", False),
        ("T", "9", "4", True),
        ("C", "9", "", True),
        ("C", "8", "", False),
        ("H", "0", "", False),
    ],
)
def test_a_level_and_the_last_test(level: str, test: str, again: str, odd: bool) -> None:
    cells = {LEVEL: level, Cell(MarkKind.TEST, "1"): test, Cell(MarkKind.TEST, "2"): again, COMMENT: "Tốt"}
    found = kinds(
        pupil("An", {cell: value for cell, value in cells.items() if value}), grade=1, code="TOAN", number=0
    )
    assert found == [FindingKind.LEVEL_AND_TEST] * odd


@pytest.mark.parametrize(("final", "odd"), [("9.5", True), ("9.4", False), ("3.5", True), ("3.6", False)])
def test_a_final_mark_three_points_away(final: str, odd: bool) -> None:
    assert kinds(pupil("An", term("6", "7", final=final))) == [FindingKind.JUMP_IN_TERM] * odd


def test_a_term_three_points_away_is_said_in_the_second() -> None:
    weak, good = term("5", "5", midterm="5", final="5"), term("8", "8", midterm="8", final="8")
    almost = term("8", "8", midterm="8", final="7.7")
    assert kinds(pupil("An", good, weak), number=2) == [FindingKind.JUMP_BETWEEN_TERMS]
    assert kinds(pupil("An", weak, good), number=2) == [FindingKind.JUMP_BETWEEN_TERMS]
    assert kinds(pupil("An", almost, weak), number=2) == []
    assert kinds(pupil("An", good, weak), number=1) == []
    assert kinds(pupil("An", good, {FINAL: "2"}), number=2) == [], (
        "a term that is not complete has no average"
    )


@pytest.mark.parametrize(("absent", "final", "odd"), [(45, "7", True), (44, "7", False), (60, "", False)])
def test_full_marks_of_somebody_who_was_hardly_there(absent: int, final: str, odd: bool) -> None:
    cells = {cell: value for cell, value in term("6", "7", final=final).items() if value}
    assert kinds(pupil("An", cells, absent=absent)) == [FindingKind.MARKS_OF_THE_ABSENT] * odd


def test_a_comment_that_is_missing_where_others_have_one() -> None:
    written, blank, dot = (pupil("An", term("7", "7", comment=said)) for said in ("Tốt lắm", "", "..k"))
    assert kinds(written, blank, dot) == [FindingKind.EMPTY_COMMENT] * 2
    assert kinds(blank, dot) == [], "nobody has begun the column"


def test_the_same_long_comment_for_five_pupils() -> None:
    copied = [pupil(name, term("7", "7", comment=LONG)) for name in NAMES[:5]]
    assert kinds(*copied) == [FindingKind.COPIED_COMMENT]
    assert kinds(*copied[:4]) == []
    assert (
        kinds(*(pupil(name, term("7", "7", comment="Có tiến bộ.")) for name in NAMES))
        == [FindingKind.IDENTICAL_COLUMNS] * 6
    ), "short praise repeats itself; these are the columns of marks"


def test_columns_that_are_the_same_for_eight_pupils() -> None:
    def sheet(count: int, other: str = "") -> list[PupilMarks]:
        rows = [
            pupil(name, term(f"{place}", f"{place}", midterm="6", final=f"{(place + 4) % 10}"))
            for place, name in enumerate(NAMES[:count], 1)
        ]
        return rows + ([pupil("Phúc", term("7", other))] if other else [])

    found = [one for one in kinds(*sheet(8)) if one is FindingKind.IDENTICAL_COLUMNS]
    assert len(found) == 1
    assert FindingKind.IDENTICAL_COLUMNS not in kinds(*sheet(7))
    assert FindingKind.IDENTICAL_COLUMNS not in kinds(*sheet(8, "8"))
    passed = [pupil(name, term("Đ", "Đ", midterm="Đ", final="Đ")) for name in NAMES]
    assert kinds(*passed, code="GDTC") == [], "Đ everywhere is as it should be"


def test_an_answer_holds_until_the_marks_change() -> None:
    subject = find_subject(8, "GDCD")
    one = pupil("An", term("6", "7", final="9.5"))

    def key(final: str) -> str:
        again = PupilMarks(student_id=one.student_id, name="An", cells=term("6", "7", final=final))
        sheet = SheetMarks(subject=subject, term=1, columns=gradebook.columns_of(subject, 8), pupils=(again,))
        return rules.findings(sheet)[0].key

    assert key("9.5") == key("9.5")
    assert key("9.5") != key("9.6")


@pytest.mark.parametrize("typed", ["", " ", "x", "x" * 301])
def test_words_that_are_none(typed: str) -> None:
    with pytest.raises(Invalid):
        rules.checked_word(typed)
