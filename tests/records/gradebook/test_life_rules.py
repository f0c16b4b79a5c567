"""The life of a sheet as a table: which deed leads where, who may do it, and what is worth a look before the lock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import backend
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.records.gradebook import layout
from backend.records.gradebook import life_rules as rules
from backend.records.gradebook.life_rules import MOVES
from backend.records.gradebook.schemas import Cell, Deed, MarkKind, SheetState, Side
from backend.records.roster.curriculum import find_subject

OPEN, SUBMITTED, CHECKED, LOCKED, REOPENED, FINAL = SheetState
NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
BACKEND = Path(backend.__path__[0])
#: What each person may do in each state, where a head checks: teacher, head, principal, somebody else.
MAY: dict[SheetState, tuple[set[Deed], ...]] = {
    OPEN: ({Deed.SUBMIT}, set(), set(), set()),
    SUBMITTED: ({Deed.WITHDRAW}, {Deed.CHECK, Deed.SEND_BACK}, {Deed.SEND_BACK}, set()),
    CHECKED: (set(), {Deed.SEND_BACK}, {Deed.LOCK, Deed.SEND_BACK}, set()),
    LOCKED: (set(), set(), {Deed.REOPEN}, set()),
    REOPENED: ({Deed.LOCK_AGAIN}, set(), {Deed.LOCK_AGAIN}, set()),
    FINAL: (set(), set(), set(), set()),
}


def side(*roles: str, unchecked: bool = False) -> Side:
    return Side(
        in_charge="teacher" in roles,
        checks="head" in roles,
        unchecked=unchecked,
        locks="principal" in roles,
        reopens="principal" in roles,
    )


@pytest.mark.parametrize("state", SheetState)
def test_who_may_do_what(state: SheetState) -> None:
    found = [rules.deeds(state, side(who)) for who in ("teacher", "head", "principal", "")]
    assert found == [frozenset(one) for one in MAY[state]]


def test_without_a_head_the_principal_locks_what_was_submitted() -> None:
    assert rules.deeds(SUBMITTED, side("principal", unchecked=True)) == {Deed.LOCK, Deed.SEND_BACK}
    refused = rules.refusal(Deed.LOCK, SUBMITTED, side("principal"), "lớp 1A, Toán")
    assert isinstance(refused, Conflict)
    assert refused.message == (
        "Sổ lớp 1A, Toán đang chờ tổ trưởng chuyên môn kiểm tra; xin khóa sau khi đã kiểm tra."
    )


def test_every_deed_leads_to_one_state() -> None:
    assert {deed: set(moves.values()) for deed, moves in MOVES.items()} == {
        Deed.SUBMIT: {SUBMITTED},
        Deed.WITHDRAW: {OPEN},
        Deed.CHECK: {CHECKED},
        Deed.SEND_BACK: {OPEN},
        Deed.LOCK: {LOCKED},
        Deed.REOPEN: {REOPENED},
        Deed.LOCK_AGAIN: {LOCKED},
        Deed.FINISH: {FINAL},
        Deed.RELEASE: {LOCKED},
    }


def test_the_readme_draws_every_deed() -> None:
    drawn = (BACKEND / "records" / "README.md").read_text(encoding="utf-8")
    for deed, moves in MOVES.items():
        [to] = set(moves.values())
        assert f"| {deed} | {', '.join(moves)} | {to} |\n" in drawn


def test_nobody_leads_a_sheet_out_of_its_end() -> None:
    """It is released by the system, when a transcript that was made of it stands no longer."""
    assert [deed for deed, moves in MOVES.items() if FINAL in moves] == [Deed.RELEASE]
    everybody = side("teacher", "head", "principal", unchecked=True)
    refused = rules.refusal(Deed.REOPEN, FINAL, everybody, "lớp 1A, Toán", "Nghiêm Thế Khải")
    assert isinstance(refused, Conflict)
    assert isinstance(rules.refusal(Deed.RELEASE, FINAL, everybody, "lớp 1A, Toán"), Forbidden)
    assert (
        "Học bạ của lớp đã chốt (Nghiêm Thế Khải đã chốt) nên sổ lớp 1A, Toán giữ nguyên" in refused.message
    )


@pytest.mark.parametrize("deed", Deed)
@pytest.mark.parametrize("state", SheetState)
def test_a_refusal_says_one_sentence(deed: Deed, state: SheetState) -> None:
    for roles in ((), ("teacher",), ("head",), ("principal",), ("teacher", "head", "principal")):
        refused = rules.refusal(deed, state, side(*roles), "lớp 1A, Toán")
        if refused is not None:
            assert "lớp 1A, Toán" in refused.message
            assert refused.message.endswith(".")
            assert isinstance(refused, Forbidden) is (deed not in _own(roles))


def _own(roles: tuple[str, ...]) -> set[Deed]:
    """What is somebody's to do in some state."""
    return {deed for state in SheetState for deed in rules.deeds(state, side(*roles))}


@pytest.mark.parametrize(
    ("state", "minutes", "may"),
    [
        (OPEN, None, True),
        (SUBMITTED, None, False),
        (CHECKED, None, False),
        (LOCKED, None, False),
        (FINAL, None, False),
        (REOPENED, 1, True),
        (REOPENED, 0, False),
        (REOPENED, -1, False),
        (REOPENED, None, False),
    ],
)
def test_a_reopened_sheet_closes_by_the_clock(state: SheetState, minutes: int | None, may: bool) -> None:
    until = None if minutes is None else NOW + timedelta(minutes=minutes)
    assert rules.writable(state, until, NOW) is may


@pytest.mark.parametrize("typed", ["", "0", "73", "-1", "1.5", "một", "1e1", "999", "٣"])
def test_hours_that_are_none(typed: str) -> None:
    with pytest.raises(Invalid, match="số giờ từ 1 đến 72"):
        rules.checked_hours(typed)


@pytest.mark.parametrize(("typed", "hours"), [("1", 1), (" 24 ", 24), ("72", 72), ("08", 8)])
def test_hours(typed: str, hours: int) -> None:
    assert rules.checked_hours(typed) == hours


@pytest.mark.parametrize("typed", ["", "abcd", "  ab  ", "x" * 501, "lý do \u0000 xấu"])
def test_reasons_that_are_none(typed: str) -> None:
    with pytest.raises(Invalid, match="Lý do mở lại"):
        rules.checked_reason(typed, "lớp 1A, Toán", "Lý do mở lại")


def test_a_reason_has_5_to_500_characters() -> None:
    for reason in ("abcde", "x" * 500):
        assert rules.checked_reason(f"  {reason} ", "lớp 1A, Toán", "Lý do mở lại") == reason


COLUMNS = layout.columns_of(find_subject(1, "TV"), 1)
LEVEL, TEST, AGAIN = Cell(MarkKind.LEVEL), Cell(MarkKind.TEST, "1"), Cell(MarkKind.TEST, "2")
COMMENT = Cell(MarkKind.COMMENT)


def pupil(name: str, level: str, test: str, comment: str, again: str = "") -> tuple[str, dict[Cell, str]]:
    cells = {LEVEL: level, TEST: test, AGAIN: again, COMMENT: comment}
    return name, {cell: value for cell, value in cells.items() if value}


def test_a_sound_sheet_has_no_warnings() -> None:
    pupils = [pupil("An", "T", "9", "Đọc tốt."), pupil("Bình", "H", "4", "Đọc được.", again="6")]
    assert rules.warnings(COLUMNS, pupils) == ()


def test_empty_cells_are_counted() -> None:
    pupils = [
        pupil("An", "T", "4", "Đọc tốt."),
        pupil("Bình", "", "9", "Đọc tốt."),
        pupil("Chi", "T", "3", ""),
    ]
    assert rules.warnings(COLUMNS, pupils) == ("2 ô còn trống, ở 2 học sinh, trong đó có Bình.",)
