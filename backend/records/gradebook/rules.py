"""Which columns a sheet has, what may stand in a cell, and the life of a sheet. No I/O."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from backend.core.errors import AppError, Conflict, Forbidden, Invalid
from backend.core.text import check_text
from backend.records.gradebook.schemas import (
    MAX_COMMENT,
    MAX_HOURS,
    MAX_REASON,
    MIN_REASON,
    Cell,
    Column,
    Deed,
    MarkKind,
    SheetState,
    Side,
)
from backend.records.roster.curriculum import (
    AssessedBy,
    GradeSubject,
    TraitGroup,
    find_subject,
    traits_of,
)
from backend.records.roster.schemas import HOMEROOM

PRIMARY_LAST_GRADE = 5
#: Longest content of a cell that is no comment.
MAX_VALUE = 20
MAX_ABSENCES = 400
#: A test taken again is kept beside the first; the last attempt counts (TT27 Đ.7.1.b).
TEST_ATTEMPTS = 2

_SCORE = re.compile(r"10(?:[.,]0)?|[0-9](?:[.,][0-9])?")
_TRAIT_GROUPS = {
    TraitGroup.QUALITY: "Nhận xét phẩm chất",
    TraitGroup.GENERAL: "Nhận xét năng lực chung",
    TraitGroup.SPECIFIC: "Nhận xét năng lực đặc thù",
}
_CHOICES = {
    MarkKind.LEVEL: ("T", "H", "C"),
    MarkKind.TRAIT: ("T", "Đ", "C"),
    MarkKind.CONDUCT: ("T", "K", "Đ", "CĐ"),
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
}
_COMMENTS = frozenset({MarkKind.COMMENT, MarkKind.HOMEROOM_COMMENT, MarkKind.TRAIT_COMMENT})


@lru_cache(maxsize=2048)
def columns(subject: GradeSubject | None, grade_level: int) -> tuple[Column, ...]:
    """The columns of a subject's sheet, or of the homeroom sheet when `subject` is None."""
    if subject is None:
        return _homeroom_columns(grade_level)
    if grade_level <= PRIMARY_LAST_GRADE:
        return _primary_columns(subject)
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
        Column(cell=Cell(MarkKind.COMMENT), label="Nhận xét", wide=True),
    )


@lru_cache(maxsize=2048)
def _cells(subject: GradeSubject | None, grade_level: int) -> frozenset[Cell]:
    return frozenset(column.cell for column in columns(subject, grade_level))


def _primary_columns(subject: GradeSubject) -> tuple[Column, ...]:
    tests = tuple(
        Column(cell=Cell(MarkKind.TEST, str(attempt)), label="KTĐK" if attempt == 1 else "KT lại")
        for attempt in range(1, (TEST_ATTEMPTS if subject.year_end_test else 0) + 1)
    )
    return (
        Column(cell=Cell(MarkKind.LEVEL), label="Mức đạt được", letters=True),
        *tests,
        Column(cell=Cell(MarkKind.COMMENT), label="Nhận xét", wide=True),
    )


def _homeroom_columns(grade_level: int) -> tuple[Column, ...]:
    absences = (
        Column(cell=Cell(MarkKind.ABSENCE, "excused"), label="Nghỉ có phép"),
        Column(cell=Cell(MarkKind.ABSENCE, "unexcused"), label="Nghỉ không phép"),
    )
    comment = Column(cell=Cell(MarkKind.HOMEROOM_COMMENT), label="Nhận xét của GVCN", wide=True)
    if grade_level > PRIMARY_LAST_GRADE:
        terms = (("1", "Rèn luyện HKI"), ("2", "Rèn luyện HKII"), ("summer", "Rèn luyện sau hè"))
        conduct = tuple(
            Column(cell=Cell(MarkKind.CONDUCT, slot), label=label, letters=True) for slot, label in terms
        )
        return (*conduct, *absences, comment)
    traits = tuple(
        Column(cell=Cell(MarkKind.TRAIT, trait.code), label=trait.name, letters=True)
        for trait in traits_of(grade_level)
    )
    remarks = tuple(
        Column(cell=Cell(MarkKind.TRAIT_COMMENT, group.value), label=label, wide=True)
        for group, label in _TRAIT_GROUPS.items()
    )
    return (*traits, *remarks, *absences, comment)


def accept(text: str, cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> str:
    """The value as it is stored ("7,5" → "7.5"), or "" for an emptied cell.

    `place` names cell and person in the sentence of the Invalid that a bad value raises.
    """
    _refuse_foreign_cell(cell, subject, grade_level, place)
    limit = MAX_COMMENT if cell.kind in _COMMENTS else MAX_VALUE
    value = check_text(text, field="Nội dung", person=place, limit=limit)
    if not value or cell.kind in _COMMENTS:
        return value
    if cell.kind in _CHOICES:
        return _choice(value, _CHOICES[cell.kind], place)
    if cell.kind is MarkKind.TEST:
        return _whole(value, 10, f"{place}: điểm kiểm tra “{value}” phải là số nguyên từ 0 đến 10.")
    if cell.kind is MarkKind.ABSENCE:
        return _whole(
            value, MAX_ABSENCES, f"{place}: số buổi nghỉ “{value}” phải là số nguyên từ 0 đến {MAX_ABSENCES}."
        )
    assessed = find_subject(grade_level, cell.slot) if cell.kind is MarkKind.REASSESSED else subject
    by_score = assessed is None or assessed.assessed_by is AssessedBy.SCORE
    return _score(value, place) if by_score else _pass(value, place)


def label(cell: Cell, subject: GradeSubject | None, grade_level: int) -> str:
    """What people call a column; a column that the sheet does not have is called by its kind."""
    found = (column.label for column in columns(subject, grade_level) if column.cell == cell)
    return next(found, _KIND_NAMES[cell.kind])


def _refuse_foreign_cell(cell: Cell, subject: GradeSubject | None, grade_level: int, place: str) -> None:
    if subject is None and cell.kind is MarkKind.REASSESSED and grade_level > PRIMARY_LAST_GRADE:
        known = find_subject(grade_level, cell.slot) is not None
    else:
        known = cell in _cells(subject, grade_level)
    if not known:
        raise Invalid(f"{place}: sổ này không có cột đó; hãy kiểm tra lại môn học và cột điểm.")


def _choice(value: str, allowed: tuple[str, ...], place: str) -> str:
    upper = value.upper()
    if upper not in allowed:
        raise Invalid(f"{place}: “{value}” không phải là một trong các mức {', '.join(allowed)}.")
    return upper


def _whole(value: str, highest: int, sentence: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}", value) or int(value) > highest:
        raise Invalid(sentence)
    return str(int(value))


def _score(value: str, place: str) -> str:
    if not _SCORE.fullmatch(value):
        raise Invalid(f"{place}: điểm “{value}” phải từ 0 đến 10 và có nhiều nhất một chữ số thập phân.")
    whole, _, tenth = value.replace(",", ".").partition(".")
    return f"{int(whole)}.{tenth}" if tenth not in ("", "0") else str(int(whole))


def _pass(value: str, place: str) -> str:
    upper = value.upper()
    if upper not in ("Đ", "CĐ"):
        raise Invalid(f"{place}: môn này đánh giá bằng nhận xét, chỉ ghi Đ hoặc CĐ, không ghi “{value}”.")
    return upper


def is_homeroom(subject_code: str) -> bool:
    """Whether a sheet is the homeroom teacher's own."""
    return subject_code == HOMEROOM


#: What each deed makes of a sheet, by the states in which it may be done.
MOVES: Mapping[Deed, Mapping[SheetState, SheetState]] = {
    Deed.SUBMIT: {SheetState.OPEN: SheetState.SUBMITTED},
    Deed.WITHDRAW: {SheetState.SUBMITTED: SheetState.OPEN},
    Deed.CHECK: {SheetState.SUBMITTED: SheetState.CHECKED},
    Deed.SEND_BACK: {SheetState.SUBMITTED: SheetState.OPEN, SheetState.CHECKED: SheetState.OPEN},
    Deed.LOCK: {SheetState.SUBMITTED: SheetState.LOCKED, SheetState.CHECKED: SheetState.LOCKED},
    Deed.REOPEN: {SheetState.LOCKED: SheetState.REOPENED},
    Deed.LOCK_AGAIN: {SheetState.REOPENED: SheetState.LOCKED},
    Deed.FINISH: {SheetState.LOCKED: SheetState.FINAL},
}
#: A sheet in each state, in words that follow "sổ" or "sổ này".
STATE_WORDS = {
    SheetState.OPEN: "đang mở",
    SheetState.SUBMITTED: "đã nộp",
    SheetState.CHECKED: "đã được tổ trưởng kiểm tra",
    SheetState.LOCKED: "đã khóa",
    SheetState.REOPENED: "đang mở lại",
    SheetState.FINAL: "đã kết thúc vì học bạ đã chốt",
}
#: Each deed as what a person wants: "không … được".
DEED_WORDS = {
    Deed.SUBMIT: "nộp",
    Deed.WITHDRAW: "rút về",
    Deed.CHECK: "xác nhận đã kiểm tra",
    Deed.SEND_BACK: "trả lại",
    Deed.LOCK: "khóa",
    Deed.REOPEN: "mở lại",
    Deed.LOCK_AGAIN: "khóa lại",
    Deed.FINISH: "kết thúc",
}
#: Who may do a deed, in words.
_WHO = {
    Deed.SUBMIT: "giáo viên được phân công sổ điểm này",
    Deed.WITHDRAW: "giáo viên được phân công sổ điểm này",
    Deed.CHECK: "tổ trưởng chuyên môn của giáo viên",
    Deed.SEND_BACK: "tổ trưởng chuyên môn của giáo viên hoặc hiệu trưởng",
    Deed.LOCK: "hiệu trưởng",
    Deed.REOPEN: "hiệu trưởng",
    Deed.LOCK_AGAIN: "giáo viên được phân công sổ điểm này hoặc hiệu trưởng",
    Deed.FINISH: "hệ thống, khi học bạ của lớp được chốt,",
}


def _is_for(deed: Deed, side: Side) -> bool:
    """Whether a deed is this person's at all, in whatever state the sheet is."""
    match deed:
        case Deed.SUBMIT | Deed.WITHDRAW:
            return side.in_charge
        case Deed.CHECK:
            return side.checks
        case Deed.SEND_BACK:
            return side.checks or side.locks
        case Deed.LOCK:
            return side.locks
        case Deed.REOPEN:
            return side.reopens
        case Deed.LOCK_AGAIN:
            return side.in_charge or side.locks
        case Deed.FINISH:
            return False


def refusal(deed: Deed, state: SheetState, side: Side, place: str, frozen_by: str = "") -> AppError | None:
    """Why somebody may not do a deed to a sheet; None: they may. `place` names class and subject.

    Forbidden where it is not theirs to do, Conflict where the sheet is not so far, or too far: a checked sheet comes
    before the lock, where somebody checks. `frozen_by` froze the transcripts of the class.
    """
    if not _is_for(deed, side):
        return Forbidden(f"Sổ {place}: chỉ {_WHO[deed]} {DEED_WORDS[deed]} được.")
    if state is SheetState.FINAL:
        by = f" ({frozen_by} đã chốt)" if frozen_by else ""
        return Conflict(
            f"Học bạ của lớp đã chốt{by} nên sổ {place} giữ nguyên, không {DEED_WORDS[deed]} được nữa; "
            "nếu học bạ sai, xin hỏi người đã chốt học bạ."
        )
    if deed is Deed.LOCK and state is SheetState.OPEN:
        return Conflict(f"Sổ {place} chưa được nộp nên chưa khóa được; xin giáo viên phụ trách nộp sổ trước.")
    if state not in MOVES[deed]:
        return Conflict(
            f"Sổ {place} {STATE_WORDS[state]} nên không {DEED_WORDS[deed]} được; hãy tải lại trang."
        )
    if deed is Deed.LOCK and state is SheetState.SUBMITTED and not side.unchecked:
        return Conflict(f"Sổ {place} đang chờ tổ trưởng chuyên môn kiểm tra; xin khóa sau khi đã kiểm tra.")
    return None


def unseen(submitted_at: datetime | None, seen: datetime | None, place: str) -> Conflict | None:
    """Why a sheet is not moved on that was handed in after the newest hand-in that somebody has `seen`."""
    if submitted_at is None or seen is None or submitted_at <= seen:
        return None
    return Conflict(f"Sổ {place} vừa được nộp lại nên chưa làm được; hãy tải lại trang và xem lại sổ.")


def deeds(state: SheetState, side: Side) -> frozenset[Deed]:
    """What somebody may do to a sheet now."""
    return frozenset(deed for deed in Deed if refusal(deed, state, side, "") is None)


def writable(state: SheetState, open_until: datetime | None, now: datetime) -> bool:
    """Whether marks may be written: a reopened sheet closes by the clock, whether or not anybody has locked it again."""
    if state is SheetState.REOPENED:
        return open_until is not None and now < open_until
    return state is SheetState.OPEN


#: What opens a sheet that takes no marks.
_OPENING = frozenset({Deed.WITHDRAW, Deed.SEND_BACK, Deed.REOPEN})


def why_closed(state: SheetState, offered: frozenset[Deed] = frozenset()) -> str:
    """Why nothing is written into a sheet, and whom to ask, unless what opens it is `offered` beside the sentence."""
    then = "" if offered & _OPENING else f"; {way_out(state)}"
    return f"Sổ điểm này {closed_words(state)} nên điểm không thay đổi{then}."


def way_out(state: SheetState) -> str:
    """What to do about a mark in a sheet that takes none; follows a semicolon."""
    match state:
        case SheetState.SUBMITTED:
            return "nếu điểm cần sửa, giáo viên rút sổ về trước"
        case SheetState.CHECKED:
            return "nếu điểm cần sửa, xin tổ trưởng hoặc hiệu trưởng trả lại sổ"
        case SheetState.FINAL:
            return "nếu học bạ sai, xin hỏi người đã chốt học bạ"
        case _:
            return "nếu điểm cần sửa, hiệu trưởng mở lại sổ trước"


def closed_words(state: SheetState) -> str:
    """How a sheet that takes no marks stands: a reopened one has seen its last hour."""
    return "đã hết hạn mở lại" if state is SheetState.REOPENED else STATE_WORDS[state]


def checked_reason(typed: str, place: str, field: str) -> str:
    """The reason of a reopening, or the remark with which a sheet is sent back. Raises Invalid."""
    reason = check_text(typed, field=field, person=f"sổ {place}", limit=MAX_REASON)
    if len(reason) < MIN_REASON:
        raise Invalid(f"Mục “{field}” của sổ {place} cần từ {MIN_REASON} đến {MAX_REASON} ký tự.")
    return reason


def checked_hours(typed: str) -> int:
    """For how long a sheet is opened again, in hours. Raises Invalid."""
    if not re.fullmatch(r"[0-9]{1,2}", typed.strip()) or not 1 <= int(typed) <= MAX_HOURS:
        raise Invalid(f"Thời hạn mở lại phải là số giờ từ 1 đến {MAX_HOURS}.")
    return int(typed)


#: Cells that most pupils do not need.
_OPTIONAL = frozenset({Cell(MarkKind.TEST, str(n)) for n in range(2, TEST_ATTEMPTS + 1)}) | {
    Cell(MarkKind.CONDUCT, "summer"),
    Cell(MarkKind.TOPIC),
}


def required(columns: Sequence[Column]) -> list[Cell]:
    """The cells that every pupil needs."""
    return [column.cell for column in columns if column.cell not in _OPTIONAL]


def warnings(columns: Sequence[Column], pupils: Sequence[tuple[str, Mapping[Cell, str]]]) -> tuple[str, ...]:
    """What is worth a look before a sheet is locked, a sentence each. `pupils`: name and filled cells."""
    found = []
    needed = required(columns)
    empty = [name for name, cells in pupils if any(not cells.get(cell) for cell in needed)]
    if empty:
        count = sum(not cells.get(cell) for _, cells in pupils for cell in needed)
        found.append(f"{count} ô còn trống, ở {len(empty)} học sinh, trong đó có {empty[0]}.")
    return tuple(found)
