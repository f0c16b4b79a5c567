"""Who is waited for, by what is known: pure."""

from datetime import UTC, date, datetime, timedelta

import pytest

from backend.core.actor import StaffId
from backend.core.errors import Conflict, Invalid
from backend.core.ids import new_id
from backend.records.calendar.schemas import Due, Step
from backend.records.gradebook.schemas import SheetId, SheetState, SheetSummary
from backend.records.roster.schemas import AcademicYearId, ClassId, ClassSummary
from backend.records.season import rules
from backend.records.season.schemas import Facts, Filter, Nudge, Progress, Sight, Stage, Turn

TODAY = date(2026, 5, 20)
HOMEROOM, TEACHER, HEAD, OTHER = (StaffId(new_id()) for _ in range(4))
NAMES = {HOMEROOM: "Cô Thu", TEACHER: "Cô Ngân", HEAD: "Thầy Khải", OTHER: "Thầy Linh"}
ALL = Sight(everything=True, staff_id=None)


def school_class(name: str, grade: int) -> ClassSummary:
    return ClassSummary(
        id=ClassId(new_id()),
        name=name,
        grade_level=grade,
        academic_year="2025-2026",
        academic_year_id=AcademicYearId(new_id()),
        homeroom_teacher_id=HOMEROOM,
        homeroom_teacher=NAMES[HOMEROOM],
        students=30,
    )


A, NINTH = school_class("6A", 6), school_class("9A", 9)


def sheet(one: ClassSummary, teacher: StaffId | None, state: SheetState) -> SheetSummary:
    return SheetSummary(
        id=SheetId(new_id()),
        class_id=one.id,
        class_name=one.name,
        subject_code="TOAN",
        subject_name="Toán",
        term=1,
        state=state,
        teacher_id=teacher,
        filled=None,
    )


def facts(**known: object) -> Facts:
    """Two classes; submission ended yesterday for grade 9, ends in a week for grade 6."""
    dues = {
        grade: {Step.SUBMITTED: Due(step=Step.SUBMITTED, day=TODAY + timedelta(days=days))}
        for grade, days in ((6, 7), (9, -1))
    }
    usual: dict[str, object] = {
        "year": None,
        "today": TODAY,
        "classes": (A, NINTH),
        "sheets": (),
        "empty": frozenset(),
        "checkers": {TEACHER: HEAD},
        "progress": {},
        "versions": {},
        "turns": (),
        "names": NAMES,
        "dues": dues,
    }
    return Facts(**(usual | known))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "teacher", "expected"),
    [
        (SheetState.OPEN, TEACHER, (Stage.SUBMITTED, "Cô Ngân")),
        (SheetState.OPEN, None, (Stage.SUBMITTED, rules.NOBODY)),
        (SheetState.SUBMITTED, TEACHER, (Stage.CHECKED, "Thầy Khải")),
        (SheetState.SUBMITTED, OTHER, (Stage.LOCKED, rules.MANAGEMENT)),
        (SheetState.CHECKED, TEACHER, (Stage.LOCKED, rules.MANAGEMENT)),
        (SheetState.LOCKED, TEACHER, None),
        (SheetState.REOPENED, TEACHER, None),
        (SheetState.FINAL, TEACHER, None),
    ],
)
def test_each_state_of_a_sheet_waits_for_somebody(
    state: SheetState, teacher: StaffId | None, expected: tuple[Stage, str] | None
) -> None:
    found = rules.waiting(facts(sheets=(sheet(A, teacher, state),)), ALL)
    assert [(one.stage, one.who) for one in found] == ([expected] if expected else [])


def test_pupils_wait_for_homeroom_management_and_signers() -> None:
    known = facts(
        progress={A.id: Progress(assessed=30, confirmed=20, frozen=15, issued=1)},
        turns=(
            Turn(class_id=A.id, signer_id=OTHER, signer="Thầy Linh", count=4),
            Turn(class_id=A.id, signer_id=None, signer="Trường", count=3),
        ),
    )
    found = rules.waiting(known, ALL)
    assert [(one.stage, one.who, one.left, one.url) for one in found] == [
        (Stage.CONFIRMED, "Cô Thu", 10, f"/lop/{A.id}/ket-qua"),
        (Stage.FROZEN, rules.MANAGEMENT, 5, f"/lop/{A.id}/hoc-ba"),
        (Stage.ISSUED, "Thầy Linh", 4, "/ky"),
        (Stage.ISSUED, rules.SEAL, 3, "/ky"),
    ]


def test_a_place_that_a_person_may_not_open_is_the_page_of_the_class() -> None:
    known = facts(sheets=(sheet(A, TEACHER, SheetState.OPEN),), progress={A.id: Progress(assessed=1)})
    office = Sight(everything=True, staff_id=None, opens=frozenset({Stage.CONFIRMED}))
    found = {one.stage: one.url for one in rules.waiting(known, office)}
    assert found == {
        Stage.SUBMITTED: f"/mua-hoc-ba/lop/{A.id}",
        Stage.CONFIRMED: f"/lop/{A.id}/ket-qua",
    }


def test_the_latest_comes_first_and_only_a_day_that_is_over_is_late() -> None:
    sheets = (sheet(A, TEACHER, SheetState.OPEN), sheet(NINTH, TEACHER, SheetState.OPEN))
    found = rules.waiting(facts(sheets=sheets), ALL)
    assert [(one.class_name, one.days, one.is_late) for one in found] == [("9A", -1, True), ("6A", 7, False)]
    late = [(row.name, row.counts[Stage.SUBMITTED].is_late) for row in rules.rows(facts(sheets=sheets), ALL)]
    assert late == [("6A", False), ("9A", True)]
    today = facts(sheets=sheets, today=TODAY - timedelta(days=1))
    assert [one.is_late for one in rules.waiting(today, ALL)] == [False, False], "the last day itself counts"


@pytest.mark.parametrize(
    ("staff_id", "sheets", "pupils"),
    [
        (HOMEROOM, 2, True),
        (TEACHER, 1, False),
        (HEAD, 1, False),
        (OTHER, 1, False),
        (StaffId(new_id()), 0, False),
    ],
)
def test_everybody_sees_their_own_part(staff_id: StaffId, sheets: int, pupils: bool) -> None:
    both = (sheet(A, TEACHER, SheetState.OPEN), sheet(A, OTHER, SheetState.OPEN))
    known = facts(sheets=both, progress={A.id: Progress(assessed=30)}, classes=(A,))
    found = rules.rows(known, Sight(everything=False, staff_id=staff_id))
    assert [row.counts[Stage.SUBMITTED].total for row in found] == ([sheets] if sheets else [])
    assert [Stage.CONFIRMED in row.counts for row in found] == ([pupils] if sheets else [])
    waiting = rules.waiting(known, Sight(everything=False, staff_id=staff_id))
    assert sum(one.left for one in waiting if one.stage is Stage.SUBMITTED) == sheets


def test_a_stage_without_a_day_is_held_to_that_of_a_later_one() -> None:
    dues = {6: {step: Due(step=step, day=day) for step, day in ((Step.LOCKED, TODAY), (Step.ISSUED, TODAY))}}
    known = facts(dues=dues | {9: {}})
    found = {stage: rules.due_of(known, stage, 6) for stage in Stage}
    steps = {stage: due.step if due else None for stage, due in found.items()}
    assert steps == {
        Stage.MARKED: Step.LOCKED,
        Stage.SUBMITTED: Step.LOCKED,
        Stage.CHECKED: Step.LOCKED,
        Stage.LOCKED: Step.LOCKED,
        Stage.ASSESSED: None,
        Stage.CONFIRMED: Step.ISSUED,
        Stage.FROZEN: Step.ISSUED,
        Stage.ISSUED: Step.ISSUED,
    }
    assert rules.due_of(known, Stage.SUBMITTED, 9) is None


def test_a_person_stands_once_for_a_stage_with_all_classes() -> None:
    sheets = (sheet(A, TEACHER, SheetState.OPEN), sheet(NINTH, TEACHER, SheetState.OPEN))
    [group] = rules.grouped(rules.waiting(facts(sheets=sheets), ALL))
    assert (group.who, group.left) == ("Cô Ngân", 2)
    assert [one.class_name for one in group.places] == ["9A", "6A"], "the most urgent first"


def test_a_filter_keeps_what_it_names() -> None:
    sheets = (sheet(A, TEACHER, SheetState.OPEN), sheet(NINTH, OTHER, SheetState.SUBMITTED))
    known = facts(sheets=sheets)
    waiting, rows = rules.waiting(known, ALL), rules.rows(known, ALL)

    def kept(wanted: Filter) -> tuple[list[str], list[str]]:
        found = rules.filtered(waiting, wanted)
        return [one.class_name for one in found], [
            row.name for row in rules.filtered_rows(rows, found, wanted)
        ]

    assert kept(Filter()) == (["6A", "9A"], ["6A", "9A"])
    assert kept(Filter(grade=9)) == (["9A"], ["9A"])
    assert kept(Filter(stage=Stage.SUBMITTED)) == (["6A"], ["6A"])
    assert kept(Filter(person=TEACHER)) == (["6A"], ["6A"])
    assert kept(Filter(late=True)) == ([], [])


def test_nobody_is_reminded_twice_a_day_or_of_nothing() -> None:
    now = datetime(2026, 5, 20, 3, tzinfo=UTC)
    sent = Nudge(staff_id=TEACHER, stage=Stage.SUBMITTED, words="", sender="Thầy Khải", sent_at=now)
    rules.require_pause(None, now)
    rules.require_pause(sent, now + rules.BETWEEN_NUDGES)
    with pytest.raises(Conflict, match="Thầy Khải đã nhắc"):
        rules.require_pause(sent, now + timedelta(hours=1))
    waiting = rules.waiting(facts(sheets=(sheet(A, TEACHER, SheetState.OPEN),)), ALL)
    assert rules.require_left(waiting, TEACHER, Stage.SUBMITTED).left == 1
    for who, stage in ((TEACHER, Stage.CHECKED), (OTHER, Stage.SUBMITTED)):
        with pytest.raises(Invalid, match="không còn việc nào"):
            rules.require_left(waiting, who, stage)
