"""What may be said of coming and going. No I/O."""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date, timedelta

from backend.core.errors import Invalid
from backend.core.text import check_text, read_day
from backend.records.gradebook.schemas import CLOSED, SheetState
from backend.records.movements.schemas import Arrival, Departure, Moved, NewEarlierYear
from backend.records.roster.schemas import (
    LEAVING,
    PRESENT,
    ClassId,
    ClassSummary,
    EnrollmentStatus,
    Place,
    PupilRecord,
    StudentStatus,
    YearSummary,
)

_YEAR = re.compile(r"([0-9]{4})-([0-9]{4})")
#: A pupil is written down some weeks before a school year begins.
_BEFORE_YEAR = timedelta(days=92)
_MAX_TEXT, _MAX_LINES = 300, 40


def read_arrival(typed: Mapping[str, str], class_id: ClassId, record: PupilRecord) -> Arrival:
    """A form as an arrival. Raises Invalid."""
    return Arrival(
        class_id=class_id,
        on=read_day(typed.get("ngay", ""), "Ngày vào lớp"),
        came_from=_text(typed, "truong_cu", "Trường cũ", record),
        registry_no=_text(typed, "so_dang_bo", "Số đăng bộ", record),
    )


def read_departure(typed: Mapping[str, str], record: PupilRecord) -> Departure:
    """A form as a departure. Raises Invalid."""
    chosen = typed.get("trang_thai", "")
    if chosen not in {status.value for status in LEAVING}:
        raise Invalid(f"Chưa chọn {record.full_name} rời trường theo cách nào; xin chọn một.")
    reason = _text(typed, "ly_do", "Lý do", record)
    if not reason:
        raise Invalid(f"Chưa có lý do {record.full_name} rời trường; hãy ghi theo đơn hoặc quyết định.")
    return Departure(
        status=StudentStatus(chosen),
        on=read_day(typed.get("ngay", ""), "Ngày rời trường"),
        reason=reason,
    )


def read_earlier_year(typed: Mapping[str, str], record: PupilRecord, current: str) -> NewEarlierYear:
    """A form as a year at another school; `current` is the year that the school works in. Raises Invalid."""
    year = typed.get("nam_hoc", "").replace(" ", "")
    found = _YEAR.fullmatch(year)
    if not found or int(found[2]) != int(found[1]) + 1 or year > current:
        raise Invalid(f"Năm học ghi như 2024-2025 và không sau năm học {current}; xin ghi lại năm học.")
    grade = typed.get("khoi", "")
    if not grade.isdecimal() or not 1 <= int(grade) <= 12:
        raise Invalid("Khối là một số từ 1 đến 12; xin ghi lại khối.")
    texts = {name: _text(typed, name, label, record) for name, label in _NAMES.items()}
    for name in ("lop", "ten_truong"):
        if not texts[name]:
            raise Invalid(
                f"Chưa có {_NAMES[name].lower()} ở trường cũ của {record.full_name}; hãy ghi theo học bạ."
            )
    lines = [
        check_text(line, field="Kết quả", person=record.full_name, limit=_MAX_TEXT)
        for line in typed.get("ket_qua", "").splitlines()
    ]
    if len(lines) > _MAX_LINES:
        raise Invalid(f"Kết quả một năm học không quá {_MAX_LINES} dòng; hãy ghi gọn lại.")
    joined = typed.get("ngay", "")
    return NewEarlierYear(
        academic_year=year,
        grade_level=int(grade),
        class_name=texts["lop"],
        school_name=texts["ten_truong"],
        registry_no=texts["so_dang_bo"] or None,
        joined_on=read_day(joined, "Ngày vào trường cũ") if joined else None,
        results="\n".join(line for line in lines if line),
    )


_NAMES = {"lop": "Lớp", "ten_truong": "Tên trường", "so_dang_bo": "Số đăng bộ"}


def require_day(on: date, year: YearSummary, today: date, not_before: date | None = None) -> None:
    """Raises Invalid for a day to come, or that is not of the school year, or before the pupil's place began."""
    if on > today:
        raise Invalid(f"Ngày {on:%d/%m/%Y} ở tương lai; hãy ghi vào đúng ngày ấy.")
    first = max(year.starts_on - _BEFORE_YEAR, not_before or date.min)
    if on < first:
        raise Invalid(f"Ngày {on:%d/%m/%Y} không thể trước ngày {first:%d/%m/%Y}; xin xem lại ngày.")


def status_on_arrival(record: PupilRecord, arrival: Arrival) -> StudentStatus:
    """What a pupil is who takes a place: came from another school, came back, or simply studies here."""
    if arrival.came_from:
        return StudentStatus.TRANSFERRED_IN
    return record.status if record.status in PRESENT else StudentStatus.RETURNED


def place_before(places: Iterable[Place], target: ClassSummary) -> Place | None:
    """The place in the year and grade of a class that a pupil left last; on one day, the one where they came last."""
    same = [
        one
        for one in places
        if (one.academic_year_id, one.grade_level) == (target.academic_year_id, target.grade_level)
        and one.left_on is not None
    ]
    return max(same, key=_left, default=None)


def _left(place: Place) -> tuple[date, date, bool]:
    first = date.min
    return place.left_on or first, place.joined_on or first, place.status is EnrollmentStatus.LEFT


def remark(states: Set[SheetState], given_up: Sequence[str] = ()) -> str:
    """What is to be known about a class before somebody comes into it; "" is nothing.

    `given_up`: what the pupil has chosen and the class does not have.
    """
    if SheetState.FINAL in states:
        return "đã chốt học bạ, không nhận thêm"
    said = ["sổ đã khóa"] if states and states <= CLOSED else []
    if given_up:
        said.append(f"không có {', '.join(given_up)} mà học sinh đang chọn")
    return "; ".join(said)


def said_of(moved: Moved) -> str:
    """What the writer is told of a pupil who has come into a class, beside that it is done."""
    said = []
    if moved.missing:
        said.append(f"Lớp {moved.class_name} không có sổ {', '.join(moved.missing)}; điểm ấy ở lại sổ cũ.")
    if moved.given_up:
        said.append(
            f"Lớp {moved.class_name} không có {', '.join(moved.given_up)} mà học sinh đã chọn; giáo viên chủ nhiệm hãy "
            "chọn môn thay thế ở mục “Môn lựa chọn” của lớp."
        )
    return " ".join(said)


def _text(typed: Mapping[str, str], name: str, label: str, record: PupilRecord) -> str:
    return check_text(typed.get(name, ""), field=label, person=record.full_name, limit=_MAX_TEXT)
