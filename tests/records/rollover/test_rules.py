"""Where pupils go when a year ends: the confirmed result decides."""

import uuid

import msgspec
import pytest

from backend.core.errors import Conflict, Invalid
from backend.records.assessment.schemas import Promotion
from backend.records.rollover import rules
from backend.records.rollover.schemas import NextClass, Outcome, Place, PupilMove
from backend.records.roster.schemas import AcademicYearId, ClassId, ClassSummary, StudentId


def school_class(name: str, grade: int) -> ClassSummary:
    return ClassSummary(
        id=ClassId(uuid.uuid4()),
        name=name,
        grade_level=grade,
        academic_year="2025-2026",
        academic_year_id=AcademicYearId(uuid.uuid4()),
        homeroom_teacher_id=None,
        homeroom_teacher=None,
        students=1,
    )


def move(
    grade: int,
    promotion: str | None,
    *,
    confirmed: bool = True,
    chosen: str | None = None,
    classes: tuple[str, ...] = ("6A1", "6A2", "7A1", "7A2"),
) -> PupilMove:
    """What becomes of a pupil of class `{grade}A1`."""
    place = Place(
        student_id=StudentId(uuid.uuid4()),
        full_name="Lò Thị An",
        student_code="1",
        class_id=ClassId(uuid.uuid4()),
        registry_no=None,
        promotion=promotion,
        is_confirmed=confirmed,
    )
    targets = [NextClass(name=name, grade=int(name[:-2]), class_id=None, comes_from=None) for name in classes]
    return rules.pupil_move(school_class(f"{grade}A1", grade), place, targets, chosen, None)


def test_names_one_year_later() -> None:
    names = {
        ("6A1", 6): "7A1",
        ("9/2", 9): "10/2",
        ("10A1", 10): "11A1",
        ("Hoa Mai", 1): "Hoa Mai",
        ("1A", 11): "1A",
    }
    assert {key: rules.next_name(*key) for key in names} == names


def test_which_classes_the_next_year_has() -> None:
    old = [school_class("6A1", 6), school_class("6A2", 6), school_class("7A1", 7), school_class("9A1", 9)]
    there = [school_class("7A2", 7)]
    found = rules.next_classes(old, there)
    assert [(one.name, one.grade, one.class_id is None) for one in found] == [
        ("6A1", 6, True),
        ("6A2", 6, True),
        ("7A1", 7, True),
        ("7A2", 7, False),
        ("8A1", 8, True),
    ]
    assert found[2].comes_from is old[0]
    assert found[0].comes_from is old[0], "for who comes"


@pytest.mark.parametrize(
    ("promotion", "outcome", "target"),
    [
        ("PROMOTED", Outcome.UP, "7A1"),
        ("RETAINED", Outcome.STAYS, "6A1"),
        ("REASSESSMENT", Outcome.UNDECIDED, None),
        ("SUMMER_TRAINING", Outcome.UNDECIDED, None),
        ("SUPPLEMENTARY", Outcome.UNDECIDED, None),
        ("PENDING", Outcome.UNDECIDED, None),
        ("NOT_ASSESSED", Outcome.UNDECIDED, None),
        (None, Outcome.UNDECIDED, None),
    ],
)
def test_the_result_decides(promotion: str | None, outcome: Outcome, target: str | None) -> None:
    found = move(6, promotion)
    assert (found.outcome, found.target, bool(found.reason)) == (
        outcome,
        target,
        outcome is Outcome.UNDECIDED,
    )
    unconfirmed = move(6, promotion, confirmed=False)
    assert (unconfirmed.outcome, unconfirmed.target, unconfirmed.grades) == (Outcome.UNDECIDED, None, ())


def test_every_conclusion_of_a_year_is_decided_or_says_why_not() -> None:
    for promotion in set(Promotion):
        found = move(6, promotion)
        assert (found.target is None) == bool(found.reason), promotion
    assert "Đ.8" in move(5, Promotion.NOT_ASSESSED).reason


@pytest.mark.parametrize("grade", [5, 9, 12])
def test_who_has_finished_a_level_goes_nowhere_by_itself(grade: int) -> None:
    found = move(grade, "PROMOTED", classes=("6A1", "10A1"))
    assert (found.outcome, found.target, found.is_decided) == (Outcome.FINISHED, None, False)
    retained = move(grade, "RETAINED", classes=(f"{grade}A2",))
    assert (retained.outcome, retained.target) == (Outcome.STAYS, f"{grade}A2")


def test_a_choice_counts_as_long_as_the_result_allows_its_grade() -> None:
    assert move(6, "PROMOTED", chosen="7A2").target == "7A2"
    assert move(6, "PROMOTED", chosen="6A2").target == "7A1", "of a result that was another"
    assert move(6, "RETAINED", chosen="7A1").target == "6A1"
    assert move(6, "REASSESSMENT", chosen="7A1").target is None
    assert move(6, "PROMOTED", classes=("7A9",)).target == "7A9"
    nowhere = move(6, "PROMOTED", classes=("6A1",))
    assert (nowhere.outcome, nowhere.reason) == (Outcome.UNDECIDED, "năm học mới chưa có lớp khối 7")


def test_who_may_be_placed_where() -> None:
    pupil = move(6, "PROMOTED")
    rules.require_target(pupil, "7A2", ["7A1", "7A2"])
    with pytest.raises(Invalid, match="Lò Thị An vào lớp “8A1”"):
        rules.require_target(pupil, "8A1", ["7A1", "7A2"])
    with pytest.raises(Invalid, match="Đ.14"):  # noqa: RUF043
        rules.require_target(move(6, "REASSESSMENT"), "7A1", [])
    with pytest.raises(Conflict, match="đã có lớp 7A1"):
        rules.require_target(msgspec.structs.replace(pupil, placed="7A1"), "7A2", ["7A2"])
