"""The life of a package, and whether one that came in is this pupil's. No I/O."""

import unicodedata
import uuid
from collections.abc import Sequence
from datetime import datetime

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.records.movements.schemas import NewEarlierYear
from backend.records.roster.schemas import PupilRecord, StudentStatus
from backend.records.transcripts.schemas import IN_FORCE, VersionState, VersionSummary
from backend.records.transfers import results
from backend.records.transfers.schemas import (
    CheckedYear,
    Package,
    Party,
    Pupil,
    ReceivedState,
    RefusalReason,
    TransferState,
)
from backend.records.verification.schemas import Standing

_S = TransferState
#: The life of a package that goes out. Nothing follows a handing over: the right to manage is the other school's (R31).
NEXT: dict[TransferState, frozenset[TransferState]] = {
    _S.DRAFTED: frozenset({_S.SIGNING, _S.CANCELLED}),
    _S.SIGNING: frozenset({_S.READY, _S.CANCELLED}),
    _S.READY: frozenset({_S.OFFERED, _S.HANDED_OVER, _S.CANCELLED}),
    _S.OFFERED: frozenset({_S.HANDED_OVER, _S.REFUSED, _S.CANCELLED}),
    _S.REFUSED: frozenset({_S.HANDED_OVER, _S.CANCELLED}),
    _S.HANDED_OVER: frozenset(),
    _S.CANCELLED: frozenset(),
}
#: Those of which a pupil has at most one.
OPEN = frozenset(state for state, following in NEXT.items() if following)
#: What a person hands over themselves: the file goes to a school outside. Over an offer the receiver decides.
BY_HAND = frozenset({_S.READY, _S.REFUSED})

STATE_NAMES = {
    _S.DRAFTED: "Đang lập gói",
    _S.SIGNING: "Chờ ký và đóng dấu",
    _S.READY: "Đã ký, sẵn sàng bàn giao",
    _S.OFFERED: "Đã gửi, chờ trường nhận trả lời",
    _S.REFUSED: "Trường nhận từ chối",
    _S.HANDED_OVER: "Đã chuyển giao quyền quản lý",
    _S.CANCELLED: "Đã hủy",
}
RECEIVED_NAMES = {
    ReceivedState.CHECKED: "Đã kiểm tra, chưa nhận",
    ReceivedState.ACCEPTED: "Đã nhận",
    ReceivedState.DISCARDED: "Đã bỏ",
}
REFUSAL_NAMES = {
    RefusalReason.NO_SUCH_PUPIL: "Trường không có học sinh này",
    RefusalReason.NOT_ADMITTED: "Học sinh không được tiếp nhận",
    RefusalReason.WRONG_CONTENT: "Nội dung học bạ cần trường gửi xem lại",
}
STANDING_NAMES = {
    Standing.IN_FORCE: "đã chốt, đang có hiệu lực",
    Standing.ISSUED: "đã phát hành, chưa chốt",
    Standing.NOT_ACCEPTED: "đã phát hành, Sở chưa chấp nhận",
    Standing.RECALLED: "đã bị trường gửi thu hồi",
    Standing.SUPERSEDED: "đã được thay thế bằng bản mới hơn",
    None: "chưa biết còn hiệu lực không, vì trường gửi phát hành ở hệ thống khác",
}
_STANDS = frozenset({Standing.IN_FORCE, Standing.ISSUED})
#: What a package must not hold.
_FALLEN = frozenset({Standing.RECALLED, Standing.SUPERSEDED})
_UNDER_WAY = frozenset(
    {
        VersionState.FROZEN,
        VersionState.RENDERED,
        VersionState.SIGNING,
        VersionState.SIGNED,
        VersionState.RECALL_REQUESTED,
    }
)
MIN_REASON, MAX_REASON = 10, 500
_MAX_TEXT = 300


def is_due(state: str, target: TransferState) -> bool:
    """Whether the machine takes a package to `target` now; False in a repeated job and for one that was cancelled."""
    return target in NEXT[TransferState(state)]


def require_next(state: str, target: TransferState, who: str) -> None:
    """Raises Conflict where a package cannot go there from where it is."""
    if target not in NEXT[TransferState(state)]:
        raise Conflict(
            f"Gói chuyển học bạ của {who} đang ở bước “{STATE_NAMES[TransferState(state)]}” nên không làm được việc này; "
            "xin tải lại trang."
        )


def as_typed(package: Package) -> dict[str, str]:
    """What a package says of its pupil, field by field as a form would: who it is by its cover page, as the sender knows
    it now, the rest by the newest year."""
    newest = max(package.years, key=lambda year: year.part.academic_year).snapshot.student
    said = {
        name: getattr(one, name)
        for one in (newest, package.manifest.student)
        for name in one.__struct_fields__
    }
    return {name: str(value) for name, value in said.items() if value is not None}


def newest_issued(versions: Sequence[VersionSummary]) -> list[VersionSummary]:
    """The newest version of each year that is issued and was not taken back, oldest year first."""
    newest: dict[str, VersionSummary] = {}
    for one in sorted(versions, key=lambda one: one.number):
        if one.state in IN_FORCE:
            newest[one.academic_year] = one
    return [newest[year] for year in sorted(newest)]


def obstacle(
    record: PupilRecord, versions: Sequence[VersionSummary], *, handed_over: bool, has_open: bool
) -> str | None:
    """Why no package can be made for a pupil now, in one sentence; None where one can."""
    name = record.full_name
    if record.status is not StudentStatus.TRANSFERRED_OUT:
        return f"{name} chưa được ghi là chuyển trường; hãy ghi ở mục “Đến và đi” trước khi lập gói chuyển học bạ."
    if handed_over:
        return f"Học bạ của {name} đã chuyển giao quyền quản lý cho trường mới nên không lập gói nữa."
    if has_open:
        return f"{name} đang có một gói chuyển học bạ; hãy dùng gói ấy, hoặc hủy rồi lập lại."
    under_way = [one.academic_year for one in versions if one.state in _UNDER_WAY]
    if under_way:
        return f"Học bạ năm học {under_way[0]} của {name} đang chờ ký hoặc chờ Sở trả lời; hãy chờ xong rồi lập gói."
    rejected = [one.academic_year for one in versions if one.state == VersionState.REJECTED]
    if rejected:
        return (
            f"Học bạ năm học {rejected[0]} của {name} bị Sở từ chối; hãy thu hồi, sửa rồi phát hành lại trước khi lập "
            "gói: bản sai do chính trường phát hành sửa."
        )
    if not newest_issued(versions):
        return f"{name} chưa có học bạ năm nào đã phát hành ở trường này nên không có gì để chuyển."
    return None


def require_current(row_ids: Sequence[uuid.UUID], versions: Sequence[VersionSummary], name: str) -> None:
    """Raises Conflict where a package does not hold what stands today: one was recalled, replaced or rejected since."""
    newest = newest_issued(versions)
    refused = any(one.state == VersionState.REJECTED for one in newest)
    if refused or list(row_ids) != [one.id for one in newest]:
        raise Conflict(
            f"Học bạ của {name} đã thay đổi sau khi lập gói (có bản bị thu hồi, thay thế, Sở từ chối hoặc mới phát "
            "hành); hãy hủy gói rồi lập lại."
        )


def read_receiver(name: str, code: str, pupil: str) -> Party:
    """The receiving school as it is typed. Raises Invalid."""
    typed = check_text(name, field="Trường nhận", person=pupil, limit=_MAX_TEXT)
    if not typed:
        raise Invalid(f"Chưa có tên trường nhận học bạ của {pupil}; hãy ghi theo giấy chuyển trường.")
    number = code.strip()
    if number and not (number.isascii() and number.isalnum() and len(number) <= 30):
        raise Invalid(f"Mã trường nhận học bạ của {pupil} chỉ gồm chữ và số, không dấu cách; xin xem lại.")
    return Party(name=typed, code=number)


def read_reason(typed: str, pupil: str) -> str:
    """Why a package does not go. Raises Invalid."""
    reason = check_text(typed, field="Lý do", person=pupil, limit=MAX_REASON)
    if len(reason) < MIN_REASON:
        raise Invalid(
            f"Gói chuyển học bạ của {pupil}: xin ghi lý do, từ {MIN_REASON} đến {MAX_REASON} ký tự."
        )
    return reason


def read_refusal(typed: str) -> RefusalReason:
    """Why an offer is refused. Raises Invalid."""
    try:
        return RefusalReason(typed)
    except ValueError:
        raise Invalid("Chưa chọn lý do từ chối; xin chọn một lý do để trường gửi biết.") from None


def pupil_of(record: PupilRecord) -> Pupil:
    """Whose học bạ it is, in the words of the package."""
    return Pupil(
        full_name=record.full_name,
        date_of_birth=record.date_of_birth,
        student_code=record.student_code,
        personal_id=record.personal_id,
    )


def require_pupil(record: PupilRecord, said: Pupil) -> None:
    """Raises Invalid where a package is not about this pupil: name and birthday, and personal number or pupil's code."""
    about = f"Gói này là học bạ của {said.full_name}, sinh ngày {said.date_of_birth:%d/%m/%Y}"
    if (_key(record.full_name), record.date_of_birth) != (_key(said.full_name), said.date_of_birth):
        raise Invalid(
            f"{about}, không phải của {record.full_name}, sinh ngày {record.date_of_birth:%d/%m/%Y}; hãy mở đúng hồ sơ "
            "học sinh, hoặc sửa hồ sơ theo giấy khai sinh rồi tải lên lại."
        )
    if record.personal_id and said.personal_id:
        if record.personal_id != said.personal_id:
            raise Invalid(
                f"{about}, nhưng số định danh cá nhân khác với hồ sơ của {record.full_name} ở trường này; hãy đối chiếu "
                "giấy khai sinh rồi sửa hồ sơ, hoặc xin trường gửi lập lại gói."
            )
    elif record.student_code != said.student_code:
        raise Invalid(
            f"{about}, nhưng không có số định danh cá nhân để đối chiếu và mã học sinh khác nhau; hãy ghi số định danh "
            f"cá nhân vào hồ sơ của {record.full_name} rồi tải lên lại."
        )


def matches(record: PupilRecord, said: Pupil) -> bool:
    """Whether a package is about this pupil."""
    try:
        require_pupil(record, said)
    except Invalid:
        return False
    return True


def require_same_pupil(year: CheckedYear, said: Pupil) -> None:
    """Raises Invalid where a year inside is somebody else's; a name may have been corrected between two years."""
    student = year.snapshot.student
    same_number = student.personal_id is not None and student.personal_id == said.personal_id
    if student.date_of_birth != said.date_of_birth or not (
        same_number or student.student_code == said.student_code
    ):
        raise Invalid(
            f"Học bạ năm học {year.part.academic_year} trong gói là của {student.full_name}, không phải của "
            f"{said.full_name}, nên cả gói không được nhận; hãy báo trường gửi."
        )


def require_standing(package: Package) -> None:
    """Raises Invalid for a package with a year that its own school has taken back or replaced since."""
    fallen = [one for one in package.years if one.standing in _FALLEN]
    if fallen:
        raise Invalid(
            f"Học bạ năm học {fallen[0].part.academic_year} trong gói của {package.manifest.student.full_name} "
            f"{STANDING_NAMES[fallen[0].standing]}, nên gói không được nhận; hãy đề nghị trường gửi lập gói mới."
        )


def new_years(package: Package) -> list[NewEarlierYear]:
    """The years of a package as a school keeps years at other schools. Raises Invalid for a text that no form prints."""
    return [_new_year(one) for one in package.years]


def _new_year(one: CheckedYear) -> NewEarlierYear:
    year, student = one.snapshot.year, one.snapshot.student
    first = next((row for row in one.snapshot.study_history if row.academic_year == year.academic_year), None)

    def clean(value: str, field: str) -> str:
        return check_text(value, field=field, person=student.full_name, limit=_MAX_TEXT)

    return NewEarlierYear(
        academic_year=year.academic_year,
        grade_level=year.grade_level,
        class_name=clean(year.class_name, "Lớp"),
        school_name=clean(one.snapshot.school.name, "Tên trường"),
        registry_no=clean(first.registry_no, "Số đăng bộ") if first and first.registry_no else None,
        joined_on=first.joined_on if first else None,
        results="\n".join(clean(line, "Kết quả") for line in results.lines(year)),
    )


def verdict_of(package: Package, checked_at: datetime) -> dict[str, str]:
    """The three answers about a package, in words: intact, signed by whom, in force as far as is known."""
    years = [f"{one.part.academic_year}: {STANDING_NAMES[one.standing]}" for one in package.years]
    return {
        "intact": "Gói và mọi tệp bên trong còn nguyên như khi ký",
        "signed": "; ".join(one.signer for one in package.signatures),
        "in_force": "; ".join(years),
        "known": "1" if all(one.standing in _STANDS for one in package.years) else "",
        "years": ", ".join(one.part.academic_year for one in package.years),
        "checked_at": checked_at.isoformat(),
    }


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())
