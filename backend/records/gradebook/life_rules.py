"""The life of a sheet: who moves it on and back, when it takes marks, what is worth a look. No I/O."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from backend.core.errors import AppError, Conflict, Forbidden, Invalid
from backend.core.text import check_text
from backend.records.gradebook.layout import (
    PRINCIPALS_WORDS,
    required,
)
from backend.records.gradebook.schemas import (
    MAX_HOURS,
    MAX_REASON,
    MIN_REASON,
    Cell,
    Column,
    Deed,
    Entry,
    Ground,
    MarkKind,
    MarkState,
    SheetState,
    Side,
)

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
    Deed.RELEASE: {SheetState.FINAL: SheetState.LOCKED},
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
    Deed.RELEASE: "cho sửa lại",
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
    Deed.RELEASE: "hệ thống, khi học bạ của một học sinh được rút lại hoặc thu hồi,",
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
        case Deed.FINISH | Deed.RELEASE:
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
            "nếu học bạ của một học sinh sai, ban giám hiệu rút lại học bạ ấy trước."
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


#: The principal's words come at the end: they are written until the sheet is locked, also while others look at it.
_ON_THE_WAY = frozenset({SheetState.OPEN, SheetState.SUBMITTED, SheetState.CHECKED})


def writes(
    state: SheetState, open_until: datetime | None, now: datetime, in_charge: bool, approves: bool
) -> frozenset[MarkKind]:
    """What somebody may write into a sheet now. `approves`: they write the principal's words in it."""
    is_open = writable(state, open_until, now)
    own = set(MarkKind) - PRINCIPALS_WORDS if in_charge and is_open else set()
    words = PRINCIPALS_WORDS if approves and (is_open or state in _ON_THE_WAY) else frozenset()
    return frozenset(own | words)


def not_theirs(kind: MarkKind, state: SheetState, in_charge: bool, approves: bool) -> Conflict | Invalid:
    """Why somebody who may write something into a sheet does not write a cell of this kind."""
    if kind in PRINCIPALS_WORDS and not approves:
        return Invalid("Nhận xét của hiệu trưởng do hiệu trưởng ghi; hãy ghi ở cột nhận xét của bạn.")
    if kind not in PRINCIPALS_WORDS and not in_charge:
        return Invalid("Cột này do giáo viên phụ trách sổ ghi; bạn ghi ở cột nhận xét của hiệu trưởng.")
    return Conflict(why_closed(state))


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
            return "nếu học bạ của một học sinh sai, ban giám hiệu rút lại học bạ ấy trước"
        case _:
            return "nếu điểm cần sửa, hiệu trưởng mở lại sổ trước"


def closed_words(state: SheetState) -> str:
    """How a sheet that takes no marks stands: a reopened one has seen its last hour."""
    return "đã hết hạn mở lại" if state is SheetState.REOPENED else STATE_WORDS[state]


def checked_reason(typed: str, whose: str, field: str) -> str:
    """Why a sheet is opened again or sent back, or a pupil exempt. Raises Invalid."""
    reason = check_text(typed, field=field, person=whose, limit=MAX_REASON)
    if len(reason) < MIN_REASON:
        raise Invalid(f"Mục “{field}” của {whose} cần từ {MIN_REASON} đến {MAX_REASON} ký tự.")
    return reason


def checked_ground(typed: str) -> Ground:
    """Why a pupil is exempt, as it was chosen. Raises Invalid."""
    if typed not in set(Ground):
        raise Invalid("Hãy chọn căn cứ miễn học trong danh sách.")
    return Ground(typed)


def require_unsettled(state: SheetState, is_frozen: bool, name: str, place: str) -> None:
    """Whether a pupil is assessed in a subject changes while its sheets are not locked. Raises Conflict."""
    if is_frozen or state is SheetState.FINAL:
        raise Conflict(f"{name}, {place}: học bạ đã chốt nên việc miễn học giữ nguyên.")
    if state is SheetState.LOCKED:
        raise Conflict(f"Sổ {place} đã khóa; hãy mở lại sổ rồi đổi việc miễn học của {name}.")


def checked_hours(typed: str) -> int:
    """For how long a sheet is opened again, in hours. Raises Invalid."""
    if not re.fullmatch(r"[0-9]{1,2}", typed.strip()) or not 1 <= int(typed) <= MAX_HOURS:
        raise Invalid(f"Thời hạn mở lại phải là số giờ từ 1 đến {MAX_HOURS}.")
    return int(typed)


def warnings(columns: Sequence[Column], pupils: Sequence[tuple[str, Mapping[Cell, str]]]) -> tuple[str, ...]:
    """What is empty or waits for a make-up, a sentence each. `pupils`: name and filled cells.

    An earlier point of the year, and how tall and heavy pupils are, is asked for once it was begun.
    """
    found = []
    begun = {cell for _, cells in pupils for cell, value in cells.items() if value}
    needed = required(columns)
    needed += [
        column.cell
        for column in columns
        if (column.is_earlier or column.cell.kind is MarkKind.MEASURE)
        and column.cell in begun
        and not column.wide
    ]
    empty = [name for name, cells in pupils if any(not cells.get(cell) for cell in needed)]
    if empty:
        count = sum(not cells.get(cell) for _, cells in pupils for cell in needed)
        found.append(f"{count} ô còn trống, ở {len(empty)} học sinh, trong đó có {empty[0]}.")
    for column in columns:
        excused = [
            name
            for name, cells in pupils
            if Entry.of(column.cell.kind, cells.get(column.cell, "")).state
            is MarkState.EXCUSED_PENDING_MAKEUP
        ]
        if excused:
            found.append(f"Cột {column.label}: chờ kiểm tra bù của {', '.join(excused)}.")
    return tuple(found)
