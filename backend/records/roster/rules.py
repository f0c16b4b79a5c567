"""What a line of a register may say, and which school year it is. No I/O."""

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Protocol, TypeVar

import msgspec

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text, masked, plain, read_day, shown_name
from backend.records.roster.schemas import (
    PRESENT,
    STATUS_NAMES,
    Difference,
    DifferenceKind,
    NewStudent,
    PupilRecord,
    StudentStatus,
)

#: Days among the fields of a record and of a place.
_DAYS = frozenset({"date_of_birth", "status_on", "joined_on", "left_on"})
#: Texts of a pupil's record, as people call them.
_TEXTS = {
    "full_name": "Họ và tên",
    "student_code": "Mã học sinh",
    "lifelong_code": "Mã hồ sơ học tập suốt đời",
    "ethnicity": "Dân tộc",
    "nationality": "Quốc tịch",
    "passport_kind": "Loại hộ chiếu",
    "passport_number": "Số hộ chiếu",
    "birth_place": "Nơi sinh",
    "hometown": "Quê quán",
    "permanent_address": "Địa chỉ thường trú",
    "current_address": "Nơi ở hiện nay",
    "father_name": "Họ tên cha",
    "father_job": "Nghề nghiệp của cha",
    "mother_name": "Họ tên mẹ",
    "mother_job": "Nghề nghiệp của mẹ",
    "guardian_name": "Họ tên người giám hộ",
    "guardian_job": "Nghề nghiệp của người giám hộ",
    "policy_group": "Đối tượng chính sách",
    "disability": "Loại khuyết tật",
    "registry_no": "Số đăng bộ",
}
LABELS = _TEXTS | {
    "personal_id": "Số định danh cá nhân",
    "identity_verified_on": "Ngày đối chiếu danh tính",
    "date_of_birth": "Ngày sinh",
    "gender": "Giới tính",
    "not_assessed": "Khuyết tật, không đánh giá",
    "individual_plan": "Học theo kế hoạch giáo dục cá nhân",
    "status": "Trạng thái",
    "status_on": "Ngày có trạng thái",
}
#: What the form of a học bạ says about a pupil and a record may lack.
PRINTED = ("personal_id", "gender", "ethnicity", "birth_place")
#: What tells one person from all others, and is shown in full on request alone.
NUMBERS = frozenset({"personal_id", "passport_number"})
GENDERS = {"male": "Nam", "female": "Nữ"}
#: Codes that the school makes itself begin so, until the Ministry's system gives one.
TEMPORARY = "TAM-"
_CODE = re.compile(r"[0-9A-Za-z]{4,20}")
_PERSONAL_ID = re.compile(r"[0-9]{12}")
#: Nobody who is older or younger goes to school: wide, because adults may learn, too.
_OLDEST, _YOUNGEST = 60, 3
#: What the form of a record holds, by how it is typed.
FORM_TEXTS = tuple(
    name for name in (*_TEXTS, "personal_id", "gender") if name not in ("student_code", "registry_no")
)
FORM_DAYS = ("date_of_birth", "identity_verified_on")
FORM_FLAGS = ("not_assessed", "individual_plan")
#: Who somebody is: what was checked against their papers.
IDENTITY = frozenset(
    {"full_name", "date_of_birth", "gender", "personal_id", "passport_number", "nationality"}
)
#: Longest of these texts; the forms have one line for each.
_MAX_TEXT = 300


#: Months in which a school year begins, and in which it ends: wide around the dates that the Ministry sets each year in
#: its plan of the school year (quyết định khung kế hoạch thời gian năm học).
_FIRST_MONTHS, _LAST_MONTHS = range(7, 11), range(4, 9)


#: Pages turn to the next school year so long before it begins: on 15/8 for one of 5/9, when the last results of the year
#: before must be in (Hà Nội's plan of 2024, PL1 2.1).
TURNS = timedelta(days=21)


class _Year(Protocol):
    """Whatever has the first day of a school year."""

    @property
    def starts_on(self) -> date: ...


Y = TypeVar("Y", bound=_Year)


def working_year(years: Iterable[Y], today: date) -> Y | None:
    """The year that a school works in: the newest that has begun, or soon will; before all of them the first."""
    known = sorted(years, key=lambda one: one.starts_on)
    begun = [one for one in known if one.starts_on <= today + TURNS]
    return begun[-1] if begun else next(iter(known), None)


def year_name(starts_on: date, ends_on: date) -> str:
    """The name of the school year of these days, "2026-2027". Raises Invalid where they are no school year."""
    if ends_on.year != starts_on.year + 1:
        raise Invalid(
            f"Năm học bắt đầu {starts_on:%d/%m/%Y} phải kết thúc trong năm {starts_on.year + 1}; "
            "xin xem lại ngày kết thúc."
        )
    if starts_on.month not in _FIRST_MONTHS or ends_on.month not in _LAST_MONTHS:
        raise Invalid(
            "Năm học bắt đầu từ tháng 7 đến tháng 10 và kết thúc từ tháng 4 đến tháng 8; xin xem lại hai ngày."
        )
    return f"{starts_on.year}-{ends_on.year}"


def clean(student: NewStudent, today: date) -> NewStudent:
    """The pupil with clean texts. Raises Invalid where one cannot be printed, says nothing, or cannot be so."""
    said = {name: getattr(student, name) for name in _TEXTS}
    texts = {
        name: check_text(value, field=_TEXTS[name], person=student.full_name, limit=_MAX_TEXT) or None
        for name, value in said.items()
        if value is not None
    }
    if not texts["full_name"] or texts["student_code"] != student.student_code:
        raise Invalid(
            f"Học sinh mã “{shown_name(student.student_code)}”: họ tên còn trống hoặc mã có ký tự ẩn; "
            "hãy gõ lại mã và họ tên."
        )
    found = msgspec.structs.replace(student, **texts)
    _require_plausible(found, today)
    return found


def _require_plausible(student: NewStudent, today: date) -> None:
    """Raises Invalid with one sentence that names the pupil and what cannot be so."""
    name = shown_name(student.full_name)
    age = today.year - student.date_of_birth.year
    if not _YOUNGEST <= age <= _OLDEST:
        raise Invalid(
            f"Ngày sinh {student.date_of_birth:%d/%m/%Y} của {name} không thể là của học sinh; "
            "hãy xem lại giấy khai sinh."
        )
    if student.personal_id is not None and not _PERSONAL_ID.fullmatch(student.personal_id):
        raise Invalid(f"Số định danh cá nhân của {name} phải có đúng 12 chữ số; hãy xem lại giấy tờ.")
    if student.gender is not None and student.gender not in GENDERS:
        raise Invalid(f"Giới tính của {name} chưa phải là Nam hoặc Nữ; hãy chọn lại.")
    if student.not_assessed and not student.disability:
        raise Invalid(
            f"{name} được ghi “không đánh giá” nhưng chưa có loại khuyết tật; hãy ghi loại khuyết tật theo giấy xác nhận."
        )
    if student.status_on is not None and student.status_on > today:
        raise Invalid(f"Ngày có trạng thái của {name} ở tương lai; hãy sửa lại ngày.")


def read_form(typed: Mapping[str, str]) -> dict[str, Any]:
    """What a form says of a pupil: every field of it, None where it is empty. Raises Invalid for a day that is none."""
    found: dict[str, Any] = {name: typed.get(name, "").strip() or None for name in FORM_TEXTS}
    for name in FORM_DAYS:
        found[name] = read_day(typed[name], LABELS[name]) if typed.get(name) else None
    for name in FORM_FLAGS:
        found[name] = typed.get(name) == "1"
    return found


def new_line(code: str, said: Mapping[str, Any], today: date) -> NewStudent:
    """A pupil as a form says them (`read_form`), cleaned. Raises Invalid where it cannot be so."""
    _require_day(said["date_of_birth"], said["full_name"] or code)
    if said["identity_verified_on"] is not None and said["identity_verified_on"] > today:
        raise Invalid("Ngày đối chiếu danh tính ở tương lai; hãy sửa lại ngày.")
    names = {name for name in said if name in NewStudent.__struct_fields__}
    texts = {name: said[name] for name in names} | {"full_name": said["full_name"] or ""}
    return clean(NewStudent(student_code=code, class_name="", **texts), today)


def corrected(record: PupilRecord, said: Mapping[str, Any], today: date) -> dict[str, Any]:
    """What a form changes of a record, cleaned. Raises Invalid where it cannot be so.

    Whoever changes who the pupil is, and does not say that it was checked against papers, ends the last check.
    """
    line = new_line(record.student_code, said, today)
    checked = said["identity_verified_on"]
    names = [name for name in said if name in NewStudent.__struct_fields__]
    values = {name: getattr(line, name) for name in names} | {"identity_verified_on": checked}
    found = {name: value for name, value in values.items() if value != getattr(record, name)}
    if found.keys() & IDENTITY and "identity_verified_on" not in found and checked is not None:
        found["identity_verified_on"] = None
    return found


def _require_day(day: date | None, name: str) -> None:
    if day is None:
        raise Invalid(f"Chưa có ngày sinh của {shown_name(name)}; hãy ghi theo giấy khai sinh.")


def matched(student: NewStudent, temporary: Iterable[Any]) -> Any | None:
    """Whose temporary code a line with an official one replaces: by personal number, else by name and date of birth.

    Raises Invalid where two could be meant, or where the number speaks for one and against another.
    """
    known = list(temporary)
    same_number = [row for row in known if row.personal_id and row.personal_id == student.personal_id]
    if same_number:
        return same_number[0]
    wanted = plain(student.full_name), student.date_of_birth
    same_person = [
        row
        for row in known
        if (plain(row.full_name), row.date_of_birth) == wanted
        and not (row.personal_id and student.personal_id)
    ]
    if len(same_person) > 1:
        codes = ", ".join(row.student_code for row in same_person)
        raise Invalid(
            f"{shown_name(student.full_name)} trùng họ tên và ngày sinh với {len(same_person)} hồ sơ mã tạm ({codes}); "
            "hãy ghi số định danh cá nhân vào một hồ sơ rồi nhập lại."
        )
    return same_person[0] if same_person else None


def differences(
    student: NewStudent, known: Any, said: Mapping[str, Any], place: str, waiting: Sequence[str] = ()
) -> list[Difference]:
    """What a line changes of a pupil: `known` is None for a new one, `place` is the class where they study now.

    `waiting` are the classes of later years that they give up.
    """
    if known is None:
        came = student.status in PRESENT and student.status is not StudentStatus.STUDYING
        place = f"lớp {student.class_name}{_how(student) if came else ''}"
        return [_difference(student, "Học sinh mới", "", place, DifferenceKind.NEW)]
    found = [
        _difference(student, LABELS[name], shown(name, getattr(known, name)), shown(name, value))
        for name, value in said.items()
    ]
    target = f"không còn học{_how(student)}" if student.left else f"lớp {student.class_name}"
    here = ", ".join([*([f"lớp {place}"] if place else []), *(f"lớp {name} của năm sau" for name in waiting)])
    return (
        found if here == target else [*found, _difference(student, "Lớp", here, target, DifferenceKind.MOVED)]
    )


def _how(student: NewStudent) -> str:
    return f" ({STATUS_NAMES[student.status]})" if student.status else ""


def shown(name: str, value: Any) -> str:
    """A value of a pupil's record as pages show it: numbers of a person by their end alone."""
    return masked(value or "") if name in NUMBERS else said(name, value)


def kept(value: Any) -> str | bool | None:
    """A value of a pupil's record as it is kept for an undo; `given_back` reads it."""
    return value.isoformat() if isinstance(value, date) else value


def given_back(values: Mapping[str, str | bool | None]) -> dict[str, Any]:
    """What `kept` made of some fields."""
    return {
        name: date.fromisoformat(value) if name in _DAYS and isinstance(value, str) else value
        for name, value in values.items()
    }


def said(name: str, value: Any) -> str:
    """A value of a pupil's record in words."""
    if isinstance(value, bool):
        return "Có" if value else "Không"
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    if name == "status":
        return STATUS_NAMES[StudentStatus(value)]
    return GENDERS.get(value, str(value or ""))


def _difference(
    student: NewStudent, place: str, old: str, new: str, kind: DifferenceKind = DifferenceKind.CHANGED
) -> Difference:
    return Difference(pupil=student.full_name, place=place, old=old, new=new, kind=kind)


def first_of_each_kind(differences: Sequence[Difference], most: int) -> tuple[Difference, ...]:
    """As many of each kind as are shown, those that move or change a pupil before the new ones."""
    order = (DifferenceKind.MOVED, DifferenceKind.CHANGED, DifferenceKind.NEW)
    return tuple(one for kind in order for one in [each for each in differences if each.kind is kind][:most])


def kept_of(one: PupilRecord, other: PupilRecord, works: Mapping[uuid.UUID, bool]) -> PupilRecord:
    """Which of two records of the same pupil lives on: the one with marks. Raises Conflict where that is not certain."""
    if works[one.id] and works[other.id]:
        raise Conflict(
            f"Cả hai hồ sơ {one.student_code} và {other.student_code} đều đã có điểm hoặc học bạ nên không ghép được; "
            "xin báo hiệu trưởng quyết định hồ sơ nào đúng."
        )
    if (plain(one.full_name), one.date_of_birth) != (plain(other.full_name), other.date_of_birth):
        raise Conflict(
            f"Mã {other.student_code} là của {other.full_name}, sinh {other.date_of_birth:%d/%m/%Y}: khác họ tên hoặc "
            "ngày sinh với hồ sơ này; hãy sửa cho khớp giấy khai sinh rồi ghép."
        )
    numbers = {record.personal_id for record in (one, other) if record.personal_id}
    if len(numbers) > 1:
        raise Conflict(
            f"Hai hồ sơ của {one.full_name} có hai số định danh cá nhân khác nhau; hãy sửa số sai rồi ghép."
        )
    return other if works[other.id] else one


def here_again(kept: PupilRecord, other: PupilRecord, today: date) -> dict[str, Any]:
    """What the record that lives on is, where it says that the pupil has left and the other that they are here."""
    if kept.status in PRESENT or other.status not in PRESENT:
        return {}
    came = StudentStatus.RETURNED if other.status is StudentStatus.STUDYING else other.status
    return {"status": came, "status_on": other.status_on or today}


def filled(kept: PupilRecord, other: PupilRecord) -> dict[str, Any]:
    """What the record that lives on learns from the other: the fields that it does not have itself."""
    names = [name for name in (*FORM_TEXTS, *FORM_DAYS) if getattr(kept, name) is None]
    found = {name: getattr(other, name) for name in names if getattr(other, name) is not None}
    return found | {name: True for name in FORM_FLAGS if getattr(other, name) and not getattr(kept, name)}


def checked_code(typed: str) -> str:
    """A code of the Ministry as it was typed. Raises Invalid where it is none."""
    code = typed.strip()
    if not _CODE.fullmatch(code) or code.upper().startswith(TEMPORARY.rstrip("-")):
        raise Invalid(
            "Mã học sinh chính thức chỉ gồm chữ cái và chữ số, không bắt đầu bằng TAM; hãy gõ lại mã."
        )
    return code
