"""What may be decided about a subject, and what marks stand against it."""

import uuid
from datetime import date

import msgspec
import pytest

from backend.core.errors import Conflict, Invalid
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.planning import rules
from backend.records.planning.schemas import ChoiceMove, GradeFacts, Wanted
from backend.records.plans.schemas import Choice, ClassChoices, decided, plan
from backend.records.roster.curriculum import AssessedBy
from backend.records.roster.schemas import AcademicYearId, ClassId, ClassSummary, StudentId, StudentSummary

CLASS = ClassSummary(
    id=ClassId(uuid.uuid4()),
    name="8A",
    grade_level=8,
    academic_year="2025-2026",
    academic_year_id=AcademicYearId(uuid.uuid4()),
    homeroom_teacher_id=None,
    homeroom_teacher=None,
    students=30,
)
FOUR = frozenset({"DIA", "LY", "HOA", "SINH"})


def wanted(lessons: int, *, classes: bool = True, **more: object) -> Wanted:
    known = Wanted(lessons=str(lessons), classes=frozenset({str(CLASS.id)} if classes else ()))
    return msgspec.structs.replace(known, **more)


def facts(*cells: Cell, having: bool = True, touched: bool = False, closed: str = "") -> GradeFacts:
    return GradeFacts(
        classes=(CLASS,),
        having=frozenset({CLASS.id} if having else ()),
        marked={CLASS.id: frozenset(cells)} if cells else {},
        touched=frozenset({CLASS.id} if touched else ()),
        closed=closed,
    )


def pupil(name: str = "Lò Thị An") -> StudentSummary:
    return StudentSummary(
        id=StudentId(uuid.uuid4()),
        student_code="1",
        full_name=name,
        date_of_birth=date(2010, 1, 1),
        gender=None,
    )


@pytest.mark.parametrize(
    ("grade", "code", "asked", "said"),
    [
        (8, "TOAN", {"taught": False}, "bắt buộc"),
        (8, "TOAN", {"lessons": "139"}, "từ 140 đến 280"),
        (8, "TOAN", {"lessons": "281"}, "từ 140 đến 280"),
        (8, "TOAN", {"lessons": "1e2"}, "từ 140 đến 280"),
        (8, "TOAN", {"lessons": "140", "topics": True}, "không có cụm chuyên đề"),
        (10, "GDTC", {"lessons": "70", "topics": True}, "không có cụm chuyên đề"),
        (8, None, {"lessons": "35", "assessed_by": "score"}, "cần có tên"),
        (8, None, {"lessons": "35", "name": "toán", "assessed_by": "score"}, "đã có môn tên"),
        (8, None, {"lessons": "35", "name": "Robotics"}, "cách đánh giá"),
        (8, None, {"lessons": "0", "name": "Robotics", "assessed_by": "score"}, "từ 1 đến 420"),
    ],
)
def test_what_may_not_be_decided(grade: int, code: str | None, asked: dict[str, object], said: str) -> None:
    here = plan(grade)
    with pytest.raises(Invalid, match=said):
        rules.checked(here, here.find(code) if code else None, msgspec.convert(asked, Wanted))


def test_what_may_be_decided() -> None:
    here = plan(8)
    more = rules.checked(here, here.find("CN"), Wanted(lessons="104", counts=False))
    assert (more.lessons_per_year, more.counts, more.name) == (104, True, None), "a compulsory subject counts"
    optional = rules.checked(here, here.find("NN2"), Wanted(lessons="105", counts=False, taught=False))
    assert (optional.counts, optional.taught) == (False, False)
    own = rules.checked(here, None, Wanted(lessons="70", name=" Toán  tiếng Anh ", assessed_by="comment"))
    assert (own.name, own.assessed_by, own.counts) == ("Toán tiếng Anh", AssessedBy.COMMENT, False)
    assert rules.new_code(here) == "R1"
    assert rules.new_code(plan(8, {"R1": own, "R7": own})) == "R8"


def test_marks_stand_against_it() -> None:
    old, less = plan(8, {"CN": _lessons(104)}).find("CN"), plan(8).find("CN")
    assert old is not None
    assert less is not None
    fourth = Cell(MarkKind.REGULAR, "4")
    with pytest.raises(Conflict, match="ĐĐGtx 4.*52 tiết chỉ có 3"):  # noqa: RUF043
        rules.require_possible(old, less, wanted(52), facts(fourth))
    rules.require_possible(old, less, wanted(52), facts(Cell(MarkKind.REGULAR, "3")))
    with pytest.raises(Conflict, match="đã khóa"):
        rules.require_possible(old, less, wanted(52), facts(closed="Toán học kì I của lớp 8B"))
    for known in (facts(fourth), facts(touched=True)):
        with pytest.raises(Conflict, match="lớp 8A đã có điểm hoặc đã từng nộp"):
            rules.require_possible(old, old, wanted(104, classes=False), known)
    rules.require_possible(old, old, wanted(104, classes=False), facts())


def test_the_mode_of_a_subject_of_ones_own_stays_once_it_has_marks() -> None:
    score = decided(8, "R1", msgspec.structs.replace(_lessons(70), name="R", assessed_by=AssessedBy.SCORE))
    comment = decided(
        8, "R1", msgspec.structs.replace(_lessons(70), name="R", assessed_by=AssessedBy.COMMENT)
    )
    assert score is not None
    assert comment is not None
    with pytest.raises(Conflict, match="cách đánh giá không đổi được"):
        rules.require_possible(score, comment, wanted(70), facts(Cell(MarkKind.FINAL)))
    rules.require_possible(score, comment, wanted(70), facts())


def test_what_would_follow_is_said() -> None:
    old, more = plan(8).find("CN"), plan(8, {"CN": _lessons(104)}).find("CN")
    assert old is not None
    assert more is not None
    assert rules.consequences(old, old, wanted(52), facts()) == ()
    found = rules.consequences(old, more, wanted(104), facts(having=False))
    assert [("52 thành 104" in one, "4 lần" in one, "mở sổ" in one) for one in found] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    assert [
        "thôi học" in one for one in rules.consequences(old, old, wanted(52, classes=False), facts())
    ] == [True]
    assert rules.details(old, more) == {"old_lessons": 52, "new_lessons": 104}


def test_four_electives_and_three_clusters() -> None:
    an, offered = pupil(), Choice(FOUR | {"TIN"}, FOUR)
    seen = ClassChoices(Choice(FOUR), {})
    for choice, said in (
        (Choice(FOUR - {"LY"}), "Lò Thị An đang có 3 môn"),
        (Choice(FOUR | {"TIN"}), "Lò Thị An đang có 5 môn"),
        (Choice(FOUR, FOUR), "Lò Thị An đang có 4 cụm"),
        (Choice(frozenset({"DIA", "LY", "HOA", "AN"})), "lớp không học"),
    ):
        with pytest.raises(Invalid, match=said):
            rules.moves(seen, [an], Choice(FOUR), {str(an.id): choice}, offered)
    other = Choice(FOUR - {"LY"} | {"TIN"}, frozenset({"DIA"}))
    [_, move] = rules.moves(seen, [an], Choice(FOUR), {str(an.id): other}, offered)
    assert (move.old, move.new) == (Choice(FOUR), other)
    assert rules.problems(ClassChoices(Choice(FOUR), {an.id: Choice(FOUR - {"LY"})}), [an]) != ()
    assert rules.problems(seen, [an]) == ()


def test_a_pupil_keeps_an_elective_with_marks() -> None:
    other = Choice(FOUR - {"LY"} | {"TIN"})
    move = ChoiceMove(
        student_id=uuid.uuid4(), name="Lò Thị An", old=Choice(FOUR, frozenset({"HOA"})), new=other
    )
    marks = {("LY", 1): {Cell(MarkKind.MIDTERM): "8"}}
    with pytest.raises(Conflict, match="đã có điểm môn Vật lí"):
        rules.require_no_marks(move, plan(10), marks, frozenset())
    with pytest.raises(Conflict, match="sổ Tin học của lớp đã khóa"):
        rules.require_no_marks(move, plan(10), {}, frozenset({"TIN"}))
    with pytest.raises(Conflict, match="chuyên đề môn Hóa học"):
        rules.require_no_marks(move, plan(10), {("HOA", 2): {Cell(MarkKind.TOPIC): "9"}}, frozenset())
    rules.require_no_marks(move, plan(10), {("LY", 1): {Cell(MarkKind.MIDTERM): ""}}, frozenset())


def _lessons(lessons: int):  # type: ignore[no-untyped-def]
    return rules.checked(plan(8), plan(8).find("CN"), Wanted(lessons=str(lessons)))
